from __future__ import annotations

from pathlib import Path

import pytest

MASK = [[0, 1, 2]]
NAMES = ("sky", "road", "car")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("classes.txt", "sky\nroad\ncar\n"),
        ("masks/classes.txt", "sky\nroad\ncar\n"),
        ("data.yaml", "names: [sky, road, car]\n"),
        ("dataset.yml", "path: .\nclasses:\n  0: sky\n  1: road\n  2: car\n"),
        ("id2label.json", '{"0": "sky", "1": "road", "2": "car"}'),
        ("label_colors.txt", "1 1 1 sky\n2 2 2 road\n3 3 3 car\n"),
    ],
)
def test_where_names_may_stand(tmp_path: Path, draw_masks, read, file: str, text: str) -> None:
    root = draw_masks(tmp_path / "d", {"train/a": MASK})
    (root / file).write_text(text)
    listed = read()
    assert listed.parts["train"].class_names == NAMES
    assert listed.inventory.section()["read"]["class names"] == 1


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (
            {"classes.txt": "sky\nroad\ncar\n", "data.yaml": "names: [sky, car, road]\n"},
            "d/data.yaml: 1 is 'car', but 'road' in d/classes.txt; masks mean one of them; correct or remove a file",
        ),
        ({"data.yaml": "names: {a: sky}\n"}, "d/data.yaml: 'a' is no number of a mask; wanted is number: name"),
        ({"data.yaml": "names: sky\n"}, "d/data.yaml: 'sky'; wanted is a list of class names, or number: name"),
        ({"data.yaml": "names: [yes, no]\n"}, "d/data.yaml: 0: True is not text; put it in quotes"),
        ({"data.yaml": "names: [sky\n"}, "d/data.yaml: no YAML ("),
        ({"id2label.json": "{"}, "d/id2label.json: no JSON ("),
        ({"classes.txt": "sky\nsky\n"}, "d/classes.txt: the class name 'sky' occurs twice; names must differ"),
    ],
)
def test_names_that_are_refused(tmp_path: Path, draw_masks, refusal, files: dict[str, str], says: str) -> None:
    root = draw_masks(tmp_path / "d", {"train/a": MASK})
    for name, text in files.items():
        (root / name).write_text(text)
    assert refusal().startswith(says)


def test_a_palette_that_is_given_stands_over_names(tmp_path: Path, draw_masks, read, say) -> None:
    draw_masks(tmp_path / "d", {"train/a": MASK}, NAMES)
    assert read(palette="voc").parts["train"].class_names[:2] == ("background", "aeroplane")
    assert list(say) == ["d/classes.txt: not read, as data.palette=voc says what masks hold"]


def test_too_many_classes(tmp_path: Path, draw_masks, refusal) -> None:
    draw_masks(tmp_path / "d", {"train/a": MASK}, [f"c{i}" for i in range(256)])
    assert refusal(ignore_index=None) == "d: 256 classes; a class map tells at most 255 apart"

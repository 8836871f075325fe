"""Each layout is read to the labels that it has; what is read and what is left out are all of its files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.field.classification_layouts import LAYOUTS, Layout
from tests.field.drawing import draw, shows
from tests.voices import hearing
from tlbench.data.formats.csv.listing import list_csv
from tlbench.data.formats.folders.class_folders import list_splits
from tlbench.data.listing import Listed
from tlbench.errors import DataError
from tlbench.system.voice import SILENT


def draw_layout(root: Path, layout: Layout) -> None:
    draw(root, {path: label for path, (_, label) in layout.images.items()})
    draw(root, {**layout.drawn, **layout.others})


def read(root: Path, layout: Layout, said: list[str]) -> Listed:
    if layout.table is None:
        return list_splits(root, voice=hearing(said))
    return list_csv(root / layout.table, voice=hearing(said))


@pytest.mark.promise("layouts of exporters")
@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_is_read_to_its_labels(tmp_path: Path, name: str) -> None:
    layout = LAYOUTS[name]
    draw_layout(tmp_path, layout)
    listed = read(tmp_path, layout, [])
    found = {}
    for split, listing in listed.parts.items():
        for path, label in zip(listing.names, listing.annotations.labels.tolist(), strict=True):
            assert shows(listing.root / path, listing.class_names[label])
            place = os.path.relpath(listing.root / path, tmp_path)
            assert place not in found
            found[place] = split, listing.class_names[label]
    assert found == layout.images


@pytest.mark.promise("every file is accounted for")
@pytest.mark.parametrize("name", LAYOUTS)
def test_read_and_left_out_are_all_files(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/root")  # of tables at home another inventory is taken
    monkeypatch.chdir("/")
    layout = LAYOUTS[name]
    draw_layout(tmp_path, layout)
    said: list[str] = []
    inventory = read(tmp_path, layout, said).inventory
    listed = [name for names in (*inventory.read.values(), *inventory.left_out.values()) for name in names]
    there = sorted(os.path.relpath(path, inventory.root) for path in tmp_path.rglob("*") if path.is_file())
    if layout.table is None:
        assert sorted(listed) == there
        assert inventory.root == tmp_path
    else:  # of the table's folder, and of the folders in which the listed images are
        folders = {(inventory.root / path).parent for path in inventory.read["images"]}
        own = (tmp_path / layout.table).parent
        places = {path: Path(os.path.normpath(inventory.root / path)) for path in there}
        assert sorted(listed) == [p for p in there if own in places[p].parents or places[p].parent in folders]
    assert len(inventory.read["images"]) == len(layout.images)
    left_out = {path for names in inventory.left_out.values() for path in names}
    forgotten = [path for path in layout.drawn if path in left_out and not _warned_of(path, said)]
    if layout.table is not None:  # whose reason is told with the inventory
        forgotten = [path for path in forgotten if path not in inventory.left_out["not named by the table"]]
    assert forgotten == []


def _warned_of(path: str, said: list[str]) -> bool:
    """Whether a line names the folder of an image that is left out, or one above it."""
    folders = [str(folder) for folder in Path(path).parents][:-1]
    return any(folder in line and "left out" in line for folder in folders for line in said)


REFUSED = {
    "Tiny ImageNet": (
        "http://cs231n.stanford.edu/tiny-imagenet-200.zip",
        {f"train/{c}/images/{c}_{i}.jpg": c for c in ("n01443537", "n01629819") for i in range(2)}
        | {"val/images/val_0.jpg": "n01443537", "val/val_annotations.txt": b"val_0.jpg\tn01443537\n"},
        r"val: 1 image in the folder 'images' alone, which is no class of train, so that they have no labels; move ",
    ),
    "dogs against cats": (
        "https://www.kaggle.com/competitions/dogs-vs-cats/data",
        {"train/cat.0.jpg": "cat", "train/dog.0.jpg": "dog", "test1/1.jpg": "cat"},
        r"train: no class folders in it, but 2 images, which have no labels so",
    ),
    "COVID-19 radiography": (
        "https://www.kaggle.com/datasets/tawsifurrahman/covid19-radiography-database",
        {f"{c}/{kind}/{c}-1.png": c for c in ("COVID", "Normal") for kind in ("images", "masks")},
        r"folders in it \(COVID, Normal\) hold folders of the same names \(images, masks\)",
    ),
    "MVTec anomalies": (
        "https://www.mvtec.com/company/research/datasets/mvtec-ad",
        {f"{part}/{c}/000.png": c for part, c in (("train", "good"), ("test", "good"), ("test", "broken_large"))}
        | {"ground_truth/broken_large/000_mask.png": "mask"},
        r"holds train, test and other folders \(ground_truth\)|holds test, train and other folders \(ground_truth\)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_labels_so_is_refused_for_that_reason(tmp_path: Path, name: str) -> None:
    _, files, message = REFUSED[name]
    draw(tmp_path, files)
    with pytest.raises(DataError, match=message) as caught:
        list_splits(tmp_path, voice=SILENT)
    assert "\n" not in str(caught.value)

"""The rows of `docs/bad-input.md` on masks: what is said there is what is said here."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.bad_input_table import LIST, ROWS
from tlbench.annotations.maps.target import open_maps
from tlbench.errors import DataError

SHOWN_BY = "tests/unit/data/formats/masks/test_bad_masks.py::test_bad_masks"
MASK = Path("streets/masks/train/1.png")
SOFT = np.where(np.arange(24) < 12, 0, 200).astype(np.uint8)
SOFT[10:14] = (40, 80, 120, 160)


@dataclass(frozen=True)
class Case:
    """How a folder of masks goes wrong, or what is asked of it."""

    spoil: Callable[[], object] = lambda: None
    changes: dict[str, Any] = field(default_factory=dict)


def draw() -> None:
    """Three splits of streets, with sky, road and cars."""
    for split, count in (("train", 6), ("val", 2), ("test", 2)):
        for i in range(count):
            pixels = np.zeros((16, 24), np.uint8)
            pixels[4 + i :] = 1
            pixels[8:12, 3 * i : 3 * i + 6] = 2
            for kind, image in (("masks", Image.fromarray(pixels)), ("images", Image.new("RGB", (24, 16), (i, 99, 9)))):
                path = Path("streets", kind, split, f"{i}.png")
                path.parent.mkdir(parents=True, exist_ok=True)
                image.save(path)
    Path("streets/classes.txt").write_text("sky\nroad\ncar\n")


def put(pixels: Any) -> Callable[[], object]:
    """Another mask, of one value, row or colour."""
    shape = (16, 24, *np.shape(pixels)[2:])
    return lambda: Image.fromarray(np.broadcast_to(np.array(pixels, np.uint8), shape)).save(MASK)


def names(text: str) -> Callable[[], object]:
    return lambda: Path("streets/classes.txt").write_text(text)


def as_jpeg() -> None:
    Image.open(MASK).save(MASK.with_suffix(".jpg"), quality=60)
    MASK.unlink()


def renamed() -> None:
    for path in Path("streets/masks/train").iterdir():
        path.rename(path.with_name(f"street{path.name}"))


def unnamed(pixels: Any) -> Callable[[], object]:
    def spoil() -> None:
        Path("streets/classes.txt").unlink()
        put(pixels)()

    return spoil


def turned() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (24, 16)).save("streets/images/train/1.jpg", exif=exif)
    Path("streets/images/train/1.png").unlink()


def all_void() -> None:
    for path in Path("streets/masks/val").iterdir():
        Image.new("L", (24, 16), 255).save(path)


CASES: dict[str, Case] = {
    "images without masks": Case(lambda: shutil.rmtree("streets/masks")),
    "masks of other names than their images": Case(renamed),
    "two masks of one image": Case(lambda: shutil.copytree("streets/masks", "streets/labels")),
    "a mask of another size than its image": Case(lambda: Image.new("L", (12, 8)).save(MASK)),
    "an image that is turned by EXIF, with a mask that is not": Case(turned),
    "a number in a mask that is of no class": Case(put(9)),
    "masks that begin with 1": Case(put(3)),
    "a mask with soft edges": Case(put(SOFT)),
    "masks with soft edges, without names": Case(unnamed(SOFT)),
    "a mask saved as JPEG": Case(as_jpeg),
    "masks without names whose numbers do not follow one another": Case(unnamed(100)),
    "masks in colours without a palette": Case(put([[[128, 0, 0]]])),
    "a colour that the palette lacks": Case(put([[[1, 2, 3]]]), {"palette": "voc"}),
    "a palette that is not there": Case(changes={"palette": "vocs"}),
    "a mask that is no image": Case(lambda: MASK.write_bytes(b"not an image")),
    "a mask with transparent pixels": Case(lambda: Image.new("RGBA", (24, 16), (1, 1, 1, 0)).save(MASK)),
    "an ignored class that there is not": Case(changes={"ignored_classes": ["Car"]}),
    "all classes but one ignored": Case(changes={"ignored_classes": ["sky", "car"]}),
    "a split whose masks hold nothing but what is ignored": Case(all_void),
    "a class that masks lack": Case(changes={"classes": ["road", "tree"]}),
    "a class twice among the names of masks": Case(names("sky\nroad\nroad\n")),
    "no folder of masks given": Case(changes={"root": None}),
    "a YOLO folder as one of masks": Case(
        lambda: (shutil.rmtree("streets/masks"), Path("streets/data.yaml").write_text("names: [car]\n"))
    ),
}


def test_every_case_has_a_row_and_every_row_a_case() -> None:
    assert [name for name, row in LIST if row.test == SHOWN_BY] == list(CASES)


@pytest.mark.parametrize("name", CASES)
def test_bad_masks(tmp_path: Path, monkeypatch, maps_config, voice, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    case, row = CASES[name], ROWS[name]
    draw()
    case.spoil()
    data = maps_config("masks", **{"root": "streets", "image_size": 32, **case.changes})
    with pytest.raises(DataError) as caught:
        open_maps(data, 0, voice)
    line = f"DataError: {caught.value}"
    assert row.exit_code == 2
    assert re.fullmatch(row.pattern, line), line

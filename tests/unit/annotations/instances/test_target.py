"""Every image of a data set, nothing carved out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tlbench.annotations.instances.target import open_all_boxes, open_boxes
from tlbench.data.decode import WHOLE_FILES
from tlbench.data.samples import FileSamples, MemorySamples
from tlbench.errors import DataError
from tlbench.system.voice import SILENT

ROW = "0 0.5 0.5 0.5 0.5\n"  # of 40 × 20 pixels: 10 5 30 15


@pytest.fixture
def data(boxes_config):
    def make(name: str = "yolo", **changes):
        return boxes_config(name, root="d", image_size=32, **changes)

    return make


@pytest.fixture
def uncarved(data, voice):
    """The parts of what lies in `d`."""

    def opened(name: str = "yolo", **changes):
        return open_all_boxes(data(name, **changes), WHOLE_FILES, voice)

    return opened


@pytest.fixture
def three(draw_yolo) -> None:
    """Three images in one folder: too few to carve splits out of."""
    draw_yolo(Path("d"), {"a": ROW, "b": "1 0.25 0.5 0.5 1\n0 0.95 0.5 0.5 0.5\n", "c": None}, names=None)
    Path("d/classes.txt").write_text("cat\ndog\n")


@pytest.mark.parametrize(("cache", "kind"), [("memory", MemorySamples), ("none", FileSamples)])
def test_three_images_are_one_part(three, data, uncarved, cache: str, kind: type):
    with pytest.raises(DataError, match="leaves none"):
        open_boxes(data(), 0, SILENT)
    (images,) = uncarved(cache=cache, fraction=0.3)
    assert isinstance(images, kind)
    assert images.names == ("images/a.png", "images/b.png", "images/c.png")
    assert images.labels.tolist() == [0, 1, 0]
    assert images.annotations.starts.tolist() == [0, 1, 3, 3]
    boxes = images.annotations.boxes.tolist()  # at 32 / 40
    assert boxes == [[8, 4, 24, 12], [0, 0, 16, 16], [pytest.approx(22.4), 4, 32, 12]]
    assert images.listing is not None
    assert images.listing.mended == {"boxes clipped to the image": (("images/b.png", "labels/b.txt:2"),)}


def test_parts_stay_what_they_are_also_without_objects(draw_yolo, data, uncarved, warn):
    draw_yolo(Path("d"), {"train/b": None, "train/a": None, "val/v": ROW})
    with pytest.raises(DataError):
        open_boxes(data(), 0, SILENT)
    found = uncarved()
    assert [images.names for images in found] == [
        ("images/train/a.png", "images/train/b.png"),
        ("images/val/v.png",),
    ]
    assert [images.labels.tolist() for images in found] == [[], [0]]
    assert not warn


def test_a_val_that_is_train_itself_counts_once(draw_yolo, uncarved):
    draw_yolo(Path("d"), {"train/a": ROW, "train/b": ROW})
    Path("d/data.yaml").write_text("train: images/train\nval: images/train\nnames: [cat, dog]\n")
    assert [len(images) for images in uncarved()] == [2]


def test_coco(uncarved, draw_image):
    draw_image(Path("d/images/a.png"))
    content = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 4, "bbox": [10, 5, 20, 10]}],
        "categories": [{"id": 4, "name": "cat"}],
    }
    Path("d/all.json").write_text(json.dumps(content))
    (images,) = uncarved("coco")
    assert (images.names, images.annotations.boxes.tolist()) == (("images/a.png",), [[8, 4, 24, 12]])


def test_signature_is_not_divided_into_blocks(draw_yolo, uncarved, monkeypatch, warn):
    monkeypatch.setattr("tlbench.data.formats.signature.parts.COUNTS", {"train": 2, "val": 1})
    draw_yolo(Path("d"), {"train/Frame_2": ROW, "train/Frame_10": ROW, "val/Frame_4": ROW}, names=["signature"])
    for split in ("official", "blocked"):
        assert [len(images) for images in uncarved("signature", split=split)] == [2, 1]
    assert not warn


def test_classes_are_chosen(three, uncarved):
    (images,) = uncarved(classes=["dog"])
    assert images.class_names == ("dog",)
    assert (images.labels.tolist(), images.annotations.starts.tolist()) == ([0], [0, 0, 1, 1])
    with pytest.raises(DataError, match=r"data\.classes: no class 'bird'; the data have cat, dog"):
        uncarved(classes=["bird"])


def test_no_objects_at_all(three, uncarved):
    Path("d/labels/b.txt").unlink()
    with pytest.raises(DataError) as caught:
        uncarved(classes=["dog"])
    assert str(caught.value) == "d: 3 images and no objects of dog; add labels, or choose other classes"
    Path("d/labels/a.txt").unlink()
    with pytest.raises(DataError, match=r"d: none of 3 images has a label file"):
        uncarved()


def test_unreadable_images_are_left_out_up_to_the_limit(draw_yolo, uncarved):
    names = ("train/a", "train/b", "train/c", "val/v", "test/t")
    draw_yolo(Path("d"), dict.fromkeys(names, ROW))
    Path("d/images/train/b.png").write_text("broken")
    Path("d/images/test/t.png").write_text("broken")
    cut = Path("d/images/val/v.png")
    cut.write_bytes(cut.read_bytes()[:50])  # its header is whole
    with pytest.raises(DataError, match=r"b\.png: not an image.*t\.png: not an image.*remove 2 files"):
        uncarved()
    with pytest.raises(DataError, match=r"v\.png: .*remove 3 files.*now 2\)"):
        uncarved(max_unreadable=2)
    (images,) = uncarved(max_unreadable=3)
    assert images.names == ("images/train/a.png", "images/train/c.png")


def test_no_image_that_can_be_decoded(draw_yolo, uncarved):
    draw_yolo(Path("d"), {"train/a": ROW})
    cut = Path("d/images/train/a.png")
    cut.write_bytes(cut.read_bytes()[:50])
    with pytest.raises(DataError, match=r"^d/images/train/a\.png: .*; none of 1 images can be decoded; replace them$"):
        uncarved(max_unreadable=1)


@pytest.mark.promise("splits counted after decoding")
def test_splits_are_checked_and_counted_again_once_images_are_decoded(draw_yolo, data, voice):
    names = [f"{split}/{i}" for split in ("train", "val", "test") for i in range(2)]
    draw_yolo(Path("d"), {**dict.fromkeys(names, ROW), "val/1": None})
    for name in ("train/1", "val/0"):
        cut = Path(f"d/images/{name}.png")
        cut.write_bytes(cut.read_bytes()[:50])  # its header is whole
    with pytest.raises(DataError) as caught:
        open_boxes(data(max_unreadable=2), 0, voice)
    assert str(caught.value) == "d: val has 1 images and no objects of cat, dog; add labels, or choose other classes"
    Path("d/labels/val/1.txt").write_text(ROW)
    found = open_boxes(data(max_unreadable=2), 0, voice)
    assert found.split_rule["counts"] == {"train": 1, "val": 1, "test": 2}
    assert found.split_rule["objects"] == {"train": 1, "val": 1, "test": 2}
    assert found.split_rule["background"] == {"train": 0, "val": 0, "test": 0}
    assert sorted(found.unreadable) == ["images/train/1.png", "images/val/0.png"]


def test_what_was_mended_stays_counted_where_the_image_turns_out_undecodable(draw_yolo, data, voice, warn):
    """As it was told before anything was decoded."""
    outside = "0 0.95 0.5 0.2 0.5\n"
    names = [f"{split}/{i}" for split in ("train", "val", "test") for i in range(2)]
    draw_yolo(Path("d"), dict.fromkeys(names, outside))
    cut = Path("d/images/train/1.png")
    cut.write_bytes(cut.read_bytes()[:50])  # its header is whole
    found = open_boxes(data(max_unreadable=1), 0, voice)
    (told,) = [line for line in warn if "clipped" in line]
    assert told.startswith("6 boxes clipped to the image")
    counts = [len(split.listing.mended["boxes clipped to the image"]) for split in found.splits.values()]
    assert sum(counts) == 6

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

MASK = np.array([[0, 0, 1], [0, 1, 1]], np.uint8)


def image(path: Path, size: tuple[int, int] = (2, 3)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size[::-1], (90, 90, 90)).save(path)


def mask(path: Path, pixels: np.ndarray = MASK) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


LAYOUTS = {
    "images/<split>, masks/<split>": ("images/{split}/{n}.jpg", "masks/{split}/{n}.png"),
    "<split>/images, <split>/labels": ("{split}/images/{n}.jpg", "{split}/labels/{n}.png"),
    "SegNet's CamVid": ("{split}/{n}.png", "{split}annot/{n}.png"),
    "Kaggle's CamVid": ("CamVid/{split}/{n}.png", "CamVid/{split}_labels/{n}_L.png"),
    "ADE20K": ("ADE/images/{split}ing/ADE_{n}.jpg", "ADE/annotations/{split}ing/ADE_{n}.png"),
    "ends of names": ("{split}/{n}.jpg", "{split}/{n}_mask.png"),
    "DeepGlobe": ("{split}/{n}_sat.jpg", "{split}/{n}_mask.png"),
    "folders below": ("images/{split}/a/{n}.jpg", "masks/{split}/a/{n}.png"),
    "endings of both": ("img/{split}/{n}.jpg", "ground_truth/{split}/{n}.jpg.png"),
    "another folder between": ("images/{split}/{n}.jpg", "annotations/{split}/x/{n}.png"),
    "one folder of masks": ("images/{split}/{split}_{n}.jpg", "masks/{split}_{n}.png"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(tmp_path: Path, read, warn, layout: str) -> None:
    images, masks = LAYOUTS[layout]
    for split, count in (("train", 3), ("test", 2)):
        for n in range(count):
            image(tmp_path / "d" / images.format(split=split, n=n))
            mask(tmp_path / "d" / masks.format(split=split, n=n))
    listed = read()
    assert {split: len(part) for split, part in listed.parts.items()} == {"train": 3, "test": 2}
    assert listed.parts["train"].names[1] == images.format(split="train", n=1)
    assert listed.inventory.section() == {"read": {"images": 5, "masks": 5}, "left_out": {}}
    assert not warn


def test_flat_folders_are_one_part(tmp_path: Path, read) -> None:
    for n in (1, 2, 10):
        image(tmp_path / f"d/images/{n}.jpg")
        mask(tmp_path / f"d/masks/{n}.png")
    listed = read()
    assert {split: part.names for split, part in listed.parts.items()} == {
        "train": ("images/1.jpg", "images/2.jpg", "images/10.jpg")
    }


def test_pascal_vocs_lists_tell_the_splits(tmp_path: Path, read, say, warn) -> None:
    root = tmp_path / "d/VOCdevkit/VOC2012"
    for n in range(5):
        image(root / f"JPEGImages/2007_{n}.jpg")
    for n in range(4):
        mask(root / f"SegmentationClass/2007_{n}.png")
        mask(root / f"SegmentationObject/2007_{n}.png")
    lists = root / "ImageSets/Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("2007_0\n2007_2\n")
    (lists / "val.txt").write_text("2007_1\n")
    (lists / "trainval.txt").write_text("2007_0\n2007_1\n2007_2\n")
    listed = read()
    names = {split: [Path(name).stem for name in part.names] for split, part in listed.parts.items()}
    assert names == {"train": ["2007_0", "2007_2"], "val": ["2007_1"]}
    left_out = listed.inventory.section()["left_out"]
    assert left_out["in no folder of images or masks"]["count"] == 4
    assert left_out["image or mask that no list names"]["count"] == 2
    assert left_out["image without a mask"]["count"] == 1
    assert any("lists them" in line or "list them" in line for line in say)
    assert list(warn) == ["d: 1 of 5 images of train has no mask (VOCdevkit/VOC2012/JPEGImages/2007_4.jpg); left out"]


def test_lists_are_refused_that_do_not_fit(tmp_path: Path, refusal) -> None:
    for n in range(3):
        image(tmp_path / f"d/images/{n}.jpg")
        mask(tmp_path / f"d/masks/{n}.png")
    (tmp_path / "d/train.txt").write_text("0\n1.jpg\n7\n")
    assert refusal() == "d/train.txt:3: 7: fits 0 images with masks; mend the list"
    (tmp_path / "d/train.txt").write_text("images/0.jpg masks/0.png\n1.jpg\n")
    (tmp_path / "d/val.txt").write_text("1\n")
    assert refusal() == "d/val.txt:1: 1 is in train already; list it once"


def test_cityscapes_forms_of_masks_are_told_apart(tmp_path: Path, read, say, unpacked) -> None:
    for split, city in (("train", "aachen"), ("val", "lindau")):
        for n in range(2):
            image(tmp_path / f"d/leftImg8bit/{split}/{city}/{city}_{n}_leftImg8bit.png")
            at = tmp_path / f"d/gtFine/{split}/{city}/{city}_{n}_gtFine"
            mask(Path(f"{at}_labelIds.png"), np.array([[7, 26, 0], [33, 3, 24]], np.uint8))
            mask(Path(f"{at}_color.png"), np.zeros((2, 3, 3), np.uint8))
            mask(Path(f"{at}_instanceIds.png"), np.array([[7, 26001, 0], [33, 3, 24]], np.uint16))
    listed = read()
    assert {split: len(part) for split, part in listed.parts.items()} == {"train": 2, "val": 2}
    names = listed.parts["train"].class_names
    assert (len(names), names[0], names[18]) == (19, "road", "bicycle")
    assert unpacked(listed)[0] == [[0, 13, 255], [18, 255, 11]]
    assert listed.inventory.section()["left_out"]["other form of a mask than _labelIds"]["count"] == 8
    assert list(say) == ["d: masks are called as those of Cityscapes, and read by its table"]


def test_what_has_no_partner_is_told(tmp_path: Path, draw_masks, read, refusal, warn) -> None:
    root = draw_masks(tmp_path / "d", {f"train/{n}": MASK for n in range(40)})
    (root / "masks/train/3.png").unlink()
    mask(root / "masks/train/other.png")
    assert len(read().parts["train"]) == 39
    assert list(warn) == [
        "d: 1 of 40 images of train has no mask (images/train/3.png); left out",
        "d: 1 mask has no image in train (masks/train/other.png); left out",
    ]
    for n in range(10):
        (root / f"masks/train/{n}.png").unlink(missing_ok=True)
        mask(root / f"masks/train/m{n}.png")
    assert refusal() == (
        "d: 10 of 40 images of train have no mask (images/train/0.png, images/train/1.png and 8 more), and 11 masks no "
        "image (masks/train/m0.png, masks/train/m1.png and 9 more); name each mask as its image"
    )


def test_a_test_split_without_masks_is_none(tmp_path: Path, draw_masks, read, warn) -> None:
    root = draw_masks(tmp_path / "d", {f"train/{n}": MASK for n in range(3)})
    image(root / "images/test/9.png")
    assert list(read().parts) == ["train"]
    assert list(warn) == ["d: 1 of 1 images of test has no mask (images/test/9.png); left out, so there is no test"]


def test_a_split_that_is_another_is_none(tmp_path: Path, draw_masks, read, warn) -> None:
    root = draw_masks(tmp_path / "d", {f"{split}/{n}": MASK for n in range(3) for split in ("train", "val")})
    for kind in ("images", "masks"):
        shutil.copytree(root / kind / "train", tmp_path / kind)
        (root / kind / "test").symlink_to(root / kind / "val")
    assert list(read().parts) == ["train", "val"]
    assert list(warn) == [
        "d: test and val are the same images, so there is no test; where one is needed it is carved out of train"
    ]


def test_an_empty_split_is_told(tmp_path: Path, draw_masks, read, warn) -> None:
    root = draw_masks(tmp_path / "d", {f"train/{n}": MASK for n in range(3)})
    (root / "images/val").mkdir()
    assert list(read().parts) == ["train"]
    assert list(warn) == [
        "d/images/val: an empty folder, so there is no val; where one is needed it is carved out of train"
    ]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (["images/a.jpg"], "d: no masks in it (1 image file is there); wanted is images/<split>/*"),
        (["masks/a.png"], "d: no images in it (1 image file is there); wanted is"),
        (["notes.txt"], "d: no images in it; wanted is"),
        (["images/val/a.jpg", "masks/val/a.png"], "d: holds val but no folder train; wanted is"),
        (["images/train/a.jpg", "images/eval/b.jpg", "masks/train/a.png", "masks/eval/b.png"], None),
        (
            ["images/train/a.jpg", "masks/train/a.png", "annotations/train/a.png"],
            "d/images/train/a.jpg: annotations/train/a.png, masks/train/a.png could each be its mask; keep one there",
        ),
        (["images/train/val/a.jpg", "masks/train/val/a.png"], "d/images/train/val/a.jpg: lies in folders of train and"),
        (["images/a.jpg", "images/a.png", "masks/a.png"], "d/masks/a.png: images/a.jpg and images/a.png could each be"),
    ],
)
def test_layouts_that_are_refused(tmp_path: Path, refusal, files: list[str], says: str | None) -> None:
    for name in files:
        path = tmp_path / "d" / name
        if name.startswith("images"):
            image(path)
        elif name.endswith(".txt"):
            path.parent.mkdir()
            path.write_text("")
        else:
            mask(path)
    assert refusal().startswith(says or "d: eval may be val or test; rename it to one of them")


def test_another_format_is_named(tmp_path: Path, draw_yolo, refusal) -> None:
    draw_yolo(tmp_path / "d", {"train/a": "0 .5 .5 .2 .2"})
    assert refusal().endswith("it looks like a YOLO folder (rows in text files); use data=yolo")

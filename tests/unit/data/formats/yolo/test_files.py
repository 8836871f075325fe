from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import torch

from tests.listed_boxes import list_splits
from tlbench.data.formats.yolo.folder import find_images
from tlbench.errors import DataError

ROW = "0 0.5 0.5 0.5 0.5\n"  # of 40 × 20 pixels: 10 5 30 15


@pytest.fixture
def opened(tmp_path: Path, boxes_config, voice):
    """Open what lies in `tmp_path / "d"`."""

    def open_it(root: str | Path = tmp_path / "d", **changes):
        return list_splits(boxes_config("yolo", root=str(root), **changes), voice)

    return open_it


@pytest.fixture
def refused(opened):
    def message(root: str | None = None, **changes) -> str:
        with pytest.raises(DataError) as caught:
            opened(**({} if root is None else {"root": root}), **changes)
        assert not caught.value.unreachable
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return message


def three(rows: str = ROW) -> dict[str, str]:
    """An image in each split; the one of train has `rows`."""
    return {"train/a": rows, "val/v": ROW, "test/t": ROW}


def test_official_splits(tmp_path: Path, draw_yolo, opened, say, warn):
    draw_yolo(tmp_path / "d", three("1 0.25 0.5 0.5 1\n0 .5 .5 .1 .1 .2 .9\n"))
    target = opened()
    train = target.splits["train"]
    assert train.names == ("images/train/a.png",)
    assert train.annotations.sizes.tolist() == [[20, 40]]
    assert torch.allclose(train.annotations.boxes, torch.tensor([[0.0, 0, 20, 20], [4, 2, 20, 18]]))
    assert train.annotations.boxes.dtype == torch.float32
    assert train.annotations.labels.tolist() == [1, 0]
    assert train.annotations.starts.tolist() == [0, 2]
    assert (train.root, train.class_names) == (tmp_path / "d", ("cat", "dog"))
    assert {split: listing.names for split, listing in target.splits.items()} == {
        "train": ("images/train/a.png",),
        "val": ("images/val/v.png",),
        "test": ("images/test/t.png",),
    }
    assert target.split_rule["test"] == "the folder's test"
    assert target.split_rule["val_fraction"] is None
    assert list(say) == ["1 label row is a polygon, and read as bounding boxes, beside 3 boxes"]
    assert not warn
    assert target.unreadable == {}


def test_layouts_are_read_alike(tmp_path: Path, draw_yolo, draw_image, opened):
    """images/train, train/images (Roboflow's ../ included), train2017, data.yaml elsewhere, and lists of files."""
    want = [listing.annotations.labels.tolist() for listing in splits_of(opened, draw_yolo(tmp_path / "a", three()))]

    roboflow = tmp_path / "b"
    for split, name in (("train", "a"), ("valid", "v"), ("test", "t")):
        draw_image(roboflow / split / "images" / f"{name}.png")
        (roboflow / split / "labels").mkdir()
        (roboflow / split / "labels" / f"{name}.txt").write_text(ROW)
    (roboflow / "classes.txt").write_text("cat\ndog\n")
    assert [listing.annotations.labels.tolist() for listing in splits_of(opened, roboflow)] == want
    (roboflow / "data.yaml").write_text(
        "train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnc: 2\nnames: ['cat', 'dog']\n"
    )
    assert [listing.annotations.labels.tolist() for listing in splits_of(opened, roboflow)] == want

    numbered = draw_yolo(tmp_path / "c", three(), names=None)
    for kind in ("images", "labels"):
        (numbered / kind / "train").rename(numbered / kind / "train2017")
        (numbered / kind / "val").rename(numbered / kind / "val2017")
    (numbered / "labels" / "classes.txt").write_text("cat\ndog\n")
    assert [listing.annotations.labels.tolist() for listing in splits_of(opened, numbered)] == want

    (tmp_path / "e" / "lists").mkdir(parents=True)
    (tmp_path / "e" / "lists" / "train.txt").write_text("./images/a.png\n\n")
    draw_image(tmp_path / "e" / "lists" / "images" / "a.png")
    (tmp_path / "e" / "lists" / "labels").mkdir()
    (tmp_path / "e" / "lists" / "labels" / "a.txt").write_text(ROW)
    (tmp_path / "e" / "mine.yaml").write_text(
        f"path: {tmp_path / 'a'}\ntrain: [{tmp_path}/e/lists/train.txt]\nval: images/val\ntest: images/test\n"
        "names: {0: cat, 1: dog}\ndownload: touch executed\n"
    )
    splits = splits_of(opened, tmp_path / "e" / "mine.yaml")
    assert [listing.annotations.labels.tolist() for listing in splits] == want
    assert splits[0].root == tmp_path
    assert splits[0].names == ("e/lists/images/a.png",)
    assert splits[1].names == ("a/images/val/v.png",)
    assert not list(tmp_path.rglob("executed"))


def splits_of(opened, root: Path) -> list:
    return list(opened(root).splits.values())


@pytest.mark.parametrize("beside", [False, True])
def test_flat_folder_is_carved(tmp_path: Path, draw_image, opened, say, warn, beside: bool):
    root = tmp_path / "d"
    for i in range(20):
        images, labels = (root, root) if beside else (root / "images", root / "labels")
        draw_image(images / f"{i}.png")
        labels.mkdir(exist_ok=True)
        (labels / f"{i}.txt").write_text(ROW)
    (root / "classes.txt").write_text("cat\n")
    target = opened(val_fraction=0.1, test_fraction=0.2)
    assert target.split_rule["counts"] == {"train": 14, "val": 2, "test": 4}
    assert target.split_rule["test"] == "carved out of all images, at random by image, not stratified"
    assert len({name for listing in target.splits.values() for name in listing.names}) == 20
    assert not warn


def test_root_of_which_images_is_a_part(tmp_path: Path, draw_yolo, opened):
    draw_yolo(tmp_path / "d", three())
    (tmp_path / "d" / "images" / "train" / "classes.txt").write_text("cat\ndog\n")
    for i in range(4):
        shutil.copy(tmp_path / "d/images/train/a.png", tmp_path / f"d/images/train/{i}.png")
        shutil.copy(tmp_path / "d/labels/train/a.txt", tmp_path / f"d/labels/train/{i}.txt")
    target = opened(tmp_path / "d" / "images" / "train", test_fraction=0.2, val_fraction=0.2)
    assert target.split_rule["objects"] == {"train": 3, "val": 1, "test": 1}


def test_relative_root(tmp_path: Path, draw_yolo, opened, monkeypatch: pytest.MonkeyPatch):
    draw_yolo(tmp_path / "d", three())
    monkeypatch.chdir(tmp_path / "d")
    for root in (".", "../d", "data.yaml", "../d/data.yaml"):
        target = opened(root)
        assert target.splits["train"].names == ("images/train/a.png",)
        assert (target.splits["train"].root / "images/train/a.png").is_file()


def test_images_without_objects_are_background(tmp_path: Path, draw_yolo, opened, say, warn):
    draw_yolo(tmp_path / "d", {**three(), "train/empty": "", "train/none": None})
    target = opened()
    assert target.splits["train"].names == ("images/train/a.png", "images/train/empty.png", "images/train/none.png")
    assert target.splits["train"].annotations.starts.tolist() == [0, 1, 1, 1]
    assert target.split_rule["background"] == {"train": 2, "val": 0, "test": 0}
    assert list(say) == [
        "2 of 5 images have no objects: background (1 with an empty label file, 1 without a label file)"
    ]
    assert not warn


@pytest.mark.promise("YOLO and COCO files")
def test_mended_rows_are_counted_with_their_places(tmp_path: Path, draw_yolo, opened, warn):
    rows = [
        "0 0.5 0.5 0.5 0.5",
        "0 0.95 0.5 0.5 0.5",  # 28 … 48 of 40 pixels
        "0 0.5 0.5 0 0.5",  # no width
        "0 0.5 0.5 0.5 0.5",  # again
        "1 0.5 0.5 1.01 1.01",  # 0.2 pixels outside: rounding
        "1 1.01 0.5 0.01 0.5",  # nothing of it is inside
    ]
    draw_yolo(tmp_path / "d", {**three("\n".join(rows)), "val/v": "0 0.1 0.5 0.5 0.5"})
    target = opened()
    train = target.splits["train"]
    expected = torch.tensor([[10.0, 5, 30, 15], [28, 5, 40, 15], [0, 0, 40, 20]])
    assert torch.allclose(train.annotations.boxes, expected)
    a, v = "images/train/a.png", "images/val/v.png"
    assert train.mended == {
        "duplicate label rows left out": ((a, "labels/train/a.txt:4"),),
        "boxes clipped to the image": ((a, "labels/train/a.txt:2"),),
        "boxes without area left out": ((a, "labels/train/a.txt:3"), (a, "labels/train/a.txt:6")),
    }
    assert target.splits["val"].mended == {"boxes clipped to the image": ((v, "labels/val/v.txt:1"),)}
    assert target.splits["test"].mended == {}
    assert list(warn) == [
        "1 duplicate label rows left out (labels/train/a.txt:4)",
        "2 boxes clipped to the image (labels/train/a.txt:2, labels/val/v.txt:1)",
        "2 boxes without area left out (labels/train/a.txt:3, labels/train/a.txt:6)",
    ]


@pytest.mark.promise("YOLO and COCO files")
def test_bad_rows_are_counted_and_the_first_three_named(tmp_path: Path, draw_yolo, refused):
    draw_yolo(tmp_path / "d", {**three("7 .5 .5 .1 .1\n0 .5 .5 .1\n"), "val/v": "0 320 240 20 20\n0 .5 .5 .1 x\n"})
    labels = tmp_path / "d" / "labels"
    assert refused() == (
        f"4 label rows are wrong: {labels}/train/a.txt:1: '7 .5 .5 .1 .1': class 7, allowed are 0 to 1 (cat, dog); "
        f"{labels}/train/a.txt:2: '0 .5 .5 .1': 4 columns, wanted are 5 (class cx cy w h), or 7, 9, … (class and the "
        f"points of a polygon); {labels}/val/v.txt:1: '0 320 240 20 20': 320 is above 1; perhaps pixels, wanted are "
        "fractions; and 1 more; wanted is class cx cy w h, the class from 0 to 1, the others as fractions of the "
        "image's width and height from 0 to 1; correct or remove such rows"
    )


def test_label_file_that_is_not_text(tmp_path: Path, draw_yolo, refused):
    draw_yolo(tmp_path / "d", three())
    (tmp_path / "d/labels/train/a.txt").write_bytes(ROW.encode("utf-16"))
    assert refused() == f"{tmp_path}/d/labels/train/a.txt: not text in UTF-8; wanted are rows class cx cy w h"


def test_no_labels_at_all(tmp_path: Path, draw_yolo, refused):
    draw_yolo(tmp_path / "d", {"train/a": None, "val/v": "", "test/t": None})
    assert refused() == (
        f"{tmp_path}/d: no objects in the label files of 1 images, and 2 images have none (the first would be "
        f"{tmp_path}/d/labels/train/a.txt); wanted are rows class cx cy w h"
    )
    (tmp_path / "d/labels/val/v.txt").unlink()
    assert refused() == (
        f"{tmp_path}/d: none of 3 images has a label file (the first would be {tmp_path}/d/labels/train/a.txt); wanted "
        "are rows class cx cy w h"
    )


def test_split_without_objects(tmp_path: Path, draw_yolo, refused):
    draw_yolo(tmp_path / "d", {**three(), "test/t": None})
    assert (
        refused() == f"{tmp_path}/d: test has 1 images and no objects of cat, dog; add labels, or choose other classes"
    )


def test_labels_without_image(tmp_path: Path, draw_yolo, opened, warn):
    draw_yolo(tmp_path / "d", {**three(), **{f"train/{i}": ROW for i in range(4)}})
    for i in range(4):
        (tmp_path / f"d/images/train/{i}.png").unlink()
    (tmp_path / "d/labels/train/classes.txt").write_text("cat\ndog\n")
    assert len(opened().splits["train"]) == 1
    assert list(warn) == [
        "4 label files have no image and are left out (labels/train/0.txt, labels/train/1.txt, labels/train/2.txt, …)"
    ]


def test_labels_of_images_that_no_split_lists_are_no_strays(tmp_path: Path, draw_yolo, opened, warn):
    draw_yolo(tmp_path / "d", {**three(), "train/b": ROW})
    (tmp_path / "d" / "train.txt").write_text("images/train/a.png\n")
    (tmp_path / "d" / "data.yaml").write_text(
        "train: train.txt\nval: images/val\ntest: images/test\nnames: [cat, dog]\n"
    )
    assert opened().splits["train"].names == ("images/train/a.png",)
    assert not warn


def test_unreadable_images(tmp_path: Path, draw_yolo, opened, refused):
    draw_yolo(tmp_path / "d", {**three(), "train/b": ROW, "train/c": "1 .5 .5 1 1"})
    (tmp_path / "d/images/train/b.png").write_text("broken")
    assert refused() == (
        f"{tmp_path}/d/images/train/b.png: not an image, or of a kind that is not read; replace or remove 1 "
        "file, or leave out up to so many with data.max_unreadable (now 0)"
    )
    target = opened(max_unreadable=1)
    assert target.unreadable == {"images/train/b.png": "not an image, or of a kind that is not read"}
    train = target.splits["train"]
    assert train.names == ("images/train/a.png", "images/train/c.png")
    assert (train.annotations.labels.tolist(), train.annotations.starts.tolist()) == ([0, 1], [0, 1, 2])


def test_listed_image_that_is_missing(tmp_path: Path, draw_yolo, refused):
    draw_yolo(tmp_path / "d", three())
    (tmp_path / "d" / "train.txt").write_text("images/train/a.png\nimages/train/gone.png\n")
    (tmp_path / "d" / "data.yaml").write_text("train: train.txt\nval: images/val\nnames: [cat, dog]\n")
    assert refused() == (
        f"{tmp_path}/d/images/train/gone.png: no such file, though train.txt:2 names it; replace or remove 1 file, or "
        "leave out up to so many with data.max_unreadable (now 0)"
    )


def test_val_that_is_train_itself_is_no_val(tmp_path: Path, draw_yolo, opened, warn):
    draw_yolo(tmp_path / "d", {f"train/{i}": ROW for i in range(10)})
    (tmp_path / "d" / "data.yaml").write_text("train: images/train\nval: images/train\nnames: [cat, dog]\n")
    assert opened(test_fraction=0.2).split_rule["counts"] == {"train": 7, "val": 1, "test": 2}
    assert list(warn) == [
        f"{tmp_path}/d: val and train are the same images, so there is no val; where one is needed it is carved out of "
        "train"
    ]


def test_images_in_two_splits(tmp_path: Path, draw_yolo, refused):
    draw_yolo(tmp_path / "d", {"train/a": ROW, "train/b": ROW, "val/v": ROW})
    (tmp_path / "d" / "data.yaml").write_text(
        "train: images/train\nval: [images/val, images/train]\nnames: [cat, dog]\n"
    )
    assert refused() == (
        f"{tmp_path}/d: 2 images are in train and in val ({tmp_path}/d/images/train/a.png, …); list each in one"
    )


def test_image_listed_twice(tmp_path: Path, draw_yolo, refused):
    draw_yolo(tmp_path / "d", three())
    (tmp_path / "d" / "data.yaml").write_text("train: [images/train, images/train]\nnames: [cat, dog]\n")
    assert refused() == f"{tmp_path}/d: train lists {tmp_path}/d/images/train/a.png twice; list it once"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            {"val/v": ROW},
            "{d}/images: holds val but no folder train; wanted is images/{train,val,test} with "
            "labels/{train,val,test}, {train,val,test}/images, or images with labels",
        ),
        (
            {"train/a": ROW, "val/v": ROW, "valid/w": ROW},
            "{d}/images: val and valid are one split; say in a data.yaml which folders count",
        ),
        (
            {"train/a": ROW, "extra/v": ROW},
            "{d}/images: holds train and other folders (extra); say in a data.yaml which folders count",
        ),
        (
            {"train/a": ROW},
            "{d}: no data.yaml and no classes.txt, so the classes have no names; add a data.yaml with names: [first, "
            "second, …], or a classes.txt with one name a line, in the order of the labels' classes",
        ),
        (
            {},
            "{d}: no training images (.jpg .jpeg .png .bmp .webp .tif .tiff .gif .ppm .pgm, or what begins as one); "
            "wanted is images/{train,val,test} with labels/{train,val,test}, {train,val,test}/images, or images with "
            "labels",
        ),
    ],
)
def test_folders_without_a_description(tmp_path: Path, draw_yolo, refused, rows, message: str):
    (tmp_path / "d").mkdir()
    draw_yolo(tmp_path / "d", rows, names=None)
    assert refused() == message.replace("{d}", str(tmp_path / "d"))


def test_list_that_is_no_list(tmp_path: Path, draw_yolo, refused):
    draw_yolo(tmp_path / "d", three())
    (tmp_path / "d" / "train.txt").write_text("images/train/a.png\n0 0.5 0.5 0.5 0.5\n")
    (tmp_path / "d" / "data.yaml").write_text("train: train.txt\nnames: [cat, dog]\n")
    assert refused() == f"{tmp_path}/d/train.txt:2: 0 0.5 0.5 0.5 0.5: no image file's name; wanted is one a line"
    (tmp_path / "d" / "data.yaml").write_text("train: list.bin\nnames: [cat, dog]\n")
    (tmp_path / "d" / "list.bin").write_bytes(b"\xff\xfe\xff")
    assert refused().startswith(f"{tmp_path}/d/list.bin: neither a folder nor a list of image files (")


# ---- lists of splits that no description names


@pytest.fixture
def listed(tmp_path: Path, draw_image, voice, say, warn):
    """`listed({"train.txt": "0 1"})`: split → numbers of its images, of eight in `images`.

    Each number is a line, with `form` around it; another text stands as it is.
    """

    def read(
        texts: dict[str, str], form: str = "images/{}.png", folder: str = "", images: str = "images"
    ) -> dict[str, list[int]]:
        root = tmp_path / "d"
        shutil.rmtree(root, ignore_errors=True)
        say.clear()
        warn.clear()
        for i in range(8):
            draw_image(root / folder / images / f"{i}.png")
            label = root / folder / "labels" / f"{i}.txt"
            label.parent.mkdir(parents=True, exist_ok=True)
            label.write_text(ROW)
        for name, text in {f"{folder}/classes.txt": "cat\n", **texts}.items():
            file = root / name.removeprefix("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            numbers = text.split() if text.replace(" ", "").isdecimal() else None
            file.write_text(text if numbers is None else "".join(f"{form.format(i)}\n" for i in numbers))
        parts = find_images(root, voice).parts
        return {split: [int(Path(name).stem) for name in names] for split, names in parts.items()}

    return read


@pytest.fixture
def unlisted(tmp_path: Path, listed):
    """Why that is refused, with `d` for the folder."""

    def reason(*args, **options) -> str:
        with pytest.raises(DataError) as caught:
            listed(*args, **options)
        assert "\n" not in str(caught.value)
        return str(caught.value).replace(str(tmp_path / "d"), "d")

    return reason


THREE = {"train.txt": "0 1 2", "val.txt": "3 4", "test.txt": "5"}
SPLIT = {"train": [0, 1, 2], "val": [3, 4], "test": [5]}


@pytest.mark.parametrize("inner", [{}, {"set/data.yaml": "names: [cat]\n"}])
def test_lists_beside_the_single_folder_of_the_images_count(tmp_path: Path, listed, say, warn, inner):
    assert listed({**THREE, **inner}, form="set/images/{}.png", folder="set") == SPLIT
    assert list(say) == [f"{tmp_path}/d: the splits are as train.txt and val.txt and test.txt list them"]
    assert not warn
    assert listed(THREE, form="images/{}.png", folder="set") == SPLIT


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("images/{}.png", None),
        ("{}", "images are named without their ending (0, …); of each name one is there"),
        ("images/{}", "images are named without their ending (images/0, …); of each name one is there"),
        ("/else/images/{}", "images are named without their ending (/else/images/0, …); of each name one is there"),
        ("images/{}.png 0", "what follows the images' names (0, …) is not read"),
        ("images/{}.png\t1,2,3,4,0 5,6,7,8,0", "what follows the images' names (1,2,3,4,0 5,6,7,8,0, …) is not read"),
        ("images/{}.png labels/{0}.txt", None),
        ("{} -1", "images are named without their ending (0, …); of each name one is there"),
        ("{}.png", "3 images are not where it says (0.png, …); of each name one is there"),
    ],
)
@pytest.mark.parametrize("place", ["", "ImageSets/Main/", "splits/"])
def test_lines_that_are_no_plain_paths(tmp_path: Path, listed, say, warn, form, said, place):
    form = form.replace("{}", "{0}")
    assert listed({f"{place}{name}": text for name, text in THREE.items()}, form=form) == SPLIT
    assert said is None or f"{tmp_path}/d/{place}train.txt: {said}" in say
    assert not warn


@pytest.mark.parametrize("first", ["  \n", "\ufeff\n\t\n"])
def test_a_list_whose_first_line_is_blank(listed, first):
    train = first + "".join(f"images/{i}.png\n" for i in range(3))
    assert listed({**THREE, "train.txt": train}) == SPLIT


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (
            {"train.txt": "images/0.png\nimages/1\nnine\n"},
            "d/train.txt:3: nine: no image of that name is there; add it, or remove the line",
        ),
        (
            {"train.txt": "0\n1\n", "images/x/1.png": ""},
            "d/train.txt:2: 1: fits 2 images (d/images/1.png, …); write its path",
        ),
        (
            {"train.txt": "0.png\n1.png\n", "images/x/1.png": ""},
            "d/train.txt:2: 1.png: fits 2 images (d/images/1.png, …); write its path",
        ),
        (
            {"train.txt": "nine\nten\n", "val.txt": "3"},
            "d/train.txt: called after a split, but no list of images (its first line is 'nine'); list its images, "
            "one a line, or rename it",
        ),
        (
            {"train.txt": ROW, "val.txt": "3"},
            "d/train.txt: called after a split, but no list of images (its first line is '0 0.5 0.5 0.5 0.5'); list "
            "its images, one a line, or rename it",
        ),
        (
            {"train.txt": "", "val.txt": "3"},
            "d/train.txt: called after a split, but no list of images (it is empty); list its images, one a line, or "
            "rename it",
        ),
        (
            {"test.txt": "as of May\n"},
            "d/test.txt: called after a split, but no list of images (its first line is 'as of May'); list its images, "
            "one a line, or rename it",
        ),
        (
            {"ImageSets/Main/train.txt": "nine\n"},
            "d/ImageSets/Main/train.txt: called after a split, but no list of images (its first line is 'nine'); list "
            "its images, one a line, or rename it",
        ),
        (
            {"val.txt": "3", "test.txt": "4"},
            "d: test.txt and val.txt but no train.txt; add a list of the images to train on, or remove the others",
        ),
        ({"train.txt": "0 1", "eval.txt": "3"}, "d: eval.txt may list val or test; rename it to one of them"),
        (
            {"training.txt": "0 1", "train2017.txt": "2", "val.txt": "3"},
            "d: train2017.txt and training.txt both list train; keep one of them",
        ),
        (
            {"train.txt": "0 1", "train2017.txt": "1 2", "val.txt": "3"},
            "d/train2017.txt: lists 1 image that is in no split, as train.txt and val.txt list the splits "
            "(d/images/2.png, …); keep one list of a split",
        ),
        (
            {"fold_0/train.txt": "0 1", "fold_0/val.txt": "2", "fold_1/train.txt": "1 2", "fold_1/val.txt": "0"},
            "d: lists of splits are in fold_0 and fold_1; say in a data.yaml which of them count (train: "
            "fold_0/train.txt, …)",
        ),
        (
            {"data.yaml": "train: images\nnames: [cat]\n", "val.txt": "2 3"},
            "d/val.txt: lists 2 images as val that are in train, as d/data.yaml names the splits (d/images/2.png, …); "
            "make them agree, or remove the list",
        ),
    ],
)
def test_lists_that_are_refused_for_the_true_reason(unlisted, texts, reason):
    assert unlisted(texts) == reason


def test_a_list_that_cannot_be_read(tmp_path: Path, listed, opened):
    listed(THREE)
    train = tmp_path / "d/train.txt"
    for make, why in (
        (lambda: train.symlink_to("nowhere"), "No such file or directory"),
        (lambda: os.mkfifo(train), "a FIFO"),
        (lambda: train.write_bytes(b"\xff\xff"), "invalid start byte"),
    ):
        train.unlink()
        make()
        with pytest.raises(
            DataError, match=rf"train\.txt: called after a split, but no list of images \(cannot be .*{why}"
        ):
            opened()


@pytest.mark.parametrize(
    ("texts", "found", "said"),
    [
        (
            {"train.txt": "0 1", "val.txt": "2", "eval.txt": "3"},
            {"train": [0, 1], "val": [2], "test": [3]},
            "eval.txt (test)",
        ),
        ({"train.txt": "0 1", "dev.txt": "2"}, {"train": [0, 1], "val": [2]}, "dev.txt (val)"),
        ({"train2017.txt": "0 1", "val2017.txt": "2"}, {"train": [0, 1], "val": [2]}, "val2017.txt (val)"),
        (
            {"autosplit_train.txt": "0 1", "autosplit_val.txt": "2"},
            {"train": [0, 1], "val": [2]},
            "autosplit_val.txt (val)",
        ),
        ({"Train.txt": "0 1", "VALID.TXT": "2"}, {"train": [0, 1], "val": [2]}, "Train.txt and VALID.TXT"),
        (
            {"train.txt": "0 1", "val.txt": "2", "trainval.txt": "0 1 2"},
            {"train": [0, 1], "val": [2]},
            "train.txt and val",
        ),
    ],
)
def test_names_of_lists(listed, say, warn, texts, found, said):
    assert listed(texts) == found
    assert said in say[0]
    assert not warn


@pytest.mark.parametrize(
    ("texts", "left"),
    [
        (
            {**THREE, "test_duplicates.txt": "6"},
            "d: test_duplicates.txt lists images, but is not read, as its name says of no split that is used",
        ),
        (
            {**THREE, "predict.txt": "6"},
            "d: predict.txt lists images, but is not read, as its name says of no split that is used",
        ),
        (
            {"set/train.txt": "0 1 2", "set/val.txt": "3 4", "set/test.txt": "5", "val.txt": "6"},
            "d/val.txt: not read, as train.txt and val.txt and test.txt list the splits; 1 image of it is in none of "
            "them (d/set/images/6.png, …)",
        ),
    ],
)
def test_lists_that_do_not_count_are_warned_of(tmp_path: Path, listed, warn, texts, left):
    folder = "set" if "set/train.txt" in texts else ""
    assert listed(texts, folder=folder) == SPLIT
    assert [line.replace(str(tmp_path / "d"), "d") for line in warn] == [left]


def test_a_list_without_lines_is_an_empty_split(tmp_path: Path, listed, warn):
    assert listed({"train.txt": "0 1", "val.txt": "\n"}) == {"train": [0, 1]}
    assert list(warn) == [
        f"{tmp_path}/d: val holds no image, so there is no val; where one is needed it is carved out of train"
    ]


@pytest.mark.parametrize(
    "texts", [{"train_log.txt": "epoch 1\n"}, {"test.txt": ROW}, {"test.txt": ""}, {"eval.txt": "mAP\n"}]
)
def test_texts_that_list_nothing_are_left_alone(listed, say, warn, texts):
    assert listed(texts) == {"train": list(range(8))}
    assert not say
    assert not warn


def test_label_files_that_are_called_after_splits_are_no_lists(tmp_path: Path, draw_image, opened):
    for name in ("train", "train_1", "val", "val_1", "test", "test_1"):
        draw_image(tmp_path / f"d/{name}.png")
        (tmp_path / f"d/{name}.txt").write_text("" if name == "test" else ROW)
    (tmp_path / "d/classes.txt").write_text("cat\n")
    assert opened(val_fraction=0.2, test_fraction=0.2).split_rule["objects"] == {"train": 3, "val": 1, "test": 1}


def test_lists_among_label_files_are_no_label_files(tmp_path: Path, listed, opened, say, warn):
    lists = {f"labels/{name}": text for name, text in THREE.items()}
    assert listed(lists) == SPLIT
    assert opened().split_rule["counts"] == {"train": 3, "val": 2, "test": 1}
    assert not warn


def test_a_pascal_voc_folder_with_label_files(tmp_path: Path, listed, opened, warn):
    """Its lists of whether an image holds a class, and those of other tasks, are no splits here."""
    lists = {f"ImageSets/Main/{name}": text for name, text in THREE.items()}
    lists |= {"ImageSets/Main/trainval.txt": "0 1 2 3 4", "ImageSets/Main/cat_train.txt": "0  1\n1 -1\n"}
    lists |= {"ImageSets/Segmentation/train.txt": "4", "ImageSets/Segmentation/val.txt": "0"}
    assert listed(lists, form="{}", images="JPEGImages") == SPLIT
    assert opened().splits["val"].names == ("JPEGImages/3.png", "JPEGImages/4.png")
    assert set(warn) == {
        f"{tmp_path}/d/ImageSets/Main: cat_train.txt lists images, but is not read, as its name says of no split that "
        "is used"
    }


def test_lists_beside_folders_of_splits(tmp_path: Path, draw_yolo, opened, refused, warn):
    root = draw_yolo(tmp_path / "d", three(), names=None)
    (root / "classes.txt").write_text("cat\ndog\n")
    (root / "ImageSets").mkdir()
    (root / "ImageSets/train.txt").write_text("a\n")
    assert opened().split_rule["counts"] == {"train": 1, "val": 1, "test": 1}
    assert not warn
    (root / "ImageSets/train.txt").write_text("a\nv\n")
    assert refused() == (
        f"{root}/ImageSets/train.txt: lists 1 image as train that is in val, as the folders tell the splits "
        f"({root}/images/val/v.png, …); make them agree, or remove the list"
    )
    (root / "train.txt").write_text("images/train/a.png\nimages/test/t.png\n")
    with pytest.raises(DataError):
        opened()  # one image to train on and none to carve
    assert (
        f"{root}/images/val: 1 image is in no split, as train.txt lists the splits ({root}/images/val/v.png, …)" in warn
    )


def test_a_list_of_a_split_that_a_description_does_not_name(tmp_path: Path, draw_yolo, opened, warn):
    root = draw_yolo(tmp_path / "d", {**three(), "more/m": ROW})
    (root / "data.yaml").write_text("train: images/train\nval: images/val\ntest: images/test\nnames: [cat, dog]\n")
    (root / "train.txt").write_text("images/train/a.png\n")
    (root / "val.txt").write_text("images/val/v.png\nimages/more/m.png\n")
    assert opened().split_rule["counts"] == {"train": 1, "val": 1, "test": 1}
    assert list(warn) == [
        f"{root}/val.txt: not read, as {root}/data.yaml names the splits; 1 image of it is in none of them "
        f"({root}/images/more/m.png, …)"
    ]


def test_nothing_is_written(tmp_path: Path, draw_yolo, opened):
    draw_yolo(tmp_path / "d", three())
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    opened()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before

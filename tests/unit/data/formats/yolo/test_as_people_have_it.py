"""Names of label files, lists, descriptions and folders that are not as the documentation has them."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

import pytest

from tests.listed_boxes import list_splits
from tlbench.annotations.instances.target import open_boxes
from tlbench.data.inventory import all_files
from tlbench.errors import DataError

ROW = "0 0.5 0.5 0.5 0.5\n"
MANY = {f"train/{i}": ROW for i in range(8)} | {"val/v": ROW, "test/t": ROW}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "d"


@pytest.fixture
def counts(root: Path, boxes_config, voice):
    """Split → objects of each image, of what lies in `root`."""

    def read(at: str | Path = root, **changes) -> dict[str, dict[str, int]]:
        listed = list_splits(boxes_config("yolo", root=str(at), **changes), voice)
        inventory = listed.inventory
        assert inventory is not None
        read_and_left = [
            name for part in (inventory.read, inventory.left_out) for names in part.values() for name in names
        ]
        assert sorted(read_and_left) == sorted(all_files(inventory.root))
        return {
            split: dict(zip(part.names, part.annotations.starts.diff().tolist(), strict=True))
            for split, part in listed.splits.items()
        }

    return read


@pytest.fixture
def refused(counts):
    def reason(**changes) -> str:
        with pytest.raises(DataError) as caught:
            counts(**changes)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return reason


def objects(counts) -> set[int]:
    return {number for part in counts().values() for number in part.values()}


# ---- label files


@pytest.mark.parametrize(
    "renamed",
    [
        lambda name: f"{name}.TXT",
        lambda name: f"{name}.png.txt",
        lambda name: f"{name.upper()}.txt",
        lambda name: f"{name}.PNG.Txt",
    ],
)
def test_label_files_of_other_names_are_read_and_said(root, draw_yolo, counts, say, renamed):
    draw_yolo(root, {**MANY, "train/a": "1 .5 .5 .1 .1"})
    (root / "labels/train/a.txt").rename(root / "labels/train" / renamed("a"))
    assert counts()["train"]["images/train/a.png"] == 1
    assert list(say) == [
        f"1 label file is named otherwise than the image with .txt, and read (labels/train/{renamed('a')} of "
        "images/train/a.png)"
    ]


@pytest.mark.parametrize(("image", "label"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_accents_composed_otherwise(root, draw_yolo, counts, say, image, label):
    draw_yolo(root, {**MANY, "train/a": ROW})
    (root / "images/train/a.png").rename(root / "images/train" / unicodedata.normalize(image, "é 日本.png"))
    (root / "labels/train/a.txt").rename(root / "labels/train" / unicodedata.normalize(label, "é 日本.txt"))
    assert objects(counts) == {1}
    assert "1 label file is named otherwise" in say[0]


def test_two_label_files_that_fit_one_image(root, draw_yolo, refused):
    draw_yolo(root, MANY)
    (root / "labels/train/1.txt").rename(root / "labels/train/1.TXT")
    (root / "labels/train/1.png.txt").write_text("")
    assert "1.txt, and remove the other" in (found := refused())
    assert "labels/train/1.TXT" in found
    assert "labels/train/1.png.txt" in found


@pytest.mark.promise("a label file an image")
def test_images_that_share_a_label_file(root, draw_yolo, draw_image, refused):
    draw_yolo(root, MANY)
    draw_image(root / "images/train/1.jpg")
    draw_image(root / "images/train/2.bmp")
    assert refused() == (
        f"{root}: 2 label files belong to more than one image (labels/train/1.txt of images/train/1.jpg and "
        "images/train/1.png; labels/train/2.txt of images/train/2.bmp and images/train/2.png), so the boxes are right "
        "for one of them at most; keep one image of each name, or rename images and labels"
    )


def test_images_of_one_stem_with_a_label_file_each(root, draw_yolo, draw_image, counts):
    draw_yolo(root, MANY)
    draw_image(root / "images/train/1.jpg")
    (root / "labels/train/1.txt").rename(root / "labels/train/1.png.txt")
    (root / "labels/train/1.jpg.txt").write_text(ROW + "1 .5 .5 .1 .1\n")
    found = counts()["train"]
    assert (found["images/train/1.jpg"], found["images/train/1.png"]) == (2, 1)


@pytest.mark.parametrize("beside", [False, True])
def test_label_files_that_match_nothing(root, draw_yolo, refused, beside):
    draw_yolo(root, MANY, names=None if beside else ["cat", "dog"])
    for file in sorted((root / "labels/train").iterdir()):
        file.rename((root / "images" if beside else root / "labels") / "train" / f"x{file.name}")
    if beside:
        (root / "classes.txt").write_text("cat\ndog\n")
    folder = "images/train" if beside else "labels/train"
    assert refused().startswith(
        f"{root}: 8 label files have no image ({folder}/x0.txt, {folder}/x1.txt, {folder}/x2.txt, …), while 8 of 10 "
        f"images have no label file: {folder}/x0.txt would need images/train/x0.*, and images/train/0.png would need "
        f"{folder}/0.txt; "
    )


def test_one_such_pair_is_background_and_a_warning(root, draw_yolo, counts, say, warn):
    draw_yolo(root, {f"train/{i}": ROW for i in range(50)} | {"val/v": ROW, "test/t": ROW})
    (root / "labels/train/1.txt").rename(root / "labels/train/x1.txt")
    assert counts()["train"]["images/train/1.png"] == 0
    assert list(say) == ["1 of 52 images have no objects: background (1 without a label file)"]
    assert list(warn) == ["1 label file has no image and is left out (labels/train/x1.txt)"]


@pytest.mark.parametrize("folder", ["Labels", "annotations/yolo", "obj"])
def test_label_files_in_another_folder(root, draw_yolo, counts, folder):
    draw_yolo(root, MANY)
    (root / folder).parent.mkdir(exist_ok=True)
    (root / "labels").rename(root / folder)
    assert objects(counts) == {1}


def test_labels_of_another_split_are_never_taken(root, draw_yolo, refused):
    """Of val, the names are those of train."""
    draw_yolo(root, {"train/1": ROW, "train/2": ROW, "val/1": None, "val/2": None})
    (root / "labels/val").rmdir()
    assert "test has 2 images and no objects of cat, dog" in refused(val_fraction=0.5)


@pytest.mark.parametrize("folder", ["runs/detect/predict/labels", "backup/train", "labels_old", "ann/train", "val"])
def test_predictions_and_labels_of_other_splits_are_no_truth(root, draw_yolo, refused, folder):
    draw_yolo(root, MANY | {"test/t": None})
    (root / folder).mkdir(parents=True, exist_ok=True)
    (root / folder / "t.txt").write_text(ROW)
    assert f"images/test: none of 1 images has a label file in labels/test; texts of such names are in {folder}" in (
        refused()
    )


def test_a_folder_with_one_name_in_common_is_not_the_labels(root, draw_yolo, refused):
    draw_yolo(root, MANY)
    (root / "labels/train").rename(root / "ann")
    for i in range(1, 8):
        (root / f"ann/{i}.txt").unlink()
    assert "images/train: none of 8 images has a label file" in refused()


@pytest.mark.parametrize(("images", "labels"), [("a/", ""), ("", "a/")])
def test_label_files_a_level_above_or_below_are_named(root, draw_yolo, draw_image, refused, images, labels):
    draw_yolo(root, {"val/v": ROW})
    for i, folder in enumerate("ab" * 4):
        draw_image(root / "images/train" / images.replace("a", folder) / f"{i}.png")
        text = root / "labels/train" / labels.replace("a", folder) / f"{i}.txt"
        text.parent.mkdir(parents=True, exist_ok=True)
        text.write_text(ROW)
    (root / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [cat, dog]\n")
    if images:  # each of them has its texts in the one folder
        assert "texts of such names are in labels/train, but" in refused()
    else:
        assert "texts of such names are in labels/train/" in refused()


# ---- lists


def listed(root: Path, lines: list[str]) -> None:
    (root / "train.txt").write_text("\n".join(lines))
    (root / "data.yaml").write_text("train: train.txt\nval: images/val\ntest: images/test\nnames: [cat, dog]\n")


@pytest.mark.parametrize(
    "line",
    [
        "data/images/train/{i}.png",
        "/home/somebody/my data/images/train/{i}.png",
        "C:\\Users\\me\\images\\train\\{i}.png",
        "images\\train\\{i}.png",
        "./data/obj/images/train/{i}.png",
        "../d2/images/train/{i}.png",
        "Images/Train/{i}.PNG",
    ],
)
def test_lists_of_another_machine(root, draw_yolo, counts, say, line):
    draw_yolo(root, MANY)
    listed(root, [line.format(i=i) for i in range(8)])
    assert list(counts()["train"]) == [f"images/train/{i}.png" for i in range(8)]
    first = line.format(i=0)
    assert list(say) == [f"{root}/train.txt: 8 images are not where it says ({first}, …); they are read from {root}"]


@pytest.mark.promise("lists of another machine")
def test_a_list_of_another_split_is_not_bent_to_this_one(root, draw_yolo, refused):
    draw_yolo(root, MANY)
    listed(root, [f"/else/val/{i}.png" for i in range(8)])
    for i in range(8):
        (root / f"{i}.png").write_bytes((root / f"images/train/{i}.png").read_bytes())
    assert "none of the training images is there; the first, /else/val/0.png, is named by train.txt:1" in refused()


def test_listed_images_that_are_not_there(root, draw_yolo, counts, refused):
    draw_yolo(root, MANY)
    listed(root, [f"data/images/train/{i}.png" for i in range(10)])
    assert refused() == (
        f"{root}/data/images/train/8.png: no such file, though train.txt:9 names it; "
        f"{root}/data/images/train/9.png: no such file, though train.txt:10 names it; replace or remove 2 files, or "
        "leave out up to so many with data.max_unreadable (now 0)"
    )
    assert len(counts(max_unreadable=2)["train"]) == 8


def test_a_list_of_which_nothing_is_there(root, draw_yolo, refused):
    draw_yolo(root, MANY)
    listed(root, [f"/else/photos/{i}x.png" for i in range(8)])
    assert refused(max_unreadable=99) == (
        f"{root}: none of the training images is there; the first, /else/photos/0x.png, is named by train.txt:1"
    )


def test_images_of_another_machine_that_are_not_there_change_no_name(root, draw_yolo, counts):
    draw_yolo(root, MANY)
    listed(root, ["images/train/1.png", "/else/photos/2.png"])
    assert list(counts(max_unreadable=1)["train"]) == ["images/train/1.png"]


def test_a_list_whose_images_could_be_in_two_places(root, draw_yolo, draw_image, refused):
    draw_yolo(root, MANY)
    for folder in ("a/photos", "photos"):
        draw_image(root / folder / "1.png")
    listed(root, ["/else/a/photos/1.png"])
    assert refused() == (
        f"{root}/train.txt: /else/a/photos/1.png is not there, but could be {root}/a/photos/1.png and "
        f"{root}/photos/1.png; correct the list"
    )


def test_a_list_in_utf_16(root, draw_yolo, counts):
    draw_yolo(root, MANY)
    listed(root, [])
    (root / "train.txt").write_bytes("images/train/1.png\r\nimages/train/2.png\r\n".encode("utf-16"))
    assert len(counts()["train"]) == 2


# ---- descriptions


@pytest.mark.parametrize(
    "text",
    [
        "train: d-1/images/train\nval: d-1/images/val\ntest: images/test",
        "train: /content/d/images/train\nval: /content/d/images/val\ntest: /content/d/images/test",
        'train: "C:\\Users\\me\\images\\train"\nval: "D:\\test\\images\\val"\ntest: "\\\\server\\x\\images\\test"',
        "train: images\\train\nval: images\\val\ntest: images\\test",
        "path: /content/datasets/e\ntrain: images/train\nval: images/val\ntest: images/test",
        "train: Images/Train\nval: IMAGES/VAL\ntest: images/Test/",
        "train: images/tr*\nval: images/va?\ntest: images/test/*.png",
        "Train: images/train\nvalidation: images/val\nTEST: images/test",
    ],
)
def test_descriptions_of_another_machine(root, draw_yolo, counts, text):
    draw_yolo(root, MANY)
    (root / "data.yaml").write_text(f"{text}\nnames: [cat, dog]\n")
    found = counts()
    assert {split: len(part) for split, part in found.items()} == {"train": 8, "val": 1, "test": 1}
    assert objects(counts) == {1}


def test_what_is_bent_is_said(root, draw_yolo, counts, say):
    draw_yolo(root, MANY)
    (root / "data.yaml").write_text("train: d-1/images/train\nval: images/val\ntest: images/test\nnames: [a, b]\n")
    counts()
    assert list(say) == [
        f"{root}/data.yaml: train: d-1/images/train is not there as written; {root}/images/train is read"
    ]


def test_a_split_is_never_taken_for_another(root, draw_yolo, draw_image, refused):
    draw_yolo(root, MANY)
    (root / "data.yaml").write_text("train: images/train\nval: ../valid/images\nnames: [cat, dog]\n")
    assert refused() == (
        f"{root}/data.yaml: val: ../valid/images: not at {root.parent}/valid/images; correct it, or remove the key val"
    )


def test_an_entry_that_could_be_in_two_places(root, draw_yolo, refused):
    draw_yolo(root, MANY)
    (root / "train").mkdir()
    (root / "data.yaml").write_text("train: /else/images/train\nnames: [cat, dog]\n")
    assert refused() == (
        f"{root}/data.yaml: train: /else/images/train is not there, but could be {root}/images/train and {root}/train; "
        "correct it"
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"names:\n\t0: cat\n\t1: dog\n", "not YAML (line 4 is indented by a tab, where YAML wants spaces)"),
        ("names: [katze, hünd]\n".encode("latin-1"), "names: not text in UTF-8; save the file as UTF-8"),
        (b"names: {1: cat, 2: dog}\n", "label files count classes from 0, so the numbers must too"),
        (b"names: [cat, dog]\nkpt_shape: 17\n", "kpt_shape: 17; wanted is [number of key points, 2 or 3], or [0, 0]"),
        (b"names: [cat, dog]\nkpt_shape: [4, 5]\n", "kpt_shape: [4, 5]; wanted is [number of key points, 2 or 3]"),
    ],
)
def test_true_reasons_of_descriptions(root, draw_yolo, refused, content, reason):
    draw_yolo(root, MANY)
    (root / "data.yaml").write_bytes(b"train: images/train\nval: images/val\n" + content)
    assert reason in refused()


@pytest.mark.parametrize(
    "content",
    [
        b"names:\t['cat', 'dog']\nnc:\t2\n",
        "names: [cat, dog]\n# 训练\n".encode("gbk"),
        b"names: {cat: 0, dog: 1}\n",
        b"names: [cat, dog]\nnc: '2'\n",
        b"names: [cat, dog]\nnc: 2.0\n",
    ],
)
@pytest.mark.parametrize("wide", [False, True])
def test_descriptions_as_editors_write_them(root, draw_yolo, boxes_config, voice, content, wide):
    draw_yolo(root, MANY)
    text = b"train: images/train\nval: images/val\ntest: images/test\n" + content
    if wide and b"#" not in content:
        text = text.decode().encode("utf-16")
    (root / "data.yaml").write_bytes(text)
    listed = list_splits(boxes_config("yolo", root=str(root)), voice)
    assert listed.splits["train"].class_names == ("cat", "dog")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (os.mkfifo, "not a regular file but a FIFO"),
        (Path.mkdir, "a folder, not a file"),
        (lambda path: path.symlink_to("nowhere"), "a link that leads nowhere"),
    ],
)
def test_a_description_that_is_no_file(root, draw_yolo, refused, make, reason):
    draw_yolo(root, MANY, names=None)
    make(root / "data.yaml")
    assert refused() == f"{root}/data.yaml: {reason}; put a description of the data there"


def test_darknet(root, draw_yolo, counts, say):
    """https://docs.cvat.ai/docs/dataset_management/formats/format-yolo"""
    draw_yolo(root, MANY, names=None)
    (root / "obj.data").write_text(
        "classes = 2\nnames = data/obj.names\ntrain = data/train.txt\nvalid = data/valid.txt\n"
    )
    (root / "obj.names").write_text("cat\ndog\n")
    (root / "train.txt").write_text("".join(f"data/images/train/{i}.png\n" for i in range(8)))
    (root / "valid.txt").write_text("data/images/val/v.png\ndata/images/test/t.png\n")
    assert {split: len(part) for split, part in counts(val_fraction=0.25).items()} == {"train": 6, "val": 2, "test": 2}
    assert say[0] == f"{root}/obj.data: names: data/obj.names is not there as written; {root}/obj.names is read"


@pytest.fixture
def darknet(root, draw_yolo):
    """`darknet("classes = 2\\n")`: with that in `obj.data`."""

    def write(more: str = "", file: str = "obj.data") -> None:
        draw_yolo(root, MANY, names=None)
        (root / file).write_text(f"names = obj.names\ntrain = train.txt\n{more}")
        (root / "obj.names").write_text("cat\ndog\n")
        (root / "train.txt").write_text("".join(f"images/train/{i}.png\n" for i in range(8)))

    return write


def test_darknets_description_that_contradicts_itself(root, darknet, refused):
    darknet("classes = 3\n")
    assert refused() == f"{root}/obj.data: classes = 3, but 2 names in {root}/obj.names; correct one of them"
    darknet("valid = val.txt\nval = test.txt\n")
    assert refused() == f"{root}/obj.data: valid and val are one split; keep one of them"
    darknet()
    darknet(file="voc.data")
    assert refused() == f"{root}: obj.data and voc.data could all describe the data; keep one of them"


def test_a_data_file_that_is_no_description_is_left_alone(root, darknet, counts):
    darknet()
    (root / "cache.data").write_bytes(bytes(range(256)))
    assert {split: len(part) for split, part in counts(val_fraction=0.25, test_fraction=0.25).items()} == {
        "train": 4,
        "val": 2,
        "test": 2,
    }


# ---- folders and images


def test_a_folder_that_holds_one_folder_alone(root, draw_yolo, counts, say):
    draw_yolo(root / "archive" / "My Data", MANY)
    (root / "__MACOSX").mkdir()
    (root / "README.txt").write_text("read me")
    assert len(counts()["train"]) == 8
    assert say[0] == f"{root}: holds one folder, and is read from {root / 'archive' / 'My Data'}"


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [("Train", "Val", "Test"), ("training", "validation", "testing"), ("train2017", "val2017", "test2017")],
)
@pytest.mark.parametrize(("images", "labels"), [("images", "labels"), ("Images", "Labels")])
def test_names_of_folders(root, draw_yolo, counts, train, val, test, images, labels):
    rows = {f"{train}/{i}": ROW for i in range(4)} | {f"{val}/v": ROW, f"{test}/t": ROW}
    draw_yolo(root, rows, names=None)
    (root / "classes.txt").write_text("cat\n")
    (root / "images").rename(root / images)
    (root / "labels").rename(root / labels)
    assert {split: len(part) for split, part in counts().items()} == {"train": 4, "val": 1, "test": 1}
    assert objects(counts) == {1}


def test_images_are_known_by_content(root, draw_yolo, draw_image, counts):
    draw_yolo(root, MANY)
    for i, name in enumerate(["1.jfif", "2", "3.image"]):
        draw_image(root / "images/train/x.jpg")
        (root / "images/train/x.jpg").rename(root / "images/train" / name)
        (root / f"images/train/{i + 1}.png").unlink()
    (root / "blobs").mkdir()
    (root / "images/train/4.png").rename(root / "blobs/4f")
    (root / "images/train/4.png").symlink_to(root / "blobs/4f")
    assert counts()["train"] == {
        f"images/train/{name}": 1 for name in ["0.png", "1.jfif", "2", "3.image", *(f"{i}.png" for i in range(4, 8))]
    }


def test_links_that_lead_nowhere_and_fifos_count_as_unreadable(root, draw_yolo, counts, refused):
    draw_yolo(root, MANY)
    for i in (1, 2):
        (root / f"images/train/{i}.png").unlink()
    (root / "images/train/1.png").symlink_to("nowhere")
    os.mkfifo(root / "images/train/2.png")
    assert refused() == (
        f"{root}/images/train/1.png: a link that leads nowhere; {root}/images/train/2.png: not a regular file but a "
        "FIFO; replace or remove 2 files, or leave out up to so many with data.max_unreadable (now 0)"
    )
    assert len(counts(max_unreadable=2)["train"]) == 6


def test_an_empty_split_is_warned_of(root, draw_yolo, counts, warn):
    draw_yolo(root, MANY)
    (root / "images/test/t.png").unlink()
    (root / "labels/test/t.txt").unlink()
    assert {split: len(part) for split, part in counts(val_fraction=0.25).items()} == {"train": 6, "val": 2, "test": 1}
    assert warn[0] == f"{root}: test holds no image, so there is no test; where one is needed it is carved out of train"


def test_what_becomes_of_each_file(root, draw_yolo, draw_image, boxes_config, voice, warn):
    draw_yolo(root, {**MANY, "train/none": None, "train/late": ROW, "other/o": ROW})
    (root / "data.yaml").write_text("train: images/train\nval: images/val\ntest: images/test\nnames: [cat, dog]\n")
    late = root / "images/train/late.png"
    late.write_bytes(late.read_bytes()[:-30])  # its header is whole
    (root / "images/train/gone.png").symlink_to("nowhere")
    (root / "labels/train/stray.txt").write_text(ROW)
    (root / "labels/val/.v.txt").write_text(ROW)
    (root / "README.md").write_text("# data")
    (root / "notes.txt").write_text("labelled by me")
    (root / "images/val/a.avif").write_bytes(b"\0\0\0\x20ftypavif" + bytes(20))
    config = boxes_config("yolo", root=str(root), max_unreadable=2, image_size=32)
    target = open_boxes(config, 0, voice)
    assert target.inventory is not None
    assert {kind: len(names) for kind, names in target.inventory.read.items()} == {
        "images": 11,
        "label files": 11,
        "descriptions": 1,
    }
    assert {reason: tuple(sorted(names)) for reason, names in target.inventory.left_out.items()} == {
        "a link that leads nowhere": ("images/train/gone.png",),
        "unreadable": ("images/train/late.png",),
        "label file without an image": ("labels/train/stray.txt",),
        "image that no split lists": ("images/other/o.png",),
        "text that is no image's label file": ("labels/other/o.txt", "notes.txt"),
        "hidden": ("labels/val/.v.txt",),
        "other ending (.md)": ("README.md",),
        "an AVIF file, which is not read": ("images/val/a.avif",),
    }
    assert target.unlabelled == {"images/train/none.png", "images/train/gone.png"}
    assert any("1 × an AVIF file, which is not read (images/val/a.avif)" in line for line in warn)


# ---- names of classes and splits


@pytest.mark.parametrize("place", ["labels/train", "images/train", "labels", "images", "."])
def test_class_names_beside_labels_or_images(root, draw_yolo, boxes_config, voice, place):
    draw_yolo(root, MANY, names=None)
    (root / place / "classes.txt").write_text("# names\ncat\ndog\n")
    assert list_splits(boxes_config("yolo", root=str(root)), voice).splits["train"].class_names == ("cat", "dog")


@pytest.mark.parametrize(("first", "second"), [("labels/train", "labels/val"), (".", "labels"), ("data.yaml", ".")])
def test_class_names_that_contradict_each_other(root, draw_yolo, refused, first, second):
    draw_yolo(root, MANY, names=["cat", "dog"] if first == "data.yaml" else None)
    if first != "data.yaml":
        (root / first / "classes.txt").write_text("cat\ndog\n")
    (root / second / "classes.txt").write_text("dog\ncat\n")
    assert "classes.txt: class 0 is 'dog', but 'cat' in " in refused()


@pytest.fixture
def class_names(root, draw_yolo, boxes_config, voice):
    """`class_names({"data.yaml": …, "labels/classes.txt": …})`."""

    def read(files: dict[str, str]) -> tuple[str, ...]:
        draw_yolo(root, MANY, names=None)
        for name, text in files.items():
            (root / name).write_text(text)
        return list_splits(boxes_config("yolo", root=str(root)), voice).splits["train"].class_names

    return read


SPLITS = "train: images/train\nval: images/val\ntest: images/test\n"


def test_a_description_with_a_number_alone_takes_the_names_of_a_file(root, class_names, refused, say):
    assert class_names({"data.yaml": f"{SPLITS}nc: 2\n", "classes.txt": "cat\ndog\n"}) == ("cat", "dog")
    assert list(say) == [f"{root}/data.yaml: no names in it; they are read from {root}/classes.txt"]
    (root / "classes.txt").write_text("cat\ndog\nemu\n")
    assert refused() == (f"{root}/data.yaml: 2 classes, but 3 names in {root}/classes.txt; correct one of them")


@pytest.mark.parametrize("empty", ["", "\n \n", "# signs\n"])
@pytest.mark.parametrize(
    ("others", "found"),
    [
        ({"data.yaml": f"{SPLITS}names: [cat, dog]\n"}, ("cat", "dog")),
        ({"data.yaml": f"{SPLITS}nc: 2\n"}, ("class_0", "class_1")),
        ({"labels/train/classes.txt": "cat\ndog\n"}, ("cat", "dog")),
    ],
)
def test_a_class_file_without_names_says_nothing(root, class_names, empty, others, found):
    assert class_names({**others, "labels/classes.txt": empty}) == found


def test_class_files_that_leave_a_name_or_its_number_open(root, class_names, draw_yolo, refused):
    draw_yolo(root, MANY, names=None)
    (root / "classes.txt").write_text("\n")
    assert refused() == f"{root}/classes.txt: no class names; wanted is one a class"
    (root / "classes.txt").write_text("# signs\n\ncat\n\n\ndog\n\n")
    assert refused() == (
        f"{root}/classes.txt:5: an empty line between names, so the numbers of those below it are not known; "
        "remove the line, or name its class there"
    )


@pytest.mark.parametrize("names", [[" cat", "cat"], ["caf\u00e9", "cafe\u0301"], ["cat", "ca\u200bt"]])
def test_class_names_that_look_the_same(root, draw_yolo, refused, names):
    draw_yolo(root, MANY, names=names)
    assert "occurs twice (as " in refused()


def test_class_names_that_differ_in_capitals(root, draw_yolo, counts, warn):
    draw_yolo(root, MANY, names=["Cat", "cat"])
    counts()
    assert [line.partition(": ")[2] for line in warn] == [
        "classes that differ only in case or leading zeros are taken for different ones ('Cat' and 'cat'); where they "
        "are one, write them alike"
    ]


def test_a_key_that_stands_twice(root, draw_yolo, refused):
    draw_yolo(root, MANY)
    (root / "data.yaml").write_text((root / "data.yaml").read_text() + "names: [dog, cat]\n")
    assert "names stands in it twice" in refused()


def test_keys_of_splits_in_other_words(root, draw_yolo, counts, say):
    draw_yolo(root, MANY)
    (root / "data.yaml").write_text("train: images/train\ndev: images/val\ntesting: images/test\nnames: [cat, dog]\n")
    assert list(counts()["test"]) == ["images/test/t.png"]
    assert list(counts()["val"]) == ["images/val/v.png"]
    assert any("dev is read as val" in line for line in say)


def test_lists_without_a_description(root, draw_yolo, counts):
    draw_yolo(root, {f"{i}": ROW for i in range(6)}, names=None)
    (root / "classes.txt").write_text("cat\ndog\n")
    (root / "train.txt").write_text("".join(f"images/{i}.png\n" for i in range(4)))
    (root / "test.txt").write_text("images/4.png\nimages/5.png\n")
    assert list(counts(val_fraction=0.25)["test"]) == ["images/4.png", "images/5.png"]


def test_an_image_that_a_list_repeats_is_taken_once(root, draw_yolo, counts, say):
    draw_yolo(root, {f"{i}": ROW for i in range(6)}, names=None)
    (root / "classes.txt").write_text("cat\ndog\n")
    (root / "train.txt").write_text("".join(f"images/{i}.png\n" for i in (0, 1, 1, 2, 3, 1)))
    (root / "test.txt").write_text("images/4.png\nimages/5.png\n")
    assert sum(map(len, counts(val_fraction=0.25).values())) == 6
    assert any("train.txt: 2 lines repeat an image, and each image is taken once" in line for line in say)


def test_texts_that_are_named_otherwise_are_named_where_no_image_has_a_label_file(root, draw_yolo, refused):
    draw_yolo(root, MANY)
    for file in sorted((root / "labels").rglob("*.txt")):
        (root / "notes").mkdir(exist_ok=True)
        file.rename(root / "notes" / f"label_of_{file.name}")
    assert re.search(
        r"none of 10 images has a label file of its name, while 10 texts that begin so are there, "
        r"such as notes/label_of_",
        refused(),
    )


def test_a_class_number_that_stands_twice(root, draw_yolo, refused):
    draw_yolo(root, MANY, names=None)
    (root / "data.yaml").write_text("train: images/train\nval: images/val\nnames:\n  0: cat\n  1: dog\n  1: cow\n")
    assert refused().endswith("data.yaml: 1 stands in it twice; keep the right one")


def test_a_key_that_stands_twice_with_one_value(root, draw_yolo, counts):
    draw_yolo(root, MANY)
    (root / "data.yaml").write_text((root / "data.yaml").read_text() + "nc: 2\nnc: 2\n")
    assert counts()


def test_two_keys_of_one_split(root, draw_yolo, counts, say):
    draw_yolo(root, MANY)
    (root / "data.yaml").write_text("train: images/train\nval: images/val\ndev: images/test\nnames: [cat, dog]\n")
    assert list(counts()["test"]) == ["images/val/v.png"]  # the only held-out images
    assert any(line.endswith("data.yaml: dev is not read, beside train, val") for line in say)


@pytest.mark.parametrize("eval_key", ["eval", "holdout"])
def test_a_key_that_may_be_val_or_test_is_the_one_that_is_free(root, draw_yolo, counts, say, refused, eval_key):
    draw_yolo(root, MANY)
    (root / "data.yaml").write_text(f"train: images/train\nval: images/val\n{eval_key}: images/test\nnames: [a, b]\n")
    assert list(counts()["test"]) == ["images/test/t.png"]
    assert any(f"{eval_key} is read as test" in line for line in say)
    (root / "data.yaml").write_text(f"train: images/train\n{eval_key}: images/test\nnames: [a, b]\n")
    assert f"{eval_key} may be val or test; name the key so" in refused()


@pytest.mark.parametrize("names", ["!!map [a, b]", "{0: cat, 1: dog, '1': cow}"])
def test_names_that_are_no_mapping_or_have_a_number_twice_in_other_words(root, draw_yolo, refused, names):
    draw_yolo(root, MANY, names=None)
    (root / "data.yaml").write_text(f"train: images/train\nval: images/val\nnames: {names}\n")
    assert re.search(r"data\.yaml: (not YAML \(|names: 1 stands in it twice)", refused())


def test_keys_that_are_merged_may_be_overridden(root, draw_yolo, counts):
    draw_yolo(root, MANY)
    merged = "base: &b {a: 1}\nx: {y: &m {<<: *b, a: 2}}\ntop: {<<: *m}\n"
    (root / "data.yaml").write_text((root / "data.yaml").read_text() + merged)
    assert counts()


def test_unusual_keys_without_one_to_train_on(root, draw_yolo, refused):
    draw_yolo(root, MANY)
    (root / "data.yaml").write_text("dev: images/val\nnames: [cat, dog]\n")
    assert refused().endswith("no key train beside dev; add the folder of the training images")

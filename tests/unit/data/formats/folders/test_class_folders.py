"""Folders as people have them: what they are read as, what is said, and what is refused with which remedy."""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.voices import hearing
from tlbench.data.formats.folders.class_folders import list_splits
from tlbench.data.inventory import all_files
from tlbench.data.listing import Listed
from tlbench.data.split_names import split_name, split_names
from tlbench.errors import DataError


def touch(root: Path, *names: str) -> None:
    for name in names:
        assert not name.startswith("/")
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def tree(root: Path, *folders: str, classes: Sequence[str] = ("cat", "dog")) -> None:
    touch(root, *(str(Path(folder, name, f"{i}.png")) for folder in folders for name in classes for i in range(2)))


def read(root: Path, *classes: str) -> tuple[Listed, list[str]]:
    said: list[str] = []
    listed = list_splits(root, classes=classes or None, voice=hearing(said))
    groups = (*listed.inventory.read.values(), *listed.inventory.left_out.values())
    assert sorted(name for names in groups for name in names) == sorted(all_files(root))
    return listed, said


def shape(listed: Listed) -> dict[str, dict[str, int]]:
    counts = {split: part.annotations.labels.bincount().tolist() for split, part in listed.parts.items()}
    return {split: dict(zip(part.class_names, counts[split], strict=True)) for split, part in listed.parts.items()}


PAIR = {"cat": 2, "dog": 2}


@pytest.mark.promise("usual names of splits")
@pytest.mark.parametrize(
    "folders",
    [
        {"Train": "train", "Test": "test"},
        {"Training": "train", "Testing": "test"},
        {"TRAIN": "train", "VALID": "val", "TEST": "test"},
        {"seg_train/seg_train": "train", "seg_test/seg_test": "test"},
        {"train_set": "train", "validation_set": "val"},
        {"train2017": "train", "val2017": "val"},
        {"trainset": "train", "testset": "test"},
        {"TrainImages": "train", "TestImages": "test"},
        {"train_images": "train", "val_images": "val"},
        {"asl_alphabet_train/asl_alphabet_train": "train", "asl_alphabet_test/asl_alphabet_test": "test"},
        {"train": "train", "Validate": "val"},
        {"training-data": "train", "dev-data": "val"},
        {"trainval": "train", "test": "test"},
        {"train": "train", "dev": "val", "eval": "test"},
        {"train": "train", "test1": "test"},
        {"my.set/deep/Train": "train", "my.set/deep/Val": "val"},
    ],
)
def test_splits_in_their_usual_forms(tmp_path: Path, folders: dict[str, str]) -> None:
    tree(tmp_path, *folders)
    listed, said = read(tmp_path)
    assert shape(listed) == {split: PAIR for split in ("train", "val", "test") if split in folders.values()}
    for folder, split in folders.items():
        assert all(name.startswith(f"{folder}/") for name in listed.parts[split].names)
    assert len(said) == (1 if "my.set/deep/Train" not in folders else 2) or set(folders) == {"train", "test1"}


@pytest.mark.parametrize(
    "names",
    [
        ("cat", "dog"),
        ("train_station", "bus_station"),
        ("testimony", "rest"),
        ("invalid", "unknown"),
        ("prod", "dev"),
        ("restrained", "contest"),
        ("stress_test", "blood_test", "scan"),
    ],
)
def test_names_that_are_no_splits(tmp_path: Path, names: tuple[str, ...]) -> None:
    tree(tmp_path, "", classes=names)
    assert shape(read(tmp_path)[0]) == {"train": dict.fromkeys(sorted(names), 2)}


@pytest.mark.promise("classes named like splits")
@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("bus", "train"), r"holds train and other folders \(bus\).*name all of them: data\.classes=\[bus,train\]"),
        (("invalid", "valid"), r"holds valid but no folder train.*data\.classes=\[invalid,valid\]"),
        (("Test", "Match"), r"holds Test but no folder train.*data\.classes=\[Match,Test\]"),
        (("train_a", "test_b"), r"are named like splits, not like classes.*data\.classes=\[test_b,train_a\]"),
        (("train", "eval"), r"eval may be val or test; rename it.*data\.classes=\[eval,train\]"),
        (("Train", "train"), r"Train and train are one split; join them in one folder"),
    ],
)
def test_classes_named_like_splits_are_refused_unless_they_are_named(
    tmp_path: Path, names: tuple[str, ...], message: str
) -> None:
    tree(tmp_path, "", classes=names)
    with pytest.raises(DataError, match=message):
        read(tmp_path)
    assert shape(read(tmp_path, *names)[0]) == {"train": dict.fromkeys(sorted(names), 2)}


def test_classes_named_like_splits_lie_within_splits(tmp_path: Path) -> None:
    tree(tmp_path, "train", "test", classes=("bus", "train"))
    assert shape(read(tmp_path)[0]) == {"train": {"bus": 2, "train": 2}, "test": {"bus": 2, "train": 2}}


def test_words_of_splits() -> None:
    assert split_name("seg_Train") == split_name("segTrain")
    assert split_name("train_test") is None
    assert split_names(["cat", "dog"]) is None
    assert split_names(["seg_train", "seg_test", "seg_pred"]).unlabelled == ("seg_pred",)


@pytest.mark.parametrize("beside", [(), ("__MACOSX/a/cat/._0.jpg", ".cache/x.png"), ("README.md", "docs/a.txt")])
def test_single_folders_around_the_data_are_gone_through(tmp_path: Path, beside: tuple[str, ...]) -> None:
    tree(tmp_path, "archive/my data")
    touch(tmp_path, *beside)
    listed, said = read(tmp_path)
    assert shape(listed) == {"train": PAIR}
    assert listed.parts["train"].names[0] == "archive/my data/cat/0.png"
    assert said == [f"{tmp_path}: the images lie in archive/my data/, the only folder of images in it"]


@pytest.mark.parametrize("splits", [(), ("train", "test")])
def test_a_stray_image_beside_a_folder_around_the_data_is_left_out(tmp_path: Path, splits: tuple[str, ...]) -> None:
    tree(tmp_path, *(f"dataset/{split}" for split in splits or ("",)))
    touch(tmp_path, "preview.png")
    listed, said = read(tmp_path)
    assert shape(listed) == dict.fromkeys(splits or ("train",), PAIR)
    assert said == [
        f"{tmp_path}: images beside the folder of all others have no label: 1 left out (preview.png)",
        f"{tmp_path}: the images lie in dataset/, the only folder of images in it",
    ]


@pytest.mark.promise("a copy within itself")
def test_a_copy_of_the_data_within_itself_is_left_out(tmp_path: Path) -> None:
    for place, names in (("cells", ("sick", "well")), ("scans", ("train", "test"))):
        tree(tmp_path / place, *(("",) if place == "cells" else names), classes=("sick", "well"))
        shutil.copytree(tmp_path / place, tmp_path / "copy")
        (tmp_path / "copy").rename(tmp_path / place / place)
        listed, said = read(tmp_path / place)
        assert sum(map(len, listed.parts.values())) == 4 * (1 + (place == "scans"))
        assert len(said) == 1
        assert "holds the folders beside it once more" in said[0]
    (tmp_path / "cells/cells/sick/0.png").write_bytes(b"another")
    with pytest.raises(DataError, match=r"cells/cells: holds folders of the same names .* but not the same images"):
        read(tmp_path / "cells")
    assert shape(read(tmp_path / "cells", "sick", "well")[0]) == {"train": {"sick": 2, "well": 2}}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["train/a/0.png", "train/b/0.png", "test/0.png"], r"test: 1 image without class folders, so that they have"),
        (["train/a/0.png", "train/b/0.png", "test/test/0.png"], r"test: 1 image in the folder 'test' alone, which is"),
        (["train/a/0.png", "train/b/0.png", "test/unknown/0.png"], r"'unknown' alone.*move the folder out of"),
        (["train/0.png", "test/0.png"], r"train: no class folders in it, but 1 image"),
        (
            ["train/a/0.png", "train/b/0.png", "train/c/0.png", "val/a/0.png", "val/b/0.png"],
            r"not in val: c; add images, choose data\.classes=\[a,b\], or do without val",
        ),
        (
            ["train/a/0.png", "train/b/0.png", "val/a/0.png", "val/b/0.png", "val/x/0.png"],
            r"in val, but not in train: x",
        ),
        (
            ["1/ok/0.png", "1/bad/0.png", "2/ok/0.png", "2/bad/0.png"],
            r"\(1, 2\) hold folders of the same .* \(bad, ok\)",
        ),
        (["a/train/0.png", "a/test/0.png", "b/train/0.png", "b/test/0.png"], r"of the same names \(test, train\)"),
        (["train/train/a/0.png", "train/test/a/0.png", "test/a/0.png"], r"named like splits, within a folder that is"),
        (
            ["a/train/0.png", "a/test/0.png", "b/0.png"],
            r"a: holds folders of splits \(test, train\), .*=\[a,b\]",
        ),
        (["a/0.avif", "b/0.png"], r"a: no images in this class folder \(1 × an AVIF file, which is not read\)"),
        (["a/0.npy", "b/0.png", "c/0.png"], r"no images in this class folder \(1 × other ending \(\.npy\)\)"),
        (["0.png", "1.png", "labels.csv"], r"where labels\.csv names their classes, use data=image_csv data\.root="),
    ],
)
def test_layouts_that_are_refused_for_the_true_reason(tmp_path: Path, names: list[str], message: str) -> None:
    touch(tmp_path, *names)
    for name in names:
        if name.endswith(".avif"):
            (tmp_path / name).write_bytes(b"\0\0\0\x1cftypavif")
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("folders", "found"),
    [
        ({"训练集": "cat dog emu", "测试集": "cat dog"}, ("测试集, 训练集", "cat, dog")),
        ({"fold1": "cat dog emu", "fold2": "cat dog"}, ("fold1, fold2", "cat, dog")),
        ({"Entrenamiento": "cat dog", "Prueba": "Cat Dog"}, ("Entrenamiento, Prueba", "cat, dog")),
        ({"A": "cat dog", "B": "cat emu", "C": "fox"}, ("A, B", "cat")),
        ({"rps/rps": "paper rock", "rps-test-set/rps-test-set": "paper rock"}, ("rps, rps-test-set", "paper, rock")),
        ({"rps/rps": "paper rock", "more": "paper"}, ("more, rps", "paper")),
        ({"cat": "train test", "dog": "train"}, ("cat, dog", "train")),
        ({"camera_1": "good broken", "camera_2": "good"}, ("camera_1, camera_2", "good")),
        ({"COVID": "images masks", "Normal": "images masks"}, ("COVID, Normal", "images, masks")),
    ],
)
@pytest.mark.parametrize("stray", [False, True])
def test_folders_of_folders_of_the_same_names_are_refused_unless_they_are_named(
    tmp_path: Path, folders: dict[str, str], found: tuple[str, str], stray: bool
) -> None:
    for folder, classes in folders.items():
        tree(tmp_path, folder, classes=classes.split())
    if stray:
        touch(tmp_path, f"{next(iter(folders))}/preview.png")
    tops = sorted({folder.split("/")[0] for folder in folders})
    message = r"folders in it \({}\) hold folders of the same names \({}\).* rename them to train, val and test where"
    with pytest.raises(DataError, match=message.format(*found) + rf".*data\.classes=\[{','.join(tops)}\]"):
        read(tmp_path)
    assert list(shape(read(tmp_path, *tops)[0])["train"]) == tops


@pytest.mark.parametrize(
    "names",
    [
        "cat/images/0.png dog/images/0.png",
        "cat/images/0.png cat/extra/0.png dog/images/0.png",
        "cat/Photos/0.png cat/new/0.png dog/photos/0.png dog/old/0.png",
        "cat/pets/a/0.png cat/pets/b/0.png dog/pets/c/0.png",
        "cat/a/0.png cat/b/0.png dog/c/0.png dog/d/0.png",
        "cat/0.png cat/1.png cat/2.png cat/old/0.png dog/0.png dog/1.png dog/2.png dog/old/0.png dog/new/0.png",
    ],
)
def test_nested_classes_of_names_of_their_own_are_read(tmp_path: Path, names: str) -> None:
    touch(tmp_path, *names.split())
    assert list(shape(read(tmp_path)[0])["train"]) == ["cat", "dog"]


@pytest.mark.promise("images are known by content")
def test_images_are_known_by_content_and_what_is_not_read_is_warned_of(tmp_path: Path) -> None:
    tree(tmp_path, "")
    for name in ("cat/a.jfif", "cat/b", "dog/c.mpo"):
        (tmp_path / name).write_bytes(b"\xff\xd8\xff\xe0")
    (tmp_path / "dog/d.avif").write_bytes(b"\0\0\0\x1cftypavif")
    touch(tmp_path, "cat/notes.txt", "stray.png")
    listed, said = read(tmp_path)
    assert shape(listed) == {"train": {"cat": 4, "dog": 3}}
    assert dict(listed.inventory.left_out) == {
        "other ending (.txt)": ("cat/notes.txt",),
        "an AVIF file, which is not read": ("dog/d.avif",),
        "beside the class folders": ("stray.png",),
    }
    assert said == [
        f"{tmp_path}: images beside the class folders have no label: 1 left out (stray.png)",
        f"{tmp_path}: 1 × an AVIF file, which is not read (dog/d.avif); convert to PNG or JPEG what is to be used",
    ]


def test_thumbnails_that_systems_make_are_hidden(tmp_path: Path) -> None:
    tree(tmp_path, "")
    touch(tmp_path, "cat/@eaDir/0.png/SYNOPHOTO_THUMB_XL.jpg", "cat/.ipynb_checkpoints/0.png", "$RECYCLE.BIN/cat/1.png")
    listed, said = read(tmp_path)
    assert shape(listed) == {"train": PAIR}
    assert len(listed.inventory.left_out["hidden"]) == 3
    assert said == []


@pytest.mark.parametrize(
    ("other", "merged"),
    [("cat ", True), (" cat", True), ("cat\u200b", True), ("cat\u00a0", True), ("Cat", False), ("cät", False)],
)
def test_class_folders_that_differ_in_what_is_not_seen_are_one(tmp_path: Path, other: str, merged: bool) -> None:
    tree(tmp_path, "", classes=("cat", other, "dog"))
    listed, said = read(tmp_path)
    assert shape(listed)["train"] == ({"cat": 4, "dog": 2} if merged else {"cat": 2, other: 2, "dog": 2})
    assert len(said) == (other != "cät")


@pytest.mark.parametrize("name", ["café", "Dog", "cat "])
def test_a_class_of_test_is_that_of_train_that_alone_fits(tmp_path: Path, name: str) -> None:
    tree(tmp_path, "train", classes=("café", "cat", "dog"))
    tree(tmp_path, "test", classes=("café", "cat", "dog"))
    plain = {"café": "café", "Dog": "dog", "cat ": "cat"}[name]
    (tmp_path / "test" / plain).rename(tmp_path / "test" / unicodedata.normalize("NFD", name))
    listed, said = read(tmp_path)
    assert shape(listed)["test"] == shape(listed)["train"] == {"café": 2, "cat": 2, "dog": 2}
    assert len(said) == 1
    assert said[0].endswith(f"in test is train's {plain!r}")


def test_broken_links_are_listed_and_links_upwards_are_named(tmp_path: Path) -> None:
    tree(tmp_path, "data")
    root = tmp_path / "data"
    for link in ("cat/gone.png", "dog/gone"):
        (root / link).symlink_to("nowhere")
    listed, _ = read(root)
    assert {"cat/gone.png", "dog/gone"} <= set(listed.parts["train"].names)
    for target in ("..", "../..", "/"):
        (root / "cat/up").symlink_to(target)
        with pytest.raises(DataError, match=r"cat/up: a link that leads back to a folder it lies in; remove it"):
            read(root)
        (root / "cat/up").unlink()


@pytest.mark.parametrize("link", ["emu", "St. Bernard", "train/No. 7", "train/emu", "test", "val2017.v2", "set/emu"])
def test_a_broken_link_in_the_place_of_a_folder_is_named(tmp_path: Path, link: str) -> None:
    tree(tmp_path, "" if link in ("emu", "St. Bernard") else link.split("/")[0] if "/" in link else "train")
    (tmp_path / link).symlink_to("moved/away")
    with pytest.raises(
        DataError, match=rf"{re.escape(link)}: a link that leads nowhere \(moved/away\).*; mend or remove it"
    ):
        read(tmp_path)
    if link == "emu":
        assert shape(read(tmp_path, "cat", "dog")[0]) == {"train": PAIR}


def test_broken_links_to_texts_are_no_folders(tmp_path: Path) -> None:
    tree(tmp_path, "")
    for name in ("README.md", "data.csv", "first.JPG"):
        (tmp_path / name).symlink_to("moved/away")
    assert shape(read(tmp_path)[0]) == {"train": PAIR}


@pytest.mark.parametrize("stray", [0, 1, 2])
def test_a_class_that_holds_folders_of_images_is_warned_of(tmp_path: Path, stray: int) -> None:
    tree(tmp_path, "data", "")
    shutil.rmtree(tmp_path / "cat")
    (tmp_path / "dog").rename(tmp_path / "figures")
    touch(tmp_path, *(f"data/{i}.png" for i in range(stray)))
    listed, said = read(tmp_path)
    assert shape(listed) == {"train": {"data": 4 + stray, "figures": 2}}
    held = ("no images but", "1 image beside", "2 images beside")[stray]
    wanted = f"data: holds {held} folders of images (cat, dog); all of them are read as the class 'data'"
    assert said == [f"{tmp_path}/{wanted}"]


def test_outer_folders_that_are_read_as_the_classes_are_warned_of(tmp_path: Path) -> None:
    tree(tmp_path, "cats", classes=("siamese", "manx"))
    tree(tmp_path, "dogs", classes=("beagle", "corgi"))
    listed, said = read(tmp_path)
    assert shape(listed) == {"train": {"cats": 4, "dogs": 4}}
    wanted = "all folders in it hold folders of images, such as cats (manx, siamese); the outer are read as the classes"
    assert said == [f"{tmp_path}: {wanted}"]
    assert read(tmp_path, "cats", "dogs")[1] == []


def test_images_beside_classes_that_are_named_are_left_out_for_the_true_reason(tmp_path: Path) -> None:
    tree(tmp_path, "")
    touch(tmp_path, "stray.png")
    listed, said = read(tmp_path, "cat", "dog")
    assert dict(listed.inventory.left_out) == {"beside the class folders": ("stray.png",)}
    assert said == [f"{tmp_path}: images beside the class folders have no label: 1 left out (stray.png)"]


def test_what_other_classes_have_is_left_out_and_counted(tmp_path: Path) -> None:
    tree(tmp_path, "train", "test", classes=("cat", "dog"))
    touch(tmp_path, "train/emu/0.png")
    listed, _ = read(tmp_path, "dog", "cat")
    assert shape(listed) == {"train": PAIR, "test": PAIR}
    assert listed.inventory.left_out == {"of a class that is not in data.classes": ("train/emu/0.png",)}


@pytest.mark.parametrize("name", ["_unlabeled", "no_label", "Unlabelled"])
def test_folders_of_images_without_labels_are_left_out(tmp_path: Path, name: str) -> None:
    tree(tmp_path, "", classes=("cat", "dog", name))
    listed, said = read(tmp_path)
    assert shape(listed) == {"train": PAIR}
    assert said == [f"{tmp_path / name}: its name says that its images have no labels; 2 images left out"]

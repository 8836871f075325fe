from __future__ import annotations

from pathlib import Path

import pytest

from tlbench.data.listing import list_classes, list_csv, list_splits
from tlbench.errors import DataError


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_listing_is_sorted_naturally_goes_deep_and_skips_what_is_no_image(tmp_path: Path):
    touch(tmp_path, "b/10.JPG", "b/2.jpeg", "b/x1.PNG", "a/1.webp", "a/01.bmp", "a/notes.txt", "a/.hidden.png", "z.png")
    touch(tmp_path, "a/deep/3.png", ".cache/x.png")
    listed = list_classes(tmp_path)
    assert listed.class_names == ("a", "b")
    assert listed.names == ("a/01.bmp", "a/1.webp", "a/deep/3.png", "b/2.jpeg", "b/10.JPG", "b/x1.PNG")
    assert listed.labels.tolist() == [0, 0, 0, 1, 1, 1]


def test_splits_are_found_by_their_folders_names(tmp_path: Path):
    touch(tmp_path, *(f"{split}/{c}/{i}.png" for split in ("train", "valid") for c in "ab" for i in range(2)))
    listed = list_splits(tmp_path)
    assert list(listed) == ["train", "val"]
    assert listed["val"].names == ("valid/a/0.png", "valid/a/1.png", "valid/b/0.png", "valid/b/1.png")
    touch(tmp_path / "plain", "a/0.png", "b/0.png")
    assert list(list_splits(tmp_path / "plain")) == ["train"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["test/a/0.png", "test/b/0.png"], "holds test but no folder train"),
        (["train/a/0.png", "cats/0.png"], r"holds train and other folders \(cats\)"),
        (["train/a/0.png", "val/a/0.png", "valid/a/0.png"], "are one split"),
        (["train/a/0.png", "train/b/0.png", "test/a/0.png"], "train and test .* only in one of them: b"),
        (["train/a/0.png", "train/b/0.txt"], r"train/b: no images \(\.jpg"),
        (["0.png"], "no class folders in it"),
    ],
)
def test_layouts_that_cannot_be_meant(tmp_path: Path, names: list[str], message: str):
    touch(tmp_path, *names)
    with pytest.raises(DataError, match=message) as caught:
        list_splits(tmp_path)
    assert "\n" not in str(caught.value)


def test_folder_that_is_missing(tmp_path: Path):
    with pytest.raises(DataError, match=r"absent: No such file or directory; wanted is a folder"):
        list_splits(tmp_path / "absent")


def write(folder: Path, text: str) -> Path:
    (folder / "list.csv").write_text(text)
    return folder / "list.csv"


def test_csv_with_and_without_splits(tmp_path: Path):
    touch(tmp_path, "x/1.png", "x/2.png", "3.png")
    listed = list_csv(write(tmp_path, "label,path\ndog,x/1.png\ncat,x/2.png\n"))
    assert list(listed) == ["train"]
    assert listed["train"].names == ("x/1.png", "x/2.png")
    assert listed["train"].class_names == ("cat", "dog")
    assert listed["train"].labels.tolist() == [1, 0]
    listed = list_csv(write(tmp_path, "path,label,split\nx/1.png,b,train\nx/2.png,a,train\n3.png,b,valid\n"))
    assert listed["val"].names == ("3.png",)
    assert listed["val"].labels.tolist() == [1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label\n1.png,a\n", r"no column path in its first line \(file, label\)"),
        ("path,label\n1.png,\n", "line 2: no label"),
        ("path,label\n1.png,a\nabsent.png,b\n", "line 3: absent.png: no such file below"),
        ("path,label,split\n1.png,a,dev\n", "line 2: split 'dev'; allowed: train, val, test"),
        ("path,label\n1.png,a\n1.png,b\n", r"1\.png occurs twice \(rows 1 and 2\)"),
        ("path,label\n", "no rows below its first line"),
        ("path,label\n1.png,a\n", "only 'a' in it; wanted are two classes"),
        ("path,label,split\n1.png,a,test\n2.png,b,test\n", "no row is train"),
    ],
)
def test_csv_that_cannot_be_used(tmp_path: Path, text: str, message: str):
    touch(tmp_path, "1.png", "2.png")
    with pytest.raises(DataError, match=message) as caught:
        list_csv(write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_csv_that_is_none(tmp_path: Path):
    (tmp_path / "list.csv").write_bytes(b"\xff\xfe\x00path")
    with pytest.raises(DataError, match="not a CSV file in UTF-8"):
        list_csv(tmp_path / "list.csv")
    with pytest.raises(DataError, match=r"absent\.csv': No such file"):
        list_csv(tmp_path / "absent.csv")


def test_one_class_alone_is_no_classification(tmp_path: Path):
    touch(tmp_path, "cats/0.png", "cats/1.png")
    with pytest.raises(DataError, match=r"only the class 'cats' in it; .* folder above"):
        list_splits(tmp_path)

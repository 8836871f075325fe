from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tlbench.config import STANDARD_LIMITS, LimitsConfig
from tlbench.data.formats.csv.listing import list_csv
from tlbench.data.formats.folders.class_folders import list_classes, list_splits
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
    assert listed.annotations.labels.tolist() == [0, 0, 0, 1, 1, 1]


def test_splits_are_found_by_their_folders_names(tmp_path: Path):
    touch(tmp_path, *(f"{split}/{c}/{i}.png" for split in ("train", "valid") for c in "ab" for i in range(2)))
    listed = list_splits(tmp_path).parts
    assert list(listed) == ["train", "val"]
    assert listed["val"].names == ("valid/a/0.png", "valid/a/1.png", "valid/b/0.png", "valid/b/1.png")
    touch(tmp_path / "plain", "a/0.png", "b/0.png")
    assert list(list_splits(tmp_path / "plain").parts) == ["train"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["test/a/0.png", "test/b/0.png"], "holds test but no folder train"),
        (["train/a/0.png", "cats/0.png"], r"holds train and other folders \(cats\)"),
        (["train/a/0.png", "val/a/0.png", "valid/a/0.png"], "are one split"),
        (
            ["train/a/0.png", "train/b/0.png", "test/a/0.png"],
            "train and test must .* but not in test: b; add images",
        ),
        (["train/a/0.png", "train/b/0.txt"], r"train/b: no images in this class folder \(1 × other ending \(\.txt\)\)"),
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
    listed = list_csv(write(tmp_path, "label,path\ndog,x/1.png\ncat,x/2.png\n")).parts
    assert list(listed) == ["train"]
    assert listed["train"].names == ("x/1.png", "x/2.png")
    assert listed["train"].class_names == ("cat", "dog")
    assert listed["train"].annotations.labels.tolist() == [1, 0]
    touch(tmp_path, "4.png")
    text = "path,label,split\nx/1.png,b,train\nx/2.png,a,train\n3.png,b,valid\n4.png,a,valid\n"
    listed = list_csv(write(tmp_path, text)).parts
    assert listed["val"].names == ("3.png", "4.png")
    assert listed["val"].annotations.labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("place,label\nx,a\n", r"no column path in its first line \(place, label\)"),
        ("path,label\n1.png,\n", "line 2: no label"),
        ("path,label\n1.png,a\nabsent.png,b\n", "line 3: absent.png: no such file below"),
        ("path,label,split\n1.png,a,other\n", "line 2: split 'other'; allowed: train, val, test"),
        ("path,label\n1.png,a\n2.png,b\n1.png,a\n", r"1\.png occurs twice \(rows 1 and 3\)"),
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
    with pytest.raises(DataError, match=r"only the class 'cats' in it; wanted are two class folders or more$"):
        list_splits(tmp_path)
    touch(tmp_path, "dogs/0.png")
    with pytest.raises(DataError, match=r"no class folders in it, but 2 images.* folder above, .* \(cats, dogs\)$"):
        list_splits(tmp_path / "cats")


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: os.mkfifo(path), r"not a regular file; mend the path"),
        (lambda path: path.symlink_to("/dev/zero"), r"not a regular file; mend the path"),
        (lambda path: path.mkdir(), r"not a regular file; mend the path"),
    ],
)
def test_csv_that_names_no_regular_file(tmp_path: Path, make, message: str):
    touch(tmp_path, "1.png")
    make(tmp_path / "2.png")
    with pytest.raises(DataError, match=rf"line 3: 2\.png: {message}"):
        list_csv(write(tmp_path, "path,label\n1.png,a\n2.png,b\n"))


@pytest.mark.parametrize("path", ["x" * 5_000, "in/\0.png"])
def test_csv_with_names_that_no_file_can_have(tmp_path: Path, path: str):
    with pytest.raises(DataError, match=r"line 2: .*: no such file below|line contains NUL") as caught:
        list_csv(write(tmp_path, f"path,label\n{path},a\n"))
    assert len(str(caught.value)) < 400


@pytest.mark.timeout(10)
def test_csv_that_is_no_regular_file(tmp_path: Path):
    os.mkfifo(tmp_path / "list.csv")
    with pytest.raises(DataError, match=r"list\.csv': not a regular file but a FIFO"):
        list_csv(tmp_path / "list.csv")


def limits(**changes: float) -> LimitsConfig:
    return STANDARD_LIMITS.model_copy(update=changes)


def test_a_csv_file_larger_than_allowed_is_not_read(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("tlbench.data.formats.csv.table._lines", None)
    file = write(tmp_path, "path,label\n" + "1.png,a\n" * 200)
    with pytest.raises(DataError, match=r"larger than data\.limits\.max_annotations_gb=1e-06 allows; raise it"):
        list_csv(file, limits(max_annotations_gb=1e-6))


def test_a_line_without_an_end_is_not_taken_into_memory(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("tlbench.data.formats.csv.table._LONGEST_LINE", 1000)
    for text in ("x" * 5_000, "path,label\n1.png," + "a" * 5_000):
        with pytest.raises(DataError, match="a line of more than 1,000 characters"):
            list_csv(write(tmp_path, text))


def test_many_columns_are_told_in_a_short_line_and_cost_no_more_than_they_are(tmp_path: Path):
    header = ",".join(f"c{i}" for i in range(50_000))
    with pytest.raises(DataError, match=r"no column path and label in its first line \(c0, c1") as caught:
        list_csv(write(tmp_path, header + "\n"))
    assert len(str(caught.value)) < 500
    touch(tmp_path, *(f"{i}.png" for i in range(50)))
    rows = "".join(f"{i}.png,{i % 2}{',' * 50_000}\n" for i in range(50))
    begun = time.process_time()
    assert len(list_csv(write(tmp_path, f"path,label,{header}\n{rows}")).parts["train"]) == 50
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("kind", ["folder", "csv"])
def test_more_classes_than_allowed(tmp_path: Path, kind: str):
    touch(tmp_path, *(f"{name}/1.png" for name in "abc"))
    file = write(tmp_path, "path,label\n" + "".join(f"{name}/1.png,{name}\n" for name in "abc"))
    read = (lambda few: list_splits(tmp_path, few)) if kind == "folder" else (lambda few: list_csv(file, few))
    assert len(read(limits(max_classes=3)).parts["train"].class_names) == 3
    with pytest.raises(
        DataError, match=r"3 classes are more than data\.limits\.max_classes=2 allows; correct them, or"
    ):
        read(limits(max_classes=2))

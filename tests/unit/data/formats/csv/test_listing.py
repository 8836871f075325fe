"""Tables as people have them: what they are read as, what is said, and what is refused with which remedy."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.voices import hearing
from tlbench.data.formats.csv.listing import list_csv
from tlbench.data.listing import Listed
from tlbench.errors import DataError

FILES = [f"images/{label}/{i}.jpg" for label in ("cat", "dog") for i in range(4)]
ROWS = [(path, path.split("/")[1]) for path in FILES]
WANTED = {path: ("train", label) for path, label in ROWS}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", "/root")  # of tables at home another inventory is taken
    monkeypatch.chdir("/")
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def read(root: Path, text: str | bytes, *classes: str) -> tuple[Listed, list[str]]:
    (root / "list.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    said: list[str] = []
    return list_csv(root / "list.csv", classes=classes or None, voice=hearing(said)), said


def labels(listed: Listed) -> dict[str, tuple[str, str]]:
    return {
        name: (split, part.class_names[label])
        for split, part in listed.parts.items()
        for name, label in zip(part.names, part.annotations.labels.tolist(), strict=True)
    }


def table(header: str, rows: Sequence[str]) -> str:
    return "\n".join([header, *rows, ""])


def with_column(name: str, cells: Sequence[str]) -> str:
    """The plain table with one more column, whose cells recur."""
    return table(f"path,label,{name}", [f"{p},{label},{cells[i % len(cells)]}" for i, (p, label) in enumerate(ROWS)])


PLAIN = table("path,label", [f"{path},{label}" for path, label in ROWS])


@pytest.mark.promise("CSV dialects")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PLAIN, None),
        (PLAIN.replace("path,label", "Path,Label"), "path from 'Path', label from 'Label'"),
        (PLAIN.replace("path,label", " path, label"), None),
        (PLAIN.replace("path,label", "filename,class"), "path from 'filename', label from 'class'"),
        (PLAIN.replace("path,label", "id,label"), "path from 'id'"),
        (PLAIN.replace("path,label", "image_id,breed"), "path from 'image_id', label from 'breed'"),
        (PLAIN.replace("path,label", "picture of,what it is"), "path from 'picture of', label from 'what it is'"),
        (PLAIN.replace("path,label\n", ""), "its first line is read as a row"),
        (PLAIN.replace(",", ";"), "delimited by semicolons"),
        (PLAIN.replace(",", "\t"), "delimited by tabs"),
        (PLAIN.replace(",", "|"), "delimited by bars"),
        (PLAIN.encode("utf-8-sig"), None),
        (PLAIN.replace(",", "\t").encode("utf-16"), "UTF-16, delimited by tabs"),
        (PLAIN.encode("utf-16-be").join([b"\xfe\xff", b""]), "UTF-16"),
        (PLAIN.replace("\n", "\r\n"), None),
        (PLAIN.replace("\n", "\n\n"), None),
        (PLAIN.replace("\n", ",,\n"), None),
        (table(",path,label", [f"{i},{path},{label}" for i, (path, label) in enumerate(ROWS)]), None),
        (table("Unnamed: 0,path,label", [f"{i},{path},{label}" for i, (path, label) in enumerate(ROWS)]), None),
        (table("id,file,label", [f"{i},{path},{label}" for i, (path, label) in enumerate(ROWS)]), "path from 'file'"),
        (
            table("path,class_id,class_name", [f"{path},{int(label == 'dog')},{label}" for path, label in ROWS]),
            "label from 'class_name'",
        ),
        (
            table("filename,cat,dog", [f"{p},{int(label == 'cat')},{float(label == 'dog')}" for p, label in ROWS]),
            "labels from the columns cat, dog",
        ),
        (PLAIN.replace(",", ", "), None),
        (table('"path", "label"', [f'"{path}", "{label}"' for path, label in ROWS]), None),
        (table("label, path", [f'{label}, "{path}"' for path, label in ROWS]), None),
        ("sep=;\n" + PLAIN.replace(",", ";"), "delimited by semicolons"),
        ('"sep=,"\r\n' + PLAIN, None),
        (PLAIN.replace("3.jpg,cat", "3.jpg,cat "), "'cat ' as 'cat'"),
        (PLAIN.replace("3.jpg,cat", "3.jpg,cat\u200b"), "cat\\u200b' as 'cat'"),
        (PLAIN.replace("3.jpg,cat", "3.jpg,\ufeffcat"), "as 'cat'"),
    ],
)  # fmt: skip
def test_dialects_that_are_read(root: Path, text: str | bytes, words: str | None) -> None:
    listed, said = read(root, text)
    assert labels(listed) == WANTED
    assert (words is None and said == []) or any(words in line for line in said)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda path: path.removesuffix(".jpg"), "lack the ending"),
        (lambda path: path.removeprefix("images/"), "of the one file of that name"),
        (lambda path: path.removeprefix("images/").removesuffix(".jpg"), "lack the ending, or the folder"),
        (lambda path: path.replace("/", "\\"), "have / for \\"),
        (lambda path: "./" + path, None),
        (lambda path: path.replace(".jpg", ".JPG"), "of the one file of that name"),
        (lambda path: f"/kaggle/input/pets/{path}", "are of another place"),
        (lambda path: "C:\\Users\\me\\" + path.replace("/", "\\"), "are of another place"),
        (lambda path: path + " ", "without blanks"),
    ],
)
def test_paths_that_one_file_fits(root: Path, change, words: str | None) -> None:
    listed, said = read(root, table("path,label", [f"{change(path)},{label}" for path, label in ROWS]))
    names = [name.removeprefix("./") for name in listed.parts["train"].names]
    assert names == FILES
    assert len(said) == (words is not None)
    assert words is None or words in said[0]
    assert listed.inventory.read["images"] == tuple(FILES)


def test_accents_are_found_in_the_form_that_the_disk_has(root: Path) -> None:
    for form, other in (("NFC", "NFD"), ("NFD", "NFC")):
        (root / "café").mkdir(exist_ok=True)
        names = [unicodedata.normalize(form, f"café {i}.jpg") for i in range(2)]
        for name in names:
            (root / name).touch()
        text = table("path,label", [f"{unicodedata.normalize(other, name)},{i}" for i, name in enumerate(names)])
        listed, said = read(root, text)
        assert listed.parts["train"].names == tuple(names)
        assert "accents" in said[0]
        for name in names:
            (root / name).unlink()


SPLIT = {path: ("test" if path.endswith("0.jpg") else "train", label) for path, label in ROWS}


@pytest.mark.promise("columns of splits")
@pytest.mark.parametrize(
    ("column", "train", "other", "split"),
    [
        ("split", "train", "test", "test"),
        ("Split", "TRAIN", "Test", "test"),
        ("subset", "training", "testing", "test"),
        ("set", "train", "valid", "val"),
        ("partition", "train", "dev", "val"),
        ("fold", "train", "validation", "val"),
        ("purpose", "train set", "test set", "test"),
        ("is_valid", "False", "True", "val"),
        ("isTest", "0", "1", "test"),
        ("is_valid", "no", "yes", "val"),
        ("is_valid", "N", "Y", "val"),
        ("is_test", "f", "T", "test"),
        ("is_valid", "", "True", "val"),
        ("is_training_image", "1", "0", "test"),
        ("isValSet", "n", "y", "val"),
        ("cv_fold", "train", "test", "test"),
        ("split_name", "Train", "Val", "val"),
    ],
)
def test_columns_of_splits_are_used(root: Path, column: str, train: str, other: str, split: str) -> None:
    rows = [f"{path},{label},{other if path.endswith('0.jpg') else train}" for path, label in ROWS]
    listed, said = read(root, table(f"path,label,{column}", rows))
    assert labels(listed) == {path: (split if of == "test" else of, label) for path, (of, label) in SPLIT.items()}
    assert said == ([] if column == "split" else [f"{root / 'list.csv'}: read splits from {column!r}"])


@pytest.mark.parametrize(
    ("files", "label", "split"),
    [
        ("images/{}.jpg", "dog", "train"),
        ("images/{}", "dog", "Training"),
        ("{}", "photo", "train"),
        ("images/{}.jpg", "image", "train"),
        ("images/{}.jpg", "label", None),
    ],
)
def test_a_first_line_that_names_an_image_is_a_row(tmp_path: Path, files: str, label: str, split: str | None) -> None:
    (tmp_path / "images").mkdir()
    for i in range(6):
        (tmp_path / f"images/{i}.jpg").touch()
    rows = [f"{files.format(i)},{(label, 'cat')[i % 2]}" for i in range(6)]
    if split is not None:
        rows = [f"{row},{split if i < 4 else 'test'}" for i, row in enumerate(rows)]
    listed, said = read(tmp_path, "\n".join(rows))
    assert labels(listed) == {
        f"images/{i}.jpg": ("train" if i < 4 or split is None else "test", (label, "cat")[i % 2]) for i in range(6)
    }
    assert "its first line is read as a row" in said[0]


def test_a_first_line_of_names_stays_one_where_files_are_called_like_them(tmp_path: Path) -> None:
    for name in ("0.jpg", "1.jpg", "2.jpg", "image.jpg", "label.jpg", "cat.jpg"):
        (tmp_path / name).touch()
    for header, cells in (
        ("image,label,set", ["0,train", "1,train", "1,train"]),
        ("image,cat,dog", ["0,1", "1,0", "1,0"]),
    ):
        listed, _ = read(tmp_path, table(header, [f"{i}.jpg,{row}" for i, row in enumerate(cells)]))
        assert listed.parts["train"].names == ("0.jpg", "1.jpg", "2.jpg")


@pytest.mark.parametrize(
    ("column", "cells"),
    [("folder", "AB"), ("offset", "12"), ("asset", "AB"), ("dataset", "AB"), ("stage", ["I", "II"]), ("value", "12")],
)
def test_columns_that_are_not_of_splits_are_left(root: Path, column: str, cells: Sequence[str]) -> None:
    listed, said = read(root, with_column(column, cells))
    assert labels(listed) == WANTED
    assert said == [f"{root / 'list.csv'}: columns that are not read: {column}"]


VEHICLES = ("car", "bus", "train", "car", "bus", "train", "bus", "train")


@pytest.mark.parametrize(
    ("header", "cells", "said"),
    [
        ("path,vehicle", VEHICLES, "read label from 'vehicle'"),
        ("path,label", VEHICLES, None),
        ("path,car,bus,train", "100 010 001 100 010 001 010 001", "read labels from the columns car, bus, train"),
        ("path,train,car,bus", "010 001 100 010 001 100 001 100", "read labels from the columns train, car, bus"),
    ],
)
def test_classes_that_are_called_like_splits_are_classes(
    root: Path, header: str, cells: str | Sequence[str], said: str | None
) -> None:
    rows = cells if isinstance(cells, tuple) else [",".join(row) for row in cells.split()]
    listed, told = read(root, table(header, [f"{path},{row}" for path, row in zip(FILES, rows, strict=True)]))
    assert labels(listed) == {path: ("train", name) for path, name in zip(FILES, VEHICLES, strict=True)}
    assert told == ([] if said is None else [f"{root / 'list.csv'}: {said}"])


def test_a_class_that_is_called_like_a_split_beside_a_column_that_is_one(root: Path) -> None:
    rows = [
        f"{p},{int(v == 'car')},{int(v == 'bus')},{int(v == 'train')}" for p, v in zip(FILES, VEHICLES, strict=True)
    ]
    for name, cells in (("split", ("train", "test")), ("is_test", "01")):
        text = table(f"path,car,bus,train,{name}", [f"{row},{cells[i > 2]}" for i, row in enumerate(rows)])
        wanted = {path: ("test" if i > 2 else "train", VEHICLES[i]) for i, path in enumerate(FILES)}
        assert labels(read(root, text)[0]) == wanted


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("mode", VEHICLES),
        ("vehicle", VEHICLES),
        ("kind", ["train", "bus"]),
        ("ward", ["test", "B"]),
        ("seen", ["train", ""]),
    ],
)
def test_a_column_beside_the_label_with_a_value_called_like_a_split_is_left(
    root: Path, column: str, cells: Sequence[str]
) -> None:
    listed, said = read(root, with_column(column, cells))
    assert labels(listed) == WANTED
    assert said == [f"{root / 'list.csv'}: columns that are not read: {column}"]


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("is_test", "1000"),
        ("is_train", "0111"),
        ("test", ["yes", "no", "no", "no"]),
        ("is_valid", "0000"),
        ("istest,is_train", ["1,0", "0,1", "0,1", "0,1"]),
    ],
)
def test_flags_that_agree_with_the_column_split(root: Path, column: str, cells: Sequence[str]) -> None:
    splits = ["test", "train", "train", "train"]
    text = with_column(f"split,{column}", [f"{split},{cell}" for split, cell in zip(splits, cells, strict=True)])
    listed, said = read(root, text)
    assert labels(listed) == SPLIT
    assert said == []


def test_no_folder_is_searched_where_paths_lie_where_the_table_says(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[Path] = []
    monkeypatch.setattr("tlbench.data.formats.csv.paths.read_tree", searched.append)
    for text in (
        PLAIN,
        with_column("age", [str(30 + i) for i in range(8)]),
        with_column("age", "3").replace("path,", "picture of,"),
        with_column("where", ["/nowhere/a", "/nowhere/b"]).replace("path,label", "Path,breed"),
        PLAIN.replace("path,label\n", ""),
    ):
        assert labels(read(root, text)[0]) == WANTED
    assert searched == []


def test_a_column_split_settles_what_others_leave_open(root: Path) -> None:
    splits = ["test", "train", "train", "train"]
    listed, said = read(root, with_column("split,cv_fold", [f"{split},{i}" for i, split in enumerate(splits)]))
    assert labels(listed) == SPLIT
    assert said == [f"{root / 'list.csv'}: columns that are not read: cv_fold"]


def test_of_columns_that_name_files_the_one_with_their_endings_is_read(root: Path) -> None:
    rows = [f"{label}/{path[-5]},{path},{label}" for path, label in ROWS]
    listed, said = read(root, table("img_id,filepath,class_name", rows))
    assert labels(listed) == WANTED
    assert "path from 'filepath'" in said[0]


def changed(old: str, new: str) -> str:
    assert old in PLAIN
    return PLAIN.replace(old, new)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (changed("0.jpg,cat", "0.jpg,cat, white"), r"line 2: 3 cells, where the first line has 2; put a text"),
        ("sep=,\n" + changed("2.jpg,dog", "2.jpg"), r"line 9: 1 cells, where the first line has 2"),
        (PLAIN.encode("utf-16-le"), r"looks like UTF-16 without its mark at the start; save it as"),
        (PLAIN.encode("utf-16-be"), r"looks like UTF-16 without its mark"),
        (changed("2.jpg,dog", "2.jpg"), r"line 8: 1 cells, where the first line has 2"),
        (changed("1.jpg,cat", "1.jpg,nan"), r"line 3: label 'nan', which stands for a missing value"),
        (changed("1.jpg,cat", "1.jpg,<NA>"), r"line 3: label '<NA>', which stands for a missing value"),
        (changed("1.jpg,cat", "1.jpg, "), r"line 3: no label; each row needs both"),
        (changed("1.jpg,cat", "1.jpg,cat|big"), r"line 3: label 'cat\|big' looks like several"),
        (changed("1.jpg,cat", "1.jpg,cat;dog"), r"line 3: label 'cat;dog' looks like several"),
        (changed("1.jpg,cat", '1.jpg,"cat,dog"'), r"line 3: label 'cat,dog' looks like several"),
        (changed("1.jpg,cat", "1.jpg,\"['cat']\""), r"line 3: label \"\['cat'\]\" looks like several"),
        (PLAIN + "images/cat/1.jpg,dog\n", r"images/cat/1.jpg has several labels \('cat' in row 2, 'dog' in row 9\)"),
        (PLAIN + "./images/cat/1.jpg,cat\n", r"\./images/cat/1.jpg occurs twice \(rows 2 and 9\)"),
        (changed("images/cat/1.jpg", "1"), r"line 3: 1: fits 2 files \(images/cat/1.jpg, images/dog/1.jpg\) below"),
        (changed("images/cat/1.jpg", "images/cow/1.jpg"), r"line 3: images/cow/1.jpg: no such file below"),
        (changed("cat/1.jpg", "cat/1.png"), r"line 3: images/cat/1.png: no such file below"),
        (PLAIN.replace("path,label", "path,path"), r"column path occurs twice"),
        (PLAIN.replace(",dog", ",hündin").encode("latin-1"), r"not a CSV file in UTF-8 .*saved as 'CSV UTF-8'"),
        (table("path,a,b", [f"{path},{label},x" for path, label in ROWS]), r"no column label in its first line \(path"),
        (table("path,a,b", [f"{path},1,1" for path, _ in ROWS]), r"line 2: 2 classes \(a, b\); an image has one label"),
        (table("path,a,b", [f"{path},0,0" for path, _ in ROWS]), r"line 2: no class; an image has one label"),
        (table("path,class,tag", [f"{p},{v},{i % 2}" for i, (p, v) in enumerate(ROWS)]), r"'class', 'tag' may all be"),
        (with_column("fold", "01234"), r"'fold' speaks of splits, but its values \(0, 1"),
        (with_column("kfold", ["0.0", "1.0"]), r"'kfold' speaks of splits"),
        *[
            (with_column(name, cells), rf"column {name!r} speaks of splits, but its values \({values}\) do not tell")
            for name, cells, values in (
                ("phase", ["dev", "test"], "dev, test"),
                ("purpose", ["dev", "test"], "dev, test"),
                ("set", "AB", "A, B"),
                ("DataSplit", ["learn", "check"], "check, learn"),
                ("subset", ["learn", ""], "blank, learn"),
                ("cv_fold", "123", "1, 2, 3"),
                ("foldId", "12", "1, 2"),
                ("split_id", "12", "1, 2"),
                ("is_valid", ["ok", "no"], "no, ok"),
                ("is_valid", ["False", ""], "blank, False"),
            )
        ],
        (PLAIN.replace("path,label", "path,phase"), r"split instead, call it label if it holds those, or remove"),
        (with_column("split", ["train", ""]), r"line 3: split ''"),
        (with_column("split", ["train", "eval"]), r"line 3: split 'eval' may be val or test; allowed: train, val"),
        (with_column("split,is_valid", ["train,0", "train,1"]), r"columns 'split', 'is_valid' give different splits"),
        (with_column("split,is_test", ["train,0", "val,1"]), r"columns 'split', 'is_test' give different splits"),
        (with_column("split,is_test", ["train,0", "test,0"]), r"columns 'split', 'is_test' give different splits"),
        (with_column("purpose", ["train", "test", ""]), r"line 4: purpose ''; allowed: train, val, test"),
        (with_column("valid", "1110"), r"'valid' puts 6 of 8 rows into val, more than .*; if it says which are usable"),
        (
            table("path,cat,dog,test", [f"{p},{i % 2},0,{(i + 1) % 2}" for i, p in enumerate(FILES)]),
            r"'test' may be a class, or mark the images of test, which have no class then; call it class_test if it is",
        ),
        (with_column("split", ["train"] * 4 + ["test"] * 4), r"in train, but not in test: cat"),
        (with_column("split", ["train", "test"]).replace("0.jpg,cat", "0.jpg,emu"), r"in train, but not in test: emu"),
        (with_column("split", ["test", "train"]).replace("0.jpg,cat", "0.jpg,emu"), r"in test, but not in train: emu"),
    ],
)  # fmt: skip
def test_what_is_refused_for_the_true_reason(root: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read(root, text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("label", ["nan", "None", "cat|big", "[x]"])
def test_odd_labels_are_classes_where_they_are_named(root: Path, label: str) -> None:
    listed, _ = read(root, changed(",cat", f",{label}"), "dog", label)
    assert set(listed.parts["train"].class_names) == {"dog", label}


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (("0", "1"), ("0", "1")),
        (("0.0", "1.0"), ("0.0", "1.0")),
        (("0.0", "1.0", "1"), ("0.0", "1")),
        (("007", "7"), ("007", "7")),
        (("Cat", "cat"), ("Cat", "cat")),
        (("bell", "pepper", "bell pepper"), ("bell", "bell pepper", "pepper")),
    ],
)
def test_numbers_and_cases(root: Path, given: Sequence[str], names: Sequence[str]) -> None:
    rows = [f"{path},{given[i % len(given)]}" for i, path in enumerate(FILES)]
    listed, said = read(root, table("path,label", rows))
    assert listed.parts["train"].class_names == names
    assert len(said) == ((len(given) == 3 and "1" in names) or given[0] in ("007", "Cat"))


def test_a_broken_link_is_listed(root: Path) -> None:
    (root / FILES[0]).unlink()
    (root / FILES[0]).symlink_to("nowhere.jpg")
    assert labels(read(root, PLAIN)[0]) == WANTED


def test_the_inventory_is_of_all_files_below_the_tables_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("notes.md", "other/x.jpg", "images/cat/more/9.jpg"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    inventory = read(root, PLAIN)[0].inventory
    assert inventory.root == root
    assert inventory.read == {"images": tuple(FILES), "tables": ("list.csv",)}
    assert inventory.left_out == {
        "not named by the table": ("other/x.jpg", "images/cat/more/9.jpg"),
        "other ending (.md)": ("notes.md",),
    }
    for change in (monkeypatch.chdir, lambda root: monkeypatch.setenv("HOME", str(root))):
        monkeypatch.chdir("/")
        change(root)
        inventory = read(root, PLAIN)[0].inventory
        assert inventory.root == root / "images"
        assert inventory.read["tables"] == ("../list.csv",)
        assert inventory.left_out == {"not named by the table": ("cat/more/9.jpg",)}


def test_the_inventory_names_why_each_file_is_left_out(root: Path) -> None:
    for name in ("images/cat/9.jpg", "images/notes.txt", "images/.x", "other/1.jpg"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    inventory = read(root, PLAIN.replace(FILES[0] + ",cat\n", FILES[0] + ",emu\n"), "cat", "dog")[0].inventory
    assert inventory.root == root
    assert inventory.read == {"images": tuple(FILES[1:]), "tables": ("list.csv",)}
    assert inventory.left_out == {
        "other ending (.txt)": ("images/notes.txt",),
        "hidden": ("images/.x",),
        "not named by the table": ("other/1.jpg", "images/cat/9.jpg"),
        "of a class that is not in data.classes": (FILES[0],),
    }


def test_the_inventory_of_images_that_lie_elsewhere(root: Path) -> None:
    (root / "lists").mkdir()
    (root / "images/cat/notes.txt").touch()
    text = table("path,label", [f"{root}/{path},{label}" for path, label in ROWS])
    inventory = read(root / "lists", text)[0].inventory
    assert inventory.root == root
    assert inventory.read == {"images": tuple(FILES), "tables": ("lists/list.csv",)}
    assert inventory.left_out == {"other ending (.txt)": ("images/cat/notes.txt",)}

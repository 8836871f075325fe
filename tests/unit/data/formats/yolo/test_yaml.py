from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.voices import hearing
from tlbench.data.formats.yolo.yaml import find_yaml, read_yaml
from tlbench.errors import DataError


@pytest.fixture
def written(tmp_path: Path):
    """`written("names: [a]")`: `d/data.yaml`, beside `d/images/{train,val}`."""

    def write(text: str) -> Path:
        for split in ("train", "val"):
            (tmp_path / "d" / "images" / split).mkdir(parents=True, exist_ok=True)
        file = tmp_path / "d" / "data.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


@pytest.mark.parametrize(
    "path", ["", "path: .\n", "path: d\n", "path: ../d\n", "path: {tmp_path}/d\n", "path: /else\n"]
)
def test_what_path_can_mean(tmp_path: Path, written, path: str):
    file = written(f"{path.replace('{tmp_path}', str(tmp_path))}train: images/train\nval: images/val\nnames: [a]\n")
    found = read_yaml(file)
    assert found.root == tmp_path / "d"
    assert found.splits == {"train": [tmp_path / "d/images/train"], "val": [tmp_path / "d/images/val"]}


@pytest.mark.parametrize(
    ("working", "root"),
    [("d", "data.yaml"), ("d", "./data.yaml"), (".", "d/data.yaml"), ("d/images", "../data.yaml")],
)
def test_path_beside_the_folder_however_that_is_written(
    tmp_path: Path, written, monkeypatch: pytest.MonkeyPatch, working: str, root: str
):
    written("path: e\ntrain: images/train\nnames: [a]\n")
    (tmp_path / "e/images/train").mkdir(parents=True)
    shutil.rmtree(tmp_path / "d/images/train")
    monkeypatch.chdir(tmp_path / working)
    assert read_yaml(Path(root)).root.resolve() == tmp_path / "e"


def test_path_below_the_working_folder(tmp_path: Path, written, monkeypatch: pytest.MonkeyPatch):
    written("")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "descriptions/mine").mkdir(parents=True)
    file = tmp_path / "descriptions/mine/data.yaml"
    file.write_text("path: d\ntrain: images/train\nnames: [a]\n")
    assert read_yaml(file).root == Path("d")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("names: [a, b]", ("a", "b")),
        ("names: {1: b, 0: a}\nnc: 2", ("a", "b")),
        ("names: {'0': a, '1': b}", ("a", "b")),
        ("names: [7, 1.5]", ("7", "1.5")),
        ("nc: 2", ("class_0", "class_1")),
        ("names:\nnc: 1", ("class_0",)),
    ],
)
def test_class_names(written, text: str, names: tuple[str, ...]):
    assert read_yaml(written(f"train: images/train\ntest:\n{text}\n")).class_names == names


def test_validation_is_val_and_splits_may_be_lists(tmp_path: Path, written):
    file = written("train: [images/train, images/val]\nvalidation: images/val\nnames: [a]\n")
    folders = tmp_path / "d/images"
    assert read_yaml(file).splits == {"train": [folders / "train", folders / "val"], "val": [folders / "val"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: images/train", "no list of names; add names: [first, second, …], in the order of the labels' classes"),
        (
            "names: a, b",
            "names: 'a, b' is one text, not a list; write names: [first, second, …], in the order of the labels' "
            "classes",
        ),
        ("names: [a, a]", "names: the class name 'a' occurs twice; names must differ"),
        (
            'names: [a, "a\\u200b"]',
            "names: the class name 'a' occurs twice (as 'a' and 'a\\u200b'); names must differ",
        ),
        ("names: []", "names: no class names; wanted is one a class"),
        ("names: [a, '']", "names: class 1 has an empty name; give it one"),
        ("names: [a, yes]", "names: True is not text; put it in quotes"),
        ("names: {'0': a, '00': b}", "names: 0 stands in it twice (as '0' and '00'); keep the right one"),
        ("names: {'0': a, '1': b, '01': c}", "names: 1 stands in it twice (as '1' and '01'); keep the right one"),
        ("names: {0: a, '0': b}", "names: 0 stands in it twice (as 0 and '0'); keep the right one"),
        ("names: {0: a, 1: b, 1.0: c}", "1.0 stands in it twice (as 1 too); keep the right one"),
        ("names: {0: a, 1: b, true: c}", "true stands in it twice (as 1 too); keep the right one"),
        ("names: {no: 0, yes: 1}", "names: a key in it is a truth value to YAML (False); put it in quotes"),
        ("names: {0: a, 2: b}", "names: its keys are 0, 2; wanted are 0 to 1"),
        ("names: [a]\nnc: 2", "nc: 2, but 1 names; correct one of them"),
        ("nc: many", "nc: 'many'; wanted is the number of classes, or no nc"),
        ("names: [a]\nval: images/val", "no key train beside val; add the folder of the training images"),
        (
            "names: [a]\ndev: images/val\npredict: images",
            "no key train beside dev; add the folder of the training images",
        ),
        (
            "names: [a]\ntrain: images/absent",
            "train: images/absent: not at {d}/images/absent; correct path or train",
        ),
        (
            "names: [a]\npath: e\ntrain: absent",
            "train: absent: not at {d}/e/absent, {tmp}/e/absent, e/absent, {d}/absent; correct path or train",
        ),
        (
            "names: [a]\ntrain: images/train\ntest: images/absent",
            "test: images/absent: not at {d}/images/absent; correct it, or remove the key test",
        ),
        ("names: [a]\ntrain: 3", "train: 3; wanted is a folder of images, a .txt that lists them, or a list"),
        ("names: [a]\ntrain: images/train\npath: 3", "path: 3; wanted is the folder of the data set"),
        ("- a", "not a description of data; wanted are the keys path, train, val, test and names"),
        ("", "not a description of data; wanted are the keys path, train, val, test and names"),
    ],
)
def test_what_is_wrong(tmp_path: Path, written, monkeypatch: pytest.MonkeyPatch, text: str, message: str):
    file = written(text)
    monkeypatch.chdir(tmp_path / "d")
    with pytest.raises(DataError) as caught:
        read_yaml(file)
    assert str(caught.value) == f"{file}: " + message.format(d=tmp_path / "d", tmp=tmp_path)


def test_a_key_of_images_without_labels_is_no_split(written):
    said: list[str] = []
    file = written("names: [a]\npredict: images\n")
    assert read_yaml(file, voice=hearing(said)).splits == {}
    assert said == [f"{file}: predict is not read"]


def test_not_yaml(written):
    with pytest.raises(DataError, match=r"data\.yaml: not YAML \(.*\); mend it") as caught:
        read_yaml(written("names: [a"))
    assert "\n" not in str(caught.value)


def test_nested_too_deeply(written):
    with pytest.raises(DataError, match=r"data\.yaml: not YAML \(nested too deeply\); mend it"):
        read_yaml(written("names: " + "[" * 5_000 + "]" * 5_000))


def test_the_description_in_a_folder(tmp_path: Path):
    assert find_yaml(tmp_path) is None
    (tmp_path / "hyperparameters.yaml").write_text("lr0: 0.01")
    (tmp_path / "broken.yaml").write_text("[")
    assert find_yaml(tmp_path) is None
    (tmp_path / "coco8.yaml").write_text("names: [a]")
    assert find_yaml(tmp_path) == tmp_path / "coco8.yaml"
    (tmp_path / "other.yml").write_text("train: images")
    with pytest.raises(DataError, match=r"coco8\.yaml and other\.yml could all describe the data; give the one as"):
        find_yaml(tmp_path)
    (tmp_path / "data.yaml").write_text("names: [a]")
    assert find_yaml(tmp_path) == tmp_path / "data.yaml"

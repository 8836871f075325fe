"""Annotations that would hang, or eat all memory: refused before they are read, with the key that would allow them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.composed import data_values
from tests.listed_boxes import list_splits
from tests.unit.system.test_yaml_text import LAUGHS
from tlbench.errors import DataError

ROW = "0 0.5 0.5 0.5 0.5\n"


@pytest.fixture
def refusal(tmp_path: Path, boxes_config, voice):
    """Why the data in `tmp_path / "d"` are not read."""

    def reason(name: str = "yolo", root: str = "d", **limits: float) -> str:
        allowed = {**data_values(name)["limits"], **limits}
        with pytest.raises(DataError) as caught:
            list_splits(boxes_config(name, root=str(tmp_path / root), limits=allowed), voice)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 700
        return str(caught.value)

    return reason


@pytest.fixture
def drawn(tmp_path: Path, draw_yolo) -> Path:
    draw_yolo(tmp_path / "d", {"train/a": ROW, "train/b": ROW, "val/v": ROW, "test/t": ROW})
    return tmp_path / "d"


def description(drawn: Path) -> Path:
    (found,) = drawn.glob("*.yaml")
    return found


@pytest.mark.promise("descriptions that grow")
@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nc: 1000000000", "1000000000 classes are more than data.limits.max_classes=100000 allows"),
        ("names: {99999999999: b}", "names: its keys are 99999999999; wanted are 0 to 0"),
        ("names:\n  ? '" + "9" * 5_000 + "'\n  : b", "wanted are 0 to 0"),
        (LAUGHS + "names: *a11", "not YAML (its aliases stand for more than 100,000 entries); mend it"),
        (LAUGHS + "names: [a]", "not YAML (its aliases stand for more than 100,000 entries); mend it"),
        (LAUGHS + "names: [a]\ntrain: *a11", "not YAML (its aliases stand for more than 100,000 entries); mend it"),
        ("[" * 20_000, "not YAML (nested too deeply); mend it"),
        ("nc: 1" + ":1" * 100_000, "not YAML (a number of 200001 characters); mend it"),
        ("names: [a]\ntrain: " + "x" * 5_000, "correct path or train"),
        ("names: [a, " + "[1, " * 100 + "]" * 100 + "]", "is not text; put it in quotes"),
    ],
)
def test_a_description_that_grows(drawn, refusal, text, message):
    description(drawn).write_text(text)
    assert message in refusal()


@pytest.mark.parametrize("text", ["names: [a, b, c]", "names: {0: a, 1: b, 2: c}", "nc: 3"])
def test_a_description_of_more_classes_than_allowed(drawn, refusal, text):
    description(drawn).write_text(text)
    assert "3 classes are more than data.limits.max_classes=2 allows" in refusal(max_classes=2)


def test_a_list_of_more_classes_than_allowed(drawn, refusal):
    description(drawn).unlink()
    (drawn / "classes.txt").write_text("a\nb\nc\n")
    assert "classes.txt: 3 classes are more than data.limits.max_classes=2 allows" in refusal(max_classes=2)


@pytest.mark.timeout(20)
def test_equal_names_among_very_many_are_found_soon(drawn, refusal):
    description(drawn).unlink()
    (drawn / "classes.txt").write_text("".join(f"c{i}\n" for i in range(60_000)) + "c7\n")
    assert "the class name 'c7' occurs twice" in refusal()


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("labels/train/a.txt", "data.limits.max_label_mb=0.001"),
        ("data.yaml", "data.limits.max_label_mb=0.001"),
        ("classes.txt", "data.limits.max_label_mb=0.001"),
        ("list.txt", "data.limits.max_annotations_gb=1e-06"),
    ],
)
def test_larger_files_than_allowed_are_not_read(drawn, refusal, name, key):
    if name == "classes.txt":
        description(drawn).unlink()
    if name == "list.txt":
        description(drawn).write_text("names: [cat, dog]\ntrain: list.txt\n")
    with (drawn / name).open("ab") as file:
        file.truncate(10 << 20)
    assert refusal(max_label_mb=0.001, max_annotations_gb=1e-6) == (
        f"{drawn / name}: larger than {key} allows; raise it if the file is good"
    )


@pytest.mark.promise("FIFOs and devices")
@pytest.mark.timeout(20)
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["FIFO", "device"])
@pytest.mark.parametrize("name", ["labels/train/a.txt", "list.txt", "annotations.json"])
def test_what_is_no_regular_file_is_never_waited_for(drawn, refusal, make, name):
    (drawn / name).unlink(missing_ok=True)
    make(drawn / name)
    if name == "list.txt":
        description(drawn).write_text("names: [cat, dog]\ntrain: list.txt\n")
    found = refusal("coco" if name.endswith("json") else "yolo")
    assert re.search(rf"{re.escape(name)}: .*not a regular file but a (FIFO|device)", found)


@pytest.mark.timeout(20)
def test_a_description_that_is_no_regular_file(drawn, refusal):
    description(drawn).unlink()
    os.mkfifo(drawn / "fifo.yaml")
    os.mkfifo(drawn / "data.yaml")
    assert "d/data.yaml: not a regular file but a FIFO; put a description of the data there" in refusal()
    assert "neither a folder nor a regular file" in refusal(root="d/fifo.yaml")


@pytest.mark.timeout(20)
def test_a_folder_where_a_label_file_should_be(drawn, refusal):
    (drawn / "labels/train/a.txt").unlink()
    (drawn / "labels/train/a.txt").mkdir()
    assert "a.txt: Is a directory; mend the label file" in refusal()


@pytest.mark.timeout(20)
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["FIFO", "device"])
def test_an_image_that_is_no_regular_file_counts_as_unreadable(drawn, refusal, make):
    (drawn / "images/train/b.png").unlink()
    make(drawn / "images/train/b.png")
    assert re.search(
        r"images/train/b\.png: not a regular file but a (FIFO|device); replace or remove 1 file", refusal()
    )


def coco(drawn: Path, **changed: object) -> None:
    content = {
        "images": [
            {"id": i, "file_name": f"images/train/{n}.png", "height": 20, "width": 40} for i, n in enumerate("ab")
        ],
        "annotations": [{"id": 1, "image_id": 0, "category_id": 1, "bbox": [1, 1, 5, 5]}],
        "categories": [{"id": 1, "name": "a"}],
    }
    (drawn / "all.json").write_text(json.dumps({**content, **changed}))


def test_annotations_of_coco_larger_or_of_more_classes_than_allowed(drawn, refusal):
    coco(drawn, categories=[{"id": i, "name": f"c{i}"} for i in range(3)])
    assert "all.json: 3 classes are more than data.limits.max_classes=2 allows" in refusal("coco", max_classes=2)
    assert refusal("coco", max_annotations_gb=1e-7) == (
        f"{drawn / 'all.json'}: larger than data.limits.max_annotations_gb=1e-07 allows; raise it if the file is good"
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"annotations": [{"id": "x" * 9_000, "image_id": 5}]}, "image_id 5 is not among the images"),
        ({"annotations": [{"id": 1, "image_id": "x" * 9_000}]}, "is not among the images"),
        ({"images": [{"id": 1, "file_name": "x" * 9_000}], "annotations": []}, "nor anywhere else below"),
        ({"images": [{"id": 1, "file_name": "\ud800.png"}], "annotations": []}, "nor anywhere else below"),
        ({"categories": [{"id": "x" * 9_000, "name": []}]}, "wanted are an id and a name"),
        ({"categories": [{"id": 1, "name": "a", "supercategory": ["b"]}], "annotations": []}, "data.test_fraction=0.2"),
    ],
)
def test_messages_about_coco_stay_short(drawn, refusal, changed, message):
    coco(drawn, **changed)
    assert message in refusal("coco")


def test_a_device_among_coco_images_is_named(drawn, refusal):
    images = [{"id": i, "file_name": n} for i, n in enumerate(("images/train/a.png", "/dev/zero"))]
    coco(drawn, images=images)
    assert "dev/zero: not a regular file but a device; replace or remove 1 file" in refusal("coco")

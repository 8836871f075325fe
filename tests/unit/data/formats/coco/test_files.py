"""Which files of a folder are COCO annotations of which split; and what a folder is that holds none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask

from tests.voices import hearing
from tlbench.config import STANDARD_LIMITS
from tlbench.data.formats.coco import files as coco_files
from tlbench.data.formats.coco import jsons as coco_jsons
from tlbench.data.formats.coco.content import load_json
from tlbench.data.formats.coco.files import CocoFiles, find_coco
from tlbench.data.formats.coco.folder import BESIDE, ELSEWHERE
from tlbench.data.formats.coco.segments import box_around
from tlbench.errors import DataError
from tlbench.system.voice import PRINTING

CONTENT: dict[str, Any] = {
    "images": [{"id": 1, "file_name": "a.png"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2]}],
    "categories": [{"id": 1, "name": "cat"}],
}


def of(*names: str) -> dict[str, Any]:
    """Annotations of these images."""
    return {
        **CONTENT,
        "images": [{"id": i, "file_name": name} for i, name in enumerate(names, 1)],
        "annotations": [{**CONTENT["annotations"][0], "id": i, "image_id": i} for i in range(1, len(names) + 1)],
    }


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def found(tmp_path: Path, said: list[str]):
    """`found({"train.json": CONTENT}, root="d")`: the files, with contents as JSON, or as text."""

    def find(files: dict[str, Any], root: str = "d") -> CocoFiles:
        (tmp_path / "d").mkdir()
        for name, content in files.items():
            path = tmp_path / "d" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return find_coco(tmp_path / root, STANDARD_LIMITS, hearing(said))

    return find


def refusal(found, *args: Any) -> str:
    with pytest.raises(DataError) as caught:
        found(*args)
    return str(caught.value)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["TRAIN/_annotations.coco.json", "Valid/_annotations.coco.json"], {"train": 0, "val": 1}),
        (["training/labels.json", "validation/labels.json", "testing/labels.json"], {"train": 0, "val": 1, "test": 2}),
        (["train.json", "dev.json"], {"train": 0, "val": 1}),
        (["train.json", "dev.json", "eval.json"], {"train": 0, "val": 1, "test": 2}),
        (["instances_train.json", "instances_eval.json"], {"train": 0, "test": 1}),
        (["instances_train.json", "test.json", "eval.json"], {"train": 0, "val": 2, "test": 1}),
        (["annotations/trainval.json", "annotations/test.json"], {"train": 0, "test": 1}),
        (["fruit_train2024.json", "fruit_val2024.json"], {"train": 0, "val": 1}),
        (["train/annotations/instances.json", "val/annotations/instances.json"], {"train": 0, "val": 1}),
        (["annotations/instances_train.json", "annotations/train.json"], {"train": 0}),
        (["annotations/instances_default.json", "meta.json"], {"train": 0}),
        (["coco.json"], {"train": 0}),
    ],
)
def test_splits_are_told_by_files_or_folders(found, files: list[str], expected: dict[str, int]) -> None:
    parts = found(dict.fromkeys(files, CONTENT)).parts
    assert {split: part.file for split, part in parts.items()} == {split: files[i] for split, i in expected.items()}


def test_of_several_files_that_with_boxes_is_taken(found) -> None:
    captions = {**CONTENT, "annotations": [{"id": 1, "image_id": 1, "caption": "a cat"}]}
    files = found({"train_a.json": captions, "train_b.json": CONTENT, "panoptic_train.json": {}})
    assert files.parts["train"].file == "train_b.json"
    assert files.reasons == dict.fromkeys(
        ("panoptic_train.json", "train_a.json"), "annotations of another kind than boxes"
    )


def test_several_files_of_no_split_are_refused(found) -> None:
    assert refusal(found, {"a.json": CONTENT, "b.json": CONTENT, "c.json": {}}).endswith(
        "d: 2 files of COCO's kind (a.json, b.json) are called after no split; call them train.json, val.json and "
        "test.json, or give one: data.root=FILE.json"
    )


@pytest.mark.parametrize(
    ("mine", "other"), [("x/a.json", "x/b.json"), ("train/labels.json", "raw/instances_train.json")]
)
def test_annotations_whose_images_are_beside_them_are_taken_first(
    found, said: list[str], mine: str, other: str
) -> None:
    files = found(
        {mine: CONTENT, other: of("elsewhere/a.png", "b.png"), str(Path(mine).with_name("data") / "a.png"): ""}
    )
    assert str(files.root / files.parts["train"].file).endswith(f"/d/{mine}")
    assert list(files.reasons.values()) == [ELSEWHERE]
    assert [line.split("/d/")[1] for line in said if "is read" not in line] == [
        f"{other}: left out: none of its images is where it names them, as those of {mine.removeprefix('x/')} are"
    ]


@pytest.mark.parametrize(
    ("files", "folder", "message"),
    [
        (
            {"train/a.json": ["a.png"], "train/b.json": ["a.png"]},
            "train",
            "a.json and b.json are both train; remove one",
        ),
        (
            {"annotations/train.json": ["a.png", "b.png"], "images/train/train_sample.json": ["a.png"]},
            "images/train",
            "train.json and train_sample.json are both train; remove one",
        ),
        (
            {"instances_train.json": ["a.png"], "train/train.json": ["a.png", "b.png"]},
            "train",
            "instances_train.json and train.json are both train; remove one",
        ),
        (  # unlike FiftyOne's zoo: of its images that are there some are not in the other
            {"train/labels.json": ["a.png"], "raw/instances_train.json": ["a.png", "b.png"]},
            "train/data",
            "instances_train.json and labels.json are both train; remove one",
        ),
        ({"x/a.json": ["a.png", "c.png"], "x/b.json": ["a.png"]}, "x", "2 files of COCO's kind (a.json, b.json)"),
        ({"coco.json": ["a.png"], "sub/more.json": ["b.png"]}, "images", "2 files of COCO's kind (coco.json, sub/more"),
    ],
)
def test_no_annotations_of_images_that_are_there_are_left_out(
    found, files: dict[str, list[str]], folder: str, message: str
) -> None:
    there = {f"{folder}/{name}": "" for name in ("a.png", "b.png")}
    said = refusal(found, {**{file: of(*names) for file, names in files.items()}, **there})
    assert message in said


def test_a_part_beside_the_images_does_not_replace_the_whole(found, said: list[str]) -> None:
    names = [f"{i}.png" for i in range(8)]
    files = found(
        {
            "annotations/instances_train.json": of(*names),
            "train/_annotations.coco.json": of(*names[:3]),
            **{f"train/{name}": "" for name in names},
        }
    )
    assert len(files.contents["train"]["images"]) == 8
    assert [line.partition("/d/")[2] for line in said] == [
        "train/_annotations.coco.json: left out, as annotations/instances_train.json lists all of its images that are "
        "there; remove one of them"
    ]
    assert files.reasons == {"train/_annotations.coco.json": BESIDE}


SCORED: dict[str, Any] = {**CONTENT, "annotations": [{**CONTENT["annotations"][0], "score": 0.4}]}
LEFT = (
    "annotations of boxes that are left out, as it is called after no split that is free; call it train, val or test, "
    "or remove it"
)
PREDICTIONS = (
    "left out, as all of its annotations have a score, which predictions have; remove the scores if they are what is "
    "true"
)


@pytest.mark.parametrize("train", ["train.json", "fruit_train.json"])
@pytest.mark.parametrize(
    ("file", "content", "heard"),
    [
        ("evaluation/yolo_preds.json", SCORED, PREDICTIONS),
        ("evaluation/yolo.json", CONTENT, LEFT),
        ("eval.json", SCORED, PREDICTIONS),
        ("eval_results.json", {"mAP": 0.5}, None),
        ("eval_results.json", CONTENT, LEFT),
        ("evaluation/bbox.json", [{"image_id": 8, "bbox": [1, 1, 2, 2], "category_id": 1, "score": 0.5}], None),
        ("eval.json", {"images": CONTENT["images"], "annotations": [], "categories": []}, None),
        ("test_results.json", {"mAP": 0.5}, None),
        ("test_preds.json", SCORED, PREDICTIONS),
        ("test_bbox.json", [{"image_id": 8, "bbox": [1, 1, 2, 2], "score": 0.5}], None),
        ("train_log.json", {"loss": [1, 2]}, None),
        ("predictions.json", SCORED, PREDICTIONS),
        ("image_info_unlabeled.json", {"images": CONTENT["images"], "annotations": [], "categories": []}, None),
    ],
)
def test_results_and_predictions_are_no_split(
    found, said: list[str], train: str, file: str, content: Any, heard: str | None
) -> None:
    files = found({train: CONTENT, file: content})
    assert {split: part.file for split, part in files.parts.items()} == {"train": train}
    assert [line.partition("/d/")[2] for line in said] == ([f"{file}: {heard}"] if heard else [])
    assert files.reasons.keys() == {file}


@pytest.mark.parametrize(
    ("train", "file", "split"),
    [
        ("train.json", "eval.json", "test"),
        ("train/labels.json", "holdout/labels.json", "test"),
        ("fruit_train.json", "fruit_eval2024.json", "test"),
    ],
)
def test_what_may_be_val_or_test_is_said_to_be_read(found, said: list[str], train: str, file: str, split: str) -> None:
    files = found({train: CONTENT, file: CONTENT})
    assert files.parts[split].file == file
    assert [line.partition("/d/")[2] for line in said] == [
        f"{file}: read as {split}, after which no other file is called"
    ]


def test_annotations_with_scores_that_are_called_after_a_split_are_warned_of(found, said: list[str]) -> None:
    assert found({"train.json": CONTENT, "test.json": SCORED}).parts.keys() == {"train", "test"}
    assert [line.partition("/d/")[2] for line in said] == [
        "test.json: all 1 annotations have a score, as predictions have; they are read as what is true of test"
    ]


def test_predictions_beside_the_only_annotations_are_left_out(found, said: list[str]) -> None:
    files = found({"coco.json": CONTENT, "results.json": SCORED, "train_log.json": {"loss": [1]}})
    assert files.parts["train"].file == "coco.json"
    assert [line.partition("/d/")[2] for line in said] == [f"results.json: {PREDICTIONS}"]


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose JSON is parsed."""
    names: list[str] = []

    def counted(file: Path, limits: Any) -> Any:
        names.append(file.name)
        return load_json(file, limits)

    for module in (coco_files, coco_jsons):
        monkeypatch.setattr(module, "load_json", counted)
    return names


def test_json_of_each_image_is_not_parsed(found, parsed: list[str]) -> None:
    labelme = {"version": "5", "shapes": [{"points": [[1, 2]] * 1000}], "imagePath": "x.png", "imageData": "A" * 9_000}
    each = {f"{folder}/x{i}.json": labelme for i in range(30) for folder in ("images", "images/train", "images/eval")}
    files = found({"train.json": CONTENT, **each, "zz.json": CONTENT})
    assert files.parts.keys() == {"train"}
    assert sorted(parsed) == ["train.json", "zz.json"]


def test_a_file_that_is_given_is_parsed_once(found, parsed: list[str]) -> None:
    assert found({"annotations/x.json": CONTENT, "a.png": ""}, "d/annotations/x.json").parts.keys() == {"train"}
    assert parsed == ["x.json"]


@pytest.mark.parametrize(
    ("folder", "root"),
    [
        (".", "annotations/x.json"),
        ("annotations", "x.json"),
        ("annotations", "./x.json"),
        ("images", "../annotations/x.json"),
        ("images/deep", "../../annotations/x.json"),
        ("annotations", "../annotations/x.json"),
    ],
)
def test_a_file_is_found_however_its_path_is_written(
    found, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, root: str
) -> None:
    names = {"annotations/x.json": CONTENT, "images/a.png": "", "images/deep/b.txt": ""}
    found(names)
    monkeypatch.chdir(tmp_path / "d" / folder)
    files = find_coco(Path(root), STANDARD_LIMITS, PRINTING)
    assert files.root.samefile(tmp_path / "d")
    assert files.parts["train"].file == "annotations/x.json"
    assert sorted(files.all) == sorted(names)


def test_one_file_may_be_given(found) -> None:
    files = found({"a.json": CONTENT, "b_val.json": CONTENT, "images/a.png": ""}, root="d/b_val.json")
    assert {split: part.file for split, part in files.parts.items()} == {"train": "b_val.json"}
    assert sorted(files.all) == ["a.json", "b_val.json", "images/a.png"]


def test_a_folder_around_all_is_descended_into(found, said: list[str]) -> None:
    files = found({"set/inner/train.json": CONTENT, "set/inner/val.json": CONTENT, "__MACOSX/set/x": "", "READ.me": ""})
    assert files.root == files.given / "set/inner"
    assert {split: files.path(split).name for split in files.parts} == {"train": "train.json", "val": "val.json"}
    assert [line.rpartition("/d")[2] for line in said] == [
        ": all is in the folder set, which is read",
        "/set: all is in the folder inner, which is read",
    ]


@pytest.mark.parametrize("hidden", ["@eaDir", ".cache", "__MACOSX/set"])
def test_what_systems_and_archivers_make_is_no_split(found, hidden: str) -> None:
    files = found({"train.json": CONTENT, f"{hidden}/val.json": CONTENT})
    assert files.parts.keys() == {"train"}


@pytest.mark.parametrize("content", [{"images": CONTENT["images"]}, {**CONTENT, "annotations": []}])
@pytest.mark.parametrize("name", ["image_info_test2017.json", "test.json", "instances_test.json"])
def test_a_test_set_without_annotations_is_none(found, said: list[str], content: Any, name: str) -> None:
    files = found({"annotations/train.json": CONTENT, f"annotations/{name}": content})
    assert list(files.parts) == ["train"]
    assert files.reasons == {f"annotations/{name}": "images without annotations"}
    assert (
        f"annotations/{name}: lists 1 images without annotations, as test sets do whose answers are kept back"
        in said[0]
    )


VOC = "<annotation><filename>a.png</filename><object><name>cat</name></object></annotation>"


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({"Annotations/a.xml": VOC, "JPEGImages/a.jpg": ""}, "a Pascal VOC folder (an XML file an image); export or"),
        ({"annotations.xml": "<?xml version='1.0'?><annotations></annotations>"}, "CVAT's XML for images; export"),
        ({"annotations.xml": "<annotations/>"}, "CVAT's XML for images"),
        ({"data.yaml": "names: [cat]", "train/images/a.jpg": ""}, "a YOLO folder (rows in text files); use data=yolo"),
        ({"images/a.jpg": "", "labels/a.txt": "0 0.5 0.5 0.1 0.1\n"}, "a YOLO folder (rows in text files)"),
        (
            {f"{i}.json": {"shapes": [], "imagePath": ""} for i in range(3)},
            "labels of labelme (one JSON file an image)",
        ),
        ({"a.json": {"shapes": [], "imagePath": ""}}, None),
        ({"via.json": {"_via_img_metadata": {}}, "x.json": {}}, "a project of VIA"),
        ({"a.json": {"x": {"regions": []}}, "b.json": []}, "annotations of VIA"),
        ({"a.json": {"items": [], "categories": {}}, "b.json": []}, "annotations of Datumaro"),
        ({"ann/a.json": {"objects": [], "size": {}}, "b.json": []}, "annotations of Supervisely"),
        ({"a.json": [{"image": "a.png", "annotations": []}], "b.json": []}, "annotations of CreateML"),
        ({"a.json": [{"data": {}, "annotations": []}], "b.json": []}, "tasks of Label Studio (its own JSON)"),
        ({"a.json": [{"image_id": 1, "bbox": [0, 0, 1, 1]}], "b.json": []}, "detections or annotations alone"),
        ({"a.csv": "image,xmin,ymin,xmax,ymax,label\n"}, "a table of boxes (a.csv)"),
        ({"train.tfrecord": ""}, "TFRecord files"),
        ({"notes.txt": "none"}, "wanted is annotations/instances_"),
    ],
)
def test_a_folder_of_another_format_is_called_what_it_is(found, files: dict[str, Any], kind: str | None) -> None:
    message = refusal(found, files)
    if kind is None:  # one file alone is taken, and called what it is
        assert "a.json: labels of labelme (one JSON file an image), not COCO's; export the data set as COCO" in message
    else:
        assert message.partition("no annotations of COCO's kind; ")[2].removeprefix("it is ").startswith(kind)


def test_boxes_around_segmentations_are_those_of_pycocotools() -> None:
    generator = np.random.default_rng(0)
    for _ in range(100):
        height, width = generator.integers(1, 30, 2).tolist()
        pixels = generator.random((height, width)) < generator.choice([0.02, 0.3, 0.9])
        runs = mask.encode(np.asfortranarray(pixels.astype(np.uint8)))
        segmentation = {"size": [height, width], "counts": runs["counts"].decode()}
        expected = tuple(mask.toBbox(runs).tolist()) if pixels.any() else None
        assert box_around(segmentation) == expected
        edges = np.flatnonzero(np.diff(np.concatenate([[False], pixels.T.ravel(), [False]])))
        plain = np.diff(np.concatenate([[0], edges])).tolist()
        assert box_around({**segmentation, "counts": plain}) == expected
    assert box_around([[1, 2, 5, 2, 5, 9.5], [0, 4, 1, 4, 1, 5]]) == (0, 2, 5, 7.5)


@pytest.mark.parametrize(
    "segmentation",
    [
        None,
        [],
        [[1, 2, 3]],
        [[1, 2, 3, 4, 5, 6, 7]],
        [["a"] * 6],
        [[float("nan")] * 6],
        {"counts": [1, 2]},
        {"size": [2, 2], "counts": [1, 99]},
        {"size": [2, 2], "counts": [-1, 2]},
        {"size": [0, 2], "counts": [0]},
        {"size": [9, 9], "counts": "o"},
        {"size": [9, 9], "counts": "é"},
    ],
)
def test_what_is_no_segmentation_has_no_box(segmentation: object) -> None:
    assert box_around(segmentation) is None


def test_a_broken_file_is_named_where_it_is_the_only_one(found) -> None:
    assert "a_train.json: not JSON (" in refusal(found, {"a_train.json": "{"})


def test_annotations_that_are_left_out_are_warned_of(found, said: list[str]) -> None:
    files = found(dict.fromkeys(("train.json", "val.json", "test.json", "eval.json"), CONTENT))
    assert set(files.parts) == {"train", "val", "test"}
    assert [line.partition("/d/")[2].partition(",")[0] for line in said] == [
        "eval.json: annotations of boxes that are left out"
    ]

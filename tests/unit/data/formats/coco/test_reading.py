from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.listed_boxes import list_splits
from tlbench.errors import DataError

CATEGORIES = [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}]


def content(name: str = "a.png", boxes: list[list[Any]] | None = None, **keys: Any) -> dict[str, Any]:
    """One image of 20 × 40 pixels with id 11; a box is category, x, y, width, height."""
    boxes = [[7, 4, 2, 10, 8]] if boxes is None else boxes
    annotations = [
        {"id": i, "image_id": 11, "category_id": of, "bbox": box, "iscrowd": 0} for i, (of, *box) in enumerate(boxes)
    ]
    image = {"id": 11, "file_name": name, "height": 20, "width": 40}
    return {"images": [image], "annotations": annotations, "categories": CATEGORIES} | keys


@pytest.fixture
def draw_coco(tmp_path: Path, draw_image):
    """annotations/instances_{train2017,val2017,test2017}.json with the images in folders of the splits' names."""

    def draw(train: dict[str, Any] | None = None) -> Path:
        root = tmp_path / "d"
        (root / "annotations").mkdir(parents=True)
        for split, said in (("train", train), ("val", None), ("test", None)):
            draw_image(root / f"{split}2017" / "a.png")
            (root / "annotations" / f"instances_{split}2017.json").write_text(json.dumps(said or content()))
        return root

    return draw


@pytest.fixture
def opened(tmp_path: Path, boxes_config, voice):
    def open_it(root: Path = tmp_path / "d", **changes):
        return list_splits(boxes_config("coco", root=str(root), **changes), voice)

    return open_it


@pytest.fixture
def refused(tmp_path: Path, draw_coco, opened):
    """`refused(train=…)`: the message, without the file's name."""

    def message(**keys: Any) -> str:
        draw_coco(**keys)
        with pytest.raises(DataError) as caught:
            opened()
        return str(caught.value).replace(f"{tmp_path}/d/annotations/instances_train2017.json: ", "")

    return message


def test_boxes_and_classes_in_the_order_of_ids(tmp_path: Path, draw_coco, opened, say, warn):
    draw_coco(content(boxes=[[7, 4, 2, 10, 8], [3, 0, 0.5, 40, 19.5]]))
    target = opened()
    train = target.splits["train"]
    assert train.class_names == ("cat", "dog")
    assert train.annotations.labels.tolist() == [1, 0]
    assert torch.equal(train.annotations.boxes, torch.tensor([[4.0, 2, 14, 10], [0, 0.5, 40, 20]]))
    assert train.annotations.sizes.tolist() == [[20, 40]]
    assert {split: part.names for split, part in target.splits.items()} == {
        "train": ("train2017/a.png",),
        "val": ("val2017/a.png",),
        "test": ("test2017/a.png",),
    }
    assert target.split_rule["test"] == "the folder's test"
    assert not say
    assert not warn


@pytest.mark.parametrize(
    ("annotations", "images"),
    [
        ("annotations/instances_{}.json", "images/{}/b/c.png"),
        ("annotations/instances_{}2017.json", "images/{}2017/b/c.png"),
        ("annotations/instances_{}2017.json", "{}/b/c.png"),
        ("annotations/{}.json", "{}/b/c.png"),
        ("{}/_annotations.coco.json", "{}/b/c.png"),
        ("{}/_annotations.coco.json", "{}/images/b/c.png"),
    ],
)
def test_layouts(tmp_path: Path, draw_image, opened, annotations: str, images: str):
    for split in ("train", "valid", "test"):
        draw_image(tmp_path / "d" / images.format(split))
        file = tmp_path / "d" / annotations.format(split)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content("b/c.png")))
    (tmp_path / "d" / "annotations").mkdir(exist_ok=True)
    (tmp_path / "d" / "annotations" / "other.json").write_text("{}")
    splits = opened().splits
    assert {split: part.names for split, part in splits.items()} == {
        "train": (images.format("train"),),
        "val": (images.format("valid"),),
        "test": (images.format("test"),),
    }


def test_images_of_all_splits_in_one_folder(tmp_path: Path, draw_image, opened):
    (tmp_path / "d" / "annotations").mkdir(parents=True)
    for split, name in (("train", "a"), ("val", "b"), ("test", "c")):
        draw_image(tmp_path / "d" / "images" / f"{name}.png")
        file = tmp_path / "d" / "annotations" / f"instances_{split}.json"
        file.write_text(json.dumps(content(f"{name}.png")))
    assert [part.names for part in opened().splits.values()] == [(f"images/{n}.png",) for n in "abc"]


@pytest.mark.parametrize("file", ["result.json", "annotations/instances_default.json"])
def test_one_file_is_carved(tmp_path: Path, draw_image, opened, file: str):
    said = content()
    said["images"] = [{"id": i, "file_name": f"images/{i}.png"} for i in range(10)]
    said["annotations"] = [
        {"image_id": i, "category_id": 3 + 4 * (i % 2), "bbox": [1, 1, i + 1, 2]} for i in reversed(range(10))
    ]
    for i in range(10):
        draw_image(tmp_path / "d" / "images" / f"{i}.png")
    (tmp_path / "d" / file).parent.mkdir(exist_ok=True)
    (tmp_path / "d" / file).write_text(json.dumps(said))
    target = opened(test_fraction=0.2, val_fraction=0.1)
    assert target.split_rule["counts"] == {"train": 7, "val": 1, "test": 2}
    for part in target.splits.values():  # each object stayed with its image
        numbers = [int(Path(name).stem) for name in part.names]
        assert part.annotations.boxes[:, 2].tolist() == [number + 2 for number in numbers]
        assert part.annotations.labels.tolist() == [number % 2 for number in numbers]


def test_what_is_mended(tmp_path: Path, draw_coco, opened, say, warn):
    train = content(boxes=[[7, 4, 2, 10, 8], [7, 30, 2, 20, 8], [3, 5, 5, 0, 8], [7, 4, 2, 10, 8], [3, 1, 1, 5, 5]])
    train["annotations"][4]["iscrowd"] = 1
    train["images"][0] |= {"height": 40, "width": 20}
    draw_coco(train)
    listing = opened().splits["train"]
    assert listing.annotations.boxes.tolist() == [[4, 2, 14, 10], [30, 2, 40, 10]]
    assert listing.annotations.sizes.tolist() == [[20, 40]]
    name, place = "train2017/a.png", "annotations/instances_train2017.json: annotation "
    crowds = listing.annotations.crowds
    assert crowds is not None
    assert (crowds.boxes.tolist(), crowds.labels.tolist()) == ([[1, 1, 6, 6]], [0])
    assert crowds.starts.tolist() == [0, 1]
    assert listing.mended == {
        "duplicate annotations left out": ((name, f"{place}3"),),
        "images whose width and height are swapped in their annotations": ((name, name),),
        "boxes clipped to the image": ((name, f"{place}1"),),
        "boxes without area left out": ((name, f"{place}2"),),
    }
    assert len(warn) == 4
    assert list(say) == [
        "1 crowds (iscrowd) are no objects: nothing is learned from them, and what is detected in them counts neither "
        "way, as in COCO"
    ]


def test_images_without_annotations_are_background(tmp_path: Path, draw_coco, draw_image, opened, say):
    train = content()
    train["images"].append({"id": 12, "file_name": "b.png", "height": 20, "width": 40})
    draw_image(tmp_path / "d" / "train2017" / "b.png")
    draw_coco(train)
    assert opened().splits["train"].annotations.starts.tolist() == [0, 1, 1]
    assert list(say) == ["1 of 4 images have no objects: background"]


def test_roboflows_group_of_classes_is_no_class(tmp_path: Path, draw_coco, opened, say):
    root = draw_coco()
    for file in (root / "annotations").iterdir():
        grouped = [
            {"id": 0, "name": "dog", "supercategory": "none"},
            {"id": 7, "name": "dog", "supercategory": "dog"},
            {"id": 8, "name": "cat", "supercategory": "dog"},
        ]
        grouped[1]["supercategory"] = ["dog"]  # whatever it is, it names no group
        file.write_text(json.dumps(content(categories=grouped)))
    assert opened().splits["train"].class_names == ("dog", "cat")
    assert say[0].endswith("instances_train2017.json: dog: only the name of a group of classes, left out")


def test_missing_images(tmp_path: Path, draw_coco, opened):
    train = content()
    train["images"].append({"id": 12, "file_name": "gone.png", "height": 20, "width": 40})
    train["annotations"].append({"id": 9, "image_id": 12, "category_id": 3, "bbox": [1, 1, 5, 5]})
    draw_coco(train)
    with pytest.raises(DataError, match=r"d/train2017/gone\.png: No such file or directory; replace or remove 1 file"):
        opened()
    target = opened(max_unreadable=1)
    assert target.unreadable == {"train2017/gone.png": "No such file or directory"}
    train = target.splits["train"]
    assert (train.names, train.annotations.labels.tolist()) == (("train2017/a.png",), [1])


def test_images_in_none_of_the_folders(tmp_path: Path, refused):
    d = tmp_path / "d"
    assert refused(train=content("x/gone.png")) == (
        f"image 'x/gone.png' is neither in {d}/train2017 nor anywhere else below {d}, nor is any of the 1 images; put "
        "them there"
    )


def test_faulty_annotations_are_counted_and_the_first_three_named(refused):
    train = content(boxes=[[5, 1, 1, 2, 2], [7, 1, 1, -2, 2], [7, 1, 1, 2], [3, 1, 1, 5, 5], [3, 1, 1, 5, None]])
    assert refused(train=train) == (
        "4 entries are wrong: annotation 0: category_id 5 is not among the categories; annotation 1: bbox [1, 1, -2, "
        "2] has a negative width or height; annotation 2: bbox [1, 1, 2]; wanted is [x, y, width, height] in pixels; "
        "and 1 more; correct or remove them"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"annotations": [{"id": 1, "image_id": 12, "category_id": 7, "bbox": [1, 1, 2, 2]}]},
            "1 entry is wrong: annotation 1: image_id 12 is not among the images; correct or remove them",
        ),
        (
            {"annotations": [{"id": 1, "image_id": 11, "category_id": 7, "bbox": [1, 1, 2, float("nan")]}]},
            "1 entry is wrong: annotation 1: bbox [1, 1, 2, nan]; wanted is [x, y, width, height] in pixels; correct "
            "or remove them",
        ),
        (
            {"annotations": [{"id": 1, "image_id": 11, "category_id": 7, "bbox": [10**400, 1, 2, 2]}]},
            f"1 entry is wrong: annotation 1: bbox [1{78 * '0'}; wanted is [x, y, width, height] in pixels; correct or "
            "remove them",
        ),
        (
            {"annotations": [{"id": 1, "image_id": 11, "category_id": 7, "bbox": [True, 1, 2, 2]}]},
            "1 entry is wrong: annotation 1: bbox [True, 1, 2, 2]; wanted is [x, y, width, height] in pixels; correct "
            "or remove them",
        ),
        (
            {"images": [{"id": 11, "file_name": "a.png"}, {"id": 11, "file_name": "b.png"}]},
            "1 entry is wrong: image 11: its id occurs twice; correct them",
        ),
        (
            {"images": [{"id": 11}]},
            "1 entry is wrong: image 11: file_name None; wanted are an id and a file's name; correct them",
        ),
        ({"images": []}, "no images in it; export it again"),
        ({"images": {}}, "no list 'images' of objects; wanted are images, annotations and categories"),
        ({"categories": [3]}, "no list 'categories' of objects; wanted are images, annotations and categories"),
        ({"categories": [{"id": 7}]}, "category 7 with the name None; wanted are an id and a name"),
        ({"categories": CATEGORIES[:1] * 2}, "category 7 occurs twice; give each an id of its own"),
        (
            {"categories": [{"id": 7, "name": "dog"}, {"id": 3, "name": "bird"}]},
            "{d}/annotations/instances_val2017.json: its categories are not those of "
            "{d}/annotations/instances_train2017.json (here alone: cat; there alone: bird); give all splits the same "
            "names",
        ),
    ],
)
def test_what_is_wrong(tmp_path: Path, refused, change, message: str):
    assert refused(train=content(**change)) == message.replace("{d}", str(tmp_path / "d"))


def test_equal_class_names(tmp_path: Path, draw_coco, opened):
    root = draw_coco()
    for file in (root / "annotations").iterdir():
        file.write_text(json.dumps(content(categories=[{"id": 7, "name": "dog"}, {"id": 3, "name": "dog"}])))
    with pytest.raises(DataError, match=r"\.json: categories: the class name 'dog' occurs twice; names must differ"):
        opened()


@pytest.mark.parametrize("text", ["{", 100_000 * "["], ids=["cut off", "too deep"])
def test_not_json(tmp_path: Path, draw_coco, opened, text):
    (draw_coco() / "annotations" / "instances_train2017.json").write_text(text)
    with pytest.raises(DataError, match=r"instances_train2017\.json: not JSON \(.*\); mend it or export it again"):
        opened()


def test_no_annotations(tmp_path: Path, opened, draw_coco):
    (tmp_path / "e").mkdir()
    wanted = r"wanted is annotations/instances_\{train,val\}\*\.json or \{train,valid,test\}/_annotations\.coco\.json"
    with pytest.raises(DataError, match=rf"/e: no annotations of COCO's kind; {wanted}"):
        opened(tmp_path / "e")
    root = draw_coco()
    (root / "annotations" / "instances_train2017.json").unlink()
    with pytest.raises(DataError, match=rf"/d: annotations of val and test but none of train; {wanted}"):
        opened()
    (root / "annotations" / "instances_valid.json").write_text(json.dumps(content()))
    with pytest.raises(
        DataError, match=r"/d: instances_val2017\.json and instances_valid\.json are both val; remove one"
    ):
        opened()

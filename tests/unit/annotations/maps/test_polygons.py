"""Outlines of COCO and YOLO as class maps: pycocotools' pixels, the smaller on top, crowds and boxes ignored."""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from tests.voices import hearing
from tlbench.annotations.maps import polygons as polygons_module
from tlbench.annotations.maps.class_maps import VOID
from tlbench.annotations.maps.polygons import WITHOUT_OUTLINE, list_polygons
from tlbench.annotations.maps.target import open_maps
from tlbench.data import workers
from tlbench.data.listing import Listing
from tlbench.errors import DataError

H, W = 24, 40
REAL = Path(__file__).parents[5] / "shared" / "data" / "coco100-seg"


def box(x: int, y: int, w: int, h: int, **more: Any) -> dict[str, Any]:
    """An object that is a rectangle of whole pixels."""
    segmentation = [[x, y, x + w, y, x + w, y + h, x, y + h]]
    return {"bbox": [x, y, w, h], "area": w * h, "segmentation": segmentation, **more}


def runs(mask: NDArray[np.bool_], *, compressed: bool = False) -> dict[str, Any]:
    encoded = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    counts = encoded["counts"].decode()
    if not compressed:
        flat = mask.T.ravel()
        edges = np.flatnonzero(np.diff(flat)) + 1
        counts = np.diff([0, *([0] if flat[0] else []), *edges, len(flat)]).tolist()
    return {"size": list(mask.shape), "counts": counts}


@pytest.fixture
def coco(tmp_path: Path, maps_config) -> Callable[..., Listing]:
    """`coco([objects of image 1], [of image 2], …)`: the maps of a COCO file with these, of classes cat and dog."""

    def make(
        *images: Sequence[dict[str, Any]],
        said: list[str] | None = None,
        names: Sequence[str] = ("cat", "dog"),
        **changes,
    ):
        content: dict[str, Any] = {
            "images": [],
            "annotations": [],
            "categories": [{"id": i + 1, "name": name} for i, name in enumerate(names)],
        }
        (tmp_path / "images").mkdir(exist_ok=True)
        for number, objects in enumerate(images, 1):
            pixels = np.random.default_rng(number).integers(0, 256, (H, W, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / f"{number:02}.png")
            content["images"].append({"id": number, "file_name": f"{number:02}.png", "width": W, "height": H})
            for entry in objects:
                own = {"id": len(content["annotations"]) + 1, "image_id": number, "category_id": 1, "iscrowd": 0}
                content["annotations"].append(own | entry)
        (tmp_path / "instances_train.json").write_text(json.dumps(content))
        data = maps_config("coco", root=str(tmp_path), **changes)
        return list_polygons(data, hearing([] if said is None else said)).parts["train"]

    return make


@pytest.fixture
def yolo(tmp_path: Path, maps_config) -> Callable[..., Listing]:
    """`yolo({"a": rows, …})`: the maps of a YOLO folder with these label files, of classes cat and dog."""

    def make(labels: dict[str, str], said: list[str] | None = None, **changes):
        for name, rows in labels.items():
            for folder in ("images", "labels"):
                (tmp_path / folder / "train").mkdir(parents=True, exist_ok=True)
            noise = np.random.default_rng(len(rows)).integers(0, 256, (H, W, 3), dtype=np.uint8)
            Image.fromarray(noise).save(tmp_path / "images" / "train" / f"{name}.png")
            (tmp_path / "labels" / "train" / f"{name}.txt").write_text(rows)
        (tmp_path / "data.yaml").write_text("train: images/train\nnames: [cat, dog]\n")
        data = maps_config("yolo", root=str(tmp_path), **changes)
        return list_polygons(data, hearing([] if said is None else said)).parts["train"]

    return make


def only_map(listing: Listing) -> NDArray[np.uint8]:
    (found,) = (listing.annotations.unpacked(i) for i in range(len(listing)))
    return found


@pytest.mark.promise("polygons as pycocotools")
def test_each_object_alone_has_the_pixels_of_pycocotools(coco, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    objects = []
    for number in range(60):
        parts = []
        for _ in range(1 + number % 3):
            around = rng.uniform(0, 2 * np.pi, rng.integers(3, 12))
            reach = rng.uniform(1, 12, (len(around), 1))
            points = rng.uniform((0, 0), (W, H)) + reach * np.stack(
                [np.cos(np.sort(around)), np.sin(np.sort(around))], 1
            )
            parts.append(np.clip(points, 0, (W, H)).round(1 + number % 5).ravel().tolist())
        mask = rng.random((H, W)) < rng.uniform(0.1, 0.9)
        shape: Any = [parts, runs(mask), runs(mask, compressed=True)][number % 5 // 2]
        objects.append({"segmentation": shape, "category_id": 1 + number % 2, "bbox": [0, 0, W, H], "area": 9})
    found = coco(*([entry] for entry in objects)).annotations
    reference = COCO(str(tmp_path / "instances_train.json"))
    for i, annotation in enumerate(reference.loadAnns(reference.getAnnIds())):
        expected = reference.annToMask(annotation) * annotation["category_id"]
        assert np.array_equal(found.unpacked(i), expected), annotation["segmentation"]
    assert found.class_names == ("background", "cat", "dog")


def test_of_objects_that_overlap_the_smaller_lies_on_top_and_of_equal_ones_the_later(coco) -> None:
    table, cup = box(2, 2, 20, 12), box(6, 4, 5, 5, category_id=2)
    for order in ([table, cup], [cup, table]):
        found = only_map(coco(order))
        assert (found[4:9, 6:11] == 2).all()
        assert (found == 1).sum() == 20 * 12 - 25
    first, later = box(2, 2, 8, 8), box(6, 2, 8, 8, category_id=2)
    assert (only_map(coco([first, later]))[2:10, 6:14] == 2).all()
    assert (only_map(coco([later, first]))[2:10, 2:10] == 1).all()


def test_runs_have_holes_in_which_what_lies_behind_is_seen(coco) -> None:
    ring = np.zeros((H, W), bool)
    ring[4:14, 4:14] = True
    ring[7:11, 7:11] = False
    around = {"segmentation": runs(ring), "bbox": [4, 4, 10, 10], "area": int(ring.sum())}
    found = only_map(coco([around, box(0, 0, 30, 20, category_id=2)]))
    assert (found[ring] == 1).all()
    assert (found[7:11, 7:11] == 2).all()


def test_crowds_are_ignored_where_no_object_is(coco) -> None:
    crowd = np.zeros((H, W), bool)
    crowd[2:12, 2:30] = True
    entry = {"segmentation": runs(crowd), "bbox": [2, 2, 28, 10], "area": 280, "iscrowd": 1}
    found = only_map(coco([box(4, 4, 5, 5, category_id=2), entry]))
    assert (found[4:9, 4:9] == 2).all()
    assert (found[crowd] == VOID).sum() == 280 - 25
    assert (found[~crowd] == 0).all()


def test_the_pixels_of_a_box_without_an_outline_are_ignored_and_told_of(coco) -> None:
    said: list[str] = []
    bare = {"bbox": [20.4, 3, 10, 8], "area": 80}
    found = coco([bare, box(22, 4, 3, 3)], [box(1, 1, 4, 4)], said=said)
    expected = np.zeros((H, W), np.uint8)
    expected[3:11, 20:31] = VOID
    expected[4:7, 22:25] = 1
    assert np.array_equal(found.annotations.unpacked(0), expected)
    assert f"1 {WITHOUT_OUTLINE} (images/01.png)" in [line.removeprefix("Warning: ") for line in said]
    assert found.mended[WITHOUT_OUTLINE] == [("images/01.png", "images/01.png")]


@pytest.mark.parametrize("posed", [False, True])
def test_coco_with_boxes_alone_is_refused(coco, tmp_path: Path, posed: bool) -> None:
    own = {"keypoints": [3, 3, 2]} if posed else {}
    bare = {"bbox": [2, 3, 10, 8], "area": 80, **own}
    with pytest.raises(DataError) as caught:
        coco([bare, bare | {"bbox": [1, 1, 5, 5]}])
    assert str(caught.value) == (
        f"{tmp_path}: all 2 objects are boxes{' with key points' * posed}, and a box does not say which of its pixels "
        "are the object's; give each object a segmentation of polygons or runs, or use task=detection"
    )


def test_a_yolo_folder_of_boxes_alone_is_refused(yolo, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        yolo({"a": "0 0.5 0.5 0.2 0.2\n1 0.3 0.3 0.1 0.1\n"})
    assert str(caught.value) == (
        f"{tmp_path}: all 2 label rows are boxes, and a box does not say which of its pixels are "
        "the object's; label polygons as class x1 y1 x2 y2 x3 y3 …, or use task=detection"
    )


def test_data_without_any_object_are_refused(coco, tmp_path: Path) -> None:
    crowd = box(1, 1, 5, 5, iscrowd=1)
    with pytest.raises(DataError) as caught:
        coco([crowd], [])
    assert str(caught.value) == f"{tmp_path}: 2 images and no objects of cat, dog; add labels"


def test_rows_of_yolo_are_drawn_where_their_points_are(yolo) -> None:
    said: list[str] = []
    rows = "1 0.25 0.25 0.5 0.25 0.5 0.75 0.25 0.75\n0 0.75 0.5 0.125 0.25\n0 0.3 0.3 0.4 0.3 0.4 0.7 0.3 0.7"
    found = only_map(yolo({"a": rows}, said))
    expected = np.zeros((H, W), np.uint8)
    expected[6:18, 10:20] = 2
    expected[7:17, 12:16] = 1
    expected[9:15, 27:33] = VOID  # a box
    expected[9:15, 27:33][:, [0, -1]] = VOID
    assert np.array_equal(found[:, :26], expected[:, :26])
    assert np.array_equal(found[:, 26:] == VOID, expected[:, 26:] == VOID)
    assert sum(WITHOUT_OUTLINE in line for line in said) == 1


@pytest.mark.parametrize(
    ("changes", "names", "ground"),
    [
        ({"background": "ground"}, ("ground", "cat", "dog"), 0),
        ({"background": None}, ("cat", "dog"), VOID),
        ({"background": "dog"}, ("dog", "cat"), 0),
        ({"classes": ["dog", "background"]}, ("dog", "background"), 1),
        ({"classes": ["dog", "cat"]}, ("dog", "cat"), VOID),
    ],
)
def test_the_background_is_the_first_class_or_ignored_and_classes_are_chosen(coco, changes, names, ground) -> None:
    found = coco([box(2, 2, 4, 4), box(10, 10, 6, 6, category_id=2)], **changes)
    own = {name: i for i, name in enumerate(names)}
    assert found.class_names == names
    assert (only_map(found)[2:6, 2:6] == own.get("cat", VOID)).all()
    assert (only_map(found)[10:16, 10:16] == own["dog"]).all()
    assert only_map(found)[0, 0] == ground


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, ("background", "cat")),
        ({"ignored_classes": ["void"]}, ("background", "cat")),
        ({"ignored_classes": []}, ("background", "cat", "void")),
        ({"classes": ["void", "cat"]}, ("void", "cat")),
        ({"ignored_classes": ["background"]}, ("cat", "void")),
    ],
)
def test_pixels_of_ignored_classes_count_nowhere(coco, tmp_path: Path, changes, names) -> None:
    said: list[str] = []
    given = [box(2, 2, 9, 9), box(4, 4, 3, 3, category_id=2)]
    found = coco(given, names=("cat", "void"), said=said, **changes)
    own = {name: i for i, name in enumerate(names)}
    assert found.class_names == names
    assert only_map(found)[2, 2] == own["cat"]
    assert only_map(found)[0, 0] == own.get("background", VOID)
    assert (only_map(found)[4:7, 4:7] == own.get("void", VOID)).all()  # it lies on top, whatever it is of
    line = f"{tmp_path}: pixels of 'void' are ignored, as the name says (data.ignored_classes)"
    assert said == ([line] if not changes else [])


def test_a_class_to_ignore_that_there_is_not_is_named(coco, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        coco([box(2, 2, 4, 4)], ignored_classes=["Dog"])
    assert str(caught.value) == (
        "data.ignored_classes: no class 'Dog' (did you mean 'dog'?); the data have background, cat, dog"
    )
    with pytest.raises(DataError, match="only the class 'cat', beside what is ignored; wanted are two or more: "):
        coco([box(2, 2, 4, 4)], ignored_classes=["dog", "background"])


def test_classes_of_yolo_are_ignored_likewise(yolo) -> None:
    found = yolo({"a": "0 0.1 0.1 0.5 0.1 0.5 0.5\n1 0.6 0.6 0.9 0.6 0.9 0.9\n"}, ignored_classes=["dog"])
    assert found.class_names == ("background", "cat")
    assert set(np.unique(found.annotations.unpacked(0))) == {0, 1, VOID}


def test_more_classes_than_a_map_tells_apart_are_refused_unless_some_are_chosen(coco, tmp_path: Path) -> None:
    names = [f"c{i}" for i in range(255)]
    with pytest.raises(DataError) as caught:
        coco([box(2, 2, 4, 4, category_id=255)], names=names)
    assert str(caught.value) == (
        f"{tmp_path}: 255 classes beside the background; a class map tells at most 255 apart, the background among "
        "them; choose some by data.classes"
    )
    assert (only_map(coco([box(2, 2, 4, 4, category_id=255)], names=names, background=None))[2:6, 2:6] == 254).all()
    few = coco([box(2, 2, 4, 4, category_id=255)], names=names, classes=["background", "c254"])
    assert (only_map(few)[2:6, 2:6] == 1).all()
    with pytest.raises(DataError, match=r"data\.classes: no class 'cow'"):
        coco([box(2, 2, 4, 4)], names=names, classes=["background", "cow"])


def test_worker_processes_draw_the_same_maps(coco, monkeypatch: pytest.MonkeyPatch) -> None:
    images = [[box(i % 20, i % 10, 5 + i % 7, 4, category_id=1 + i % 2)] for i in range(9)]
    alone = coco(*images).annotations
    monkeypatch.setattr(workers, "_IN_PROCESS", 0)
    monkeypatch.setattr(workers, "_CHUNK", 2)
    apart = coco(*images).annotations
    assert np.array_equal(alone.digests, apart.digests)
    assert all(np.array_equal(alone.unpacked(i), apart.unpacked(i)) for i in range(9))


def test_one_map_at_a_time_is_in_memory(coco, monkeypatch: pytest.MonkeyPatch) -> None:
    alive: list[int] = []
    draw = polygons_module._map

    def counted(*arguments: Any) -> NDArray[np.uint8]:
        alive.append(sum(1 for reference in references if reference() is not None))
        found = draw(*arguments)
        references.append(weakref.ref(found))
        return found

    references: list[Any] = []
    monkeypatch.setattr(polygons_module, "_map", counted)
    coco(*([box(1, 1, 5, 5)] for _ in range(12)))
    assert len(alive) == 12
    assert max(alive) <= 1


def test_a_target_of_polygons_is_divided_and_has_a_fingerprint_of_its_maps(coco, tmp_path: Path, maps_config) -> None:
    coco(*([box(1 + i % 9, 1, 5, 5, category_id=1 + i % 2)] for i in range(20)))
    data = maps_config("coco", root=str(tmp_path), image_size=32, val_fraction=0.2)
    target = open_maps(data, 0, hearing([]))
    assert {split: len(found) for split, found in target.splits.items()} == {"train": 12, "val": 4, "test": 4}
    other = open_maps(data.model_copy(update={"background": None}), 0, hearing([]))
    assert target.splits["train"].fingerprint() != other.splits["train"].fingerprint()


@pytest.mark.skipif(not REAL.is_dir(), reason="no copy of coco100-seg")
def test_a_real_folder_of_yolo_polygons(maps_config) -> None:
    said: list[str] = []
    listed = list_polygons(maps_config("yolo", root=str(REAL)), hearing(said))
    counts = {part: len(found) for part, found in listed.parts.items()}
    assert counts == {"train": 80, "val": 20}
    train = listed.parts["train"].annotations
    assert train.class_names[:3] == ("background", "person", "bicycle")
    assert len(train.class_names) == 81
    share = (train.counts.sum(0) / train.sizes.prod(1).sum()).tolist()
    assert 0.6 < share[0] < 0.75
    assert sum(share) == pytest.approx(1)  # no pixel is ignored
    assert not any("left out" in line or WITHOUT_OUTLINE in line for line in said)

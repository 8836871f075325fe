"""The polygons, runs and key points of COCO files, in the pixels that the boxes are in."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask

from tests.composed import data_values
from tests.voices import hearing
from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.annotations.instances.instances import Instances
from tlbench.annotations.instances.runs import mask_of
from tlbench.annotations.instances.shapes import Shapes
from tlbench.annotations.instances.target import list_boxes, open_all_boxes, open_boxes
from tlbench.data.decode import WHOLE_FILES
from tlbench.data.listing import Listing

Entry = dict[str, Any]
W, H = 40, 20
TURNS = {5: "TRANSPOSE", 6: "ROTATE_270", 7: "TRANSVERSE", 8: "ROTATE_90"}
"""What makes the stored pixels upright."""


class Drawn:
    """A folder with one file of as many images as there are lists of annotations, 40 × 20 pixels as the file tells."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.said: list[str] = []
        self.size = (W, H)
        self.told: tuple[int, int] | None = (W, H)
        self.exif = 1

    def make(self, *images: list[Entry]) -> None:
        content: Entry = {"images": [], "annotations": [], "categories": []}
        content["categories"] = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
        exif = Image.Exif()
        exif[0x0112] = self.exif
        (self.root / "images").mkdir(parents=True, exist_ok=True)
        for number, entries in enumerate(images, 1):
            name = f"{number:02}.png"
            pixels = np.random.default_rng(number).integers(0, 256, (*self.size[::-1], 3), dtype=np.uint8)
            Image.fromarray(pixels).save(self.root / "images" / name, exif=exif)
            told = {} if self.told is None else {"width": self.told[0], "height": self.told[1]}
            content["images"].append({"id": number, "file_name": name, **told})
            for entry in entries:
                own = {"id": len(content["annotations"]), "image_id": number, "category_id": 1, "iscrowd": 0}
                content["annotations"].append(own | entry)
        (self.root / "instances_train.json").write_text(json.dumps(content))

    @property
    def config(self) -> InstanceDataConfig:
        values = {**data_values("coco"), "root": str(self.root), "val_fraction": 0.3, "test_fraction": 0.3}
        return InstanceDataConfig.model_validate(values)

    def read(self, *, shapes: bool = True) -> Listing[Instances]:
        self.said.clear()
        return list_boxes(self.config, hearing(self.said), shapes=shapes).parts["train"]

    def shapes(self) -> Shapes:
        found = self.read().annotations
        plain = self.read(shapes=False).annotations
        assert plain.shapes is None
        assert torch.equal(plain.boxes, found.boxes)
        assert torch.equal(plain.labels, found.labels)
        assert found.shapes is not None
        assert len(found.shapes) == len(found.boxes)
        assert all(torch.isfinite(part).all() for part in (found.shapes.points, *key_points(found.shapes)))
        return found.shapes

    def left_out(self) -> dict[str, int]:
        """What is counted where shapes are asked for, and not elsewhere."""
        with_shapes = self.read().mended
        said = [line for line in self.said if "left out" in line]
        without = self.read(shapes=False).mended
        found = {kind: len(places) for kind, places in with_shapes.items() if kind not in without}
        assert all(with_shapes[kind] == places for kind, places in without.items())
        for kind, count in found.items():
            assert sum(line.startswith(f"{count} {kind} (instances_train.json: annotation ") for line in said) == 1
        assert not any(kind in line for line in self.said for kind in found)
        return found


@pytest.fixture
def drawn(tmp_path: Path) -> Drawn:
    return Drawn(tmp_path / "d")


def key_points(shapes: Shapes) -> list[torch.Tensor]:
    return [] if shapes.key_points is None else [shapes.key_points]


def polygons(shapes: Shapes, i: int) -> list[list[float]]:
    """Object i's, `x y x y …` each."""
    own = range(int(shapes.starts[i]), int(shapes.starts[i + 1]))
    return [shapes.points[shapes.polygons[p] : shapes.polygons[p + 1]].flatten().tolist() for p in own]


def mask(shapes: Shapes, i: int) -> NDArray[np.bool_]:
    """Object i's, of its runs."""
    runs = shapes.runs[shapes.run_starts[i] : shapes.run_starts[i + 1]]
    return mask_of(runs.numpy(), *shapes.frames[i].tolist())


def around(pixels: NDArray[np.bool_]) -> list[int]:
    """The box around a mask, `x y width height`."""
    ys, xs = np.nonzero(pixels)
    return [int(xs.min()), int(ys.min()), int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1]


def in_runs(pixels: NDArray[np.bool_], *, compressed: bool = True) -> Entry:
    """An entry with the mask and the box around it."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], pixels.T.ravel(), [False]])))
    counts: Any = np.diff(np.concatenate([[0], edges])).tolist()
    if compressed:
        counts = coco_mask.encode(np.asfortranarray(pixels.astype(np.uint8)))["counts"].decode()
    return {"bbox": around(pixels), "segmentation": {"size": list(pixels.shape), "counts": counts}}


def drawn_mask(seed: int = 0, size: tuple[int, int] = (H, W)) -> NDArray[np.bool_]:
    """A piece with holes in it, that is no mirror image of itself."""
    pixels = np.zeros(size, bool)
    top, left = 2 + seed % 3, 4 + seed % 5
    pixels[top:-3, left:-5] = np.random.default_rng(seed).random((size[0] - top - 3, size[1] - left - 5)) < 0.8
    return pixels


def triangle(x: float, y: float, w: float, h: float) -> list[float]:
    return [x, y, x + w, y, x + w, y + h]


def boxed(x: float, y: float, w: float, h: float, **keys: Any) -> Entry:
    return {"bbox": [x, y, w, h], **keys}


def outlined(x: float, y: float, w: float, h: float, **keys: Any) -> Entry:
    """A box and the triangle in it."""
    return boxed(x, y, w, h, segmentation=[triangle(x, y, w, h)], **keys)


def test_polygons_of_several_parts_beside_objects_without(drawn: Drawn) -> None:
    parts = [triangle(3.25, 2.5, 10, 5), [14, 8, 18, 8, 18, 12.75, 14, 12]]
    plain = boxed(1, 1, 5, 5)
    drawn.make(
        [boxed(3.25, 2.5, 14.75, 10.25, segmentation=parts), plain],
        [],
        [{**plain, "segmentation": []}, outlined(0, 0, 8, 8), {"segmentation": parts[1]}],
    )
    shapes = drawn.shapes()
    assert [polygons(shapes, i) for i in range(5)] == [parts, [], [], [triangle(0, 0, 8, 8)], [parts[1]]]
    assert shapes.outlined.tolist() == [True, False, False, True, True]
    assert shapes.key_points is None
    assert drawn.left_out() == {}
    packed = [coco_mask.merge(coco_mask.frPyObjects(own, H, W)) for own in (parts, polygons(shapes, 0))]
    assert coco_mask.area(packed[0]) == coco_mask.area(packed[1]) > 0


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("crowd", [True, False])
def test_runs_are_the_masks_that_pycocotools_wrote(drawn: Drawn, compressed: bool, crowd: bool) -> None:
    masks = [drawn_mask(seed) for seed in range(3)]
    drawn.make(*([in_runs(m, compressed=compressed) | {"iscrowd": int(crowd)}, outlined(1, 1, 9, 9)] for m in masks))
    found = drawn.read().annotations
    shapes = found.crowds.shapes if crowd and found.crowds else found.shapes
    assert shapes is not None
    rows = range(3) if crowd else range(0, 6, 2)
    for i, pixels in zip(rows, masks, strict=True):
        assert np.array_equal(mask(shapes, i), pixels)
        packed = coco_mask.encode(np.asfortranarray(pixels.astype(np.uint8)))
        own = shapes.runs[shapes.run_starts[i] : shapes.run_starts[i + 1]]
        assert own[1::2].sum() == coco_mask.area(packed)
    assert found.shapes is not None
    assert len(found.shapes) == (3 if crowd else 6)
    assert polygons(found.shapes, 0 if crowd else 1) == [triangle(1, 1, 9, 9)]
    assert drawn.left_out() == {}


@pytest.mark.parametrize(
    ("counts", "runs"), [([42, 3], [42, 3, 755]), ([42, 3, 10], [42, 3, 755]), ([0, 5], [0, 5, 795])]
)
def test_runs_that_end_early_are_outside_from_there_on(drawn: Drawn, counts: list[int], runs: list[int]) -> None:
    drawn.make([boxed(2, 0, 8, 8, segmentation={"size": [H, W], "counts": counts})])
    assert drawn.shapes().runs.tolist() == runs


@pytest.mark.parametrize(
    ("segmentation", "kind"),
    [
        ([[1, 2, 3, 4, 5, 6, 7]], "malformed segmentations"),
        ([["a"] * 6], "malformed segmentations"),
        ([[float("nan")] + [1] * 5], "malformed segmentations"),
        ([[1e12] + [1] * 5], "malformed segmentations"),
        ([triangle(1, 1, 5, 5), None], "malformed segmentations"),
        ([1, 2], "malformed segmentations"),
        ("text", "malformed segmentations"),
        ({"counts": [1, 2]}, "malformed segmentations"),
        ({"size": [H, W], "counts": [1, 9999]}, "malformed segmentations"),
        ({"size": [H, W], "counts": [800]}, "malformed segmentations"),
        ({"size": [H, W], "counts": "o"}, "malformed segmentations"),
        ({"size": [10**6, 10**6], "counts": [1, 2]}, "malformed segmentations"),
        ([[1, 2, 3, 4]], "polygons of fewer than three points"),
        ({"size": [H // 2, W], "counts": [1, 2]}, "segmentations in pixels that are not known"),
        ({"size": [W, H], "counts": [1, 2]}, "segmentations in pixels that are not known"),
        ([triangle(1, 13, 5, 5)], "polygons beside their boxes"),
        ([triangle(0.1, 0.1, 0.5, 0.5)], "polygons beside their boxes"),
    ],
)
def test_what_cannot_be_used_is_left_out_and_counted(drawn: Drawn, segmentation: Any, kind: str) -> None:
    other = outlined(20, 10, 8, 5)
    drawn.make([boxed(1, 1, 5, 5, segmentation=segmentation), other], [boxed(2, 1, 5, 5, segmentation=segmentation)])
    shapes = drawn.shapes()
    assert shapes.outlined.tolist() == [False, True, False]
    assert polygons(shapes, 1) == other["segmentation"]
    assert len(shapes.points) == 3
    assert len(shapes.runs) == 0
    assert drawn.left_out() == {f"{kind} left out": 2}


def test_of_several_parts_those_without_area_are_left_out(drawn: Drawn) -> None:
    drawn.make([boxed(1, 1, 5, 5, segmentation=[[1, 1, 2, 2], triangle(1, 1, 5, 5), []])])
    assert polygons(drawn.shapes(), 0) == [triangle(1, 1, 5, 5)]
    assert drawn.left_out() == {"polygons of fewer than three points left out": 1}


def test_shapes_stay_with_their_boxes_where_others_are_left_out(drawn: Drawn) -> None:
    first, last = outlined(1, 1, 5, 5), outlined(20, 10, 8, 5)
    drawn.make([outlined(9, 9, 0, 5) | {"segmentation": None}, first, {**first, "segmentation": []}, last])
    shapes = drawn.shapes()
    assert [polygons(shapes, i) for i in range(2)] == [first["segmentation"], last["segmentation"]]


def labelled(i: int) -> list[Entry]:
    """Two objects of image i: a polygon with key points, and runs, each with its box."""
    x, y, w, h = 3 + i, 2, 12, 7
    points = [x + 1, y + 2, 2, 0, 0, 0, x + 5.5, y + 6, 1]
    return [outlined(x, y, w, h, keypoints=points), in_runs(drawn_mask(i))]


@pytest.mark.parametrize("turn", TURNS)
def test_turned_with_images_that_were_labelled_unturned(drawn: Drawn, turn: int) -> None:
    drawn.exif = turn
    drawn.make(*(labelled(i) for i in range(10)))
    found, shapes = drawn.read().annotations, drawn.shapes()
    assert found.sizes.tolist() == [[W, H]] * 10
    assert drawn.left_out() == {}
    for i in range(10):
        upright = Image.fromarray(drawn_mask(i)).transpose(Image.Transpose[TURNS[turn]])
        assert np.array_equal(mask(shapes, 2 * i + 1), np.array(upright))
        ((*corners,),) = polygons(shapes, 2 * i)
        xs, ys = corners[0::2], corners[1::2]
        assert [min(xs), min(ys), max(xs), max(ys)] == found.boxes[2 * i].tolist()
        moved = {5: lambda x, y: (y, x), 6: lambda x, y: (H - y, x), 7: lambda x, y: (H - y, W - x)}
        move: Callable[[float, float], tuple[float, float]] = moved.get(turn, lambda x, y: (y, W - x))
        assert list(zip(xs, ys, strict=True)) == [move(3 + i, 2), move(15 + i, 2), move(15 + i, 9)]
        assert shapes.key_points is not None
        assert shapes.key_points[2 * i].tolist() == [[*move(4 + i, 4), 2], [0, 0, 0], [*move(8.5 + i, 8), 1]]
        assert not shapes.key_points[2 * i + 1].any()


def test_scaled_with_images_of_another_size(drawn: Drawn) -> None:
    drawn.size = (W // 2, H // 4)
    stored = in_runs(drawn_mask(0, (H, W)))
    small = np.zeros((H // 4, W // 2), bool)
    small[1:3, 2:9] = True
    stored["segmentation"] = in_runs(small)["segmentation"]  # written after the images were shrunk
    drawn.make(*([*labelled(i), outlined(22, 10, 18, 10)] for i in range(10)), [stored])
    shapes = drawn.shapes()
    assert any("their boxes are scaled by 0.5 across and 0.25 down" in line for line in drawn.said)
    assert drawn.left_out() == {}
    for i in range(10):
        assert polygons(shapes, 3 * i) == [[(3 + i) / 2, 0.5, (15 + i) / 2, 0.5, (15 + i) / 2, 2.25]]
        assert shapes.key_points is not None
        assert shapes.key_points[3 * i].tolist() == [[2 + i / 2, 1, 2], [0, 0, 0], [(8.5 + i) / 2, 2, 1]]
        assert np.array_equal(mask(shapes, 3 * i + 1), drawn_mask(i))  # it covers the image
    assert np.array_equal(mask(shapes, 30), small)


def test_cut_where_an_edge_of_the_images_was(drawn: Drawn) -> None:
    drawn.size = (W - 2, H + 1)
    drawn.make(*(labelled(i) for i in range(10)))
    shapes = drawn.shapes()
    assert drawn.left_out() == {}
    for i in range(10):
        assert polygons(shapes, 2 * i) == [triangle(3 + i, 2, 12, 7)]
        assert np.array_equal(mask(shapes, 2 * i + 1), np.pad(drawn_mask(i), ((0, 1), (0, 0)))[:, :-2])


def test_fractions_and_pixels_beside_boxes_that_are_fractions(drawn: Drawn) -> None:
    drawn.told = None
    entries = []
    for i in range(10):
        polygon, runs = labelled(i)
        for entry in (polygon, runs):
            entry["bbox"] = [v / side for v, side in zip(entry["bbox"], (W, H, W, H), strict=True)]
        if i % 2:
            (corners,) = polygon["segmentation"]
            polygon["segmentation"] = [[v / side for v, side in zip(corners, [W, H] * 3, strict=True)]]
            scale = [1 / W, 1 / H, 1] * 3
            polygon["keypoints"] = [v * factor for v, factor in zip(polygon["keypoints"], scale, strict=True)]
        entries.append([polygon, runs])
    drawn.make(*entries)
    shapes = drawn.shapes()
    assert drawn.left_out() == {}
    for i in range(10):
        assert polygons(shapes, 2 * i) == [pytest.approx(triangle(3 + i, 2, 12, 7))]
        assert shapes.key_points is not None
        assert shapes.key_points[2 * i].flatten().tolist() == pytest.approx(labelled(i)[0]["keypoints"])
        assert np.array_equal(mask(shapes, 2 * i + 1), drawn_mask(i))


def test_pixels_beside_fractions_of_images_of_another_size_are_not_known(drawn: Drawn) -> None:
    drawn.size = (W // 2, H // 2)
    entries = [labelled(i) for i in range(10)]
    for entry in (entry for own in entries for entry in own):
        entry["bbox"] = [v / side for v, side in zip(entry["bbox"], (W, H, W, H), strict=True)]
    drawn.make(*entries)
    shapes = drawn.shapes()
    assert shapes.outlined.tolist() == [False, True] * 10  # runs say how large their image is
    assert shapes.key_points is not None
    assert not shapes.key_points.any()
    kinds = ("segmentations in pixels that are not known left out", "key points in pixels that are not known left out")
    assert drawn.left_out() == dict.fromkeys(kinds, 10)


def test_points_beside_boxes_with_y_before_x_are_not_known(drawn: Drawn) -> None:
    drawn.size = drawn.told = (H, H * 2)
    entries = []
    for i in range(10):
        x, y, w, h = 2, 20 + i, 10, 9
        turned = {"bbox": [y, x, y + h, x + w]}
        entries.append([outlined(x, y, w, h) | turned, {"bbox": [1, 1, 38 - i, 19]}])
    drawn.make(*entries)
    shapes = drawn.shapes()
    assert any("both corners with y before x" in line for line in drawn.said)
    assert not shapes.outlined.any()
    assert drawn.left_out() == {"segmentations in pixels that are not known left out": 10}


def test_key_points_of_classes_that_have_different_ones(drawn: Drawn) -> None:
    drawn.make(
        [
            boxed(1, 1, 5, 5, keypoints=[2, 3, 2, 9, 9, 0, 4, 4.5, 1]),
            boxed(8, 1, 5, 5, keypoints=[9, 2, 1], category_id=2),
            boxed(1, 9, 5, 5, keypoints=[]),
            boxed(9, 9, 5, 5),
        ]
    )
    found = drawn.shapes().key_points
    assert found is not None
    assert found.dtype == torch.float32
    assert found.tolist() == [
        [[2, 3, 2], [0, 0, 0], [4, 4.5, 1]],
        [[9, 2, 1], [0, 0, 0], [0, 0, 0]],
        [[0, 0, 0]] * 3,
        [[0, 0, 0]] * 3,
    ]


@pytest.mark.parametrize(
    "values", [[1, 2], [1, 2, 3], [1, 2, 0.5], ["a", 2, 2], [float("nan"), 2, 2], [1e12, 2, 2], "abc", {"x": 1}, 7]
)
def test_malformed_key_points_are_left_out_and_counted(drawn: Drawn, values: Any) -> None:
    drawn.make([outlined(1, 1, 5, 5, keypoints=values), boxed(8, 1, 5, 5, keypoints=[9, 2, 1])])
    shapes = drawn.shapes()
    assert shapes.key_points is not None
    assert shapes.key_points.tolist() == [[[0, 0, 0]], [[9, 2, 1]]]
    assert shapes.outlined.tolist() == [True, False]
    assert drawn.left_out() == {"malformed key points left out": 1}


def test_fingerprints_do_not_know_of_shapes(drawn: Drawn) -> None:
    drawn.make(*(labelled(i) for i in range(12)))
    plain = open_boxes(drawn.config, 0, hearing([]))
    with_shapes = open_boxes(drawn.config, 0, hearing([]), shapes=True)
    for split in ("train", "val", "test"):
        without, found = plain.splits[split], with_shapes.splits[split]
        assert found.fingerprint() == without.fingerprint()
        assert without.annotations.shapes is None
        shapes = found.annotations.shapes
        assert shapes is not None
        low = torch.stack([shapes.points[a:b].amin(0) for a, b in pairwise(shapes.polygons)])
        own = found.annotations.boxes[shapes.starts.diff() > 0]
        torch.testing.assert_close(low.float(), own[:, :2])  # resized with the images


def test_a_data_set_as_it_comes_has_shapes_where_they_are_asked_for(drawn: Drawn) -> None:
    drawn.make(*(labelled(i) for i in range(3)))
    (found,) = open_all_boxes(drawn.config, WHOLE_FILES, hearing([]), shapes=True)
    (plain,) = open_all_boxes(drawn.config, WHOLE_FILES, hearing([]))
    assert found.annotations.shapes is not None
    assert found.annotations.shapes.outlined.tolist() == [True] * 6
    assert plain.annotations.shapes is None

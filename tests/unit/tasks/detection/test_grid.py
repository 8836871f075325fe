from __future__ import annotations

import numpy as np
import pytest

from tlbench.pictures.marks import Box
from tlbench.pictures.sheet import Tile
from tlbench.tasks.detection.grid import detections_sheet, outcome_tile
from tlbench.tasks.detection.mistakes import ImageOutcome
from tlbench.tasks.detection.sidecar import ImagePredictions

OBJECT, RIGHT, FALSE, IGNORED = "#009E73", "#0072B2", "#D55E00", "#737373"
NAMES = ["cat", "dog"]


def tile(
    boxes: list[list[float]] | None = None,
    found: list[list[float]] | None = None,
    crowds: list[list[float]] | None = None,
    name: str = "images/test/a.jpg",
    factor: float = 1,
    class_names: list[str] = NAMES,
) -> Tile:
    """Of the detections the first is right, the second false, others ignored; the objects but the first are missed."""
    objects, detections, regions = (np.array(each or [], np.float32).reshape(-1, 4) for each in (boxes, found, crowds))
    image = ImagePredictions(
        name,
        detections,
        np.linspace(0.9, 0.5, len(detections), dtype=np.float32),
        np.arange(len(detections)) % 2,
        objects,
        np.arange(len(objects)) % 2,
        regions,
        np.zeros(len(regions), np.int64),
    )
    index = np.arange(len(detections))
    result = ImageOutcome(image, index, index == 1, index > 1, np.arange(len(objects)) > 0)
    return outcome_tile(result, np.zeros((90, 160, 3), np.uint8), np.full(4, factor), class_names)


def boxes_of(tile: Tile) -> list[Box]:
    assert all(isinstance(mark, Box) for mark in tile.marks)
    return [mark for mark in tile.marks if isinstance(mark, Box)]


def test_objects_are_solid_and_detections_dashed_in_the_colour_of_what_they_are() -> None:
    found = tile([[10, 20, 50, 60], [80, 20, 120, 70]], [[11, 20, 50, 60], [100, 5, 150, 30]], factor=0.5)
    assert [(each.corners, each.colour, each.dashed) for each in boxes_of(found)] == [
        ((5, 10, 25, 30), OBJECT, False),
        ((40, 10, 60, 35), OBJECT, False),
        ((5.5, 10, 25, 30), RIGHT, True),
        ((50, 2.5, 75, 15), FALSE, True),
    ]
    assert [(each.label, each.value) for each in boxes_of(found)] == [
        ("", ""),
        ("dog", ""),
        ("cat", "0.90"),
        ("dog", "0.50"),
    ]
    assert found.title == "a.jpg\n1 missed, 1 false"


def test_crowds_and_what_is_in_them_are_grey() -> None:
    found = [[11, 20, 50, 60], [100, 5, 150, 30], [105, 30, 120, 40]]
    crowded = tile([[10, 20, 50, 60]], found, [[100, 20, 150, 80]])
    assert [(each.corners, each.dashed) for each in boxes_of(crowded) if each.colour == IGNORED] == [
        ((100, 20, 150, 80), False),
        ((105, 30, 120, 40), True),
    ]
    assert crowded.title == "a.jpg\n0 missed, 1 false"
    with_crowds, without = (detections_sheet([each], 0.5) for each in (crowded, tile()))
    assert with_crowds.shape[1] > without.shape[1]  # the legend is longer


def test_of_one_class_there_are_scores_alone() -> None:
    found = tile([[10, 20, 50, 60]] * 2, [[11, 20, 50, 60]], class_names=["signature"])
    assert [f"{each.label}{each.value}" for each in boxes_of(found)] == ["", "", "0.90"]


def test_of_many_detections_all_are_drawn_and_the_surest_labelled() -> None:
    found = boxes_of(tile(found=[[5 + i, 5, 60 + i, 60] for i in range(40)]))
    assert len(found) == 40
    scores = [float(each.value) for each in found if each.value]
    assert sorted(scores) == pytest.approx(np.linspace(0.9, 0.5, 40)[11::-1], abs=0.006)
    assert [each.thin for each in found] == [not each.value for each in found]


def test_mistakes_lie_on_top_and_then_what_is_surer() -> None:
    found = boxes_of(tile(found=[[5 + i, 5, 60 + i, 60] for i in range(4)]))
    assert [each.corners[0] for each in found] == [8, 7, 5, 6]


@pytest.mark.parametrize("count", [1, 16])
def test_the_sheet_says_what_is_shown(count: int) -> None:
    pixels = detections_sheet([tile([[10, 20, 50, 60]], [[11, 20, 50, 60]])] * count, 0.5)
    assert pixels.shape[0] > 180
    assert (pixels[:30] < 60).all(axis=-1).any()  # the confidence
    for colour in (OBJECT, RIGHT, FALSE):
        red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
        assert (pixels[30:52] == (red, green, blue)).all(axis=-1).any()

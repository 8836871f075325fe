from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from pycocotools.cocoeval import Params

from tlbench.annotations.instances.matching import IOU_THRESHOLDS, MAX_DETECTIONS, match_boxes

WIDE = [0, 0, 100, 10]


def shifted(*shifts: float) -> NDArray[np.float32]:
    """Boxes 100 wide, moved to the right by so much: IoU with the unmoved (100 − s) / (100 + s)."""
    return np.array([[s, 0, 100 + s, 10] for s in shifts], dtype=np.float32).reshape(-1, 4)


def match(boxes: NDArray, scores: list[float], true: NDArray, labels: list[int] | None = None, true_labels=None):
    labels = [0] * len(boxes) if labels is None else labels
    true_labels = [0] * len(true) if true_labels is None else true_labels
    return match_boxes(boxes, np.array(scores, np.float32), np.array(labels), true, np.array(true_labels))


def test_thresholds_are_those_of_pycocotools() -> None:
    parameters = Params(iouType="bbox")
    assert np.array_equal(parameters.iouThrs, IOU_THRESHOLDS)
    assert parameters.maxDets[-1] == MAX_DETECTIONS


@pytest.mark.parametrize(("shift", "bits"), [(0, 10), (25, 3), (100 / 3, 1), (34, 0), (100, 0)])
def test_one_box_is_right_up_to_its_iou(shift: float, bits: int) -> None:
    found = match(shifted(shift), [0.9], shifted(0))  # IoU 1, 0.6, 0.5 + 2e-8 (float32), 0.493, 0
    assert found.hits.tolist() == [(1 << bits) - 1]
    expected = (100 - shift) / (100 + shift) if bits else 0
    assert found.ious.tolist() == [pytest.approx(expected, abs=1e-6)]


def test_the_surer_detection_takes_the_object_where_it_may() -> None:
    # IoU 0.6 of the surer, 0.91 of the other: the first takes the object at 0.50 … 0.60, the second at 0.65 … 0.90
    found = match(shifted(25, 4.7), [0.9, 0.8], shifted(0))
    assert [bin(bits) for bits in found.hits] == [bin(0b0000000111), bin(0b0111111000)]
    assert found.ious.tolist() == [pytest.approx(0.6), 0]


def test_input_need_not_be_sorted_and_equal_scores_keep_their_order() -> None:
    found = match(shifted(1, 25, 2), [0.7, 0.8, 0.8], shifted(0))
    assert found.kept.tolist() == [1, 2, 0]
    assert [hits & 1 for hits in found.hits] == [1, 0, 0]
    found = match(np.repeat(shifted(500), 80, axis=0), [0.5, 0.6] * 40, shifted(0))
    assert found.kept.tolist() == [*range(1, 80, 2), *range(0, 80, 2)]


def test_it_takes_the_nearest_object_and_leaves_the_other_to_the_next() -> None:
    found = match(shifted(4, 4), [0.9, 0.8], shifted(0, 5))
    assert found.ious.tolist() == [pytest.approx(99 / 101), pytest.approx(96 / 104)]


def test_of_two_objects_equally_near_it_takes_the_later_as_pycocotools_does() -> None:
    found = match(shifted(0, 20), [0.9, 0.8], shifted(-10, 10))
    assert found.ious.tolist() == [pytest.approx(90 / 110), pytest.approx(70 / 130)]
    found = match(shifted(0, 20), [0.9, 0.8], shifted(10, -10))
    assert found.ious.tolist() == [pytest.approx(90 / 110), pytest.approx(90 / 110)]


def test_only_objects_of_its_class_count() -> None:
    found = match(shifted(0, 0), [0.9, 0.8], shifted(0, 0), labels=[1, 2], true_labels=[0, 2])
    assert found.hits.tolist() == [0, 1023]


def test_a_hundred_detections_of_a_class_count() -> None:
    boxes = np.repeat(shifted(500), 250, axis=0)
    boxes[[100, 249]] = WIDE  # the 101st of class 0, the last of class 1
    labels = [0] * 150 + [1] * 100
    found = match(boxes, np.linspace(1, 0.1, 250).tolist(), shifted(0, 0), labels, true_labels=[0, 1])
    assert found.kept.tolist() == [*range(100), *range(150, 250)]
    assert np.flatnonzero(found.hits).tolist() == [199]


def test_nothing_on_either_side() -> None:
    assert match(shifted(), [], shifted(0)).hits.tolist() == []
    assert match(shifted(0), [0.5], shifted()).hits.tolist() == [0]


def test_boxes_without_area_find_nothing() -> None:
    point = np.array([[5, 5, 5, 5]], dtype=np.float32)
    assert match(point, [0.5], point).hits.tolist() == [0]

from __future__ import annotations

import numpy as np
import pytest
from pycocotools.cocoeval import Params

from tlbench.annotations.instances.average_precision import (
    RECALLS,
    average_precision,
    interpolated_precision,
    precision_at_recalls,
)
from tlbench.annotations.instances.matches import Matches


def test_recalls_are_those_of_pycocotools() -> None:
    assert np.array_equal(RECALLS, Params(iouType="bbox").recThrs)


def test_three_detections_of_two_objects_by_hand() -> None:
    # right, wrong, right: precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1. Recalls 0 … 0.50 read 1, 0.51 … 1 read 2/3
    read = interpolated_precision(np.array([True, False, True]), 2)
    assert read[:51] == pytest.approx(1, abs=1e-12)
    assert read[51:] == pytest.approx(2 / 3, abs=1e-12)
    assert read.mean() == pytest.approx((51 + 50 * 2 / 3) / 101, abs=1e-12)


def test_recalls_beyond_the_last_detection_read_zero() -> None:
    read = interpolated_precision(np.array([False, True]), 4)
    assert read.tolist() == [0.5] * 26 + [0.0] * 75
    assert interpolated_precision(np.array([], dtype=bool), 4).tolist() == [0.0] * 101


def test_each_class_and_threshold_is_read_from_its_bit() -> None:
    matches = Matches.sort(
        scores=np.array([0.2, 0.9, 0.8, 0.7], np.float32),
        labels=np.array([0, 2, 0, 1], np.int32),
        hits=np.array([0b1111111111, 0, 0b0000000011, 0], np.int32),
        ious=np.zeros(4, np.float32),
        objects=np.array([2, 1, 0]),
    )
    ap = average_precision(matches)
    assert ap[0, :2] == pytest.approx([1, 1])
    # at higher thresholds class 0's surer detection is wrong: precision 1/2 up to recall 1/2
    assert ap[0, 2:] == pytest.approx([0.5 * 51 / 101] * 8)
    assert ap[1].tolist() == [0.0] * 10  # detected, wrongly
    assert np.isnan(ap[2]).all()  # no objects
    assert matches.mean(ap)[0] == pytest.approx(0.5)
    assert precision_at_recalls(matches, 0).shape == (3, 101)


def test_equal_scores_keep_the_order_in_which_they_came() -> None:
    arguments = {"scores": np.full(2, 0.5, np.float32), "labels": np.zeros(2, np.int32), "objects": np.array([1])}
    first = Matches.sort(**arguments, hits=np.array([1, 0], np.int32), ious=np.zeros(2, np.float32))
    last = Matches.sort(**arguments, hits=np.array([0, 1], np.int32), ious=np.zeros(2, np.float32))
    assert average_precision(first)[0, 0] == 1
    assert average_precision(last)[0, 0] == 0.5

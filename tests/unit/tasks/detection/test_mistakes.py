from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.drawn_detections import draw
from tlbench.annotations.instances.curves import detection_curves
from tlbench.annotations.instances.matching import match_boxes
from tlbench.tasks.detection.metrics import DetectionMetrics
from tlbench.tasks.detection.mistakes import ImageOutcome, match_images, outcome, worst_first
from tlbench.tasks.detection.sidecar import ImagePredictions


def image(detections: list[tuple[list[float], float, int]], objects: list[tuple[list[float], int]]) -> ImagePredictions:
    return ImagePredictions(
        "name",
        np.array([box for box, _, _ in detections], dtype=np.float32).reshape(-1, 4),
        np.array([score for _, score, _ in detections], dtype=np.float32),
        np.array([label for _, _, label in detections], dtype=np.int64),
        np.array([box for box, _ in objects], dtype=np.float32).reshape(-1, 4),
        np.array([label for _, label in objects], dtype=np.int64),
    )


def result(given: ImagePredictions, confidence: float) -> ImageOutcome:
    found, _ = match_images([given], num_classes=2)
    return outcome(given, found[0], confidence)


A, B, C = [0.0, 0, 10, 10], [20.0, 0, 30, 10], [40.0, 0, 50, 10]


@pytest.mark.parametrize(
    ("confidence", "detections", "false", "missed"),
    [
        (0.95, [], [], [True, True, True]),
        (0.75, [0], [False], [False, True, True]),  # at its very score
        (0.5, [0, 1], [False, True], [False, True, True]),  # found a second time
        (0.25, [0, 1, 2], [False, True, True], [False, True, True]),  # of another class
        (0.0, [0, 1, 2, 3], [False, True, True, False], [False, True, False]),
    ],
)
def test_what_is_missed_and_false_depends_on_the_confidence(
    confidence: float, detections: list[int], false: list[bool], missed: list[bool]
) -> None:
    given = image([(A, 0.75, 0), (A, 0.5, 0), (B, 0.25, 1), (C, 0.125, 1)], [(A, 0), (B, 0), (C, 1)])
    found = result(given, confidence)
    assert found.detections.tolist() == detections
    assert found.false.tolist() == false
    assert found.missed.tolist() == missed
    assert found.mistakes == sum(false) + sum(missed)


def test_what_lies_in_a_crowd_is_neither_right_nor_false() -> None:
    given = image([(A, 0.9, 0), (B, 0.8, 0), (C, 0.7, 0), (B, 0.6, 1)], [(A, 0)])
    wide = [15.0, 0, 45, 10]  # B, and half of C
    crowded = replace(given, crowd_boxes=np.array([wide], np.float32), crowd_labels=np.array([0]))
    found = result(crowded, 0.5)
    assert found.ignored.tolist() == [False, True, True, False]
    assert found.false.tolist() == [False, False, False, True]
    assert found.mistakes == 1
    assert result(given, 0.5).false.tolist() == [False, True, True, True]
    _, matches = match_images([crowded], num_classes=2)
    assert matches.counts(0).tolist() == [True, False, False, True]
    assert matches.counts(1).tolist() == [True, False, True, True]  # half of C is not 0.55 of it


def test_the_object_that_is_missed_is_the_one_that_overlaps_less() -> None:
    near, far = [1.0, 0, 11, 10], [2.0, 0, 12, 10]
    assert result(image([(A, 0.9, 0)], [(far, 0), (near, 0)]), 0.5).missed.tolist() == [True, False]
    assert result(image([(A, 0.9, 0), (A, 0.8, 0)], [(far, 0), (near, 0)]), 0.5).missed.tolist() == [False, False]
    assert result(image([], []), 0.5).mistakes == 0


def test_as_many_objects_are_missed_as_no_true_positive_took() -> None:
    drawn = draw(40, [0, 1, 2], seed=3)
    for (boxes, labels), found in zip(drawn.objects, drawn.detections, strict=True):
        arrays = [t.numpy() for t in (found.boxes, found.scores, found.labels, boxes, labels)]
        given = ImagePredictions("", *arrays)
        for confidence in (0.0, 0.2, 0.5):
            sure = arrays[1].astype(np.float64) >= confidence
            alone = match_boxes(*(a[sure] for a in arrays[:3]), *arrays[3:])  # type: ignore[call-arg]
            seen = outcome(given, match_boxes(*arrays), confidence)  # type: ignore[call-arg]
            right = int((alone.hits & 1).sum())
            assert int(seen.missed.sum()) == len(labels) - right
            assert int(seen.false.sum()) == len(alone.kept) - right


def test_the_matches_of_all_images_are_those_of_the_metrics() -> None:
    drawn = draw(30, [0, 1, 2], seed=1)
    metrics = DetectionMetrics(["a", "b", "c"])
    metrics.update(drawn.detections, drawn.targets)
    images = [
        ImagePredictions("", *(t.numpy() for t in (found.boxes, found.scores, found.labels, *objects)))
        for found, objects in zip(drawn.detections, drawn.objects, strict=True)
    ]
    ours, theirs = detection_curves(match_images(images, 3)[1], metrics.class_names), metrics.curves()
    for name in ("precision_at_recall", "f1", "mean_precision", "recall"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


def test_the_worst_come_first_and_equal_ones_in_order() -> None:
    missed = [image([], [(A, 0)] * count) for count in (1, 0, 3, 1, 2)]
    outcomes = {10 + k: result(each, 0.5) for k, each in enumerate(missed)}
    assert worst_first(outcomes, 16) == [12, 14, 10, 13, 11]
    assert worst_first(outcomes, 3) == [12, 14, 10]

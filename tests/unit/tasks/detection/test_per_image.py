from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.drawn_detections import Drawn, draw
from tlbench.errors import DataError
from tlbench.tasks.detection.metrics import DetectionMetrics
from tlbench.tasks.detection.per_image import of_predictions, read

NAMES = ["ant", "bee", "cat", "dog"]
IMAGES = 15
CONFIDENCE = 0.4


def drawn(crowds: bool) -> Drawn:
    """Dog has no object; no two scores are equal, as these would stand in another order among copies of an image."""
    return draw(IMAGES, [0, 1, 2], 3, detected=[0, 1, 2, 3], decimals=7, crowds=[0, 1] if crowds else None)


def predictions(of: Drawn) -> dict[str, np.ndarray]:
    """As `DetectionTask.predictions` gives them."""

    def ragged(count: str, parts: list[tuple[torch.Tensor, ...]], names: tuple[str, ...]) -> dict[str, np.ndarray]:
        columns = {name: torch.cat([part[i] for part in parts]).numpy() for i, name in enumerate(names)}
        return {count: np.array([len(part[-1]) for part in parts]), **columns}

    found = [(d.boxes, d.scores, d.labels) for d in of.detections]
    columns = ragged("count", found, ("boxes", "scores", "labels"))
    columns |= ragged("target_count", of.objects, ("target_boxes", "target_labels"))
    if of.crowds is not None:
        columns |= ragged("crowd_count", of.crowds, ("crowd_boxes", "crowd_labels"))
    return columns


def metrics_of(of: Drawn) -> dict[str, float]:
    metrics = DetectionMetrics(NAMES)
    metrics.confidence = CONFIDENCE
    metrics.update(of.detections, of.targets)
    return {name: float(value) for name, value in metrics.compute().items()}


def again(of: Drawn, times: np.ndarray) -> Drawn:
    order = np.repeat(np.arange(IMAGES), times).tolist()
    crowds = None if of.crowds is None else [of.crowds[i] for i in order]
    return Drawn([of.objects[i] for i in order], [of.detections[i] for i in order], crowds)


@pytest.mark.promise("two-way intervals")
@pytest.mark.parametrize("crowds", [False, True])
def test_each_image_once_gives_the_metrics_of_the_split(crowds: bool) -> None:
    of = drawn(crowds)
    found, expected = read(of_predictions(predictions(of), CONFIDENCE), 4).metrics(), metrics_of(of)
    assert found.keys() == {"map50_95", "map50", "map95", "precision", "recall", "f1", "iou"}
    assert found == pytest.approx({name: expected[name] for name in found}, abs=1e-12)


@pytest.mark.promise("two-way intervals")
@pytest.mark.parametrize("crowds", [False, True])
def test_an_image_that_counts_thrice_is_as_three_images(crowds: bool) -> None:
    of = drawn(crowds)
    weights = np.random.default_rng(1).integers(0, 4, (6, IMAGES))
    weights[0, 5:] = 0
    values = read(of_predictions(predictions(of), CONFIDENCE), 4).weighted(weights.astype(float))
    for i, times in enumerate(weights):
        expected = metrics_of(again(of, times))
        assert {name: column[i] for name, column in values.items()} == pytest.approx(
            {name: expected[name] for name in values}, abs=1e-12, nan_ok=True
        )


def test_without_any_object_nothing_is_defined() -> None:
    of = drawn(crowds=False)
    none = Drawn([(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64))] * IMAGES, of.detections)
    assert all(np.isnan(value) for value in read(of_predictions(predictions(none), 0.5), 4).metrics().values())


def test_without_any_detection_all_is_zero_but_the_iou() -> None:
    of = drawn(crowds=False)
    nothing = type(of.detections[0])(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.int64))
    found = read(of_predictions(predictions(Drawn(of.objects, [nothing] * IMAGES)), 0.5), 4).metrics()
    assert np.isnan(found.pop("iou"))
    assert set(found.values()) == {0.0}


def test_detections_of_earlier_runs_are_refused_with_the_remedy() -> None:
    with pytest.raises(DataError, match="run it again with rerun=true"):
        read(predictions(drawn(crowds=False)), 4)


@pytest.mark.parametrize("crowds", [False, True])
def test_the_details_say_what_was_found_in_each_image(crowds: bool) -> None:
    of = drawn(crowds)
    per_image = read(of_predictions(predictions(of), CONFIDENCE), 4)
    assert per_image.details is not None
    details = per_image.details(NAMES)
    assert details.precisions is not None
    recalls, precisions = details.precisions
    assert (recalls[0], recalls[-1]) == (0, 1)
    assert precisions.mean() == pytest.approx(metrics_of(of)["map50"], abs=1e-12)
    for i in range(IMAGES):
        one = read(of_predictions(predictions(again(of, np.eye(IMAGES, dtype=int)[i])), CONFIDENCE), 1 + 3)
        assert one.details is not None
        assert details.said(i) == one.details(NAMES).said(0)
        assert details.each[i] == one.details(NAMES).each[0]
    found, objects, wrong = (int(word) for word in details.said(0).split() if word.isdigit())
    assert objects == len(of.objects[0][1])
    confident = int((of.detections[0].scores >= CONFIDENCE).sum())
    assert details.each[0] == pytest.approx(2 * found / (objects + found + wrong))
    assert found + wrong <= confident

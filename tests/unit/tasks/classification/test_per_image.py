from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix

from tlbench.tasks.classification.metrics import BINS, ClassificationMetrics
from tlbench.tasks.classification.per_image import BINS as OWN_BINS
from tlbench.tasks.classification.per_image import of_predictions, read

NAMES = ["ant", "bee", "cat", "dog"]
COUNT = 60


def drawn() -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (60, 4) and targets; cat is never true, dog never found."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(COUNT, 4, generator=generator) * 3
    logits[:, 3] -= 100
    return logits, torch.tensor([0, 1, 3])[torch.randint(3, (COUNT,), generator=generator)]


def metrics_of(logits: torch.Tensor, target: torch.Tensor) -> dict[str, float]:
    metrics = ClassificationMetrics(4, NAMES)
    metrics.update(logits, target)
    return {name: float(value) for name, value in metrics.compute().items()}


def kept() -> dict[str, np.ndarray]:
    logits, target = drawn()
    return of_predictions(target.numpy(), logits.softmax(1).numpy())


def test_few_bytes_an_image_are_kept() -> None:
    columns = kept()
    assert {name: str(column.dtype) for name, column in columns.items()} == {
        "target": "uint8",
        "found": "uint8",
        "confidence": "float32",
    }


@pytest.mark.promise("two-way intervals")
def test_each_image_once_gives_the_metrics_of_the_split() -> None:
    assert OWN_BINS == BINS
    found, expected = read(kept(), 4).metrics(), metrics_of(*drawn())
    assert found.keys() == {"oa", "aa", "kappa", "f1", "ece"}
    assert found == pytest.approx({name: expected[name] for name in found}, abs=1e-7)


@pytest.mark.promise("two-way intervals")
def test_an_image_that_counts_thrice_is_as_three_images() -> None:
    logits, target = drawn()
    weights = np.random.default_rng(1).integers(0, 4, (5, COUNT))
    values = read(kept(), 4).weighted(weights.astype(float))
    for i, times in enumerate(weights):
        again = torch.from_numpy(times)
        expected = metrics_of(logits.repeat_interleave(again, 0), target.repeat_interleave(again))
        assert {name: of[i] for name, of in values.items()} == pytest.approx(
            {name: expected[name] for name in values}, abs=1e-7
        )


def test_accuracy_is_a_mean_over_images() -> None:
    per_image = read(kept(), 4)
    assert set(per_image.scores) == {"oa"}
    assert per_image.scores["oa"].mean() == pytest.approx(per_image.metrics()["oa"], abs=1e-12)


def test_where_one_class_is_all_that_occurs_kappa_is_undefined() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2]], dtype=np.float32)
    found = read(of_predictions(np.array([0, 0]), probabilities), 2).metrics()
    assert np.isnan(found["kappa"])
    assert (found["oa"], found["aa"], found["f1"]) == (1, 1, 0.5)


def test_predictions_of_earlier_runs_are_read_as_well() -> None:
    logits, target = drawn()
    columns = {"index": np.arange(COUNT), "target": target.numpy(), "probabilities": logits.softmax(1).numpy()}
    assert read(columns, 4).metrics() == pytest.approx(read(kept(), 4).metrics(), abs=0)


def test_the_details_name_what_is_there_and_count_what_was_taken_for_what() -> None:
    logits, target = drawn()
    found = logits.argmax(1)
    per_image = read(kept(), 4)
    assert per_image.details is not None
    details = per_image.details(NAMES)
    assert details.confusion is not None
    np.testing.assert_array_equal(details.confusion(), confusion_matrix(target, found, labels=range(4)))
    np.testing.assert_array_equal(details.each, (found == target).numpy())
    sure = float(logits.softmax(1)[7].max())
    assert (details.truth(7), details.said(7)) == (NAMES[int(target[7])], f"{NAMES[int(found[7])]} {sure:.2f}")


def test_the_floor_of_the_calibration_error_is_that_of_a_calibrated_model() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1, 600).astype(np.float32)
    drawn_often = []
    for _ in range(300):
        right = rng.random(600) < confidence
        columns = {"target": np.zeros(600, np.uint8), "found": (~right).astype(np.uint8), "confidence": confidence}
        drawn_often.append(read(columns, 2).metrics()["ece"])
    per_image = read({"target": np.zeros(600, np.uint8), "found": np.zeros(600, np.uint8), "confidence": confidence}, 2)
    assert per_image.details is not None
    assert per_image.details(NAMES[:2]).floors["ece"] == pytest.approx(np.mean(drawn_often), rel=0.03)

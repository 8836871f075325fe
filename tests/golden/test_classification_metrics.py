"""Values worked out by hand from one confusion matrix."""

from __future__ import annotations

import pytest
import torch

from tlbench.tasks.classification.metrics import ClassificationMetrics

CONFUSION = [[3, 1, 0], [1, 2, 1], [0, 0, 2]]  # rows true, columns predicted; 10 samples


@pytest.mark.promise("metrics equal scikit-learn")
def test_hand_computed_confusion_matrix() -> None:
    pairs = [(t, p) for t in range(3) for p in range(3) for _ in range(CONFUSION[t][p])]
    # Confidence 0.9 in the 7 hits, 0.6 in the 3 misses.
    probabilities = torch.full((10, 3), 0.0)
    for i, (true, predicted) in enumerate(pairs):
        confidence = 0.9 if true == predicted else 0.6
        probabilities[i] = (1 - confidence) / 2
        probabilities[i, predicted] = confidence
    metric = ClassificationMetrics(3, ["cat", "dog", "road/rail"])
    metric.update(probabilities.log(), torch.tensor([true for true, _ in pairs]))

    assert metric.confusion.tolist() == CONFUSION
    expected = {
        "oa": 7 / 10,
        "aa": (3 / 4 + 2 / 4 + 2 / 2) / 3,
        "kappa": (0.70 - 0.34) / (1 - 0.34),  # p_e = 0.4·0.4 + 0.4·0.3 + 0.2·0.3
        "precision/cat": 3 / 4,
        "precision/dog": 2 / 3,
        "precision/road_rail": 2 / 3,
        "recall/cat": 3 / 4,
        "recall/dog": 2 / 4,
        "recall/road_rail": 2 / 2,
        "f1/cat": 3 / 4,
        "f1/dog": 4 / 7,
        "f1/road_rail": 4 / 5,
        "f1": (3 / 4 + 4 / 7 + 4 / 5) / 3,
        "ece": (abs(7 - 7 * 0.9) + abs(0 - 3 * 0.6)) / 10,
    }
    values = metric.compute()
    assert values.keys() == expected.keys()
    assert all(value.dtype == torch.float64 and value.shape == () for value in values.values())
    assert {key: value.item() for key, value in values.items()} == pytest.approx(expected, abs=1e-7)

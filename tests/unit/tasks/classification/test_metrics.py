from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from sklearn import metrics as sk
from torch import Tensor
from torchmetrics.classification import MulticlassCalibrationError

from tlbench.errors import DataError
from tlbench.tasks.classification.metrics import BINS, ClassificationMetrics

NAMES = ["ant", "bee", "cat", "dog", "elk"]


def draw(seed: int, n: int, true: list[int], predicted: list[int]) -> tuple[Tensor, Tensor]:
    """Logits (n, 5) whose argmax lies in `predicted`, right about half of the time, and targets in `true`."""
    generator = torch.Generator().manual_seed(seed)
    target = torch.tensor(true)[torch.randint(len(true), (n,), generator=generator)]
    logits = 2 * torch.randn(n, 5, generator=generator)
    logits[torch.arange(n), target] += 2
    absent = [c for c in range(5) if c not in predicted]
    logits[:, absent] -= 100
    return logits, target


def computed(logits: Tensor, target: Tensor, parts: int = 1) -> dict[str, float]:
    metric = ClassificationMetrics(5, NAMES)
    for some_logits, some_target in zip(logits.chunk(parts), target.chunk(parts), strict=True):
        metric.update(some_logits, some_target)
    return {key: value.item() for key, value in metric.compute().items()}


def ece_by_loop(logits: Tensor, target: Tensor) -> float:
    probabilities = logits.double().softmax(1).numpy()
    confidence, correct = probabilities.max(1), probabilities.argmax(1) == target.numpy()
    total = 0.0
    for m in range(1, BINS + 1):
        inside = (confidence > (m - 1) / BINS) & (confidence <= m / BINS)
        if inside.any():
            total += inside.sum() / len(target) * abs(correct[inside].mean() - confidence[inside].mean())
    return total


@pytest.mark.promise("metrics equal scikit-learn")
@pytest.mark.parametrize(
    ("true", "predicted"),
    [
        pytest.param([0, 1, 2, 3, 4], [0, 1, 2, 3, 4], id="all"),
        pytest.param([0, 1, 3, 4], [0, 1, 2, 3, 4], id="never-true"),
        pytest.param([0, 1, 2, 3, 4], [0, 1, 3, 4], id="never-predicted"),
        pytest.param([1, 2, 4], [1, 2, 4], id="never-either"),
        pytest.param([2], [0, 1, 2, 3, 4], id="one-true"),
        pytest.param([3], [3], id="one-only"),
        pytest.param([0, 1], [3, 4], id="never-right"),
    ],
)
@pytest.mark.parametrize("n", [1, 400])
def test_equals_scikit_learn(true: list[int], predicted: list[int], n: int) -> None:
    logits, target = draw(n, n, true, predicted)
    y, z, labels = target.numpy(), logits.argmax(1).numpy(), list(range(5))
    precision, recall, f1, _ = sk.precision_recall_fscore_support(y, z, labels=labels, zero_division=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn remarks on absent classes
        expected = {
            "oa": sk.accuracy_score(y, z),
            "aa": sk.balanced_accuracy_score(y, z),
            "kappa": sk.cohen_kappa_score(y, z, labels=labels),
            "f1": sk.f1_score(y, z, labels=labels, average="macro", zero_division=0),
            "ece": ece_by_loop(logits, target),
        }
    for i, name in enumerate(NAMES):
        expected |= {f"precision/{name}": precision[i], f"recall/{name}": recall[i], f"f1/{name}": f1[i]}
    assert computed(logits, target) == pytest.approx(expected, abs=1e-6, nan_ok=True)


@pytest.mark.promise("metrics equal scikit-learn")
def test_calibration_error_equals_torchmetrics_and_puts_certainty_into_the_last_bin() -> None:
    logits, target = draw(0, 2000, [0, 1, 2, 3, 4], [0, 1, 2, 3, 4])
    reference = MulticlassCalibrationError(num_classes=5, n_bins=BINS, norm="l1")(logits, target)
    assert computed(logits, target)["ece"] == pytest.approx(reference.item(), abs=1e-6)

    certain = torch.tensor([[200.0, 0, 0, 0, 0], [6.0, 0, 0, 0, 0]])  # the first is exactly 1 and wrong
    assert computed(certain, torch.tensor([1, 0]))["ece"] == pytest.approx(ece_by_loop(certain, torch.tensor([1, 0])))


def test_batches_and_merged_processes_equal_one_batch_exactly() -> None:
    logits, target = draw(1, 1003, [0, 1, 2, 4], [0, 1, 2, 3])
    whole = computed(logits, target)
    assert computed(logits, target, parts=7) == whole
    order = torch.arange(1003).flip(0)
    assert computed(logits[order], target[order], parts=3) == whole

    ranks = [ClassificationMetrics(5, NAMES) for _ in range(2)]
    for rank, some_logits, some_target in zip(ranks, logits.chunk(2), target.chunk(2), strict=True):
        rank.update(some_logits, some_target)
    ranks[0].merge_state(ranks[1])
    assert {key: value.item() for key, value in ranks[0].compute().items()} == whole
    assert ranks[0].confusion.tolist() == sk.confusion_matrix(target, logits.argmax(1), labels=list(range(5))).tolist()


def test_without_samples_all_is_nan() -> None:
    metric = ClassificationMetrics(5, NAMES)
    metric.update(torch.randn(3, 5), torch.tensor([0, 1, 2]))
    metric.reset()
    with pytest.warns(UserWarning, match="before the ``update``"):
        assert all(np.isnan(value.item()) for value in metric.compute().values())


def test_kappa_of_one_class_is_nan() -> None:
    assert np.isnan(computed(*draw(0, 20, [3], [3]))["kappa"])


@pytest.mark.promise("NaN in classification metrics")
@pytest.mark.parametrize("row", [[torch.nan, 0, 0, 0, 0], [0, 0, torch.inf, 0, 0], [-torch.inf] * 5], ids=str)
def test_a_sample_without_probabilities_makes_every_metric_nan(row: list[float]) -> None:
    """Not one more right or wrong answer: `argmax` makes NaN logits the class where the first NaN is."""
    logits, target = draw(0, 20, [0, 1, 2], [0, 1, 2])
    logits[4] = torch.tensor(row)
    assert all(np.isnan(value) for value in computed(logits, target, parts=3).values())


def test_masked_classes_count_as_any_others() -> None:
    logits, target = draw(0, 20, [0, 1, 2], [0, 1, 2])
    masked = logits.clone()
    masked[:, 4] = -torch.inf
    wanted = logits.clone()
    wanted[:, 4] = -1e30
    assert computed(masked, target) == pytest.approx(computed(wanted, target), nan_ok=True)
    assert not np.isnan(computed(masked, target)["oa"])


def test_update_waits_for_no_device() -> None:
    # Tensors on `meta` hold no values: any reading of one by the host raises.
    metric = ClassificationMetrics(5, NAMES).to("meta")
    metric.update(torch.zeros(8, 5, device="meta", dtype=torch.bfloat16), torch.zeros(8, device="meta", dtype=int))
    assert metric.confusion.shape == (5, 5)
    with pytest.raises(RuntimeError):  # what bincount would have met
        torch.zeros(8, device="meta", dtype=int).max().item()


def test_class_names_must_stay_distinct() -> None:
    with pytest.raises(DataError, match="'a_b'"):
        ClassificationMetrics(2, ["a/b", "a_b"])

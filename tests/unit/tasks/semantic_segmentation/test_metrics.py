"""Segmentation metrics against scikit-learn, and boundary IoU against repeated erosion."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score, f1_score, jaccard_score, recall_score

from tlbench.annotations.maps.boundary import boundary_counts, distance
from tlbench.annotations.maps.class_maps import VOID
from tlbench.annotations.maps.found import FoundMaps, confusion
from tlbench.annotations.maps.targets import MapTargets
from tlbench.geometry.letterbox import letterbox
from tlbench.tasks.semantic_segmentation.metrics import InputMapMetrics, MapMetrics

NAMES = ("sky", "road", "car", "tree")
Maps = list[NDArray[np.uint8]]


def drawn(
    seed: int, classes: int = 4, void: float = 0.2, sizes: tuple[tuple[int, int], ...] = ((9, 7), (5, 12))
) -> Maps:
    draws = np.random.default_rng(seed)
    found = [draws.integers(0, classes, size).astype(np.uint8) for size in sizes]
    return [np.where(draws.random(each.shape) < void, VOID, each).astype(np.uint8) for each in found]


def targets(maps: Maps) -> MapTargets:
    sizes = torch.tensor([each.shape for each in maps])
    placed = torch.zeros(len(maps), 16, 16, dtype=torch.uint8)
    return MapTargets(placed, letterbox(sizes, sizes, (16, 16)), tuple(map(torch.from_numpy, maps)))


def found(maps: Maps, classes: int = 4, undefined: tuple[bool, ...] = (False, False)) -> FoundMaps:
    return FoundMaps([torch.from_numpy(each) for each in maps], classes, torch.tensor(undefined))


def computed(predicted: Maps, true: Maps, names: tuple[str, ...] = NAMES, **options: bool) -> dict[str, float]:
    metrics = MapMetrics(names, **options)
    metrics.update(found(predicted, len(names)), targets(true))
    return {name: float(value) for name, value in metrics.compute().items()}


def flat(predicted: Maps, true: Maps) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    p, t = (np.concatenate([each.ravel() for each in maps]) for maps in (predicted, true))
    return p[t != VOID], t[t != VOID]


@pytest.mark.promise("map metrics equal scikit-learn")
@pytest.mark.parametrize("seed", range(4))
def test_they_are_scikit_learns(seed: int) -> None:
    true, predicted = drawn(seed), drawn(seed + 100, void=0)
    values, (p, t) = computed(predicted, true), flat(predicted, true)
    assert values["miou"] == pytest.approx(jaccard_score(t, p, average="macro"), abs=1e-12)
    assert values["f1"] == pytest.approx(f1_score(t, p, average="macro"), abs=1e-12)
    assert values["oa"] == pytest.approx((t == p).mean(), abs=1e-12)
    assert values["aa"] == pytest.approx(balanced_accuracy_score(t, p), abs=1e-12)
    assert values["kappa"] == pytest.approx(cohen_kappa_score(t, p), abs=1e-12)
    each = {
        "iou": jaccard_score(t, p, average=None),
        "f1": f1_score(t, p, average=None),
        "recall": recall_score(t, p, average=None),
    }
    for metric, wanted in each.items():
        assert [values[f"{metric}/{name}"] for name in NAMES] == pytest.approx(wanted.tolist(), abs=1e-12)


@pytest.mark.promise("map metrics equal scikit-learn")
def test_classes_that_do_not_occur_are_left_out_of_means() -> None:
    true, predicted = drawn(0, classes=2), drawn(1, classes=3, void=0)
    values, (p, t) = computed(predicted, true), flat(predicted, true)
    assert math.isnan(values["iou/tree"])
    assert math.isnan(values["recall/car"])
    assert values["iou/car"] == 0  # found where it is not
    assert values["miou"] == pytest.approx(jaccard_score(t, p, average="macro"), abs=1e-12)
    with pytest.warns(UserWarning, match="y_pred contains classes not in y_true"):
        assert values["aa"] == pytest.approx(balanced_accuracy_score(t, p), abs=1e-12)


def test_without_any_pixel_of_a_class_nothing_is_defined() -> None:
    nothing = [np.full((4, 5), VOID, np.uint8)] * 2
    values = computed(drawn(0, void=0, sizes=((4, 5), (4, 5))), nothing)
    assert all(math.isnan(value) for value in values.values())


def test_outputs_that_are_not_finite_leave_nothing_defined() -> None:
    true, predicted = drawn(0), drawn(1, void=0)
    metrics = MapMetrics(NAMES)
    metrics.update(found(predicted, undefined=(False, True)), targets(true))
    assert all(math.isnan(float(value)) for value in metrics.compute().values())


def test_one_class_everywhere_has_no_kappa() -> None:
    same = [np.zeros((4, 5), np.uint8)] * 2
    values = computed(same, same)
    assert (values["oa"], values["miou"]) == (1, 1)
    assert math.isnan(values["kappa"])


@pytest.mark.promise("map metrics equal scikit-learn")
def test_batches_and_processes_add_up() -> None:
    true, predicted = drawn(0, sizes=((6, 6),) * 4), drawn(1, void=0, sizes=((6, 6),) * 4)
    whole, parts = MapMetrics(NAMES, boundary=True), [MapMetrics(NAMES, boundary=True) for _ in range(2)]
    whole.update(found(predicted, undefined=(False,) * 4), targets(true))
    for part, rows in zip(parts, (slice(0, 1), slice(1, 4)), strict=True):
        part.update(found(predicted[rows], undefined=(False,) * len(true[rows])), targets(true[rows]))
    parts[0].cells = parts[0].cells + parts[1].cells
    parts[0].near = parts[0].near + parts[1].near
    one, other = whole.compute(), parts[0].compute()
    assert one.keys() == other.keys()
    assert torch.equal(torch.stack(list(one.values())), torch.stack(list(other.values())))


def test_confusion_counts_by_true_class() -> None:
    true, predicted = torch.tensor([[0, 1, VOID], [1, 1, 2]]), torch.tensor([[0, 2, 1], [1, 1, 0]])
    counts = confusion(predicted.to(torch.uint8), true.to(torch.uint8), 3)
    assert counts.tolist() == [[1, 0, 0], [0, 2, 1], [1, 0, 0]]


def test_training_counts_the_largest_logit_of_each_pixel() -> None:
    draws = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 4, 6, 5, generator=draws)
    maps = torch.from_numpy(np.stack(drawn(3, sizes=((6, 5), (6, 5)))))
    metrics = InputMapMetrics(NAMES)
    metrics.update(logits, maps)
    wanted = sum(confusion(logits[i].argmax(0).to(torch.uint8), maps[i], 4) for i in range(2))
    assert torch.equal(metrics.confusion, wanted)


def eroded_boundary(mask: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    """Cheng et al.'s: what erosion with a square of 3 × 3 takes away, nothing being there beyond the image."""
    return mask & ~binary_erosion(np.pad(mask, 1), np.ones((3, 3)), iterations=width)[1:-1, 1:-1]


@pytest.mark.promise("boundary IoU")
@pytest.mark.parametrize("size", [(40, 60), (23, 31), (120, 90)])
def test_boundaries_are_what_erosion_takes_away(size: tuple[int, int]) -> None:
    draws = np.random.default_rng(0)
    true, predicted = (
        np.kron(draws.integers(0, 3, (5, 5)), np.ones((30, 30)))[: size[0], : size[1]].astype(np.uint8)
        for _ in range(2)
    )
    true[:3, :3] = VOID
    counts = boundary_counts(torch.from_numpy(predicted), torch.from_numpy(true), 3)
    width = distance(*size)
    for c in range(3):
        one, other = eroded_boundary(predicted == c, width), eroded_boundary(true == c, width)
        known = true != VOID
        assert counts[:, c].tolist() == [int((one & other & known).sum()), int(((one | other) & known).sum())]


def test_a_boundary_is_two_per_cent_of_the_diagonal_wide() -> None:
    assert distance(360, 480) == 12
    assert distance(10, 10) == 1


@pytest.mark.promise("boundary IoU")
def test_boundary_iou_is_of_sums_over_images() -> None:
    true, predicted = drawn(0, sizes=((30, 20), (20, 40))), drawn(5, void=0, sizes=((30, 20), (20, 40)))
    values = computed(predicted, true, boundary=True)
    counts = sum(
        boundary_counts(torch.from_numpy(p), torch.from_numpy(t), 4) for p, t in zip(predicted, true, strict=True)
    )
    assert values["boundary_iou"] == pytest.approx(float((counts[0].double() / counts[1]).mean()), abs=1e-12)
    assert "boundary_iou" not in computed(predicted, true)

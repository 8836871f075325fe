"""The losses of semantic segmentation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tlbench.annotations.maps.class_maps import VOID
from tlbench.tasks.semantic_segmentation.config import LossWeights
from tlbench.tasks.semantic_segmentation.loss import MapLoss, cross_entropy
from tlbench.tasks.semantic_segmentation.task import balanced

LOSSES = ("cross_entropy", "dice", "focal", "lovasz")


def weights(**given: float) -> LossWeights:
    return LossWeights(**{name: given.get(name, 0.0) for name in LOSSES})


def batch(void: float = 0.3) -> tuple[torch.Tensor, torch.Tensor]:
    draws = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 6, 5, generator=draws).requires_grad_()
    maps = torch.randint(0, 3, (2, 6, 5), generator=draws)
    maps[torch.rand(2, 6, 5, generator=draws) < void] = VOID
    return logits, maps.to(torch.uint8)


def test_cross_entropy_is_torchs_over_the_pixels_of_a_class() -> None:
    logits, maps = batch()
    wanted = F.cross_entropy(logits, maps.long(), ignore_index=VOID)
    assert MapLoss(weights(cross_entropy=1.0))(logits, maps, None).item() == pytest.approx(wanted.item(), abs=1e-6)
    each = torch.tensor([0.5, 2.0, 0.0])
    wanted = F.cross_entropy(logits, maps.long(), weight=each, ignore_index=VOID)
    assert cross_entropy(logits, maps.long(), each).item() == pytest.approx(wanted.item(), abs=1e-6)


@pytest.mark.promise("pixels of no class count nowhere")
@pytest.mark.parametrize("name", LOSSES)
def test_pixels_of_no_class_count_nowhere(name: str) -> None:
    logits, maps = batch()
    loss = MapLoss(weights(**{name: 1.0}))
    value = loss(logits, maps, None)
    value.backward()
    assert logits.grad is not None
    ignored = (maps == VOID)[:, None].expand_as(logits)
    assert (logits.grad[ignored] == 0).all()
    changed = torch.where(ignored, 5.0, logits.detach())
    assert loss(changed, maps, None).item() == pytest.approx(value.item(), abs=1e-6)


@pytest.mark.promise("pixels of no class count nowhere")
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("which", ["all", "one image"])
def test_without_any_class_loss_and_gradient_are_finite(name: str, which: str) -> None:
    logits, maps = batch()
    maps[slice(None) if which == "all" else 0] = VOID
    value = MapLoss(weights(**{name: 1.0}))(logits, maps, None)
    value.backward()
    assert torch.isfinite(value)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    if which == "all":
        assert value == 0
        assert (logits.grad == 0).all()
    else:
        assert value > 0


@pytest.mark.parametrize("name", LOSSES)
def test_it_falls_where_logits_are_right(name: str) -> None:
    logits, maps = batch()
    right = F.one_hot(maps.long().clamp(max=2), 3).permute(0, 3, 1, 2) * 40.0 - 20
    loss = MapLoss(weights(**{name: 1.0}))
    assert loss(right, maps, None) < 0.01 < loss(logits, maps, None)


def test_several_are_parts_times_their_weights() -> None:
    logits, maps = batch()
    both = MapLoss(weights(cross_entropy=0.5, dice=2.0))
    assert both.parts == ("cross_entropy", "dice")
    alone = [MapLoss(weights(**{name: 1.0}))(logits, maps, None).item() for name in both.parts]
    assert both(logits, maps, None).tolist() == pytest.approx([0.5 * alone[0], 2 * alone[1]], abs=1e-6)
    assert MapLoss(weights(dice=1.0)).parts == ()


def test_dice_is_one_minus_the_overlap_of_each_class() -> None:
    logits, maps = batch(void=0)
    p, t = logits.softmax(1), F.one_hot(maps.long(), 3).permute(0, 3, 1, 2)
    overlap = 2 * (p * t).sum((0, 2, 3)) / (p.sum((0, 2, 3)) + t.sum((0, 2, 3)))
    value = MapLoss(weights(dice=1.0))(logits, maps, None)
    assert value.item() == pytest.approx((1 - overlap).mean().item(), abs=1e-5)


def test_balanced_weights_are_scikit_learns() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    pixels = torch.tensor([[5, 0, 2], [1, 0, 30]])
    labels = [0] * 6 + [2] * 32
    wanted = compute_class_weight("balanced", classes=np.array([0, 2]), y=labels)
    assert balanced(pixels).tolist() == pytest.approx([wanted[0], 0, wanted[1]])


def test_all_weights_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="all losses have weight 0"):
        weights()

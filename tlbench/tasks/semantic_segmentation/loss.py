"""The losses of semantic segmentation: cross-entropy and those of segmentation-models-pytorch, by name and weight.

A pixel of no class counts in none; a batch of nothing but such pixels has a loss of 0, and gradients of 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tlbench.annotations.maps.class_maps import VOID
from tlbench.errors import ConfigError
from tlbench.tasks.semantic_segmentation.config import LossWeights

Loss = Callable[[Tensor, Tensor], Tensor]


class MapLoss:
    """Each loss times its weight.

    - `cross_entropy`: torch's, weighted by class, the mean over the pixels of a class by their weights;
    - `dice`: 1 − 2 Σ p·t / (Σ p + Σ t) of each class over the batch, the mean over the classes (Milletari et al.
      2016, arXiv:1606.04797);
    - `focal`: the mean over pixels and classes of the binary focal loss, gamma 2 (Lin et al. 2017, arXiv:1708.02002);
    - `lovasz`: Lovász-softmax of the classes that occur (Berman et al. 2018, arXiv:1705.08790).

    Args:
        weights: Loss → weight.

    Raises:
        ConfigError: One of segmentation-models-pytorch's is wanted, and that is not installed.
    """

    def __init__(self, weights: LossWeights) -> None:
        wanted: Mapping[str, float] = weights.model_dump()
        self.weights = {name: weight for name, weight in wanted.items() if weight > 0}
        self._others: dict[str, Loss] = {name: _of_library(name) for name in self.weights if name != "cross_entropy"}

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the losses where there are several."""
        return tuple(self.weights) if len(self.weights) > 1 else ()

    def __call__(self, logits: Tensor, maps: Tensor, class_weights: Tensor | None) -> Tensor:
        """The weighted losses of a batch.

        Args:
            logits: (B, C, H, W) float32.
            maps: (B, H, W) uint8, classes and `VOID`.
            class_weights: (C,) float32; None: all equal.

        Returns:
            A scalar of one loss; (P,) of P losses.
        """
        true = maps.long()
        known = (true != VOID).any()
        found = []
        for name, weight in self.weights.items():
            if name == "cross_entropy":
                value = cross_entropy(logits, true, class_weights)
            else:
                # of a batch without any class: a map of the first one in its place, and no gradient of it
                value = self._others[name](logits, torch.where(known, true, 0))
                value = torch.where(known, value, 0.0)
            found.append(weight * value)
        return torch.stack(found) if len(found) > 1 else found[0]


def cross_entropy(logits: Tensor, true: Tensor, class_weights: Tensor | None) -> Tensor:
    """The mean over the pixels of a class, in nats; 0 where there is none.

    Args:
        logits: (B, C, H, W).
        true: (B, H, W) int64, classes and `VOID`.
        class_weights: (C,); None: all equal.
    """
    total = F.cross_entropy(logits, true, weight=class_weights, ignore_index=VOID, reduction="sum")
    known = true != VOID
    weight = known.sum() if class_weights is None else (class_weights[true.where(known, 0)] * known).sum()
    return total / torch.where(weight > 0, weight, 1)


def _of_library(name: str) -> Loss:
    try:
        from segmentation_models_pytorch import losses
    except ImportError:
        raise ConfigError(
            f"task.loss.{name}: it comes with segmentation-models-pytorch, which is not installed; pip install "
            "'tlbench[segmentation]', or use cross_entropy"
        ) from None
    made: dict[str, Callable[[], Any]] = {
        "dice": lambda: losses.DiceLoss("multiclass", ignore_index=VOID),
        "focal": lambda: losses.FocalLoss("multiclass", ignore_index=VOID),
        "lovasz": lambda: losses.LovaszLoss("multiclass", ignore_index=VOID),
    }
    loss: Loss = made[name]()
    return loss

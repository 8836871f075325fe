"""A loss and its parts under their names."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor


def loss_values(loss: Tensor, parts: Sequence[str]) -> dict[str, Tensor]:
    """`loss`, and beside it `loss_<part>` of each part.

    Args:
        loss: A scalar; or (P,), the parts whose sum is the loss.
        parts: Their P names; none for a scalar.
    """
    return {"loss": loss.sum(), **{f"loss_{name}": loss[i] for i, name in enumerate(parts)}}

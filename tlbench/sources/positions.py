"""Embeddings of positions, resampled to another grid of patches as timm does it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_NAMES = ("pos_embed", "pos_embedding", "position_embedding", "position_embeddings", "positional_embedding")
_TOKENS = (1, 0, 2, 5)
"""How many tokens a network may have before its patches: one of the class, none, one of a teacher, four registers."""


def is_positional(name: str) -> bool:
    """Whether a tensor of this name holds an embedding for each position of an image."""
    return name.rpartition(".")[2] in _NAMES


def may_be_resampled(given: torch.Size, wanted: torch.Size) -> bool:
    """Whether an embedding (1, positions, width) is one of square images of another size, with the same tokens."""
    return len(given) == len(wanted) == 3 and given[::2] == wanted[::2] and _tokens(given[1], wanted[1]) is not None


def resampled(embedding: Tensor, wanted: torch.Size) -> Tensor:
    """An embedding for the positions of another image size, by timm's bicubic interpolation.

    Args:
        embedding: (1, tokens + side², width), for which `may_be_resampled`.
        wanted: The shape that the network has.
    """
    from timm.layers.pos_embed import resample_abs_pos_embed  # timm takes seconds to import

    tokens = _tokens(embedding.shape[1], wanted[1])
    assert tokens is not None
    side = math.isqrt(wanted[1] - tokens)
    out: Tensor = resample_abs_pos_embed(embedding, [side, side], num_prefix_tokens=tokens)
    return out


def grid(positions: int, other: int) -> str:
    """The grid of patches of so many positions, such as `14×14`, given how many the other embedding has."""
    side = math.isqrt(positions - (_tokens(positions, other) or 0))
    return f"{side}×{side}"


def _tokens(given: int, wanted: int) -> int | None:
    """How many tokens come before the patches, if both numbers are of square grids with the same."""
    fitting = [t for t in _TOKENS if all(n > t and math.isqrt(n - t) ** 2 == n - t for n in (given, wanted))]
    return fitting[0] if fitting else None

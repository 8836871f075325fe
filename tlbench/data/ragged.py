"""Rows of several images one after another: row r belongs to image i where `starts[i]` ≤ r < `starts[i + 1]`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


def starts_of(counts: Tensor) -> Tensor:
    """(N + 1,) int64 of so many rows an image, (N,) int64, on their device."""
    return torch.cat([torch.zeros(1, dtype=torch.int64, device=counts.device), counts.cumsum(0)])


def objects_of(starts: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """The rows of some images, on the device of the arguments.

    Args:
        starts: (N + 1,) int64.
        index: (K,) int64 positions of images.

    Returns:
        Positions of the rows (J,) and, for each, which of the K images it lies in (J,), ascending.
    """
    counts = starts[index + 1] - starts[index]
    images = torch.repeat_interleave(torch.arange(len(index), device=index.device), counts)
    first = torch.cumsum(counts, 0) - counts
    rows = torch.arange(len(images), device=index.device) - first[images] + starts[index][images]
    return rows, images


def reordered(batches: Sequence[Mapping[str, Tensor]], ragged: Mapping[str, Sequence[str]]) -> dict[str, Tensor]:
    """What is known of images, batch by batch in any order, as whole columns in the order of their positions.

    Args:
        batches: Of each at least one: `index` (B,) int64, the images' positions, and the columns that `ragged` names.
        ragged: Column of so many rows an image (B,) → the columns that these rows are in, image by image.
    """
    columns = {key: torch.cat([batch[key] for batch in batches]) for key in batches[0]}
    order = torch.argsort(columns["index"])
    found = {"index": columns["index"][order]}
    for count, names in ragged.items():
        rows, _ = objects_of(starts_of(columns[count]), order)
        found |= {count: columns[count][order], **{name: columns[name][rows] for name in names}}
    return found

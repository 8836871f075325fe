"""What images look like that lie in a part of their squares alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tlbench.config.data import Fit
from tlbench.data.near_duplicates import SMALLEST_SIDE
from tlbench.data.perceptual_hash import Looks, looks_of
from tlbench.data.samples import Samples
from tlbench.geometry.fits import inside_size


def looks_inside(images: Samples[Any], fit: Fit = "corner") -> Looks | None:
    """What images look like without the grey beside them; None where one is too narrow in its thumbnail.

    Grey that all images share would make them alike. Their annotations say by `inside` where they lie.

    Args:
        images: They.
        fit: How they are stored; of those that keep their own sizes each is as large as fits in its thumbnail.
    """
    thumbnails = images.thumbnails
    assert thumbnails is not None
    height, width = thumbnails.shape[-2:]
    if fit == "native":
        own = images.annotations.own_sizes.tolist()
        within = torch.tensor([inside_size(h, w, (height, width)) for h, w in own])
    else:
        # by the smaller factor of the two, which the rounding of a thumbnail's sides sets apart
        in_small, whole = min(zip((height, width), images.size, strict=True), key=lambda sides: sides[0] / sides[1])
        within = images.annotations.inside * in_small // whole  # the grey is in the pixel after
    inside = within.clamp(min=1)
    if int(inside.min()) < SMALLEST_SIDE:
        return None
    sizes, which = torch.unique(inside, dim=0, return_inverse=True)
    small: list[tuple[NDArray[np.int64], Looks]] = []
    for number, (high, wide) in enumerate(sizes.tolist()):
        rows = torch.nonzero(which == number).flatten()
        small.append((rows.numpy(), looks_of(thumbnails[rows, :, :high, :wide])))
    order = np.argsort(np.concatenate([positions for positions, _ in small]))
    hashes = np.concatenate([found.hashes for _, found in small])[order]
    return Looks(hashes, np.concatenate([found.thumbnails for _, found in small])[order])

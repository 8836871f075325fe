"""Class maps as what is drawn on their images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tlbench.pictures.marks import Mask
from tlbench.pictures.palette import map_colour

_NAMED = 0.005
"""Of the image's pixels: the share from which on a class's name is written at it."""


BACKGROUND = "background"
"""A class of this name has no surface: it is what is around all others."""


def masks_of(classes: NDArray[np.uint8], class_names: Sequence[str], *, named: bool = True) -> list[Mask]:
    """A translucent surface for each class of a map but the background, the smallest on top.

    Args:
        classes: (H, W) positions in the class names; what is beyond is left out.
        class_names: C names.
        named: Whether surfaces bear the names of their classes.
    """
    counts = np.bincount(classes.ravel(), minlength=len(class_names))[: len(class_names)]
    there = [c for c in np.argsort(-counts, kind="stable").tolist() if counts[c] and class_names[c] != BACKGROUND]
    return [
        Mask(
            colour=map_colour(c),
            label=class_names[c] if named and counts[c] >= _NAMED * classes.size else "",
            shape=classes == c,
            thin=True,
        )
        for c in there
    ]

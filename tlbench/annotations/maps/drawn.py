"""Class maps as what is drawn on their images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from tlbench.annotations.maps.class_maps import VOID, ClassMaps
from tlbench.data.samples import Samples
from tlbench.geometry.fits import nearest
from tlbench.pictures.drawing import Pixels
from tlbench.pictures.marks import Mask
from tlbench.pictures.palette import MAP_COLOURS, map_colour
from tlbench.pictures.sheet import Key

IGNORED = Key("#737373", "of no class, ignored")
"""Pixels of no class."""
_NAMED = 0.005
"""Of the image's pixels: the share from which on a class's name is written at it."""
_KEYS = 12
"""Classes that are named in a legend, the first ones."""
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


def ignored(classes: NDArray[np.uint8]) -> Mask:
    """A grey surface where a map (H, W) has no class."""
    return Mask(colour=IGNORED.colour, shape=classes == VOID, thin=True)


def class_keys(class_names: Sequence[str]) -> list[Key]:
    """What the first colours of `masks_of` are; those of further classes recur, or are too many to be told apart."""
    named = [(c, name) for c, name in enumerate(class_names[: len(MAP_COLOURS)]) if name != BACKGROUND]
    return [Key(map_colour(c), name) for c, name in named[:_KEYS]]


def kept_images(split: Samples[ClassMaps]) -> list[tuple[Pixels, NDArray[np.uint8]]]:
    """The images of a split on the host as they are kept, (H, W, 3), each with its map (H, W) in the same pixels."""
    of, pictures = split.annotations, split.pictures(torch.arange(len(split)))
    found = []
    for i in range(len(split)):
        height, width = of.inside[i].tolist()
        own = of.unpacked(i)
        rows, columns = nearest(own.shape[0], height), nearest(own.shape[1], width)
        pixels = pictures[i, :, :height, :width].permute(1, 2, 0).numpy()
        found.append((pixels, own[rows[:, None], columns]))
    return found

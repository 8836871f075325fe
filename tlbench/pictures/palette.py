"""Colours that are told apart on screens and on paper, also with colour-deficient eyes."""

from __future__ import annotations

from PIL import ImageColor

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
"""The palette of Okabe and Ito (2008, "Color Universal Design")."""

CLASS_COLOURS = (*COLOURS[:6], "#882255", "#332288")
"""Black and yellow are lost on dark and on white ground: Tol's wine and indigo take their places."""

MAP_COLOURS = (
    *CLASS_COLOURS,
    *("#117733", "#DDCC77", "#AA4499", "#999933", "#6699CC", "#661100", "#44AA99", "#CC6677", "#88CCEE", "#BBBBBB"),
)
"""Of class maps, which have more classes side by side than there are colours to tell apart: Tol's muted ones follow."""


def map_colour(label: int) -> str:
    """A class's colour in class maps; those of more than 18 classes recur."""
    return MAP_COLOURS[label % len(MAP_COLOURS)]


def class_colour(label: int) -> str:
    """A class's colour, the same in curves and on images; those of more than eight classes recur."""
    return CLASS_COLOURS[label % len(CLASS_COLOURS)]


def rgb(colour: str) -> tuple[int, int, int]:
    """`#RRGGBB` as three numbers up to 255."""
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return red, green, blue


def contrast(colour: str) -> str:
    """White or black, whichever is told apart better (luma of ITU-R BT.601)."""
    red, green, blue = rgb(colour)
    return "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "#FFFFFF"

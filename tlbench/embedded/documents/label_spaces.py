"""Two label spaces over one generator of pages: the source's kinds of elements, and the target's signatures."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tlbench.embedded.documents.draws import Array
from tlbench.embedded.documents.page import KINDS, Page

Space = Literal["source", "signature"]

SOURCE_CLASSES = ("text", "title", "table", "stamp", "logo", "photo", "barcode", "handwriting")
TARGET_CLASSES = ("signature",)


def labelled(page: Page, space: Space) -> tuple[Array, Array]:
    """The boxes and labels of a page in a label space.

    Args:
        page: The page.
        space: "source" labels every element, signatures as handwriting among it (`SOURCE_CLASSES`); "signature" labels
            signatures only (`TARGET_CLASSES`), and all else, handwritten notes included, is background.

    Returns:
        (M, 4) float32 boxes x1, y1, x2, y2 in pixels, and (M,) int64 labels.
    """
    if space == "signature":
        kept = [(element.box, 0) for element in page.elements if element.kind == "signature"]
    else:
        kept = [(element.box, _source_class(element.kind)) for element in page.elements]
    boxes = np.array([box for box, _ in kept], dtype=np.float32).reshape(-1, 4)
    return boxes, np.array([label for _, label in kept], dtype=np.int64)


def mapped(page: Page, space: Space) -> NDArray[np.uint8]:
    """The class map of a page in a label space: (H, W), 0 for the background, then the classes of the space.

    Args:
        page: The page.
        space: As in `labelled`.
    """
    if space == "signature":
        classes = [int(kind == "signature") for kind in KINDS]
    else:
        classes = [1 + _source_class(kind) for kind in KINDS]
    return np.array([0, *classes], np.uint8)[page.kinds]


def _source_class(kind: str) -> int:
    return SOURCE_CLASSES.index("handwriting" if kind == "signature" else kind)

"""Images as a classifier takes them: brought to the stored size as the run's own images were."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tlbench.annotations.labels.config import LabelDataConfig
from tlbench.data.decode import WHOLE_FILES, Decoding, decode_square
from tlbench.data.squares import to_square
from tlbench.tools.images import OneImage, file_of, in_memory, named

Square: TypeAlias = "NDArray[np.uint8]"
"""(side, side, 3), RGB."""


def square(image: OneImage, data: LabelDataConfig, how: Decoding = WHOLE_FILES) -> Square:
    """Bring an image to a run's stored size, as its own images were.

    Args:
        image: Floats of tensors are rounded to 8 bits, as files hold them.
        data: The run's; `stored_side` and `fit` are used.
        how: As the run decodes its files.

    Returns:
        (side, side, 3) uint8, RGB.

    Raises:
        DataError: It cannot be read, or is of another kind, shape, type or range.
    """
    with named(image):
        found = file_of(image, how)
        if found is not None:
            return decode_square(found[0], data.stored_side, data.fit, how=found[1])
        return to_square(in_memory(image, how.ranges), data.stored_side, data.fit)

"""Images as a classifier takes them: brought to the stored size as the run's own images were."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tlbench.annotations.labels.config import LabelDataConfig
from tlbench.data.decode import WHOLE_FILES, Decoding, decode_fitted
from tlbench.data.fitting import resized_part
from tlbench.tools.images import OneImage, file_of, in_memory, named

Pixels: TypeAlias = "NDArray[np.uint8]"
"""(height, width, 3), RGB."""


def as_stored(image: OneImage, data: LabelDataConfig, how: Decoding = WHOLE_FILES) -> Pixels:
    """Bring an image to a run's stored size, as its own images were.

    Args:
        image: Floats of tensors are rounded to 8 bits, as files hold them.
        data: The run's; `storage_size` and `fit` are used.
        how: As the run decodes its files.

    Returns:
        (height, width, 3) uint8, RGB.

    Raises:
        DataError: It cannot be read, or is of another kind, shape, type or range.
    """
    with named(image):
        found = file_of(image, how)
        if found is not None:
            return decode_fitted(found[0], data.storage_size, data.fit, how=found[1])
        return resized_part(in_memory(image, how.ranges), data.storage_size, data.fit)

"""Whether the boxes of a COCO file can be those of its images, in pixels of these."""

from __future__ import annotations

import numpy as np

from tlbench.data.formats.coco.frames import CORNER, FEW, FIT, Written, numbers_text, size_text
from tlbench.data.formats.coco.readings import FORMAT, Array
from tlbench.errors import DataError
from tlbench.system.voice import Voice

_LOST = 0.25
"""Share of the boxes of which less than half is in the image, from which on they are refused."""

_AMODAL = 0.25
"""Share of the boxes that reach out which must do so to the left or up, and to the right or down, to be believed."""

_MANY = 50


def check_inside(part: Written, boxes: Array, voice: Voice) -> None:
    """Refuse boxes that cannot be of these images.

    Args:
        part: Of a file.
        boxes: (M, 4) `x1 y1 x2 y2` in pixels of the stored images.
        voice: Speaks to the user.

    Raises:
        DataError: Of many of them less than half is in the image; or many reach out, and not on both sides (to the left
            or up, and to the right or down) as those of objects that the edge cuts do.
    """
    sizes = part.stored[part.images]
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    known = (sizes > 0).all(axis=1) & (area > 0)
    clipped = np.clip(boxes, 0, sizes[:, [1, 0, 1, 0]])
    lost = known & ((clipped[:, 2:] - clipped[:, :2]).prod(axis=1) < area / 2)
    if lost.sum() >= 3 and lost.sum() > _LOST * known.sum():
        worst = int(np.flatnonzero(lost)[0])
        raise DataError(
            f"{part.file}: {int(lost.sum())} of {int(known.sum())} boxes lie for the most part outside of their images "
            f"(such as {numbers_text(part.boxes[worst])} in {size_text(sizes[worst])} pixels), as {FORMAT} and "
            "otherwise; the images were replaced or shrunk, or the boxes are in other units: export both together again"
        )
    slack = np.maximum(0.01 * sizes, 2)[:, [1, 0, 1, 0]]
    out = known & (np.abs(boxes - clipped) > slack).any(axis=1)
    if known.sum() >= FEW and out.sum() >= 3 and out.sum() > (1 - FIT) * known.sum():
        worst = int(np.flatnonzero(out)[0])
        before = out & (boxes[:, :2] < -slack[:, :2]).any(axis=1)
        after = out & (boxes[:, 2:] > sizes[:, ::-1] + slack[:, :2]).any(axis=1)
        if min(before.sum(), after.sum()) >= _AMODAL * out.sum():
            voice.warn(
                f"{part.file}: {int(out.sum())} of {int(known.sum())} boxes reach out of their images, "
                f"{int(before.sum())} to the left or up and {int(after.sum())} to the right or down, as those of "
                "objects that the edge cuts may; they are cut at the edge"
            )
            return
        raise DataError(
            f"{part.file}: {int(out.sum())} of {int(known.sum())} boxes reach out of their images (such as "
            f"{numbers_text(part.boxes[worst])} in {size_text(sizes[worst])} pixels); a part may be written otherwise "
            f"than {FORMAT}, or for other images: write all so, and cut what reaches out at the edge of its image"
        )
    if known.sum() < _MANY:
        return
    reach = (boxes[known, 2:] / sizes[known][:, ::-1]).max(axis=0)
    if (reach < CORNER).all():
        voice.warn(
            f"{part.file}: all {int(known.sum())} boxes lie in the upper left part of their images ({reach[0]:.0%} of "
            f"the width, {reach[1]:.0%} of the height): if that is not so, they are in other units, or the images were "
            "enlarged after labelling"
        )

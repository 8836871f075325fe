"""Where boxes end up in the network's input, which of those of training images are still of use, and back again."""

from __future__ import annotations

import torch
from torch import Tensor

from tlbench.geometry.placement import Placement

# As in ultralytics' `box_candidates` (8.4), for boxes.
LEAST_SIDE = 2  # pixels of the input; a box must be larger
_LEAST_AREA = 0.1  # of the area before the cut at the input's border
_MOST_ASPECT = 100  # longer side to shorter


def place_boxes(boxes: Tensor, owner: Tensor, placement: Placement) -> Tensor:
    """Move boxes to the input, uncut.

    Args:
        boxes: (J, 4) float32, `x1 y1 x2 y2` in pixels of the stored images.
        owner: (J,) int64, which of the B · T tiles each lies in.
        placement: Where they lie.

    Returns:
        (J, 4) float32, `x1 y1 x2 y2` in pixels of the input.
    """
    return _around(placement.points(boxes.view(-1, 2, 2), owner))


def cut_boxes(boxes: Tensor, owner: Tensor, placement: Placement) -> tuple[Tensor, Tensor]:
    """Move boxes from their tiles to the input, clip them, and find those to keep.

    A box is clipped to the canvas first, then to the input. It is kept if both its sides are longer than 2 pixels, more
    than a tenth of its area in the canvas is within the input, and its sides' ratio is below 100.

    Args:
        boxes: As in `place_boxes`.
        owner: Likewise.
        placement: Likewise.

    Returns:
        (J, 4) float32, `x1 y1 x2 y2` in pixels of the input; (J,) bool, whether to keep the box.
    """
    sample = placement.sample_of(owner)
    corners = placement.on_canvas(boxes.view(-1, 2, 2), owner)  # (J, 2, 2): corner, x or y
    corners = corners.clamp_(min=0).minimum(placement.canvas[sample, None])
    moved = placement.cut(placement.in_view(corners, owner))
    before = ((corners[:, 1] - corners[:, 0]) * placement.scale[sample, None]).prod(1)
    shorter, longer = (moved[:, 1] - moved[:, 0]).aminmax(dim=1)
    keep = (shorter > LEAST_SIDE) & (shorter * longer > _LEAST_AREA * before) & (longer < _MOST_ASPECT * shorter)
    there = placement.extent.flatten(0, 1)[owner, 0] > 0
    return _around(placement.mirrored(moved, owner)), keep & there


def boxes_back(boxes: Tensor, sample: Tensor, placement: Placement) -> Tensor:
    """Bring boxes of the input into the samples' own images, clipped to these.

    Args:
        boxes: (K, 4) float32, `x1 y1 x2 y2` in pixels of the network's input.
        sample: (K,) int64, which of the B samples each lies in.
        placement: Where their images lie.

    Returns:
        (K, 4) float32, `x1 y1 x2 y2` in pixels of the images as they are in the data set.
    """
    return _around(placement.back(boxes.view(-1, 2, 2), sample * placement.tiles))


def _around(corners: Tensor) -> Tensor:
    """(J, 4) `x1 y1 x2 y2` of two opposite corners (J, 2, 2)."""
    return torch.cat(corners.aminmax(dim=1), dim=1)

"""Where the boxes of a training image's tiles end up in the network's input, and which of them are still of use."""

from __future__ import annotations

from torch import Tensor

from tlbench.geometry.mosaic import Draws, Layout

# As in ultralytics' `box_candidates` (8.4), for boxes.
_LEAST_SIDE = 2  # pixels of the input; a box must be larger
_LEAST_AREA = 0.1  # of the area before the cut at the input's border
_MOST_ASPECT = 100  # longer side to shorter


def place_boxes(boxes: Tensor, owner: Tensor, draws: Draws, layout: Layout, side: int) -> tuple[Tensor, Tensor]:
    """Move boxes from their tiles to the input, clip them, and find those to keep.

    A box is clipped to the canvas first, then to the input. It is kept if both its sides are longer than 2 pixels, more
    than a tenth of its area in the canvas is within the input, and its sides' ratio is below 100.

    Args:
        boxes: (J, 4) float32, `x1 y1 x2 y2` in pixels of the stored images.
        owner: (J,) int64, which of the B · T tiles each lies in.
        draws: Of the B samples.
        layout: Of their tiles.
        side: Height and width of the input.

    Returns:
        (J, 4) float32, `x1 y1 x2 y2` in pixels of the input; (J,) bool, whether to keep the box.
    """
    sample = owner // draws.tiles.shape[1]
    canvas = layout.canvas[sample, None]
    corners = boxes.view(-1, 2, 2) + layout.corner.flatten(0, 1)[owner, None]
    corners = corners.clamp_(min=0).minimum(canvas)  # (J, 2, 2): corner, x or y
    scale = draws.scale[sample, None, None]
    moved = ((corners - canvas / 2) * scale + draws.shift[sample, None]).clamp_(0, side)
    before = ((corners[:, 1] - corners[:, 0]) * scale[:, 0]).prod(1)
    sides = moved[:, 1] - moved[:, 0]
    shorter, longer = sides.aminmax(dim=1)
    keep = (shorter > _LEAST_SIDE) & (shorter * longer > _LEAST_AREA * before) & (longer < _MOST_ASPECT * shorter)
    left, top, right, bottom = moved.flatten(1).T
    flip = draws.flip[sample]
    x = left.where(~flip, side - right), right.where(~flip, side - left)
    moved = boxes.new_empty(boxes.shape)
    moved[:, 0], moved[:, 1], moved[:, 2], moved[:, 3] = x[0], top, x[1], bottom
    return moved, keep & (draws.tiles.flatten()[owner] >= 0)

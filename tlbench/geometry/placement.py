"""Where stored images lie in the network's input: one geometry for whatever is known of them, and its inverse.

A stored image lies in the top left corner of a rectangle (`tlbench.geometry.fits`). A sample shows some, its tiles.
They lie on a canvas, which cuts them, and the canvas is scaled, moved and perhaps mirrored into the input:

    on the canvas = stored + corner                      cut at 0 and at the canvas' size
    in the input  = (on the canvas - pivot) · scale + shift        mirrored where `flip`

`mosaic.lay_out` makes one of what was drawn for training, `letterbox.letterbox` one for evaluation and prediction: a
single tile that is its own canvas, moved by whole pixels. A part of a large image would be one as well: a canvas of the
part's size, and `corner` the part's first pixel with the sign changed; `back` leads what is found into the whole image.

Points count from pixels' borders: the first pixel spans 0 to 1. `resample` counts from their centres, as OpenCV and
ultralytics do, so that a pixel is seen |1 - scale| / 2 pixels away from where its centre is placed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from tlbench.config.size import Size


@dataclass(frozen=True, eq=False)
class Placement:
    """Of B samples of T tiles each; the first tile is the sample's own image.

    Args:
        size: Height and width of the input, pixels.
        original: (B, T, 2) int64, width and height of the images as they are in the data set.
        extent: (B, T, 2) int64, width and height of the images as they are stored; 0 where there is no tile.
        corner: (B, T, 2) int64 x, y of each tile's top left pixel on the canvas; outside of it where it is cut.
        canvas: (B, 2) int64, width and height.
        pivot: (B, 2) float32 x, y: the point of the canvas that comes to `shift`.
        scale: (B,) float32, pixels of the input per pixel of the canvas.
        shift: (B, 2) float32 x, y in pixels of the input, before it is mirrored.
        flip: (B,) bool, whether left and right are exchanged; None: nowhere.
    """

    size: Size
    original: Tensor
    extent: Tensor
    corner: Tensor
    canvas: Tensor
    pivot: Tensor
    scale: Tensor
    shift: Tensor
    flip: Tensor | None = None

    def __len__(self) -> int:
        return len(self.scale)

    @property
    def tiles(self) -> int:
        """T."""
        return self.corner.shape[1]

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Placement:
        """The same on a device."""
        moved: dict[str, Any] = {
            name: value.to(device, non_blocking=non_blocking)
            for name, value in vars(self).items()
            if isinstance(value, Tensor)
        }
        return replace(self, **moved)

    def sample_of(self, owner: Tensor) -> Tensor:
        """(J,) int64, which of the B samples some of the B · T tiles belong to."""
        return owner if self.tiles == 1 else owner // self.tiles

    def shown(self) -> tuple[Tensor, Tensor]:
        """Which pixels of each tile are on the canvas.

        Returns:
            (B, T, 2) int64 x, y of the first, and those after the last; the same where there is none.
        """
        return (-self.corner).clamp(min=0), torch.minimum(self.extent, self.canvas[:, None] - self.corner)

    def points(self, points: Tensor, owner: Tensor) -> Tensor:
        """Bring points of stored images into the input, uncut.

        Args:
            points: (J, …, 2) float32 x, y in pixels of stored images.
            owner: (J,) int64, which of the B · T tiles each lies in.

        Returns:
            (J, …, 2) float32 x, y in pixels of the input.
        """
        return self.mirrored(self.in_view(self.on_canvas(points, owner), owner), owner)

    def back(self, points: Tensor, owner: Tensor) -> Tensor:
        """Bring points of the input into the original images: the inverse of `points`, and of how images are stored.

        Args:
            points: (J, …, 2) float32 x, y in pixels of the input.
            owner: (J,) int64, which of the B · T tiles each is asked for in.

        Returns:
            (J, …, 2) float32 x, y in pixels of the images as they are in the data set, clipped to these.
        """
        sample = self.sample_of(owner)
        scale, shift, pivot = (_each(part[sample], points) for part in (self.scale, self.shift, self.pivot))
        corner, extent, original = (
            _each(part.flatten(0, 1)[owner], points) for part in (self.corner, self.extent, self.original)
        )
        stored = (self.mirrored(points, owner) - shift) / scale + pivot - corner
        return (stored / (extent / original)).clamp(min=0).minimum(original)

    def on_canvas(self, points: Tensor, owner: Tensor) -> Tensor:
        """The first step of `points`: from stored images to their canvases, uncut."""
        return points + _each(self.corner.flatten(0, 1)[owner], points)

    def in_view(self, points: Tensor, owner: Tensor) -> Tensor:
        """The second step of `points`: from canvases to the input that is not mirrored yet."""
        sample = self.sample_of(owner)
        pivot, scale, shift = (_each(part[sample], points) for part in (self.pivot, self.scale, self.shift))
        return (points - pivot) * scale + shift

    def cut(self, points: Tensor) -> Tensor:
        """Clip points (…, 2) to the input, in place."""
        for axis, side in enumerate(reversed(self.size)):
            points[..., axis].clamp_(0, side)
        return points

    def mirrored(self, points: Tensor, owner: Tensor) -> Tensor:
        """The last step of `points`, and its own inverse: left and right exchanged in the input where `flip`."""
        if self.flip is None:
            return points
        x, y = points.unbind(-1)
        flip = _each(self.flip[self.sample_of(owner)], points)[..., 0]
        return torch.stack([torch.where(flip, self.size[1] - x, x), y], dim=-1)


def _each(values: Tensor, points: Tensor) -> Tensor:
    """(J,) or (J, 2), one for each owner, to go with points (J, …, 2)."""
    return values.view(len(values), *(1,) * (points.dim() - 2), *(values.shape[1:] or (1,)))

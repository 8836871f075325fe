"""Blurs and fractal textures for a batch; a sample's result does not depend on the batch it is in.

Sums of displaced images instead of convolutions, as convolution libraries choose their algorithm, and with it the last
bits, by the size of the batch.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from tlbench.robustness.draws import Draws


def blur(images: Tensor, kernel: Tensor) -> Tensor:
    """Correlate each channel with one kernel; images are continued by reflection about their outermost pixels.

    Args:
        images: (B, C, H, W) float.
        kernel: (2R + 1, 2R' + 1), weights that sum to 1.
    """
    height, width = images.shape[-2:]
    padded = images
    for dim, (side, taps) in ((-2, (height, kernel.shape[0])), (-1, (width, kernel.shape[1]))):
        positions = torch.arange(-(taps // 2), side + taps // 2, device=images.device)
        padded = padded.index_select(dim, _reflected(positions, side))
    out = torch.zeros_like(images)
    for row, weights in enumerate(kernel.tolist()):
        for column, weight in enumerate(weights):
            if weight:
                out.add_(padded[..., row : row + height, column : column + width], alpha=weight)
    return out


def gaussian_blur(images: Tensor, sigma: float, truncate: float = 4.0) -> Tensor:
    """Blur (B, C, H, W) by a Gaussian of that many pixels, cut off at `truncate` standard deviations."""
    radius = int(truncate * sigma + 0.5)
    taps = torch.exp(-0.5 * (torch.arange(-radius, radius + 1, dtype=torch.float64) / sigma) ** 2)
    taps = taps / taps.sum()
    return blur(blur(images, taps[:, None]), taps[None])


def disk(radius: float, edge: float) -> Tensor:
    """A disk-shaped kernel whose edge is blurred by a Gaussian of standard deviation `edge`; odd sides, sum 1."""
    half = math.ceil(radius) + 3  # beyond what the blurred edge reaches
    position = torch.arange(-half, half + 1, dtype=torch.float64)
    shape = ((position[:, None] ** 2 + position**2) <= radius**2).double()
    reach = 1 if radius <= 8 else 2
    taps = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=torch.float64) / edge) ** 2)
    taps = taps / taps.sum()
    return blur((shape / shape.sum())[None, None], taps[:, None] * taps)[0, 0]


def trace_blur(images: Tensor, radius: int, sigma: float, angle: Tensor) -> Tensor:
    """Motion blur: each pixel is a fading trace of 2 · radius + 1 pixels in one direction, edge pixels continued.

    Args:
        images: (B, C, H, W) float.
        radius: Half the trace's length, pixels.
        sigma: Standard deviation of the Gaussian whose one half the trace's weights are, pixels.
        angle: (B,) direction in which the trace is gathered, degrees from the positive x-axis to the lower y-axis.
    """
    height, width = images.shape[-2:]
    steps = torch.arange(2 * radius + 1, dtype=torch.float64)
    weights = torch.exp(-0.5 * (steps / sigma) ** 2)
    radians = torch.deg2rad(angle.double())
    flat, out = images.flatten(2), torch.zeros_like(images).flatten(2)
    for step, weight in enumerate((weights / weights.sum()).tolist()):
        right, down = (torch.round(step * part).long()[:, None] for part in (radians.cos(), radians.sin()))
        rows = (torch.arange(height, device=images.device) + down).clamp_(0, height - 1)
        columns = (torch.arange(width, device=images.device) + right).clamp_(0, width - 1)
        pixels = (rows[:, :, None] * width + columns[:, None]).flatten(1)[:, None]
        out.add_(flat.gather(2, pixels.expand_as(flat)), alpha=weight)
    return out.view_as(images)


def enlarge(images: Tensor, factor: float) -> Tensor:
    """The middle of (B, C, H, W), enlarged to the old size by a factor ≥ 1, bilinearly."""
    height, width = images.shape[-2:]
    h, w = (math.ceil(side / factor - 1e-9) for side in (height, width))
    top, left = (height - h) // 2, (width - w) // 2
    size = (max(round(h * factor), height), max(round(w * factor), width))
    middle = images[..., top : top + h, left : left + w]
    large = F.interpolate(middle, size=size, mode="bilinear", align_corners=True)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    return large[..., top : top + height, left : left + width]


def plasma(draws: Draws, draw: int, height: int, width: int, decay: float) -> Tensor:
    """A fractal texture by the diamond–square method (Fournier, Fussell, Carpenter 1982), which tiles the plane.

    Args:
        draws: What it draws from.
        draw: Its first draw; it takes two for each doubling of the size.
        height: Pixels.
        width: Pixels.
        decay: Each doubling of the resolution adds detail weaker by decay².

    Returns:
        (B, 1, height, width) in [0, 1], 0 and 1 each reached in the square, a power of two, that it is cut from.
    """
    grid = torch.zeros(len(draws.index), 1, 1, device=draws.index.device)
    amplitude, side = 1.0, 1
    while side < max(height, width):
        below = grid.roll(-1, 1)
        centres = (grid + grid.roll(-1, 2) + below + below.roll(-1, 2)) / 4
        centres += amplitude * (2 * draws.uniform(draw, side, side) - 1)
        edges = amplitude * (2 * draws.uniform(draw + 1, 2, side, side) - 1)
        across = (grid + grid.roll(-1, 2) + centres + centres.roll(1, 1)) / 4 + edges[:, 0]
        along = (grid + below + centres + centres.roll(1, 2)) / 4 + edges[:, 1]
        upper, lower = torch.stack([grid, across], 3).flatten(2), torch.stack([along, centres], 3).flatten(2)
        grid = torch.stack([upper, lower], 2).flatten(1, 2)
        amplitude, side, draw = amplitude / decay**2, side * 2, draw + 2
    grid = grid - grid.amin((1, 2), keepdim=True)
    grid = grid / grid.amax((1, 2), keepdim=True).clamp(min=torch.finfo(grid.dtype).tiny)
    return grid[:, None, :height, :width]


def _reflected(positions: Tensor, side: int) -> Tensor:
    """Positions on a line, mirrored at the centres of its first and last pixel as often as needed."""
    if side == 1:
        return torch.zeros_like(positions)
    place = positions % (2 * (side - 1))
    return torch.minimum(place, 2 * (side - 1) - place)

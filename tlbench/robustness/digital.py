"""What processing does: less contrast, distortion, fewer pixels, compression."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from tlbench.data.image_opening import open_image
from tlbench.geometry.augment import to_levels
from tlbench.robustness import severities
from tlbench.robustness.draws import Draws
from tlbench.robustness.filters import gaussian_blur


def contrast(images: Tensor, _draws: Draws, severity: int) -> Tensor:
    """Draw the values towards each channel's mean; arguments as in `corruptions.Corruption`."""
    mean = images.double().mean((2, 3), keepdim=True).to(images.dtype)
    return (images - mean) * severities.CONTRAST.at(severity, images) + mean


def elastic_transform(images: Tensor, draws: Draws, severity: int) -> Tensor:
    """Move three points of the image at random and all others with them, and each pixel a little on top."""
    strength, sigma, whole = (
        share * min(images.shape[-2:]) for share in severities.ELASTIC_TRANSFORM.at(severity, images)
    )
    height, width = images.shape[-2:]
    y, x = (torch.arange(side, device=images.device) for side in (height, width))
    third = max(1, min(height, width) // 3)
    u, v = ((x - width // 2) / third).expand(height, -1), ((y - height // 2) / third)[:, None].expand(-1, width)
    # barycentric coordinates with respect to the moved points (1, 1), (1, −1), (−1, −1), in thirds about the middle
    second = (u - v) / 2
    weights = torch.stack([((1 - second) + (u + v) / 2) / 2, second, ((1 - second) - (u + v) / 2) / 2])
    moves = whole * (2 * draws.uniform(0, 2, 3) - 1)
    shift = (moves[:, :, :, None, None] * weights).sum(2)
    shift += strength * gaussian_blur(2 * draws.uniform(1, 2, height, width) - 1, sigma, truncate=3)
    across = (x + shift[:, 0]) * (2 / max(width - 1, 1)) - 1
    along = (y[:, None] + shift[:, 1]) * (2 / max(height - 1, 1)) - 1
    grid = torch.stack([across, along], dim=-1)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=True)


def pixelate(images: Tensor, _draws: Draws, severity: int) -> Tensor:
    """Average blocks of pixels."""
    share = severities.PIXELATE.at(severity, images)
    levels = (images * 255).round_()  # whole numbers: their sums are exact in whatever order
    rows, columns = (_blocks(side, share, images.device) for side in images.shape[-2:])
    means = (rows @ levels @ columns.T) / (rows.sum(1)[:, None] * columns.sum(1) * 255)
    return means[..., rows.argmax(0), :][..., columns.argmax(0)]


def jpeg_compression(images: Tensor, _draws: Draws, severity: int) -> Tensor:
    """Write as JPEG, and read again, on the CPU."""
    levels = to_levels(images).permute(0, 2, 3, 1).cpu().numpy()
    quality = severities.JPEG_COMPRESSION.at(severity, images)
    read = torch.stack([torch.from_numpy(_through_jpeg(pixels, quality)) for pixels in levels])
    return read.permute(0, 3, 1, 2).to(images.device) / 255


def _through_jpeg(pixels: npt.NDArray[np.uint8], quality: int) -> npt.NDArray[np.uint8]:
    """An image (H, W, 3) as it comes back."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="JPEG", quality=quality)
    with open_image(file) as image:
        return np.array(image)


def _blocks(side: int, share: float, device: torch.device) -> Tensor:
    """Blocks of a line of pixels: (n, side) float, 1 where a pixel is in a block, else 0."""
    number = max(1, int(side * share))
    edges = (torch.arange(number + 1, dtype=torch.float64) * (side / number) + 0.5).floor()
    pixels = torch.arange(side)
    return ((pixels >= edges[:-1, None]) & (pixels < edges[1:, None])).float().to(device)

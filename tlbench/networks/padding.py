"""Images padded to what a network's strides divide, and its maps cut back."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def padded(images: Tensor, stride: int) -> Tensor:
    """Images with their last row and column repeated until the stride divides both sides.

    Repeated, as an edge to zeros (the mean colour, once normalised) would be one that no image has: convolutions near
    the border see it, and BatchNorm counts it. Nothing here depends on more than the shape, so that a traced network
    pads as this one does.

    Args:
        images: (B, C, H, W).
        stride: The network's largest, in pixels.

    Returns:
        (B, C, H', W'), the same images at the top left; they themselves where nothing is to be padded.
    """
    bottom, right = -images.shape[-2] % stride, -images.shape[-1] % stride
    if isinstance(bottom, int) and isinstance(right, int) and not bottom and not right:  # no int: of a free size
        return images
    return functional.pad(images, (0, right, 0, bottom), mode="replicate")

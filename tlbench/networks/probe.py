"""One forward pass of a network that is new here, so that what it cannot do is said before anything is trained."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tlbench.config.size import Size, is_square
from tlbench.errors import ConfigError
from tlbench.system.exceptions import in_a_few_words

IMAGES = 2


def check_outputs(
    module: nn.Module, num_classes: int, size: Size, key: str, way_out: str, *, dense: bool | None = False
) -> bool:
    """Let a network see two black images on the CPU, in eval mode; its modes are then as before.

    Args:
        module: Images (B, 3, H, W) to logits.
        num_classes: The target's.
        size: H and W, in pixels.
        key: Key and value that asked for the network, for the message.
        way_out: What to do where the pass fails, for the message.
        dense: Whether the logits must be those of each place of an image, (B, num_classes, H, W), rather than of each
            image, (B, num_classes); None: either.

    Returns:
        Which of both they are.

    Raises:
        ConfigError: The pass fails, or its outputs are no logits of these classes.
    """
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            outputs = module(torch.zeros(IMAGES, 3, *size))
    except Exception as error:
        raise ConfigError(
            f"{key}: its forward pass fails on images of {_shown(size)} pixels: {in_a_few_words(error)}; {way_out}"
        ) from error
    finally:
        for part, training in modes:
            part.training = training
    of_images, of_places = (IMAGES, num_classes), (IMAGES, num_classes, *size)
    if isinstance(outputs, Tensor) and outputs.shape == of_places and dense is not False:
        return True
    if isinstance(outputs, Tensor) and outputs.shape == of_images and not dense:
        return False
    wanted = {
        False: f"one tensor {of_images} with a logit for each class",
        True: f"one tensor {of_places} with a logit for each class at each place",
        None: f"one tensor {of_images} with a logit for each class, or {of_places} with one at each place",
    }[dense]
    raise ConfigError(f"{key}: for {IMAGES} images it gives {_described(outputs)}, not {wanted}; let it return that")


def _shown(size: Size) -> str:
    return str(size[0]) if is_square(size) else f"{size[0]}×{size[1]} (height × width)"


def _described(outputs: Any) -> str:
    if isinstance(outputs, Tensor):
        return f"a tensor {tuple(outputs.shape)}"
    return f"a {type(outputs).__name__}"

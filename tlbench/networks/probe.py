"""One forward pass of a network that is new here, so that what it cannot do is said before anything is trained."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tlbench.config.size import Size, is_square
from tlbench.errors import ConfigError
from tlbench.system.exceptions import in_a_few_words


def check_outputs(module: nn.Module, num_classes: int, size: Size, key: str, way_out: str) -> None:
    """Let a network see two black images on the CPU, in eval mode; its modes are then as before.

    Args:
        module: Images (B, 3, H, W) to logits (B, num_classes).
        num_classes: The target's.
        size: H and W, in pixels.
        key: Key and value that asked for the network, for the message.
        way_out: What to do where the pass fails, for the message.

    Raises:
        ConfigError: The pass fails, or its outputs are no logits of these classes.
    """
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            outputs = module(torch.zeros(2, 3, *size))
    except Exception as error:
        raise ConfigError(
            f"{key}: its forward pass fails on images of {_shown(size)} pixels: {in_a_few_words(error)}; {way_out}"
        ) from error
    finally:
        for part, training in modes:
            part.training = training
    if not isinstance(outputs, Tensor) or outputs.shape != (2, num_classes):
        raise ConfigError(
            f"{key}: for 2 images it gives {_described(outputs)}, not one tensor (2, {num_classes}) with a logit for "
            "each class; let it return that"
        )


def _shown(size: Size) -> str:
    return str(size[0]) if is_square(size) else f"{size[0]}×{size[1]} (height × width)"


def _described(outputs: Any) -> str:
    if isinstance(outputs, Tensor):
        return f"a tensor {tuple(outputs.shape)}"
    return f"a {type(outputs).__name__}"

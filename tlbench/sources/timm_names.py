"""From the names and shapes in a file that timm publishes to those of timm's network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import timm
import torch
from torch import Tensor

from tlbench.config import ModelConfig
from tlbench.errors import WeightsError
from tlbench.models.probe import in_a_few_words
from tlbench.models.timm_network import creation_arguments


def by_timm(
    path: Path, given: Mapping[str, Tensor], model: ModelConfig, title: str, image_size: int
) -> dict[str, Tensor]:
    """Let timm load the tensors into a network with their own classifier, and take the names from there.

    timm knows for each network how older names are read and how positional embeddings are resized to another input.
    Running generator states are left as they were.

    Args:
        path: The file, for the message.
        given: The file's tensors.
        model: The network.
        title: `<name>.<tag>` of the weights.
        image_size: Side of the images in pixels, for networks of a fixed input size.

    Raises:
        WeightsError: If timm cannot load them whole.
    """
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        try:
            module = timm.create_model(
                title,
                pretrained=True,
                pretrained_cfg_overlay={"state_dict": dict(given)},
                **creation_arguments(model, image_size),
            )
        except Exception as error:  # of each of timm's loaders another
            raise WeightsError(
                f"{path}: timm cannot load it as {title} into model.name={model.name}: {in_a_few_words(error)}; give "
                "weights of this network, or other model.arguments"
            ) from None
    return dict(module.state_dict())

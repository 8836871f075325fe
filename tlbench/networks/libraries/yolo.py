"""YOLO11 (Jocher & Qiu 2024, https://github.com/ultralytics/ultralytics) of one architecture for any labels."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from torch import nn

from tlbench.config import ModelConfig
from tlbench.config.size import Size, size_text
from tlbench.errors import ConfigError
from tlbench.networks.layer_groups import HEAD, YOLO11, YOLO11_CLASSES
from tlbench.networks.libraries.ultralytics import ultralytics_module
from tlbench.networks.network import Network
from tlbench.networks.outputs import in_float32, without_autocast
from tlbench.networks.user_groups import with_groups

PUBLISHED_CLASSES = 80
"""COCO's. The width of the head's class branch follows from it, so every network is built with it."""

STRIDE = 32
"""The largest; the sides of images are multiples of it."""

GAINS = {"box": 7.5, "cls": 0.5, "dfl": 1.5}
"""Weights of the loss's three parts, ultralytics' defaults; the task sets its own."""


def yolo11(model: ModelConfig, num_classes: int, size: Size) -> Network:
    """YOLO11 with random weights.

    ultralytics makes the head's class branch as wide as the number of classes asks, so that a network of one class and
    pretrained weights of 80 would differ in more than their last layer. Here all have the published width, and only
    the last class convolutions are new for the labels: of the 499 tensors of a published yolo11n.pt 493 fit.

    In train mode the network gives a dict: `boxes` (B, 64, A) logits of the distances' distributions, `scores`
    (B, num_classes, A) logits, and `feats`, three maps of features; in eval mode `(y, dict)`, `y` (B, 4 + num_classes,
    A) with boxes as centre x, y, width, height in pixels of the input, and probabilities, decoded in float32 also where
    autocast has the convolutions in half precision. A is the number of cells of the three maps.

    Args:
        model: `name` is one of `YOLO11_MODELS`; `groups` replace the known layer groups.
        num_classes: The target's, at least 1.
        size: Height and width of the input, pixels.

    Raises:
        ConfigError: The image size is no multiple of 32, or the given groups are no partition or their head lacks the
            class convolutions.
    """
    if any(side % STRIDE for side in size):
        height, width = (max(round(side / STRIDE), 1) * STRIDE for side in size)
        raise ConfigError(
            f"data.image_size={size_text(size)}: {model.name} halves the image five times; use a multiple of {STRIDE}, "
            f"such as {size_text((height, width))}"
        )
    module = ultralytics_network(model.name, num_classes)
    head = module.model[-1]
    _fix_integral(head.dfl)
    head.__class__ = _decoding_in_float32(head.__class__)
    module.args = SimpleNamespace(**GAINS)
    groups = YOLO11 if model.groups is None else with_groups(module, model.groups).groups
    try:
        return Network(module, groups, HEAD, new=YOLO11_CLASSES)
    except ValueError as error:
        raise ConfigError(f"model.groups: {error}; put model.23 into the group {HEAD!r}") from None


def ultralytics_network(name: str, num_classes: int) -> Any:
    """Ultralytics' own network with random weights, its class branches of the published width whatever the labels."""
    module = _published_architecture(name)
    _replace_classes(module.model[-1], num_classes)
    module.yaml["nc"] = num_classes
    module.names = {label: str(label) for label in range(num_classes)}
    return module


def _published_architecture(name: str) -> Any:
    """As published; its description is read from the package, never from a file of that name in the working folder."""
    root, tasks = ultralytics_module("utils").ROOT, ultralytics_module("nn.tasks")
    description = ultralytics_module("utils").YAML.load(Path(root) / "cfg" / "models" / "11" / "yolo11.yaml")
    description |= {"scale": name[-1], "yaml_file": f"{name}.yaml"}
    return tasks.DetectionModel(description, ch=3, nc=PUBLISHED_CLASSES, verbose=False)


def _replace_classes(head: Any, num_classes: int) -> None:
    """Put convolutions with as many outputs as there are classes in the place of the last ones, biases set anew."""
    for branch in head.cv3:
        branch[-1] = nn.Conv2d(branch[-1].in_channels, num_classes, 1)
    head.nc = num_classes
    head.no = num_classes + 4 * head.reg_max
    head.bias_init()


@cache
def _decoding_in_float32(head: Any) -> Any:
    """A class of heads that decode in float32.

    ultralytics' decodes in the type of its maps: in bfloat16 the sides of boxes would be off by up to 6 pixels of 640,
    and the centres of cells, kept for inputs of one size, would stay in the type of the first.
    """

    class Head(head):  # type: ignore[misc]
        def _inference(self, maps: dict[str, Any]) -> Any:
            with without_autocast(maps["boxes"].device.type):
                return super()._inference(in_float32(maps))

    return Head


def _fix_integral(dfl: Any) -> None:
    """Make the weights 0 … 15, by which distributions become distances, a buffer: nothing can train or unfreeze it."""
    weight = dfl.conv.weight.detach()
    del dfl.conv.weight
    dfl.conv.register_buffer("weight", weight)

"""What of a network of ultralytics a YOLO11 detector can take up, and what a file is that it cannot."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from tlbench.errors import WeightsError
from tlbench.networks.layer_groups import YOLO11_CLASS_LAYERS, YOLO11_MODELS, YOLO11_OTHER_HEADS
from tlbench.networks.network import Network, lies_under
from tlbench.sources.naming import backbone_of, kind
from tlbench.sources.ultralytics_file import NetworkFile

_FAMILY = re.compile(r"(yolo11[nslmx])(-\w+)?")
_STEMS = {(16, 1): "yolo11n", (32, 1): "yolo11s", (64, 1): "yolo11m", (64, 2): "yolo11l", (96, 2): "yolo11x"}


@dataclass(frozen=True)
class YoloParts:
    """What of a file is not taken.

    Attributes:
        new: Prefixes of the class branches' layers that stay new, as the file has them in another width.
        other_heads: Prefixes of what only heads of other tasks have.
        width: Of the file's class branches in channels, where it is another; None else.
        here: That of the network.
    """

    new: tuple[str, ...] = ()
    other_heads: tuple[str, ...] = ()
    width: int | None = None
    here: int | None = None

    def warnings(self, file: str) -> list[str]:
        """What is to be said of it, one line each."""
        if self.width is None:
            return []
        return [
            f"{file}: its class branches are {self.width} channels wide, here they are {self.here} for any number of "
            f"classes: {len(self.new)} layers of them start at random, as their last convolutions do; backbone, neck "
            "and box branch are taken whole"
        ]


NOTHING_ELSE = YoloParts()
"""Of files of other networks."""


def class_branch_layers(network: Network) -> frozenset[str]:
    """The tensors of the layers that a file may have in another width."""
    return frozenset(n for n in network.module.state_dict() if any(lies_under(n, p) for p in YOLO11_CLASS_LAYERS))


def yolo_parts(network: Network, given: Mapping[str, Tensor]) -> YoloParts:
    """What of a file stays out; the layers of its class branches alone, if they are whole and in one other width.

    ultralytics makes the branches of yolo11n max(64, min(classes, 100)) wide. Here they are as wide as for 80 classes,
    whatever the labels, so that all arms are one architecture.

    Args:
        network: The detector.
        given: The file's tensors, by the network's names.
    """
    own = network.module.state_dict()
    layers = class_branch_layers(network)
    weight = f"{YOLO11_CLASS_LAYERS[0]}.conv.weight"
    if weight not in given or given[weight].dim() != 4:
        return YoloParts(other_heads=YOLO11_OTHER_HEADS)
    width = len(given[weight])
    there = [name for name in layers if name in given]
    whole = all(name in given or name.endswith(".num_batches_tracked") for name in layers)
    alike = all(tuple(given[name].shape) == _at_width(name, tuple(own[name].shape), width) for name in there)
    if width == len(own[weight]) or not whole or not alike:
        return YoloParts(other_heads=YOLO11_OTHER_HEADS)
    return YoloParts(YOLO11_CLASS_LAYERS, YOLO11_OTHER_HEADS, width, len(own[weight]))


def check_network(
    path: Path, about: NetworkFile | None, given: Mapping[str, Tensor], network: Network, model: str, parts: YoloParts
) -> None:
    """Refuse a file of another network, or of one that computes otherwise.

    Args:
        path: The file.
        about: What it says of itself; None where it holds tensors alone.
        given: Its tensors, by the network's names.
        network: The detector.
        model: Its name.
        parts: What of it is not taken.

    Raises:
        WeightsError: It says, or its tensors show, what it is instead.
    """
    if _fits(network, given, parts):
        if about is not None and about.activation is not None:
            raise WeightsError(
                f"{path}: holds {about.shown()} with {about.activation[:60]} where {model} has SiLU: the same tensors "
                f"compute something else there; give weights of {model} as ultralytics describes it"
            )
        return
    if about is not None and about.kind == "ClassificationModel":
        raise WeightsError(
            f"{path}: holds {about.shown()}, which classifies: it has neither neck nor box branch, and of the "
            f"backbone it lacks a part (SPPF); give weights of boxes, masks, key points or oriented boxes "
            f"of {model}"
        )
    named = _FAMILY.fullmatch(about.title) if about and about.title else None
    size = named[1] if named else None if about and about.title else _size_of(given)
    if size is not None and size != model:
        raise WeightsError(
            f"{path}: holds {about.shown() if about else f'tensors of {size}'}, not weights of {model}; use "
            f"model={size}, or give weights of {model}"
        )
    if about is not None and size is None:
        wanted = backbone_of(network)
        alike = sum(name in given and kind(given[name]) == kind(tensor) for name, tensor in wanted.items())
        raise WeightsError(
            f"{path}: holds {about.shown()}, another architecture than model={model}: of {len(wanted)} tensors {alike} "
            f"agree; give weights of {model}, or one of {', '.join(YOLO11_MODELS)} with its own weights"
        )


def _at_width(name: str, shape: tuple[int, ...], width: int) -> tuple[int, ...]:
    """The shape of a class branch's tensor where the branch is so wide."""
    if not shape:
        return shape
    full = name.endswith(".1.1.conv.weight")  # the one convolution from the branch to the branch
    return (width, width, *shape[2:]) if full else (width, *shape[1:])


def _fits(network: Network, given: Mapping[str, Tensor], parts: YoloParts) -> bool:
    """Whether a file has all that the network wants of it, in the network's shapes."""
    wanted = {n: t for n, t in backbone_of(network).items() if not any(lies_under(n, p) for p in parts.new)}
    return all(
        name in given and kind(given[name]) == kind(tensor)
        for name, tensor in wanted.items()
        if not name.endswith(".num_batches_tracked")
    )


def _size_of(given: Mapping[str, Tensor]) -> str | None:
    """Which YOLO11 the tensors are of, by the stem's width and the second stage's depth; None where of none."""
    stem = given.get("model.0.conv.weight")
    if (
        stem is None
        or stem.dim() != 4
        or "model.10.cv1.conv.weight" not in given
        or "model.23.dfl.conv.weight" not in given
    ):
        return None
    depth = len({name.split(".")[3] for name in given if name.startswith("model.2.m.")})
    return _STEMS.get((len(stem), depth))

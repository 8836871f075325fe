"""From the names and shapes in a file that timm publishes to those of timm's network."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor

from tlbench.errors import WeightsError
from tlbench.networks.network import Network
from tlbench.sources.entries import Entry
from tlbench.sources.naming import Named
from tlbench.sources.read import WeightsFile
from tlbench.sources.readings import find_backbone
from tlbench.system.exceptions import in_a_few_words


def by_timm(
    path: Path, given: Mapping[str, Tensor], arguments: Mapping[str, Any], title: str, model: str
) -> dict[str, Tensor]:
    """Let timm load the tensors into a network with their own classifier, and take the names from there.

    timm knows for each network how older names are read and how positional embeddings are resized to another input.
    Running generator states are left as they were.

    Args:
        path: The file, for the message.
        given: The file's tensors.
        arguments: What timm builds the network with beside its name.
        title: `<name>.<tag>` of the weights.
        model: The network's name in the configuration, for the message.

    Raises:
        WeightsError: If timm cannot load them whole.
    """
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        try:
            module = timm.create_model(
                title,
                pretrained=True,
                pretrained_cfg_overlay={"state_dict": dict(given)},
                **arguments,
            )
        except Exception as error:  # of each of timm's loaders another
            raise WeightsError(
                f"{path}: timm cannot load it as {title} into model.name={model}: {in_a_few_words(error)}; give "
                "weights of this network, or other model.arguments"
            ) from None
    return dict(module.state_dict())


def by_filter(file: WeightsFile, network: Network, entry: str | None, prefix: str | None) -> Named | None:
    """The backbone under the names to which timm brings those of other files for the network; None if it cannot.

    Args:
        file: What was read.
        network: A network of timm.
        entry: As of `find_backbone`.
        prefix: Likewise.
    """
    module = network.module if network.backbone is None else network.backbone.classifier
    change = getattr(sys.modules[type(module).__module__], "checkpoint_filter_fn", None)
    if change is None:
        return None
    for held in file.entries:
        if not held.tensors or entry not in (None, held.path):
            continue
        for before in [prefix] if prefix is not None else ["", *_common_prefixes(held.tensors)]:
            inside = {
                name.removeprefix(f"{before}.") if before else name: tensor
                for name, tensor in held.tensors.items()
                if not before or name.startswith(f"{before}.")
            }
            try:
                changed = dict(change(inside, module))
                named = find_backbone(replace(file, entries=[Entry("", changed)]), network, None, "")
            except Exception:  # of each of timm's loaders another; who asked says what does not fit
                continue
            if named.whole:
                return replace(named, entry=held.path, prefix=before, whose="timm reads them")
    return None


def _common_prefixes(names: Iterable[str]) -> list[str]:
    """The prefixes of one or two parts under which half of the names are."""
    listed = [name.split(".") for name in names]
    counts = Counter(".".join(parts[:count]) for parts in listed for count in (1, 2) if len(parts) > count)
    return [prefix for prefix, count in counts.most_common(4) if 2 * count >= len(listed)]

"""Data with boxes as they are listed and divided into splits, nothing decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tlbench.annotations.instances.carve import carve_boxes
from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.annotations.instances.instances import Instances
from tlbench.annotations.instances.target import list_boxes
from tlbench.data.inventory import Inventory
from tlbench.data.listing import Listing
from tlbench.system.voice import Voice


@dataclass(frozen=True)
class ListedSplits:
    """Its fields are as those of `Target`."""

    splits: Mapping[str, Listing[Instances]]
    split_rule: dict[str, Any]
    unreadable: Mapping[str, str]
    inventory: Inventory | None
    unlabelled: frozenset[str]


def list_splits(data: InstanceDataConfig, voice: Voice) -> ListedSplits:
    """What lies at the data's root, with split seed 0."""
    listed = list_boxes(data, voice)
    splits, rule = carve_boxes(listed, data, 0, voice)
    return ListedSplits(splits, rule, listed.unreadable, listed.inventory, listed.unlabelled)

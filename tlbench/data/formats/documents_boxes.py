"""Drawn documents as a target with boxes."""

from __future__ import annotations

import torch

from tlbench.annotations.instances.carve import check_objects, counted
from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.annotations.instances.instances import Instances
from tlbench.data.formats.documents import Columns, classes_of, open_drawn
from tlbench.data.target import Target
from tlbench.system.voice import Voice


def open_documents(data: InstanceDataConfig, split_seed: int, voice: Voice, *_: object) -> Target[Instances]:
    """Draw the pages and divide them into train, val and test at random.

    Args:
        data: The target's config; both fractions are of all pages.
        split_seed: Seed of the splits and of the subset.
        voice: Speaks to the user.

    Raises:
        DataError: A class does not exist, or a split would be empty or without objects.
    """
    assert data.label_space is not None
    class_names = classes_of(data.label_space)

    def instances(pages: Columns) -> Instances:
        inside = torch.from_numpy(pages["inside"])
        return Instances(
            boxes=torch.from_numpy(pages["boxes"]),
            labels=torch.from_numpy(pages["labels"]),
            starts=torch.from_numpy(pages["starts"]),
            class_names=class_names,
            sizes=inside,
            inside=inside,
        )

    return open_drawn(data, split_seed, voice, instances, check_objects, counted)

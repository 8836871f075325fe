from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch

from tlbench.annotations.maps.class_maps import ClassMaps
from tlbench.data.samples import MemorySamples
from tlbench.data.thumbnails import thumbnails_of

NAMES = ("sky", "road", "car")


@pytest.fixture
def samples() -> Callable[..., MemorySamples[ClassMaps]]:
    """`samples({"a": [[0, 1]]})`: images of noise of 64 pixels a side, each with a map; `looks` gives equal noise."""

    def make(
        maps: Mapping[str, Any], names: tuple[str, ...] = NAMES, looks: Mapping[str, int] | None = None
    ) -> MemorySamples[ClassMaps]:
        packed = ClassMaps.of([np.array(each, np.uint8) for each in maps.values()], names)
        inside = torch.full_like(packed.sizes, 64)
        seeds = [(looks or {}).get(name, hash(name) % 2**31) for name in maps]
        images = torch.stack(
            [torch.randint(0, 256, (3, 64, 64), generator=torch.Generator().manual_seed(s)).byte() for s in seeds]
        )
        digests = np.array([np.full(16, seed % 251) for seed in seeds], np.uint8)
        annotations = ClassMaps(**{**vars(packed), "inside": inside})
        return MemorySamples(images, annotations, tuple(maps), digests, thumbnails_of(images, 64))

    return make

"""What is known of an image, drawn on it as it is kept, and as the network sees it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from tests.composed import config
from tlbench.annotations.instances.batches import BoxBatches
from tlbench.annotations.instances.crowds import Crowds
from tlbench.annotations.instances.drawn import CROWD
from tlbench.annotations.instances.instances import Instances
from tlbench.annotations.labels.batches import LabelBatches
from tlbench.annotations.labels.labels import Labels
from tlbench.annotations.maps.batches import MapBatches
from tlbench.annotations.maps.class_maps import VOID, ClassMaps
from tlbench.config.compose import compose_config
from tlbench.data.samples import MemorySamples
from tlbench.pictures.palette import class_colour, map_colour

IMAGES = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def as_seen(images: torch.Tensor, batches: Any) -> torch.Tensor:
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in vars(batches.config.data.normalisation).values())
    return (images.float() / 255 - mean) / std


def same_pixels(found: list[Any], images: torch.Tensor) -> None:
    np.testing.assert_array_equal([tile.pixels for tile in found], images.permute(0, 2, 3, 1))


def test_labels_stand_above_and_of_mixtures_both_with_their_shares() -> None:
    batches, names = LabelBatches(config()), ("ant", "bee", "cat")
    split = MemorySamples(IMAGES, Labels(torch.tensor([2, 0]), names))
    found = batches.examples(split, torch.tensor([1, 0]))
    assert [tile.title for tile in found] == ["ant", "cat"]
    same_pixels(found, IMAGES.flip(0))
    inputs, index = as_seen(IMAGES, batches), torch.arange(2)
    seen = batches.drawn((inputs, split.labels, index), names, 2)
    same_pixels(seen, IMAGES)
    assert [tile.title for tile in seen] == ["cat", "ant"]
    shares = torch.tensor([[0.25, 0.0, 0.75], [0.0, 1.0, 0.0]])
    mixed = batches.drawn((inputs, shares, index), names, 16)
    assert [tile.title for tile in mixed] == ["0.75 cat\n0.25 ant", "1.00 bee"]
    assert len(batches.drawn((inputs, shares, index), names, 1)) == 1


def test_boxes_are_in_the_pixels_of_what_they_are_drawn_on() -> None:
    batches: Any = BoxBatches(compose_config(["task=detection"]))
    names = ("ant", "bee")
    of = Instances(
        boxes=torch.tensor([[0.0, 0, 10, 20], [20, 40, 100, 120], [10, 10, 20, 20]]),
        labels=torch.tensor([1, 0, 1]),
        starts=torch.tensor([0, 2, 3]),
        class_names=names,
        sizes=torch.tensor([[128, 128], [64, 64]]),
        inside=torch.tensor([[64, 64], [64, 32]]),
        crowds=Crowds(torch.tensor([[0.0, 0, 64, 64]]), torch.tensor([0]), torch.tensor([0, 0, 1])),
    )
    first, second = batches.examples(MemorySamples(IMAGES, of), torch.arange(2))
    assert [mark.corners for mark in first.marks] == [(10, 20, 50, 60), (0, 0, 5, 10)]  # the smallest on top
    assert [(mark.label, mark.colour) for mark in first.marks] == [("ant", class_colour(0)), ("bee", class_colour(1))]
    assert second.pixels.shape == (64, 32, 3)
    assert [(mark.corners, mark.colour) for mark in second.marks] == [
        ((0, 0, 32, 64), CROWD),
        ((5, 10, 10, 20), class_colour(1)),
    ]
    targets = SimpleNamespace(
        boxes=torch.tensor([[1.0, 2, 3, 4], [5, 6, 7, 8]]), labels=torch.tensor([0, 1]), image=torch.tensor([1, 1])
    )
    seen = batches.drawn((as_seen(IMAGES, batches), targets, torch.arange(2)), names, 16)
    same_pixels(seen, IMAGES)
    assert [[mark.corners for mark in tile.marks] for tile in seen] == [[], [(1, 2, 3, 4), (5, 6, 7, 8)]]
    assert [key.text for key in batches.keys(names)] == ["ant", "bee"]


def test_maps_are_surfaces_in_the_pixels_of_what_they_are_drawn_on() -> None:
    batches: Any = MapBatches(compose_config(["task=semantic_segmentation"]))
    names = ("background", "road", "car")
    maps = [np.array([[0, 1], [2, VOID]], np.uint8), np.ones((64, 32), np.uint8)]
    packed = ClassMaps.of(maps, names)
    of = ClassMaps(**{**vars(packed), "inside": torch.tensor([[64, 64], [64, 32]])})
    first, second = batches.examples(MemorySamples(IMAGES, of), torch.arange(2))
    quarters = [mark.shape for mark in first.marks]
    assert [mark.label for mark in first.marks] == ["", "road", "car"]
    assert [(q.sum(), q[at]) for q, at in zip(quarters, [(63, 63), (0, 63), (63, 0)], strict=True)] == [
        (1024, True)
    ] * 3
    assert second.pixels.shape == (64, 32, 3)
    assert [(mark.colour, mark.shape.sum()) for mark in second.marks if mark.shape.any()] == [(map_colour(1), 2048)]
    seen = batches.drawn(
        (as_seen(IMAGES, batches), SimpleNamespace(maps=torch.full((2, 64, 64), 2, dtype=torch.uint8)), None), names, 1
    )
    same_pixels(seen, IMAGES[:1])
    assert [mark.label for mark in seen[0].marks if mark.shape.any()] == ["car"]
    assert [key.text for key in batches.keys(names)] == ["road", "car", "of no class, ignored"]

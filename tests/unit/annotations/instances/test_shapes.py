"""Shapes go where their objects go, whatever they are; a set that has none of a kind stays without."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask
from torch import Tensor

from tlbench.annotations.instances.crowds import Crowds
from tlbench.annotations.instances.instances import Instances
from tlbench.annotations.instances.runs import mask_of, runs_of
from tlbench.annotations.instances.shapes import Shapes, joined_shapes


def shapes_of(*numbers: int, key_points: int = 2) -> Shapes:
    """Of objects with numbers: n % 4 polygons of three points and more, and runs in a frame where n is odd."""
    points, lengths, runs = [], [], []
    for n in numbers:
        for part in range(n % 4):
            lengths.append(3 + part)
            points += [[100 * n + 10 * part + corner, corner] for corner in range(3 + part)]
        runs.append([n, 4, 40 - 4 - n] if n % 2 else [])
    poses = [[[n, n + 1, 2]] + [[0, 0, 0]] * (key_points - 1) for n in numbers]
    return Shapes(
        torch.tensor(points, dtype=torch.float64).view(-1, 2),
        torch.tensor([0, *np.cumsum(lengths)], dtype=torch.int64),
        torch.tensor([0, *np.cumsum([n % 4 for n in numbers])], dtype=torch.int64),
        torch.tensor([run for own in runs for run in own], dtype=torch.int32),
        torch.tensor([0, *np.cumsum([len(own) for own in runs])], dtype=torch.int64),
        torch.tensor([[5, 8] if n % 2 else [0, 0] for n in numbers], dtype=torch.int32).view(-1, 2),
        torch.tensor(poses).float().view(-1, key_points, 3) if key_points else None,
    )


def same(found: Shapes | None, wanted: Shapes) -> bool:
    assert found is not None
    parts = [(vars(found)[name], part) for name, part in vars(wanted).items()]
    return all(a is b if b is None else a.dtype == b.dtype and torch.equal(a, b) for a, b in parts)


def instances(numbers: list[int], counts: list[int], shapes: Shapes | None, crowds: Crowds | None = None) -> Instances:
    """Objects with such shapes, so many an image of 20 × 40 pixels; the labels are 0, 1, 2, 0, …"""
    sizes = torch.tensor([[20, 40]]).repeat(len(counts), 1)
    boxes = torch.tensor(numbers, dtype=torch.float32)[:, None] + torch.tensor([0.0, 0, 2, 2])
    starts = torch.tensor([0, *np.cumsum(counts)], dtype=torch.int64)
    labels = torch.arange(len(numbers)) % 3
    return Instances(boxes, labels, starts, ("a", "b", "c"), sizes, sizes, crowds, shapes)


@pytest.fixture
def some() -> Instances:
    """Objects 1 to 5 in images of two, none, three; a crowd in the last."""
    crowds = Crowds(torch.tensor([[0.0, 0, 9, 9]]), torch.tensor([2]), torch.tensor([0, 0, 0, 1]), shapes_of(7))
    return instances([1, 2, 3, 4, 5], [2, 0, 3], shapes_of(1, 2, 3, 4, 5), crowds)


def test_runs_are_those_of_pycocotools() -> None:
    generator = np.random.default_rng(0)
    for _ in range(100):
        height, width = generator.integers(1, 30, 2).tolist()
        pixels = generator.random((height, width)) < generator.choice([0.02, 0.3, 0.9, 1.0])
        runs = runs_of(pixels)
        packed = coco_mask.frPyObjects({"size": [height, width], "counts": runs.tolist()}, height, width)
        assert np.array_equal(coco_mask.decode(packed), pixels)
        assert packed == coco_mask.encode(np.asfortranarray(pixels.astype(np.uint8)))
        assert np.array_equal(mask_of(runs, height, width), pixels)
        assert runs[1::2].sum() == coco_mask.area(packed)


def test_taken_in_any_order_and_repeatedly() -> None:
    shapes = shapes_of(1, 2, 3, 4, 5)
    assert same(shapes.take(torch.tensor([4, 0, 2, 2])), shapes_of(5, 1, 3, 3))
    assert same(shapes.take(torch.tensor([], dtype=torch.int64)), shapes_of())
    assert shapes.outlined.tolist() == [True, True, True, False, True]


def test_joined_with_sets_without_shapes_and_with_fewer_key_points() -> None:
    found = joined_shapes([(2, shapes_of(1, 2)), (1, None), (2, shapes_of(3, 5, key_points=3)), (0, None)])
    wanted = shapes_of(1, 2, 4, 3, 5, key_points=3)
    assert wanted.key_points is not None
    wanted.key_points[2] = 0  # 4 has neither polygons nor runs
    assert same(found, wanted)
    assert same(joined_shapes([(1, None), (1, shapes_of(3, key_points=0))]), shapes_of(4, 3, key_points=0))
    assert joined_shapes([(3, None), (1, None)]) is None


def test_scaled_across_and_down_with_runs_as_they_are() -> None:
    shapes, factors = shapes_of(1, 3), torch.tensor([[2.0, 0.5], [0.25, 4]], dtype=torch.float64)
    found = shapes.scaled(factors)
    owners = torch.tensor([0] * 3 + [1] * 12)
    assert torch.equal(found.points, shapes.points * factors[owners].float())
    assert found.key_points is not None
    assert found.key_points.tolist() == [[[2, 1, 2], [0, 0, 0]], [[0.75, 16, 2], [0, 0, 0]]]
    assert (found.points.dtype, found.key_points.dtype) == (torch.float64, torch.float32)
    assert torch.equal(found.runs, shapes.runs)
    assert torch.equal(found.frames, shapes.frames)


def test_taken_with_images(some: Instances) -> None:
    found = some.take(torch.tensor([2, 1, 0]))
    assert same(found.shapes, shapes_of(3, 4, 5, 1, 2))
    assert found.crowds is not None
    assert same(found.crowds.shapes, shapes_of(7))
    none = some.take(torch.tensor([0])).crowds
    assert none is not None
    assert none.shapes is not None
    assert len(none.shapes) == 0


def test_chosen_with_classes(some: Instances) -> None:
    _, found = some.chosen(["c", "a"])
    assert found.labels.tolist() == [1, 0, 1]
    assert same(found.shapes, shapes_of(1, 3, 4))
    assert found.crowds is not None
    assert same(found.crowds.shapes, shapes_of(7))
    _, other = some.chosen(["b"])
    assert same(other.shapes, shapes_of(2, 5))
    assert other.crowds is not None
    assert other.crowds.shapes is not None
    assert len(other.crowds.shapes) == 0


def test_joined_with_images(some: Instances) -> None:
    found = Instances.joined([some, instances([9], [1], None), some.take(torch.tensor([0]))])
    wanted = shapes_of(1, 2, 3, 4, 5, 4, 1, 2)
    assert wanted.key_points is not None
    wanted.key_points[5] = 0
    assert same(found.shapes, wanted)
    assert found.crowds is not None
    assert same(found.crowds.shapes, shapes_of(7))
    assert Instances.joined([instances([9], [1], None)] * 2).shapes is None


def test_resized_as_boxes_are(some: Instances) -> None:
    found = some.resized((10, 10))  # 20 × 40 pixels become 5 × 10
    assert some.shapes is not None
    assert found.shapes is not None
    assert torch.equal(found.shapes.points, some.shapes.points / 4)
    assert torch.equal(found.boxes, some.boxes / 4)
    assert found.shapes.frames.tolist() == some.shapes.frames.tolist()
    assert found.crowds is not None
    assert found.crowds.shapes is not None
    assert torch.equal(found.crowds.shapes.points, shapes_of(7).points / 4)


def test_all_of_it_goes_to_a_device(some: Instances) -> None:
    found = some.to("meta")
    assert found.crowds is not None
    assert found.crowds.shapes is not None
    for shapes in (found.shapes, found.crowds.shapes):
        assert all(part.device.type == "meta" for part in vars(shapes).values())
    assert instances([1], [1], None).to("meta").shapes is None


def test_no_part_of_the_fingerprint(some: Instances) -> None:
    assert some.crowds is not None
    without = replace(some, shapes=None, crowds=replace(some.crowds, shapes=None))
    both = zip(some.hashed(), without.hashed(), strict=True)
    assert all(torch.equal(a, b) if isinstance(a, Tensor) and isinstance(b, Tensor) else a == b for a, b in both)

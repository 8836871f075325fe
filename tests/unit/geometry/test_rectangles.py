"""Rectangular inputs against a plain reference: the canvas is painted, and each pixel of the input looked up on it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.composed import box_augmentation
from tests.drawn_boxes import box_images
from tlbench.annotations.instances.augment import evaluation_boxes, training_boxes
from tlbench.annotations.instances.config import InstanceAugmentation
from tlbench.data.samples import MemorySamples
from tlbench.geometry.fits import GREY
from tlbench.geometry.letterbox import letterbox, margins
from tlbench.geometry.mosaic import Draws, draw, lay_out
from tlbench.geometry.placement import Placement
from tlbench.geometry.resample import one_by_one, render, together

SIZES = [(64, 96), (96, 64), (32, 160)]
GEOMETRY = {"flip": 0.5, "mosaic": 0.7, "scale": 0.5, "translate": 0.1}


def settings(**strengths: float) -> InstanceAugmentation:
    return box_augmentation(**{**GEOMETRY, **strengths})


def plain(images: torch.Tensor, rows: list[int], placement: Placement, i: int) -> np.ndarray:
    """A sample as the module's description has it: (3, H, W) float64 in 0 … 255."""
    height, width = placement.size
    across, down = placement.canvas[i].tolist()
    reach = 2  # grey around the canvas, which bilinear interpolation sees
    canvas = np.full((3, down + 2 * reach, across + 2 * reach), float(GREY))
    for tile, row in enumerate(rows):
        (w, h), (left, top) = placement.extent[i, tile].tolist(), placement.corner[i, tile].tolist()
        for y in range(max(top, 0), min(top + h, down)):
            for x in range(max(left, 0), min(left + w, across)):
                canvas[:, y + reach, x + reach] = images[row, :, y - top, x - left].numpy()
    columns = np.arange(width)
    if placement.flip is not None and placement.flip[i]:
        columns = width - 1 - columns
    scale, (shift_x, shift_y), (pivot_x, pivot_y) = (
        float(placement.scale[i]),
        placement.shift[i].tolist(),
        placement.pivot[i].tolist(),
    )
    x = (columns - shift_x) / scale + pivot_x + reach
    y = (np.arange(height) - shift_y) / scale + pivot_y + reach
    out = np.full((3, height, width), float(GREY))
    x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
    for j in range(height):
        for k in range(width):
            if 0 <= x0[k] < canvas.shape[2] - 1 and 0 <= y0[j] < canvas.shape[1] - 1:
                a, b = x[k] - x0[k], y[j] - y0[j]
                part = canvas[:, y0[j] : y0[j] + 2, x0[k] : x0[k] + 2]
                out[:, j, k] = (part * np.outer([1 - b, b], [1 - a, a])).sum((1, 2))
    return out


@pytest.mark.promise("rectangles")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mosaic", [True, False])
def test_training_images_are_those_of_a_plain_reference(size: tuple[int, int], mosaic: bool):
    images = box_images(size)
    of, index = images.annotations, torch.arange(5)
    draws = draw(settings(), len(images), size, index, 0, 1, mosaic=mosaic)
    rows = draws.tiles.clamp(min=0)
    placement = lay_out(draws, of.inside[rows], of.sizes[rows], size)
    batch = render(images.images, rows, placement, None)
    assert batch.shape == (5, 3, *size)
    for i in range(5):
        wanted = plain(images.images, rows[i].tolist(), placement, i)
        assert np.abs(255 * batch[i].numpy() - wanted).max() < 0.02
    each = torch.stack([sample.clone() for sample in one_by_one(images.images, rows, placement)])
    assert torch.allclose(each, together(images.images, rows, placement), atol=1e-4)


def marked(size: tuple[int, int]) -> MemorySamples:
    """Black images with a white rectangle each, which is its one object."""
    images = box_images(size, objects=(1, 1, 1, 1, 1))
    images.images.zero_()
    boxes = []
    for i, (height, width) in enumerate(images.annotations.inside.tolist()):
        x1, y1, x2, y2 = width // 4, height // 5, width - width // 5, height - height // 4
        images.images[i, :, y1:y2, x1:x2] = 255
        boxes.append([x1, y1, x2, y2])
    return replace(images, annotations=replace(images.annotations, boxes=torch.tensor(boxes).float()))


@pytest.mark.promise("rectangles")
@pytest.mark.parametrize("size", SIZES)
def test_boxes_follow_their_pixels(size: tuple[int, int]):
    images, index, seen = marked(size), torch.arange(5), 0
    for epoch in range(6):
        batch, targets = training_boxes(images, index, settings(mosaic=0, scale=0.3), 0, epoch, False)
        for box, i in zip(targets.boxes, targets.image.tolist(), strict=True):
            rows, columns = (batch[i, 0] > 0.72).nonzero(as_tuple=True)
            bright = torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
            assert (box - bright).abs().max() < 1.5  # boxes count from pixels' borders, images from centres
            seen += 1
    assert seen > 20


@pytest.mark.promise("rectangles")
@pytest.mark.parametrize("size", SIZES)
def test_evaluation_centres_images_and_boxes_go_back(size: tuple[int, int]):
    images, index = marked(size), torch.tensor([3, 0, 4, 1, 2])
    batch, targets = evaluation_boxes(images, index)
    of = images.annotations
    assert batch.shape == (5, 3, *size)
    for i, k in enumerate(index.tolist()):
        height, width = of.inside[k].tolist()
        top, left = (size[0] - height) // 2, (size[1] - width) // 2
        shown = (batch[i] * 255).round().to(torch.uint8)
        assert torch.equal(shown[:, top : top + height, left : left + width], images.images[k, :, :height, :width])
        shown[:, top : top + height, left : left + width] = GREY
        assert (shown == GREY).all()
        assert targets.boxes[i].tolist() == (of.boxes[k] + torch.tensor([left, top, left, top])).tolist()
    factor = (of.sizes / of.inside).flip(1).repeat(1, 2)[index]
    assert torch.allclose(targets.in_image(targets.boxes, targets.image), of.boxes[index] * factor, atol=1e-3)


def test_a_flip_mirrors_in_the_middle_of_the_width():
    images, index = marked((64, 96)), torch.arange(5)
    one, straight = training_boxes(images, index, settings(flip=0), 0, 0, True)
    other, flipped = training_boxes(images, index, settings(flip=1), 0, 0, True)
    assert torch.equal(other, one.flip(3))
    mirrored = torch.tensor([96, 0, 96, 0]) + straight.boxes[:, [2, 1, 0, 3]] * torch.tensor([-1, 1, -1, 1])
    assert torch.equal(flipped.boxes, mirrored)


def test_draws_fill_the_ranges_of_both_sides():
    draws = draw(settings(), 1000, (64, 96), torch.arange(5000), 0, 0, mosaic=True)
    for column, side in zip(draws.centre.T, (96, 64), strict=True):
        assert (column.min(), column.max()) == (side // 2, 3 * side // 2 - 1)
    for values, side in zip(draws.shift.T, (96, 64), strict=True):
        assert 0.4 * side <= values.min() < 0.41 * side
        assert 0.59 * side < values.max() <= 0.6 * side


def test_a_mosaic_by_hand():
    draws = Draws(
        tiles=torch.tensor([[5, 6, 7, 8]]),
        centre=torch.tensor([[100, 40]]),  # x, y
        scale=torch.ones(1),
        shift=torch.tensor([[48.0, 32.0]]),
        flip=torch.zeros(1, dtype=torch.bool),
    )
    inside = torch.tensor([[[64, 48], [36, 96], [64, 50], [64, 64]]])  # height, width
    placement = lay_out(draws, inside, inside, (64, 96))
    assert (placement.canvas.tolist(), placement.pivot.tolist()) == ([[192, 128]], [[96.0, 64.0]])
    assert placement.corner.tolist() == [[[52, -24], [100, 4], [50, 40], [100, 40]]]
    low, high = placement.shown()
    assert low.tolist() == [[[0, 24], [0, 0], [0, 0], [0, 0]]]
    assert high.tolist() == [[[48, 64], [92, 36], [50, 64], [64, 64]]]
    points, owner = torch.tensor([[0.0, 24.0]]), torch.zeros(1, dtype=torch.int64)
    assert placement.points(points, owner).tolist() == [[52 - 96 + 48.0, -64 + 32.0]]


def test_margins_and_points_by_hand():
    assert margins(torch.tensor([[96, 54], [35, 64]]), (64, 96)).tolist() == [[0, 5], [30, 0]]
    placement = letterbox(torch.tensor([[54, 96]]), torch.tensor([[1080, 1920]]), (64, 96))
    points, owner = torch.tensor([[0.0, 0], [96, 54], [24, 13.5]]), torch.zeros(3, dtype=torch.int64)
    assert placement.points(points, owner).tolist() == [[0, 5], [96, 59], [24, 18.5]]
    back = placement.back(torch.tensor([[0.0, 5], [96, 59], [24, 18.5], [-3, 64]]), owner[:1].repeat(4))
    assert back.tolist() == [pytest.approx(point, abs=1e-3) for point in ([0, 0], [1920, 1080], [480, 270], [0, 1080])]

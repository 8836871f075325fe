"""One geometry: points, boxes and pixels go to the same place, and back to the original images."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tlbench.annotations.instances.boxes import boxes_back, cut_boxes, place_boxes
from tlbench.annotations.instances.config import InstanceAugmentation
from tlbench.geometry.fits import inside_size
from tlbench.geometry.letterbox import letterbox, letterboxed
from tlbench.geometry.mosaic import draw, lay_out
from tlbench.geometry.placement import Placement
from tlbench.geometry.resample import render

SIDE, SAMPLES = 64, 40
AUGMENTATION = InstanceAugmentation(
    name="drawn", flip=0.5, mosaic=0.7, close_mosaic=0, scale=0.5, translate=0.1, hsv_h=0, hsv_s=0, hsv_v=0
)
WAYS = ["mosaics", "single images", "letterbox"]


def sizes_of(count: int) -> torch.Tensor:
    """(count, 2) heights and widths of originals, smaller and larger than the input."""
    return torch.randint(9, 300, (count, 2), generator=torch.Generator().manual_seed(count))


def stored(sizes: torch.Tensor) -> torch.Tensor:
    return torch.tensor([inside_size(h, w, (SIDE, SIDE)) for h, w in sizes.tolist()])


def some(way: str) -> Placement:
    sizes = sizes_of(SAMPLES)
    if way == "letterbox":
        return letterbox(stored(sizes), sizes, (SIDE, SIDE))
    draws = draw(AUGMENTATION, SAMPLES, (SIDE, SIDE), torch.arange(SAMPLES), 0, 0, mosaic=way == "mosaics")
    tiles = draws.tiles.clamp(min=0)
    return lay_out(draws, stored(sizes)[tiles], sizes[tiles], (SIDE, SIDE))


def owners(placement: Placement, each: int) -> torch.Tensor:
    """(J,) so many of each tile that is there."""
    there = (placement.extent > 0).all(2).flatten().nonzero()[:, 0]
    return there.repeat_interleave(each)


def inside(placement: Placement, owner: torch.Tensor) -> torch.Tensor:
    """(J, 2) points of the stored images."""
    within = torch.rand(len(owner), 2, generator=torch.Generator().manual_seed(1))
    return within * placement.extent.flatten(0, 1)[owner]


@pytest.mark.parametrize("way", WAYS)
def test_the_inverse_leads_back_to_the_original(way: str):
    placement = some(way)
    owner = owners(placement, 5)
    points = inside(placement, owner)
    original, extent = (part.flatten(0, 1)[owner] for part in (placement.original, placement.extent))
    back = placement.back(placement.points(points, owner), owner)
    assert torch.allclose(back * (extent / original), points, atol=1e-4, rtol=0)
    outlines = points.view(-1, 5, 2)  # of one tile each
    placed = placement.points(outlines, owner[::5])
    assert torch.equal(placed.view(-1, 2), placement.points(points, owner))
    assert torch.equal(placement.back(placed, owner[::5]).view(-1, 2), back)


def test_what_lies_beside_the_image_comes_to_its_border():
    placement = some("letterbox")
    owner = torch.arange(SAMPLES)
    corners = torch.tensor([[-9.0, -9], [SIDE + 9, SIDE + 9]]).expand(SAMPLES, 2, 2)
    back = placement.back(corners, owner)
    assert not back[:, 0].any()
    assert torch.equal(back[:, 1], placement.original[:, 0].float())


@pytest.mark.parametrize("way", WAYS)
def test_boxes_go_where_their_corners_go(way: str):
    placement = some(way)
    owner = owners(placement, 3)
    ends = torch.stack([inside(placement, owner), inside(placement, owner.flip(0)).flip(0)], dim=1)
    ends = ends.minimum(placement.extent.flatten(0, 1)[owner, None])
    boxes = torch.cat([ends.amin(1), ends.amax(1)], dim=1)
    placed = place_boxes(boxes, owner, placement)
    points = placement.points(boxes.view(-1, 2, 2), owner)
    assert torch.equal(placed, torch.cat([points.amin(1), points.amax(1)], dim=1))
    assert (placed[:, 2:] >= placed[:, :2]).all()
    corners = placement.on_canvas(boxes.view(-1, 2, 2), owner)
    canvas = placement.canvas[placement.sample_of(owner), None]
    whole = ((corners >= 0) & (corners <= canvas)).flatten(1).all(1)
    cut, kept = cut_boxes(boxes, owner, placement)
    assert whole.sum() > 10
    assert torch.allclose(cut[whole], placed[whole].clamp(0, SIDE), atol=1e-5)
    assert 0 < kept.sum() <= len(boxes)
    if placement.tiles == 1:
        factor = (placement.original / placement.extent)[:, 0][owner].repeat(1, 2)
        assert torch.allclose(boxes_back(placed, owner, placement), boxes * factor, atol=2e-3, rtol=0)


def with_a_pixel(placement: Placement, tile: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Black images (B, 3, S, S) with one white pixel each within a tile's extent, and where that pixel's centre comes.

    The latter is (B, 2) in the input.
    """
    owner = torch.arange(SAMPLES) * placement.tiles + tile
    pixel = (inside(placement, owner) * 0.999).long()
    images = torch.zeros(SAMPLES, 3, SIDE, SIDE, dtype=torch.uint8)
    images[torch.arange(SAMPLES), :, pixel[:, 1], pixel[:, 0]] = 255
    return images, placement.points(pixel + 0.5, owner)


def test_a_letterboxed_pixel_is_seen_where_its_point_is_placed():
    images, points = with_a_pixel(some("letterbox"), 0)
    sizes = sizes_of(SAMPLES)
    batch, _ = letterboxed(images, torch.arange(SAMPLES), stored(sizes), sizes)
    sample, y, x = (batch[:, 0] == 1).nonzero(as_tuple=True)
    assert sample.tolist() == list(range(SAMPLES))
    assert torch.equal(torch.stack([x, y], dim=1) + 0.5, points)


@pytest.mark.parametrize("way", ["mosaics", "single images"])
def test_a_pixel_of_training_is_seen_where_its_point_is_placed(way: str):
    """To half a pixel, beside what rendering counts otherwise: from the centres of pixels."""
    placement, seen = some(way), 0
    black = torch.zeros(1, 3, SIDE, SIDE, dtype=torch.uint8)
    of_black = torch.zeros(SAMPLES, placement.tiles, dtype=torch.int64)
    dark = render(black, of_black, placement, None)
    centres = torch.arange(SIDE) + 0.5
    for tile in range(placement.tiles):
        images, points = with_a_pixel(placement, tile)
        rows = of_black.clone()
        rows[:, tile] = torch.arange(1, SAMPLES + 1)
        light = (render(torch.cat([black, images]), rows, placement, None) - dark)[:, 0]
        whole = light.sum((1, 2))
        middle = torch.stack([light.sum(1) @ centres, light.sum(2) @ centres], dim=1) / whole[:, None]
        shown = ((points > 2) & (points < SIDE - 2)).all(1) & (whole > 0.2)  # else cut, or between what is sampled
        reach = (placement.scale - 1).abs() / 2 + 0.51
        assert ((middle - points).abs().amax(1) < reach)[shown].all()
        seen += int(shown.sum())
    assert seen > SAMPLES // 2


def test_a_part_of_a_large_image_is_a_placement_too():
    """Pixels from 100, 40 on of an image of 300 × 200, as wide and high as the input."""
    sizes = torch.tensor([[200, 300]])
    part = replace(
        letterbox(sizes, sizes, (SIDE, SIDE)),
        corner=torch.tensor([[[-100, -40]]]),
        canvas=torch.tensor([[SIDE, SIDE]]),
        shift=torch.zeros(1, 2),
    )
    low, high = part.shown()
    assert (low.tolist(), high.tolist()) == ([[[100, 40]]], [[[164, 104]]])
    owner = torch.zeros(2, dtype=torch.int64)
    assert part.points(torch.tensor([[100.0, 40], [120, 50]]), owner).tolist() == [[0, 0], [20, 10]]
    assert part.back(torch.tensor([[0.0, 0], [20, 10]]), owner).tolist() == [[100, 40], [120, 50]]


def test_it_goes_to_another_device_as_a_whole():
    moved = some("mosaics").to("meta")
    assert moved.size == (SIDE, SIDE)
    assert all(part.device.type == "meta" for part in vars(moved).values() if isinstance(part, torch.Tensor))

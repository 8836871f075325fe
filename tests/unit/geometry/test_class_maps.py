"""Class maps follow their images."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tlbench.geometry.class_maps import place_maps
from tlbench.geometry.fits import nearest
from tlbench.geometry.letterbox import letterbox
from tlbench.geometry.placement import Placement
from tlbench.geometry.resample import render
from tlbench.geometry.window import draw_window

VOID = 255
SIDE = 16
SIZE = (SIDE, SIDE)
INSIDE = torch.tensor([[16, 12], [8, 16], [16, 16]])
ROWS = torch.arange(3)[:, None]


def maps() -> torch.Tensor:
    """Vertical halves, horizontal halves and a cross, `VOID` beside the image."""
    found = torch.full((3, SIDE, SIDE), VOID, dtype=torch.uint8)
    found[0, :16, :6], found[0, :16, 6:12] = 0, 1
    found[1, :4, :16], found[1, 4:8, :16] = 2, 3
    found[2] = 4
    found[2, 5:9], found[2, :, 5:9] = 5, 5
    return found


def window(scale: tuple[float, float] = (0.5, 2.0), flip: float = 0.5, epoch: int = 0, **more: object) -> Placement:
    wanted = SimpleNamespace(scale=list(scale), flip=flip)
    return draw_window(wanted, INSIDE, INSIDE, SIZE, torch.arange(3), 0, epoch, **more)  # type: ignore[arg-type]


def test_nearest_is_of_centres() -> None:
    assert nearest(4, 2).tolist() == [1, 3]
    assert nearest(2, 4).tolist() == [0, 0, 1, 1]
    assert nearest(3, 3).tolist() == [0, 1, 2]
    assert nearest(5, 1).tolist() == [2]


def test_a_letterboxed_map_is_the_stored_one_in_the_middle() -> None:
    placed = place_maps(maps(), ROWS, letterbox(INSIDE, INSIDE, SIZE), VOID)
    assert torch.equal(placed[0, :, 2:14], maps()[0, :, :12])
    assert (placed[0, :, :2] == VOID).all()
    assert (placed[0, :, 14:] == VOID).all()
    assert torch.equal(placed[1, 4:12], maps()[1, :8])
    assert torch.equal(placed[2], maps()[2])


@pytest.mark.parametrize("epoch", range(6))
def test_a_map_is_where_its_image_is(epoch: int) -> None:
    """Images whose grey value is their class times 40: pixels that are of one class all around have its value."""
    known = maps()
    images = torch.where(known == VOID, 114, known * 40)[:, None].expand(-1, 3, -1, -1).contiguous()
    placement = window(epoch=epoch)
    pixels, placed = render(images, ROWS, placement, None), place_maps(known, ROWS, placement, VOID)
    levels = (pixels[:, 0] * 255).round().to(torch.int64)
    plain = sum((levels == value).to(torch.int64) for value in (0, 40, 80, 120, 160, 200)) > 0
    right = (placed.to(torch.int64) * 40 == levels) & plain
    # a mixture of neighbours may by chance be the value of a third class; nothing else may differ
    assert right.sum() > 0.98 * (plain & (placed != VOID)).sum()
    assert ((placed != VOID) & plain).sum() > 100


def test_a_window_is_a_function_of_the_sample() -> None:
    placement = window()
    again = draw_window(
        SimpleNamespace(scale=[0.5, 2.0], flip=0.5), INSIDE[1:2], INSIDE[1:2], SIZE, torch.tensor([1]), 0, 0
    )
    assert torch.equal(again.scale, placement.scale[1:2])
    assert torch.equal(again.shift, placement.shift[1:2])
    assert not torch.equal(window(epoch=1).scale, placement.scale)


def test_a_large_image_fills_the_input_and_a_small_one_lies_in_it() -> None:
    for epoch in range(20):
        for placement, large in ((window((2.0, 2.0), epoch=epoch), True), (window((0.5, 0.5), epoch=epoch), False)):
            half = placement.scale[:, None] * placement.canvas / 2
            first, after = placement.shift - half, placement.shift + half
            wide = (placement.scale[:, None] * placement.canvas) >= SIDE
            assert (first[wide] <= 1e-4).all()
            assert (after[wide] >= SIDE - 1e-4).all()
            assert (first[~wide] >= -1e-4).all()
            assert (after[~wide] <= SIDE + 1e-4).all()
            assert bool(wide[2].all()) == large


def test_scales_are_drawn_evenly_on_a_logarithmic_scale() -> None:
    inside = torch.full((4000, 2), SIDE)
    wanted = SimpleNamespace(scale=[0.5, 2.0], flip=0.3)
    placement = draw_window(wanted, inside, inside, SIZE, torch.arange(4000), 0, 0)
    levels = placement.scale.log2()
    assert -1 <= float(levels.min()) < -0.99
    assert 0.99 < float(levels.max()) <= 1
    assert abs(float(levels.mean())) < 0.03
    assert placement.flip is not None
    assert abs(float(placement.flip.float().mean()) - 0.3) < 0.03


def test_a_window_shows_the_place_that_it_is_to_show() -> None:
    place = torch.tensor([[0.5, 15.5], [15.5, 7.5], [1.5, 1.5]])
    for epoch in range(20):
        placement = window((2.0, 2.0), epoch=epoch, focus=lambda: (place, torch.ones(3, dtype=torch.bool)))
        seen = placement.points(place, torch.arange(3))
        assert (seen > 0).all()
        assert (seen < SIDE).all()


def test_without_scale_a_window_is_the_whole_image() -> None:
    placement = window((1.0, 1.0), flip=0.0)
    placed = place_maps(maps(), ROWS, placement, VOID)
    assert torch.equal(placed[2], maps()[2])
    assert np.bincount(placed[0].flatten(), minlength=256)[[0, 1, VOID]].tolist() == [96, 96, 64]


def test_in_a_rectangle_maps_and_images_stay_together() -> None:
    size, inside = (12, 20), torch.tensor([[12, 16], [7, 20]])
    known = torch.full((2, *size), VOID, dtype=torch.uint8)
    known[0, :, :8], known[0, :, 8:16] = 0, 5
    known[1, :4], known[1, 4:7] = 5, 0
    images = torch.where(known == VOID, 114, known * 40)[:, None].expand(-1, 3, -1, -1).contiguous()
    rows, index = torch.arange(2)[:, None], torch.arange(2)
    for epoch in range(8):
        placement = draw_window(SimpleNamespace(scale=[0.7, 1.6], flip=0.5), inside, inside, size, index, 0, epoch)
        pixels, placed = render(images, rows, placement, None), place_maps(known, rows, placement, VOID)
        assert placed.shape == (2, *size)
        levels = (pixels[:, 0] * 255).round().to(torch.int64)
        for value, label in ((0, 0), (200, 5)):
            assert (placed[levels == value] == label).all()

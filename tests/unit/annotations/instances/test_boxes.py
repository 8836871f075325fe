from __future__ import annotations

import pytest
import torch

from tlbench.annotations.instances.boxes import cut_boxes
from tlbench.geometry.mosaic import Draws, lay_out

Box = tuple[float, float, float, float]


def placed(
    *boxes: Box, side: int = 64, scale: float = 1, shift: tuple[float, float] = (32, 32), flip: bool = False
) -> tuple[list[list[float]], list[bool]]:
    """Of a sample without mosaic, whose image is as wide as the input and half as high."""
    draws = Draws(
        tiles=torch.zeros(1, 1, dtype=torch.int64),
        centre=torch.tensor([[50, 50]]),
        scale=torch.tensor([scale]),
        shift=torch.tensor([shift], dtype=torch.float32),
        flip=torch.tensor([flip]),
    )
    inside = torch.tensor([[[side // 2, side]]])
    owner = torch.zeros(len(boxes), dtype=torch.int64)
    moved, keep = cut_boxes(torch.tensor(boxes).view(-1, 4), owner, lay_out(draws, inside, inside, (side, side)))
    return moved.tolist(), keep.tolist()


def test_a_box_is_scaled_and_moved_with_its_image():
    box = (10.0, 4.0, 30.0, 12.0)
    assert placed(box) == ([[10, 20, 30, 28]], [True])
    assert placed(box, scale=0.5) == ([[21, 26, 31, 30]], [True])
    assert placed(box, scale=1.5, shift=(32, 26)) == ([[0, 8, 29, 20]], [True])  # from -1, clipped


def test_a_flipped_box_keeps_the_order_of_its_corners():
    assert placed((10.0, 4.0, 30.0, 12.0), flip=True) == ([[34, 20, 54, 28]], [True])


def test_a_box_of_two_pixels_or_less_is_left_out():
    boxes = (10.0, 4.0, 12.1, 20.0), (10.0, 4.0, 12.0, 20.0), (10.0, 4.0, 20.0, 6.1), (10.0, 4.0, 20.0, 6.0)
    assert placed(*boxes)[1] == [True, False, True, False]


@pytest.mark.parametrize(("shift", "kept"), [(-3.9, True), (-4.1, False), (-20, False)])
def test_a_box_of_which_a_tenth_is_left_is_left_out(shift: float, kept: bool):
    assert placed((0.0, 4.0, 40.0, 20.0), shift=(shift, 32))[1] == [kept]  # x from shift - 32 to shift + 8


def test_a_very_long_box_is_left_out():
    boxes = (100.0, 100.0, 500.0, 104.1), (100.0, 100.0, 500.0, 103.9)
    assert placed(*boxes, side=640, shift=(320, 320))[1] == [True, False]


def test_no_boxes():
    assert placed() == ([], [])


def test_a_box_in_a_mosaic_is_measured_within_the_canvas():
    draws = Draws(
        tiles=torch.tensor([[1, 2, 3, 4]]),
        centre=torch.tensor([[36, 64]]),
        scale=torch.ones(1),
        shift=torch.full((1, 2), 32.0),
        flip=torch.zeros(1, dtype=torch.bool),
    )
    inside = torch.full((1, 4, 2), 64)
    placement = lay_out(draws, inside, inside, (64, 64))  # the first tile's corner is at -28, 0 in the canvas
    boxes = torch.tensor([[0.0, 40.0, 38.0, 60.0], [0.0, 40.0, 62.0, 60.0], [4.0, 4.0, 20.0, 10.0]])
    moved, keep = cut_boxes(boxes, torch.tensor([0, 0, 3]), placement)
    # The input is the canvas from 32 on. The first box spans 0 to 10 there, the second 0 to 34: 2 of 34 are within.
    assert moved.tolist() == [[0, 8, 0, 28], [0, 8, 2, 28], [8, 36, 24, 42]]
    assert keep.tolist() == [False, False, True]
    assert cut_boxes(boxes + 2, torch.tensor([0, 0, 3]), placement)[1].tolist() == [False, True, True]

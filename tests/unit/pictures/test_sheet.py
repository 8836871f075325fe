from __future__ import annotations

import numpy as np
import pytest

from tlbench.pictures.marks import Box, Mask
from tlbench.pictures.palette import rgb
from tlbench.pictures.sheet import Key, Tile, sheet

BLUE, RED = "#0000FF", "#FF0000"


def plain(size, value=90):
    return np.full((*size, 3), value, np.uint8)


def is_of(pixels, colour):
    return (pixels == rgb(colour)).all(axis=-1)


def bounds(where):
    """`y1 x1 y2 x2` of what is true."""
    ys, xs = np.nonzero(where)
    return ys.min(), xs.min(), ys.max() + 1, xs.max() + 1


@pytest.mark.parametrize("count", [1, 2, 5, 16])
@pytest.mark.parametrize("size", [(90, 160), (160, 90), (64, 64), (20, 300)])
def test_images_come_in_order_row_by_row_and_stand_apart(count, size):
    colours = [(10 * k, 100, 200) for k in range(count)]
    tiles = [Tile(np.full((*size, 3), c, np.uint8), title=f"{k}.jpg\nof some") for k, c in enumerate(colours)]
    pixels = sheet(tiles, heading="some images", keys=[Key(BLUE, "object")])
    places = [bounds((pixels == colour).all(axis=-1)) for colour in colours]
    assert [place[:2] for place in places] == sorted(place[:2] for place in places)
    for colour, (y1, x1, y2, x2) in zip(colours, places, strict=True):
        assert (pixels[y1:y2, x1:x2] == colour).all()  # nothing is written on it
        assert (pixels[y1 : y2 + 8, x1 - 8 : x1] == 255).all()
        assert (pixels[y1 - 30 : y1, x1 : x1 + 40] < 60).any()  # its title


def test_small_images_are_enlarged_pixel_by_pixel():
    image = np.random.default_rng(0).integers(0, 200, (8, 8, 3), dtype=np.uint8)
    pixels = sheet([Tile(image)], side=150)
    y1, x1, y2, x2 = bounds((pixels != 255).any(axis=-1))
    assert (y2 - y1, x2 - x1) == (144, 144)
    np.testing.assert_array_equal(pixels[y1:y2, x1:x2], image.repeat(18, axis=0).repeat(18, axis=1))


def test_large_images_are_shrunk_by_averaging():
    image = np.zeros((200, 200, 3), np.uint8)
    image[::2] = 200
    pixels = sheet([Tile(image)], side=100)
    assert (pixels == 100).all(axis=-1).sum() == 100 * 100


def test_marks_are_drawn_where_they_are_in_the_image_whatever_its_size():
    mask = np.zeros((40, 80), bool)
    mask[10:30, 40:60] = True
    polygon = np.array([[40, 10], [60, 10], [60, 30], [40, 30.0]])
    for factor in (1, 12):  # enlarged and shrunk
        shape = mask.repeat(factor, axis=0).repeat(factor, axis=1)
        box = (40.0 * factor, 10.0 * factor, 60.0 * factor, 30.0 * factor)
        marks = (
            Box(corners=box, colour=BLUE),
            Mask(shape=shape, colour=BLUE),
            Mask(shape=[polygon * factor], colour=BLUE),
        )
        for mark in marks:
            pixels = sheet([Tile(plain((40 * factor, 80 * factor)), [mark])], side=320)
            y1, x1, y2, x2 = bounds((pixels != 255).any(axis=-1))
            assert (y2 - y1, x2 - x1) == (160, 320)
            assert bounds(is_of(pixels, BLUE)[y1:y2, x1:x2]) == (40, 160, 120, 240)
            assert is_of(pixels, BLUE)[y1 + 80, x1 : x1 + 200].sum() == 2  # lines are of one width


def test_the_legend_shows_what_frames_look_like():
    image = np.full((40, 40, 3), (10, 100, 200), np.uint8)
    heading, keys = "of both kinds", [Key(BLUE, "right"), Key(RED, "false", dashed=True)]
    pixels = sheet([Tile(image)], heading=heading, keys=keys, side=40)
    solid, dashed = is_of(pixels, BLUE), is_of(pixels, RED)
    assert bounds(solid)[0] == bounds(dashed)[0]
    assert bounds(solid)[3] < bounds(dashed)[1]
    assert 0.3 < dashed.sum() / solid.sum() < 0.9
    below = bounds((pixels == image[0, 0]).all(axis=-1))[0]
    assert below > bounds(solid)[2]
    beside = (pixels[bounds(dashed)[0] : below, bounds(dashed)[3] :] < 60).all(axis=-1)
    assert beside.any()  # its text is not cut off
    assert not beside[:, -8:].any()


def test_titles_lie_right_above_their_images_and_are_cut_to_their_column():
    long = "a title that is far longer than its image is wide"
    pixels = sheet([Tile(plain((150, 150)), title=t) for t in (f"{long}\n{long}", "one line", "", long)], side=150)
    for k, rows in ((0, 2), (1, 1)):
        left = 12 + k * 162
        dark = (pixels[:44, left : left + 150] < 100).all(axis=-1)
        written = np.flatnonzero(dark.any(axis=1))
        assert 44 - rows * 16 <= written.min()
        assert written.max() >= 34
    gap = pixels[:, 162:174]
    assert (gap == 255).all()


def test_without_images_there_is_what_is_said():
    pixels = sheet([], heading="no mistakes")
    assert (pixels < 60).any()
    assert pixels.shape[1] < 200

"""Marks: coverage and boxes of patches and strokes against positions worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tlbench.embedded.documents.marks import Mark, Patch, bounds, mark_of_patch, mark_of_strokes, paint
from tlbench.embedded.documents.page import visible_share

BLACK = (0.0, 0.0, 0.0)


def moved(x: float, y: float, scale: float = 1.0) -> np.ndarray:
    return np.array([[scale, 0, x], [0, scale, y], [0, 0, 1.0]])


def box(mark: Mark | None) -> tuple[int, ...]:
    assert mark is not None
    found = bounds(mark.coverage)
    assert found is not None
    return mark.left + found[0], mark.top + found[1], mark.left + found[2], mark.top + found[3]


def test_a_moved_patch_keeps_its_pixels() -> None:
    cells = np.zeros((5, 8), np.uint8)
    cells[1:4, 2:7] = 255
    mark = mark_of_patch(Patch(Image.fromarray(cells), BLACK), moved(10, 20), 40, 50)
    assert box(mark) == (12, 21, 17, 24)
    assert mark is not None
    np.testing.assert_array_equal(mark.coverage, cells / np.float32(255))


def test_an_enlarged_patch_covers_its_scaled_outline() -> None:
    mark = mark_of_patch(Patch(Image.new("L", (4, 3), 255), BLACK), moved(6, 9, 5), 40, 50)
    assert box(mark) == (6, 9, 26, 24)


def test_a_patch_cut_by_the_border_keeps_the_visible_part_and_tells_its_share() -> None:
    mark = mark_of_patch(Patch(Image.new("L", (20, 10), 255), BLACK), moved(-15, 5), 40, 50)
    assert box(mark) == (0, 5, 5, 15)
    assert mark is not None
    assert visible_share(mark, (40, 50), None) == pytest.approx(0.25)
    hidden = np.zeros((40, 50), np.float32)
    hidden[:10] = 1
    assert visible_share(mark, (40, 50), hidden) == pytest.approx(0.125)


def test_what_misses_the_image_leaves_no_mark() -> None:
    assert mark_of_patch(Patch(Image.new("L", (5, 5), 255), BLACK), moved(50, 0), 40, 50) is None
    assert mark_of_strokes([(np.array([[60.0, 5], [70, 5]]), np.array([2.0]))], BLACK, 1, 40, 50) is None


@pytest.mark.parametrize(("thick", "rows"), [(1, (12, 13)), (3, (11, 14)), (5, (10, 15))])
def test_a_level_stroke_is_as_thick_as_its_pen(thick: float, rows: tuple[int, int]) -> None:
    mark = mark_of_strokes([(np.array([[10.0, 12.5], [30.0, 12.5]]), np.array([thick]))], BLACK, 1, 40, 50)
    left, top, right, bottom = box(mark)
    assert (top, bottom) == rows
    assert abs(left - 10) <= thick / 2 + 1
    assert abs(right - 30) <= thick / 2 + 1


def test_a_stroke_that_widens_is_as_high_as_its_pen_where_it_ends() -> None:
    path = np.stack([np.linspace(5, 45, 41), np.full(41, 20.5)], 1)
    mark = mark_of_strokes([(path, np.linspace(1, 9, 41))], BLACK, 1, 40, 50)
    assert mark is not None
    drawn = mark.coverage >= 0.5
    assert abs(drawn[:, 40 - mark.left].sum() - 8) <= 1
    assert abs(drawn[:, 10 - mark.left].sum() - 2) <= 1


def test_bounds_of_nothing_and_of_one_pixel() -> None:
    cover = np.zeros((4, 6), np.float32)
    assert bounds(cover) is None
    cover[2, 5] = 1
    assert bounds(cover) == (5, 2, 6, 3)


def test_ink_multiplies_and_paint_covers() -> None:
    cover = np.array([[1.0, 0.5]], np.float32)
    colour = np.array([100, 200, 0], np.float32)[:, None, None]
    for ink, expected in ((True, [[40, 70], [80, 90], [0, 50]]), (False, [[100, 100], [200, 150], [0, 50]])):
        canvas = np.full((3, 3, 4), 100, np.float32)
        paint(canvas, Mark(1, 1, cover, colour, np.zeros((1, 2)), 1.0, ink), (0, 0, 2, 1))
        if ink:
            expected = [
                [100 * 100 / 255, 100 * (1 - 0.5 * 155 / 255)],
                [100 * 200 / 255, 100 * (1 - 0.5 * 55 / 255)],
                [0, 50],
            ]
        np.testing.assert_allclose(canvas[:, 1, 1:3], expected, rtol=1e-5)
        canvas[:, 1, 1:3] = 100
        assert (canvas == 100).all()

from __future__ import annotations

import numpy as np
import pytest

from tlbench.pictures.masks import filled, region


def rows_of(mask):
    return ["".join("#" if inside else "." for inside in row) for row in mask]


def test_a_polygon_covers_the_pixels_whose_centres_are_in_it():
    triangle = np.array([[0, 0], [5, 0], [0, 5.0]])
    assert rows_of(filled([triangle], 4, 6)) == ["####..", "###...", "##....", "#....."]
    square = np.array([[1.5, 0.6], [3.4, 0.6], [3.4, 2.6], [1.5, 2.6]])
    assert rows_of(filled([square], 4, 6)) == ["......", ".##...", ".##...", "......"]


def test_polygons_side_by_side_share_no_pixel_and_leave_none():
    rng = np.random.default_rng(0)
    middle = rng.uniform(3, 17, 2)
    corners = np.array([[0, 0], [20, 0], [20, 20], [0, 20.0]])
    parts = [filled([np.array([corners[k], corners[(k + 1) % 4], middle])], 20, 20) for k in range(4)]
    assert (sum(part.astype(int) for part in parts) == 1).all()


def test_several_polygons_are_one_mask_and_may_leave_the_image():
    parts = [np.array([[x, -3], [x + 2, -3], [x + 2, 9], [x, 9.0]]) for x in (-1, 3, 4)]
    assert rows_of(filled(parts, 2, 7)) == ["#..###.", "#..###."]
    assert not filled([], 3, 3).any()


@pytest.mark.parametrize("turned", [False, True])
def test_the_direction_of_a_polygon_does_not_matter(turned):
    star = np.array([[np.sin(k * 2 * np.pi / 7), np.cos(k * 2 * np.pi / 7)] for k in range(7)]) * 9 + 10
    star[::2] += 0.3
    assert (filled([star[::-1] if turned else star], 20, 20) == filled([star], 20, 20)).all()


def test_a_region_is_a_mask_with_its_edge_and_its_rim():
    mask = np.zeros((9, 9), bool)
    mask[2:7, 2:9] = True
    mask[2, 2] = False
    found = region(mask, line=2, rim=1)
    assert found is not None
    assert found.bounds == (2, 2, 9, 7)
    whole = np.zeros((9, 9), int)
    for number, part in enumerate((found.inside, found.edge, found.rim), start=1):
        whole[found.rows, found.columns][part] = number
    assert ["".join(map(str, row)) for row in whole.tolist()] == [
        "000000000",
        "003333333",
        "033222222",
        "032222222",
        "032221122",
        "032222222",
        "032222222",
        "033333333",
        "000000000",
    ]


def test_there_is_no_region_of_an_empty_mask():
    assert region(np.zeros((3, 3), bool), line=1, rim=1) is None

"""Curves through their points, signatures' proportions, and the camera's two directions."""

from __future__ import annotations

import numpy as np
import pytest

from tlbench.embedded.documents.camera import blurred
from tlbench.embedded.documents.draws import Draws
from tlbench.embedded.documents.notes import note
from tlbench.embedded.documents.signatures import signature
from tlbench.embedded.documents.strokes import pen_widths, spline
from tlbench.embedded.documents.view import choose_size, look_at


def test_a_spline_passes_through_its_points_and_a_straight_one_stays_straight() -> None:
    points = np.array([[0.0, 0], [1, 2], [3, 1], [4, 4]])
    curve = spline(points, 10)
    assert curve.shape == (31, 2)
    np.testing.assert_allclose(curve[::10], points, atol=1e-12)
    line = spline(np.array([[0.0, 0], [1, 1], [2, 2]]), 4)
    np.testing.assert_allclose(line[:, 0], line[:, 1], atol=1e-12)


def test_the_pen_is_narrow_where_it_is_fast() -> None:
    slow, fast = np.arange(40) * 0.1, 4 + np.arange(40) * 1.0
    path = np.stack([np.concatenate([slow, fast]), np.zeros(80)], 1)
    widths = pen_widths(path, 1.0)
    assert widths.shape == (80,)
    assert widths[20] > 1.3 * widths[60]
    assert widths[0] < widths[20]


def test_signatures_and_notes_have_their_sizes() -> None:
    draws = Draws(0, 0)
    for _ in range(200):
        points = np.concatenate(signature(draws))
        width, height = np.ptp(points, axis=0)
        assert np.isfinite(points).all()
        assert 0.19 <= height <= 1.61
        assert width <= 1 + 1e-9
        written = np.concatenate(note(draws))
        assert np.isfinite(written).all()
        assert np.ptp(written[:, 0]) == pytest.approx(1)


def test_images_fill_the_height_or_the_width_of_a_rectangle() -> None:
    square = {choose_size(Draws(1, index), (90, 90)) for index in range(60)}
    assert square == {(51, 90), (60, 90), (68, 90), (90, 90), (90, 68), (90, 64), (90, 51)}
    wide = {choose_size(Draws(1, index), (90, 135)) for index in range(60)}
    assert wide == {(76, 135), (90, 135), (90, 120), (90, 90), (90, 68), (90, 64), (90, 51)}


@pytest.mark.parametrize("calm", [0.0, 0.5, 1.0])
def test_the_view_centres_its_point_and_its_grid_is_its_inverse(calm: float) -> None:
    for index in range(30):
        draws = Draws(1, index)
        size = choose_size(draws, (200, 200))
        view = look_at(draws, size, (0.4, 0.7), 250, calm)
        np.testing.assert_allclose(view.to_image(np.array([[0.4, 0.7]])), [[size[1] / 2, size[0] / 2]], atol=1e-6)
        x, y = view.page_grid()
        assert x.shape == y.shape == size
        again = view.to_image(np.stack([x.ravel(), y.ravel()], 1).astype(float))
        rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
        np.testing.assert_allclose(again, np.stack([columns.ravel(), rows.ravel()], 1), atol=0.05)


def test_the_scale_of_a_flat_view_is_the_asked_one() -> None:
    view = look_at(Draws(0, 0), (100, 200), (0.5, 0.5), 321, calm=1)
    assert view.scale_at(0.2, 0.9) == pytest.approx(321, rel=1e-6)


@pytest.mark.parametrize("sigma", [0.4, 0.8, 1.7])
def test_blur_has_the_asked_deviation_and_keeps_the_light(sigma: float) -> None:
    picture = np.zeros((1, 41, 41), np.float32)
    picture[0, 20, 20] = 1
    soft = blurred(picture, sigma)[0].astype(float)
    off = np.arange(41) - 20
    assert soft.sum() == pytest.approx(1, abs=1e-5)
    assert (soft.sum(0) * off**2).sum() == pytest.approx(sigma**2, rel=1e-3)
    assert (soft.sum(1) * off**2).sum() == pytest.approx(sigma**2, rel=1e-3)
    flat = np.full((3, 6, 5), 7, np.float32)
    np.testing.assert_allclose(blurred(flat, sigma), flat, rtol=1e-5)

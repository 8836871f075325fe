"""The corruptions' parameters: the published tables at 32 and 224 pixels, what lies between them, and beyond."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tlbench.robustness import severities
from tlbench.robustness.severities import SEVERITIES, Levels

# As in the authors' programs, at severities 1–5; zoom blur: (largest, step) of `np.arange(1, 1 + largest + step, step)`
CIFAR_10_C: dict[str, list[Any]] = {
    "GAUSSIAN_NOISE": [0.04, 0.06, 0.08, 0.09, 0.10],
    "SHOT_NOISE": [500, 250, 100, 75, 50],
    "IMPULSE_NOISE": [0.01, 0.02, 0.03, 0.05, 0.07],
    "DEFOCUS_BLUR": [(0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)],
    "MOTION_BLUR": [(6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)],
    "ZOOM_BLUR": [(0.05, 0.01), (0.10, 0.01), (0.15, 0.01), (0.20, 0.01), (0.25, 0.01)],
    "SNOW": [
        (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
        (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
        (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
        (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
        (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
    ],
    "FOG": [(0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)],
    "BRIGHTNESS": [0.05, 0.1, 0.15, 0.2, 0.3],
    "CONTRAST": [0.75, 0.5, 0.4, 0.3, 0.15],
    "PIXELATE": [0.95, 0.9, 0.85, 0.75, 0.65],
    "JPEG_COMPRESSION": [80, 65, 58, 50, 40],
}
IMAGENET_C: dict[str, list[Any]] = {
    "GAUSSIAN_NOISE": [0.08, 0.12, 0.18, 0.26, 0.38],
    "SHOT_NOISE": [60, 25, 12, 5, 3],
    "IMPULSE_NOISE": [0.03, 0.06, 0.09, 0.17, 0.27],
    "DEFOCUS_BLUR": [(3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)],
    "MOTION_BLUR": [(10, 3), (15, 5), (15, 8), (15, 12), (20, 15)],
    "ZOOM_BLUR": [(0.10, 0.01), (0.15, 0.01), (0.20, 0.02), (0.24, 0.02), (0.30, 0.03)],
    "SNOW": [
        (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
        (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
        (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
    ],
    "FOG": [(1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)],
    "BRIGHTNESS": [0.1, 0.2, 0.3, 0.4, 0.5],
    "CONTRAST": [0.4, 0.3, 0.2, 0.1, 0.05],
    "PIXELATE": [0.6, 0.5, 0.4, 0.3, 0.25],
    "JPEG_COMPRESSION": [25, 18, 15, 10, 7],
}
GLASS_BLUR = {
    32: [(0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)],
    224: [(0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)],
}

# ln(64/32) / ln(224/32) = 0.356207 and ln(96/32) / ln(224/32) = 0.564575 of the way
BETWEEN: dict[int, dict[str, list[Any]]] = {
    64: {
        "GAUSSIAN_NOISE": [0.0542483, 0.0813724, 0.1156207, 0.1505552, 0.1997380],
        "SHOT_NOISE": [343.2689, 169.8534, 68.6538, 50.0655, 33.2583],
        "JPEG_COMPRESSION": [60, 48, 43, 36, 28],
        "PIXELATE": [0.8253275, 0.7575172, 0.6897068, 0.5897068, 0.5075172],
        "DEFOCUS_BLUR": [
            (1.2617590, 0.2931379),
            (1.6823453, 0.5),
            (2.4591384, 0.5643793),
            (3.4934490, 0.3068621),
            (4.5277595, 0.2424828),
        ],
        "MOTION_BLUR": [(7, 1.7124140), (9, 2.7467246), (9, 4.1372419), (10, 5.5620699), (13, 6.9525873)],
    },
    96: {
        "GAUSSIAN_NOISE": [0.0625830, 0.0938745, 0.1364575, 0.1859778, 0.2580810],
        "SHOT_NOISE": [251.5870, 122.9706, 50.3174, 35.4797, 23.4650],
        "JPEG_COMPRESSION": [49, 38, 34, 27, 21],
        "PIXELATE": [0.7523987, 0.6741700, 0.5959412, 0.4959412, 0.4241700],
        "DEFOCUS_BLUR": [
            (1.8243525, 0.2306275),
            (2.4324700, 0.5),
            (3.6051625, 0.5435425),
            (4.9520250, 0.3693725),
            (6.2988875, 0.3258300),
        ],
        "MOTION_BLUR": [(8, 2.1291500), (11, 3.4760125), (11, 5.3874500), (12, 7.6457500), (15, 9.5571875)],
    },
}


def at(name: str, side: int) -> list[Any]:
    levels: Levels[Any] = getattr(severities, name)
    return [levels.at_side(severity, side) for severity in SEVERITIES]


@pytest.mark.promise("published severities")
@pytest.mark.parametrize("name", CIFAR_10_C)
def test_at_32_and_224_pixels_the_parameters_are_the_published_ones(name: str) -> None:
    assert at(name, 32) == CIFAR_10_C[name]
    assert at(name, 224) == IMAGENET_C[name]


@pytest.mark.parametrize("side", [32, 224])
def test_glass_blur_has_the_published_levels_in_another_order(side: int) -> None:
    assert sorted(at("GLASS_BLUR", side)) == sorted(GLASS_BLUR[side])


def test_every_level_is_of_one_of_the_tables_or_said_to_be_ours() -> None:
    tables = {name for name, value in vars(severities).items() if isinstance(value, Levels)}
    assert tables == {*CIFAR_10_C, "GLASS_BLUR", "FROST", "ELASTIC_TRANSFORM"}
    assert set(IMAGENET_C) == set(CIFAR_10_C)


@pytest.mark.promise("severities between")
@pytest.mark.parametrize("side", BETWEEN)
def test_between_them_they_lie_on_the_line_over_the_logarithm_of_the_side(side: int) -> None:
    for name, wanted in BETWEEN[side].items():
        for found, value in zip(at(name, side), wanted, strict=True):
            assert found == pytest.approx(value, rel=1e-5), name
            if name == "JPEG_COMPRESSION":
                assert isinstance(found, int)
            if name == "MOTION_BLUR":
                assert isinstance(found[0], int)


@pytest.mark.parametrize("name", [*CIFAR_10_C, "GLASS_BLUR", "FROST", "ELASTIC_TRANSFORM"])
def test_smaller_and_larger_images_take_the_nearer_ends_numbers(name: str) -> None:
    assert at(name, 1) == at(name, 8) == at(name, 31) == at(name, 32)
    assert at(name, 1024) == at(name, 225) == at(name, 224)
    assert at(name, 36) != at(name, 32)
    assert at(name, 200) != at(name, 224)


def test_the_longest_side_counts() -> None:
    assert severities.JPEG_COMPRESSION.at(1, torch.zeros(2, 3, 96, 5)) == 49
    assert severities.JPEG_COMPRESSION.at(1, torch.zeros(2, 3, 5, 64)) == 60


@pytest.mark.parametrize("name", ["GAUSSIAN_NOISE", "SHOT_NOISE", "BRIGHTNESS", "CONTRAST", "PIXELATE"])
def test_no_size_between_stands_out(name: str) -> None:
    """Each severity's parameter goes steadily from one end to the other, and severities keep their order."""
    rows = [at(name, side) for side in range(32, 225)]
    for column in zip(*rows, strict=True):
        assert list(column) in (sorted(column), sorted(column, reverse=True))
    assert all(row in (sorted(row), sorted(row, reverse=True)) for row in rows)

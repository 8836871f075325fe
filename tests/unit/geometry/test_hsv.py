from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from tlbench.geometry import hsv
from tlbench.networks.libraries.ultralytics import ultralytics_module


def shifted(images: torch.Tensor, gains: Sequence[tuple[float, ...]]) -> torch.Tensor:
    return hsv.shift_hsv(images, torch.tensor(gains), torch.empty_like(images))


@pytest.fixture
def colours() -> torch.Tensor:
    """(1, 3, 16, 256) uint8, with grey, black, white, the pure colours and ties among them."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randint(0, 256, (4096, 3), dtype=torch.uint8, generator=generator)
    corners = torch.cartesian_prod(*[torch.tensor([0, 128, 255], dtype=torch.uint8)] * 3)
    drawn[: len(corners)] = corners
    return drawn.T.reshape(1, 3, 16, 256)


@pytest.mark.parametrize(
    "gains", [(0, 0, 0), (0.3, 0, 0), (-0.45, 0, 0), (0.5, 0.7, 0.4), (0.015, -0.7, -0.4), (0, -1, 0)]
)
def test_equals_the_conversion_of_each_colour_on_its_own(colours: torch.Tensor, gains: tuple[float, float, float]):
    values = colours.float() / 255
    found = shifted(values, [gains]).flatten(2)[0].T
    for before, after in zip(values.flatten(2)[0].T.tolist()[::7], found.tolist()[::7], strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*before)
        expected = colorsys.hsv_to_rgb(
            (hue + gains[0]) % 1, min(saturation * (1 + gains[1]), 1), min(value * (1 + gains[2]), 1)
        )
        assert after == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("gains", [(0.015, 0.7, 0.4), (-0.015, -0.7, -0.4), (0.2, 0.3, -0.3), (-0.3, -0.2, 0.1)])
def test_equals_random_hsv_but_for_its_rounding(
    colours: torch.Tensor, gains: tuple[float, float, float], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(np.random, "uniform", lambda low, high, size: np.array(gains))
    image = np.ascontiguousarray(colours[0].permute(1, 2, 0).numpy()[..., ::-1])
    ultralytics_module("data.augment").RandomHSV(1.0, 1.0, 1.0).apply_image({"img": image})
    expected = torch.from_numpy(image[..., ::-1].copy()).permute(2, 0, 1)[None].float()
    difference = (255 * shifted(colours.float() / 255, [gains]) - expected).abs()
    # It rounds the hue to 2°, then cuts the shifted one to whole 2°: up to 3°, or 255 · 3 / 60 = 12.75 of 255 in the
    # brightest and most saturated colours; far less in the rest.
    assert difference.max() < 13
    assert difference.quantile(0.7) < 3


def test_each_image_has_gains_of_its_own(colours: torch.Tensor):
    pair = (colours.float() / 255).repeat(2, 1, 1, 1)
    gains = [(0.1, 0.2, 0.3), (-0.1, -0.2, -0.3)]
    found = shifted(pair, gains)
    for i in range(2):
        assert torch.equal(found[i : i + 1], shifted(pair[i : i + 1], gains[i : i + 1]))


def test_in_place_and_in_parts(colours: torch.Tensor, monkeypatch: pytest.MonkeyPatch):
    images = (colours.float() / 255).repeat(2, 1, 1, 1)
    gains = [(0.1, 0.2, 0.3), (-0.1, -0.2, -0.3)]
    expected = shifted(images, gains)
    monkeypatch.setattr(hsv, "_AT_ONCE", 1000)  # not a divisor of the 4096
    same = images.clone()
    assert hsv.shift_hsv(same, torch.tensor(gains), same) is same
    assert torch.equal(same, expected)

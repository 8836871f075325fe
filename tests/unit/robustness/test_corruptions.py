from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_images

from tlbench.robustness.corruptions import COMMON, VERSION, corrupt
from tlbench.robustness.draws import Draws
from tlbench.robustness.filters import blur, disk, gaussian_blur, plasma, trace_blur
from tlbench.robustness.severities import SEVERITIES, Levels


@pytest.fixture(scope="module")
def photos() -> torch.Tensor:
    """(2, 3, 427, 640): the two photographs that scikit-learn ships."""
    return torch.stack([torch.from_numpy(np.array(image)).permute(2, 0, 1) for image in load_sample_images().images])


def squares(photos: torch.Tensor, side: int, count: int) -> torch.Tensor:
    """(count, 3, side, side) uint8: parts of the photographs, 200 pixels wide, scaled."""
    parts = [photos[k % 2, :, 11 * k % 227 :, 37 * k % 440 :][:, :200, :200] for k in range(count)]
    scaled = torch.nn.functional.interpolate(torch.stack(parts).float(), size=side, mode="bilinear", antialias=True)
    return scaled.round().to(torch.uint8)


def psnr(one: torch.Tensor, other: torch.Tensor) -> float:
    """Mean over the images, decibels."""
    error = (one.double() - other.double()).square().mean((1, 2, 3))
    return float((10 * torch.log10(255**2 / error.clamp(min=1e-3))).mean())


def test_the_suite_is_that_of_the_paper_with_drawn_frost() -> None:
    assert len(COMMON) == len(set(COMMON)) == 15
    assert "procedural_frost" in COMMON
    assert "frost" not in COMMON


@pytest.mark.promise("severities grow")
@pytest.mark.parametrize("name", COMMON)
@pytest.mark.parametrize(("side", "count"), [(32, 40), (64, 16), (96, 8), (224, 4)])
def test_each_severity_damages_more(photos: torch.Tensor, name: str, side: int, count: int) -> None:
    images = squares(photos, side, count)
    damage = [psnr(images, corrupt(images, torch.arange(count), name, severity, 0)) for severity in SEVERITIES]
    same = [name == "motion_blur" and side == 32 and severity == 3 for severity in SEVERITIES[:-1]]  # as published
    for (lower, higher), equal in zip(pairwise(damage), same, strict=True):
        # glass blur of small images: two blurs that are narrower than a pixel
        assert higher <= lower if equal or name == "glass_blur" else higher < lower, damage
    assert damage[0] > damage[-1] + 0.3
    assert damage[0] < 50


@pytest.mark.parametrize("name", COMMON)
@pytest.mark.parametrize("side", [32, 96])
def test_an_image_is_corrupted_alike_in_every_batch(photos: torch.Tensor, name: str, side: int) -> None:
    images, index = squares(photos, side, 9), torch.arange(9) * 1000 + 3
    whole = corrupt(images, index, name, 4, 7)
    order = torch.tensor([8, 0, 4, 2])
    assert torch.equal(corrupt(images[order], index[order], name, 4, 7), whole[order])
    for k in (0, 8):
        assert torch.equal(corrupt(images[k : k + 1], index[k : k + 1], name, 4, 7), whole[k : k + 1])


@pytest.mark.parametrize("name", COMMON)
def test_rectangles_keep_their_shape_and_take_the_strength_of_their_longer_side(
    photos: torch.Tensor, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, asked = squares(photos, 96, 3)[:, :, :40], set()
    at_side = Levels.at_side
    monkeypatch.setattr(Levels, "at_side", lambda *a: (asked.add(a[2]), at_side(*a))[1])
    found = corrupt(images, torch.arange(3), name, 3, 0)
    assert (found.shape, found.dtype) == (images.shape, torch.uint8)
    assert asked == {96}
    assert 5 < psnr(images, found) < 50


DRAWN = (
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "glass_blur",
    "motion_blur",
    "snow",
    "procedural_frost",
    "fog",
    "elastic_transform",
)


@pytest.mark.promise("draws of corruptions")
@pytest.mark.parametrize("name", COMMON)
def test_draws_are_a_function_of_seed_and_sample(photos: torch.Tensor, name: str) -> None:
    image = squares(photos, 32, 1)
    first = corrupt(image, torch.tensor([5]), name, 3, 1)
    before = torch.random.get_rng_state()
    assert torch.equal(corrupt(image, torch.tensor([5]), name, 3, 1), first)
    assert torch.equal(torch.random.get_rng_state(), before)
    for index, seed in ((6, 1), (5, 2)):
        assert torch.equal(corrupt(image, torch.tensor([index]), name, 3, seed), first) == (name not in DRAWN)


@pytest.mark.parametrize("name", COMMON)
@pytest.mark.parametrize("shape", [(8, 8), (1, 1), (5, 70), (70, 33)])
@pytest.mark.parametrize("severity", [1, 5])
def test_any_size_keeps_type_and_shape_and_the_original(name: str, shape: tuple[int, int], severity: int) -> None:
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, *shape), dtype=np.uint8))
    kept = images.clone()
    out = corrupt(images, torch.arange(2), name, severity, 0)
    assert (out.dtype, out.shape) == (torch.uint8, images.shape)
    assert torch.equal(images, kept)


@pytest.mark.parametrize("name", COMMON)
@pytest.mark.parametrize("level", [0, 255])
def test_black_and_white_images_are_no_trap(name: str, level: int) -> None:
    images = torch.full((1, 3, 16, 16), level, dtype=torch.uint8)
    out = corrupt(images, torch.arange(1), name, 5, 0)
    if name in ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "contrast", "elastic_transform", "pixelate"):
        assert torch.equal(out, images)


def test_no_image_and_a_wrong_severity() -> None:
    empty = torch.zeros(0, 3, 8, 8, dtype=torch.uint8)
    assert corrupt(empty, torch.arange(0), "fog", 1, 0).shape == empty.shape
    with pytest.raises(ValueError, match="severity 6"):
        corrupt(empty, torch.arange(0), "fog", 6, 0)


def test_noise_has_the_published_strength() -> None:
    images = torch.full((4, 3, 32, 32), 128, dtype=torch.uint8)
    index = torch.arange(4)
    noise = corrupt(images, index, "gaussian_noise", 5, 0).double() - 128
    assert float(noise.mean()) == pytest.approx(0, abs=1)
    assert float(noise.std()) == pytest.approx(0.10 * 255, rel=0.02)
    photons = corrupt(images, index, "shot_noise", 3, 0).double()
    assert float(photons.mean()) == pytest.approx(128, abs=1)
    assert float(photons.std()) == pytest.approx(255 * math.sqrt(128 / 255 / 100), rel=0.03)
    impulses = corrupt(images, index, "impulse_noise", 5, 0)
    for level in (0, 255):
        assert float((impulses == level).double().mean()) == pytest.approx(0.035, abs=0.006)


def test_brightness_is_that_of_hsv() -> None:
    import colorsys

    pixels = torch.tensor([[10, 200, 90], [0, 0, 0], [255, 3, 3], [77, 77, 77]], dtype=torch.uint8)
    out = corrupt(pixels.T[None, :, None], torch.arange(1), "brightness", 4, 0)[0, :, 0].T
    for before, after in zip(pixels.tolist(), out.tolist(), strict=True):
        h, s, v = colorsys.rgb_to_hsv(*(value / 255 for value in before))
        wanted = [round(255 * value) for value in colorsys.hsv_to_rgb(h, s, min(v + 0.2, 1))]
        assert after == pytest.approx(wanted, abs=1)


def test_contrast_by_hand() -> None:
    images = torch.tensor([0, 100], dtype=torch.uint8).expand(1, 3, 2, 2)
    out = corrupt(images, torch.arange(1), "contrast", 2, 0)
    assert out[0, 0].tolist() == [[25, 75], [25, 75]]


def test_pixelate_averages_blocks() -> None:
    images = torch.arange(0, 256, 4, dtype=torch.uint8).view(1, 1, 1, 64).expand(1, 3, 2, 64).repeat(1, 1, 40, 4)
    out = corrupt(images, torch.arange(1), "pixelate", 2, 0)  # 256 pixels wide: half of them are left
    assert out[0, 0, 0, :6].tolist() == [2, 2, 10, 10, 18, 18]


def test_pixelate_shows_each_pixel_the_mean_of_its_own_block() -> None:
    images = torch.arange(0, 192, 2, dtype=torch.uint8).expand(1, 3, 96, 96)
    out = corrupt(images, torch.arange(1), "pixelate", 2, 0)  # 64 of 96 columns are left: blocks of 2 and 1 pixels
    assert out[0, 0, 0, :6].tolist() == [1, 1, 4, 7, 7, 10]


def test_kernels() -> None:
    for radius, edge in ((0.3, 0.4), (1.5, 0.1), (10.0, 0.5)):
        kernel = disk(radius, edge)
        assert float(kernel.sum()) == pytest.approx(1, abs=1e-12)
        torch.testing.assert_close(kernel, kernel.flip(0, 1), rtol=0, atol=1e-15)
    from scipy.ndimage import gaussian_filter

    values = np.random.default_rng(0).random((1, 1, 20, 13))
    ours = gaussian_blur(torch.from_numpy(values), 1.3)
    np.testing.assert_allclose(ours[0, 0], gaussian_filter(values[0, 0], 1.3, mode="mirror"), atol=1e-12)
    small = blur(torch.eye(3)[None, None], torch.full((5, 5), 1 / 25))
    assert float(small.sum()) > 0


def test_a_trace_runs_along_its_angle() -> None:
    image = torch.zeros(2, 1, 9, 9)
    image[:, :, 4, 4] = 1
    out = trace_blur(image, 2, 1e9, torch.tensor([0.0, -90.0]))
    np.testing.assert_allclose(out[0, 0, 4], [0.2] * 5 + [0] * 4, atol=1e-7)  # gathered from the right
    np.testing.assert_allclose(out[1, 0, :, 4], [0] * 4 + [0.2] * 5, atol=1e-7)  # gathered from above


def test_plasma_is_rougher_with_less_decay() -> None:
    draws = Draws(0, 0, torch.arange(20))
    roughness = []
    for decay in (1.5, 3.0):
        cloud = plasma(draws, 0, 32, 32, decay)
        assert cloud.shape == (20, 1, 32, 32)
        assert torch.equal(cloud.amin((1, 2, 3)), torch.zeros(20))
        assert torch.equal(cloud.amax((1, 2, 3)), torch.ones(20))
        roughness.append(float(cloud.diff(dim=3).abs().mean()))
    assert roughness[0] > 2 * roughness[1]


def test_draws_are_uniform_and_normal_and_differ_between_streams() -> None:
    draws = Draws(3, 1, torch.arange(50))
    uniform, normal = draws.uniform(0, 40, 40).double(), draws.normal(1, 40, 40).double()
    assert float(uniform.mean()) == pytest.approx(0.5, abs=0.01)
    assert float(uniform.var()) == pytest.approx(1 / 12, rel=0.02)
    assert (float(normal.mean()), float(normal.std())) == pytest.approx((0, 1), abs=0.02)
    assert float((normal**4).mean()) == pytest.approx(3, rel=0.05)
    other = Draws(3, 2, torch.arange(50)).uniform(0, 40, 40).double()
    assert abs(float(torch.corrcoef(torch.stack([uniform.flatten(), other.flatten()]))[0, 1])) < 0.02


PINNED = {
    "gaussian_noise": 15.382,
    "shot_noise": 12.823,
    "impulse_noise": 4.109,
    "defocus_blur": 38.180,
    "glass_blur": 59.543,
    "motion_blur": 67.895,
    "zoom_blur": 45.160,
    "snow": 24.234,
    "procedural_frost": 38.289,
    "fog": 29.566,
    "brightness": 35.105,
    "contrast": 38.398,
    "elastic_transform": 49.633,
    "pixelate": 23.891,
    "jpeg_compression": 11.754,
}
"""Mean absolute change of one drawn image at severity 3; other corruptions than these must raise `VERSION`."""


@pytest.mark.parametrize("name", COMMON)
def test_the_suite_is_pinned(name: str) -> None:
    assert VERSION == 2
    images = (torch.arange(3 * 16 * 16).view(1, 3, 16, 16) * 7 % 256).to(torch.uint8)
    change = (corrupt(images, torch.tensor([2]), name, 3, 0).double() - images.double()).abs().mean()
    assert float(change) == pytest.approx(PINNED[name], abs=0.02)


AS_BEFORE = {
    "gaussian_noise": (7.912, 11.776, 15.548, 17.374, 19.186, 32.069),
    "shot_noise": (6.421, 9.012, 13.878, 15.929, 19.197, 35.497),
    "impulse_noise": (1.550, 2.823, 3.948, 6.955, 9.040, 11.464),
    "defocus_blur": (1.093, 2.869, 4.402, 5.680, 8.340, 18.684),
    "glass_blur": (9.952, 10.250, 10.250, 15.561, 16.607, 18.392),
    "motion_blur": (6.960, 9.564, 11.385, 11.385, 12.942, 20.600),
    "zoom_blur": (5.481, 7.460, 9.324, 10.782, 12.047, 20.493),
    "snow": (11.758, 24.633, 24.000, 33.255, 43.972, 55.205),
    "procedural_frost": (22.149, 31.811, 35.798, 39.557, 43.217, 41.961),
    "fog": (11.447, 22.898, 29.382, 34.285, 41.338, 58.326),
    "brightness": (11.041, 20.599, 29.035, 37.207, 50.319, 45.694),
    "contrast": (15.755, 31.506, 37.812, 44.108, 53.568, 55.406),
    "elastic_transform": (4.411, 8.344, 11.323, 13.720, 15.853, 28.150),
    "pixelate": (1.062, 2.930, 3.206, 4.851, 7.755, 13.745),
    "jpeg_compression": (6.295, 7.472, 7.963, 8.274, 8.772, 11.588),
}
"""Mean absolute change of a photograph by version 1: of 32 pixels at severities 1–5, of 224 pixels at severity 3."""


@pytest.mark.parametrize("name", COMMON)
def test_images_of_32_and_224_pixels_are_corrupted_as_in_version_1(photos: torch.Tensor, name: str) -> None:
    part = photos[:1, :, 100:324, 200:424]
    small = torch.nn.functional.interpolate(part.float(), size=32, mode="bilinear", antialias=True)
    images = [small.round().to(torch.uint8)] * 5 + [part]
    changes = [
        float((corrupt(image, torch.tensor([2]), name, severity, 0).double() - image.double()).abs().mean())
        for image, severity in zip(images, (*SEVERITIES, 3), strict=True)
    ]
    assert changes == pytest.approx(AS_BEFORE[name], abs=0.02)

from __future__ import annotations

import math

import pytest
import torch
from torchvision.transforms.v2 import RandomResizedCrop
from torchvision.transforms.v2 import functional as TV

from tests.composed import augmentation
from tests.no_synchronisation import NoSynchronisation
from tlbench.annotations.labels.config import ResizedCrop
from tlbench.geometry.augment import augment
from tlbench.geometry.resized_crop import _ATTEMPTS, boxes, resized_crop
from tlbench.seeds import Draw, uniforms

IMAGENET = ResizedCrop(scale=[0.08, 1.0], ratio=[0.75, 4 / 3])
WIDE = ResizedCrop(scale=[0.5, 1.0], ratio=[0.3, 3.0])  # the first attempts often do not fit


def noise(*shape: int) -> torch.Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.promise("resized crops")
@pytest.mark.parametrize(
    ("height", "width", "size"),
    [(8, 8, (32, 32)), (40, 57, (32, 32)), (200, 150, (48, 48)), (32, 32, (32, 32)), (40, 57, (24, 36))],
)
def test_whole_pixels_are_resized_as_by_torchvision(height, width, size):
    rng = torch.Generator().manual_seed(1)
    images = noise(8, 3, height, width)
    h, w = (torch.randint(1, side + 1, (8,), generator=rng) for side in (height, width))
    top, left = (torch.rand(8, generator=rng) * (height - h + 1)).long(), (torch.rand(8) * (width - w + 1)).long()
    drawn = torch.stack([top, left, h, w], dim=1)
    for inputs, tolerance in ((images, 1), (images / 255, 1e-5)):
        got = resized_crop(inputs, drawn.float(), size)
        wanted = [
            TV.resized_crop(image, *box, size=list(size), antialias=True)
            for image, box in zip(inputs, drawn.tolist(), strict=True)
        ]
        assert got.dtype == inputs.dtype
        torch.testing.assert_close(got.float(), torch.stack(wanted).float(), rtol=0, atol=tolerance)


def test_half_pixels_are_interpolated():
    ramp = torch.arange(6.0).expand(1, 3, 6, 6)  # 0 1 2 3 4 5 in each row
    box = torch.tensor([[1.0, 1.5, 4.0, 4.0]])
    assert torch.allclose(resized_crop(ramp, box, (4, 4))[0, 0, 0], torch.tensor([1.5, 2.5, 3.5, 4.5]))
    edge = torch.tensor([[0.0, 0.0, 6.0, 0.25]])  # less than a pixel
    assert torch.equal(resized_crop(ramp + 7, edge, (4, 4)), torch.full((1, 3, 4, 4), 7.0))


def box_of(config: ResizedCrop, height: int, width: int, draws: list[float]) -> list[float]:
    """torchvision's loop, without its rounding."""
    (low, high), (narrow, wide) = config.scale, config.ratio
    for attempt in range(_ATTEMPTS):
        area = height * width * (low + (high - low) * draws[attempt])
        ratio = math.exp(math.log(narrow) + math.log(wide / narrow) * draws[_ATTEMPTS + attempt])
        w, h = math.sqrt(area * ratio), math.sqrt(area / ratio)
        if w <= width and h <= height:
            return [draws[-2] * (height - h), draws[-1] * (width - w), h, w]
    return []


@pytest.mark.parametrize("config", [IMAGENET, WIDE], ids=["imagenet", "wide"])
@pytest.mark.parametrize(("height", "width"), [(32, 32), (300, 200)])
def test_the_first_box_that_fits_is_taken(config, height, width):
    index = torch.arange(300)
    got = boxes(config, height, width, 3, 5, index)
    draws = uniforms(2 * _ATTEMPTS + 2, 3, 5, index, Draw.RESIZED_CROP)
    wanted = [box_of(config, height, width, row) for row in draws.tolist()]
    fitting = [i for i, box in enumerate(wanted) if box]
    assert len(fitting) > 270
    torch.testing.assert_close(got[fitting], torch.tensor([wanted[i] for i in fitting]), rtol=1e-4, atol=1e-3)
    top, left, h, w = got.unbind(1)
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (top + h <= height * (1 + 1e-6)).all()
    assert (left + w <= width * (1 + 1e-6)).all()


@pytest.mark.parametrize(
    ("ratio", "height", "width"),
    [([0.5, 0.5], 60, 60), ([2.0, 2.0], 60, 60), ([1.0, 1.0], 60, 90), ([1.0, 2.0], 90, 30)],
)
def test_where_none_fits_it_is_the_largest_in_the_middle_as_in_torchvision(ratio, height, width):
    config = ResizedCrop(scale=[1.0, 1.0], ratio=ratio)
    theirs = RandomResizedCrop(8, scale=(0.999999, 1.0), ratio=tuple(config.ratio))
    drawn = boxes(config, height, width, 0, 0, torch.arange(50))
    fallback = theirs.make_params([torch.zeros(3, height, width)])
    wanted = [fallback[key] for key in ("top", "left", "height", "width")]
    torch.testing.assert_close(drawn, torch.tensor(wanted).float().expand(50, -1))


def test_boxes_of_images_of_many_sizes_are_those_of_each_size():
    heights, widths = torch.tensor([30, 400, 64]), torch.tensor([50, 100, 64])
    index = torch.tensor([4, 9, 2])
    each = [boxes(WIDE, h, w, 0, 1, index[i : i + 1])[0] for i, (h, w) in enumerate([(30, 50), (400, 100), (64, 64)])]
    torch.testing.assert_close(boxes(WIDE, heights, widths, 0, 1, index), torch.stack(each))


@pytest.mark.promise("resized crops")
def test_the_same_draws_show_the_same_part_at_any_resolution():
    index = torch.arange(100)
    small, large = (boxes(IMAGENET, side, side, 0, 1, index) / side for side in (8, 3000))
    torch.testing.assert_close(small, large, rtol=1e-6, atol=1e-7)


def test_areas_ratios_and_places_are_drawn_over_their_ranges():
    top, left, h, w = boxes(IMAGENET, 1, 1, 0, 0, torch.arange(4_000)).unbind(1)
    area = h * w
    assert 0.08 <= area.min() < 0.09
    assert 0.98 < area.max() <= 1
    assert 0.75 - 1e-5 <= (w / h).min() < 0.76
    assert 1.32 < (w / h).max() <= 4 / 3 + 1e-5
    for place, side in ((top, h), (left, w)):
        assert abs((place / (1 - side).clamp(min=1e-6))[side < 0.99].mean().item() - 0.5) < 0.02


def test_augment_crops_first_unless_that_was_done():
    images, index = noise(6, 3, 20, 20), torch.tensor([5, 0, 9, 2, 77, 3])
    config = augmentation(resized_crop=IMAGENET.model_dump(), flip=0.5, crop_padding=2)
    got = augment(images, index, config, seed=1, epoch=3, size=(16, 16))
    assert got.shape == (6, 3, 16, 16)
    cropped = resized_crop(images, boxes(IMAGENET, 20, 20, 1, 3, index), (16, 16))
    assert torch.equal(augment(cropped, index, config, seed=1, epoch=3, size=(16, 16), cropped=True), got)
    for order in ([3], [5, 3], [2, 3, 0, 1]):
        alone = augment(images[order], index[order], config, seed=1, epoch=3, size=(16, 16))
        assert (alone - got[order]).abs().max() <= 1.001 / 255  # a matrix product may round otherwise
    assert not torch.equal(augment(images, index, config, seed=1, epoch=4, size=(16, 16)), got)


def test_nothing_waits_for_the_device():
    images, index = noise(6, 3, 20, 20), torch.arange(6)
    with NoSynchronisation() as operations:
        resized_crop(images, boxes(IMAGENET, 20, 20, 0, 0, index), (16, 16))
    assert operations.seen > 10

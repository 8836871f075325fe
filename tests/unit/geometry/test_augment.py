from __future__ import annotations

import pytest
import torch
from torchvision.transforms.v2 import functional as TV

from tests.composed import augmentation
from tests.no_synchronisation import NoSynchronisation
from tlbench.config import Normalisation
from tlbench.geometry.augment import augment, crop_and_flip, prepare, to_float
from tlbench.geometry.colour import adjust_brightness, adjust_contrast, adjust_saturation

ALL = augmentation(crop_padding=4, flip=0.5, brightness=0.4, contrast=0.4, saturation=0.4)
NORMALISATION = Normalisation(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randint(0, 256, (6, 3, 10, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.promise("draws of a sample")
def test_a_sample_looks_the_same_in_any_batch(images: torch.Tensor):
    index = torch.tensor([40, 7, 0, 1_000, 3, 12])
    whole = augment(images, index, ALL, seed=0, epoch=2, size=(8, 8))
    for order in ([3], [5, 3], [2, 3, 0, 1]):
        assert torch.equal(augment(images[order], index[order], ALL, seed=0, epoch=2, size=(8, 8)), whole[order])


def test_seed_epoch_and_sample_each_change_the_draw(images: torch.Tensor):
    same = images[:1].expand(6, -1, -1, -1)
    index = torch.arange(6)
    base = augment(same, index, ALL, seed=0, epoch=0, size=(8, 8))
    assert not torch.equal(base[0], base[1])
    assert not torch.equal(base, augment(same, index, ALL, seed=1, epoch=0, size=(8, 8)))
    assert not torch.equal(base, augment(same, index, ALL, seed=0, epoch=1, size=(8, 8)))


@pytest.mark.promise("one uint8 tensor")
def test_crop_and_flip_equal_padding_slicing_and_flipping(images: torch.Tensor):
    top, left = torch.tensor([0, 1, 4, 5, 8, 3]), torch.tensor([8, 0, 4, 2, 7, 1])
    flip = torch.tensor([False, True, False, True, True, False])
    got = crop_and_flip(images, 4, top, left, flip)
    for i, image in enumerate(images):
        wanted = TV.pad(image, [4])[:, top[i] : top[i] + 10, left[i] : left[i] + 12]
        assert torch.equal(got[i], wanted.flip(-1) if flip[i] else wanted)


@pytest.mark.promise("one uint8 tensor")
@pytest.mark.parametrize(
    ("ours", "torchvisions"),
    [
        (adjust_brightness, TV.adjust_brightness),
        (adjust_contrast, TV.adjust_contrast),
        (adjust_saturation, TV.adjust_saturation),
    ],
)
def test_colours_equal_torchvision(images: torch.Tensor, ours, torchvisions):
    floats, factors = to_float(images), torch.tensor([0.0, 0.3, 1.0, 1.4, 2.0, 0.77])
    wanted = torch.stack([torchvisions(x, f.item()) for x, f in zip(floats, factors, strict=True)])
    torch.testing.assert_close(ours(floats, factors), wanted, rtol=0, atol=1e-6)


def test_each_strength_draws_over_its_whole_range():
    index = torch.arange(4_000)
    white = torch.full((4_000, 3, 1, 1), 100, dtype=torch.uint8)
    config = augmentation(brightness=0.5)
    factor = augment(white, index, config, seed=0, epoch=0, size=(8, 8))[:, 0, 0, 0] / (100 / 255)
    assert 0.5 <= factor.min() < 0.51
    assert 1.49 < factor.max() <= 1.5
    pattern = torch.tensor([1, 0], dtype=torch.uint8).expand(4_000, 3, 1, 2)
    flipped = augment(pattern, index, augmentation(flip=0.25), seed=0, epoch=0, size=(8, 8))[:, 0, 0, 0] == 0
    assert abs(flipped.float().mean().item() - 0.25) < 0.03
    dot = torch.zeros(4_000, 3, 5, 5, dtype=torch.uint8)
    dot[:, :, 2, 2] = 255
    moved = augment(dot, index, augmentation(crop_padding=2), seed=0, epoch=0, size=(8, 8))[:, 0]
    assert moved.sum(0).min() > 100  # all 25 offsets, 160 each on average
    assert moved.sum().item() == 4_000


def test_no_augmentation_only_scales(images: torch.Tensor):
    got = augment(images, torch.arange(6), augmentation(), seed=0, epoch=0, size=(8, 8))
    assert torch.equal(got, images / 255)


@pytest.mark.promise("one uint8 tensor")
def test_prepare_equals_torchvision(images: torch.Tensor):
    floats = to_float(images)
    kept = floats.clone()
    wanted = TV.normalize(TV.resize(floats, [7, 7], antialias=True), NORMALISATION.mean, NORMALISATION.std)
    torch.testing.assert_close(prepare(images, (7, 7), NORMALISATION), wanted, rtol=0, atol=1e-5)
    torch.testing.assert_close(prepare(floats, (7, 7), NORMALISATION), wanted, rtol=0, atol=1e-5)
    assert torch.equal(floats, kept)


def test_channels_last_changes_only_the_memory_format(images: torch.Tensor):
    last = prepare(images, (16, 16), NORMALISATION, channels_last=True)
    assert last.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(last, prepare(images, (16, 16), NORMALISATION))


@pytest.mark.promise("one uint8 tensor")
def test_nothing_waits_for_the_device(images: torch.Tensor):
    index = torch.arange(6)
    prepare(images, (16, 16), NORMALISATION)  # copies the constants once
    with NoSynchronisation() as operations:
        prepare(augment(images, index, ALL, seed=0, epoch=1, size=(8, 8)), (16, 16), NORMALISATION, channels_last=True)
    assert operations.seen > 10

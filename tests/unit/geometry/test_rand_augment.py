from __future__ import annotations

import pytest
import torch
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import RandAugment as TorchvisionRandAugment

from tests.composed import augmentation
from tests.no_synchronisation import NoSynchronisation
from tlbench.annotations.labels.config import RandAugment
from tlbench.geometry import rand_augment as module
from tlbench.geometry.augment import augment, crop_and_flip, to_float
from tlbench.geometry.colour import adjust_brightness
from tlbench.geometry.rand_augment import apply_all, apply_drawn, rand_augment
from tlbench.geometry.rand_augment_operations import OPERATIONS, tables

TWO = RandAugment(operations=2, magnitude=9)
EXACT = set(OPERATIONS) - {"Color", "Contrast", "Sharpness"}
"""The others may round otherwise."""


def pictures(height: int = 24, width: int = 30) -> torch.Tensor:
    """Noise, low contrast, one colour, and half of one value."""
    images = torch.randint(0, 256, (4, 3, height, width), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    images[1] = images[1] // 4 + 50
    images[2] = 77
    images[3, :, :, : width // 2] = 200
    return images


@pytest.fixture
def drawn(monkeypatch):
    """The operations and directions that were drawn, a pair for each step."""
    seen = []

    def watched(images, operation, negative, constants):
        seen.append((operation, negative))
        return apply_drawn(images, operation, negative, constants)

    monkeypatch.setattr(module, "apply_drawn", watched)
    return seen


def torchvisions(images: torch.Tensor, name: str, magnitude: int, negative: bool) -> torch.Tensor:
    theirs = TorchvisionRandAugment()
    levels, signed = theirs._AUGMENTATION_SPACE[name]
    level = levels(31, *images.shape[-2:])
    value = 0.0 if level is None else float(level[magnitude]) * (-1 if signed and negative else 1)
    results = [
        theirs._apply_image_or_video_transform(image, name, value, InterpolationMode.NEAREST, theirs._fill)
        for image in images
    ]
    return torch.stack(results)


def test_the_operations_are_torchvisions():
    assert set(OPERATIONS) == set(TorchvisionRandAugment._AUGMENTATION_SPACE)
    assert len(OPERATIONS) == 14


@pytest.mark.promise("RandAugment")
@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("magnitude", [0, 7, 9, 20, 30])
def test_each_operation_equals_torchvisions(name, magnitude):
    for images in (pictures(), pictures(8, 8)):
        constants = tables(magnitude, *images.shape[-2:], images.device)
        for negative in (False, True):
            operation, direction = torch.full((4,), OPERATIONS.index(name)), torch.full((4,), negative)
            got = apply_drawn(images, operation, direction, constants)
            difference = (got.int() - torchvisions(images, name, magnitude, negative).int()).abs()
            assert difference.max() <= (0 if name in EXACT else 1), name


@pytest.mark.promise("RandAugment")
def test_all_operations_at_once_give_what_each_gives_alone():
    images = pictures().repeat(14, 1, 1, 1)
    operation, negative = torch.arange(56) // 4, torch.arange(56) % 3 == 0
    constants = tables(9, 24, 30, images.device)
    whole = apply_all(images, operation, negative, constants)
    assert torch.equal(whole, apply_drawn(images, operation, negative, constants))
    for i in range(56):
        one = slice(i, i + 1)
        assert torch.equal(apply_drawn(images[one], operation[one], negative[one], constants)[0], whole[i])


def test_operations_follow_each_other(drawn):
    images = pictures()
    got = rand_augment(images, torch.arange(4), RandAugment(operations=3, magnitude=12), seed=1, epoch=2)
    assert len(drawn) == 3
    constants, wanted = tables(12, 24, 30, images.device), images
    for operation, negative in drawn:
        wanted = apply_all(wanted, operation, negative, constants)
    assert torch.equal(got, wanted)
    assert not torch.equal(drawn[0][0], drawn[1][0])


def test_each_operation_and_direction_is_as_likely(drawn):
    index = torch.arange(14_000)
    rand_augment(torch.zeros(14_000, 3, 3, 3, dtype=torch.uint8), index, TWO, seed=0, epoch=0)
    for operation, negative in drawn:
        counts = torch.bincount(operation * 2 + negative, minlength=28)
        assert counts.sum() == 14_000
        assert (counts - 500).abs().max() < 5 * 500**0.5
    (first, _), (second, _) = drawn
    assert abs((first == second).float().mean().item() - 1 / 14) < 0.01


def test_a_sample_looks_the_same_in_any_batch():
    images, index = pictures(), torch.tensor([40, 7, 0, 1_000])
    whole = rand_augment(images, index, TWO, seed=0, epoch=2)
    for order in ([3], [1, 3], [2, 3, 0, 1]):
        assert torch.equal(rand_augment(images[order], index[order], TWO, seed=0, epoch=2), whole[order])


def test_seed_epoch_and_sample_each_change_the_draw():
    same, index = pictures()[:1].expand(8, -1, -1, -1), torch.arange(8)
    base = rand_augment(same, index, TWO, seed=0, epoch=0)
    assert not torch.equal(base[0], base[1])
    assert not torch.equal(base, rand_augment(same, index, TWO, seed=1, epoch=0))
    assert not torch.equal(base, rand_augment(same, index, TWO, seed=0, epoch=1))


def test_it_comes_between_flip_and_colour():
    images, index = pictures(), torch.tensor([3, 8, 2, 1])
    config = augmentation(flip=1.0, rand_augment=TWO.model_dump(), brightness=0.5)
    flipped = crop_and_flip(images, 0, torch.zeros(4).long(), torch.zeros(4).long(), torch.ones(4).bool())
    floats = to_float(rand_augment(flipped, index, TWO, seed=0, epoch=0))
    white = torch.full((4, 3, 1, 1), 100, dtype=torch.uint8)
    brighter = augment(white, index, augmentation(brightness=0.5), seed=0, epoch=0, size=(8, 8))
    factor = brighter[:, 0, 0, 0] / (100 / 255)
    got = augment(images, index, config, seed=0, epoch=0, size=(8, 8))
    torch.testing.assert_close(got, adjust_brightness(floats, factor))


def test_nothing_waits_for_the_device(monkeypatch):
    images, index = pictures(), torch.arange(4)
    rand_augment(images, index, TWO, seed=0, epoch=0)  # copies the constants once
    monkeypatch.setattr(module, "apply_drawn", apply_all)  # what accelerators compute
    with NoSynchronisation() as operations:
        rand_augment(images, index, TWO, seed=0, epoch=1)
    assert operations.seen > 10

"""Random draws as functions of (stream seed, epoch, sample index), never of running generator state.

A counter-based generator: a sample's draw does not depend on how many draws came before it, so two arms with the same
seed see the same batches and augmentations, whatever the batch size, the number of workers, or a resume in between.
The mixing function is SplitMix64's finaliser (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number
generators", OOPSLA), computed in wrapping int64 arithmetic and therefore equal on every device.
"""

from __future__ import annotations

from enum import IntEnum, unique

import torch
from torch import Tensor


@unique
class Draw(IntEnum):
    """Which of a sample's draws, over all streams, as these may have the same seed; each number is used once.

    What a run draws is a function of them: a number that is in use never changes, and a new draw takes a new one.
    Numbers from 2²⁰ on are never tlbench's: they are for tasks from outside.
    """

    ORDER = 0
    CROP_Y = 1
    CROP_X = 2
    FLIP = 3
    BRIGHTNESS = 4
    CONTRAST = 5
    SATURATION = 6
    RESIZED_CROP = 7
    MIXING = 8
    RAND_AUGMENT = 9
    SPLIT = 16
    SUBSET = 17
    FOLD = 18
    MOSAIC = 20
    MOSAIC_CENTRE_X = 21
    MOSAIC_CENTRE_Y = 22
    SCALE = 23
    SHIFT = 24
    HSV = 25
    FLIP_WITH_BOXES = 26
    MOSAIC_OTHER_1 = 27
    MOSAIC_OTHER_2 = 28
    MOSAIC_OTHER_3 = 29
    OWN_TRANSFORM = 30
    FOCUS_CLASS = 31
    FOCUS_PIXEL = 32
    FOCUS_SHIFT = 33
    CORRUPTIONS = 1 << 16  # the first of a corruption's own, whose numbers are added to it


_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_MULTIPLIERS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


def _int64(value: int) -> int:
    """Map an unsigned 64-bit constant to the int64 with the same bits."""
    value &= _MASK
    return value - (1 << 64) if value >= 1 << 63 else value


def _shift_right(x: Tensor, bits: int) -> Tensor:
    """Logical (zero-filling) right shift of int64."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _mix(x: Tensor) -> Tensor:
    x = (x ^ _shift_right(x, 30)) * _int64(_MULTIPLIERS[0])
    x = (x ^ _shift_right(x, 27)) * _int64(_MULTIPLIERS[1])
    return x ^ _shift_right(x, 31)


def _key(seed: int, epoch: int, draw: int) -> int:
    """The same mixing on Python integers, so that nothing is copied to the device; an int64 value."""
    key = 0
    for word in (seed, epoch, draw):
        key = (key + word + _GOLDEN) & _MASK
        key = ((key ^ (key >> 30)) * _MULTIPLIERS[0]) & _MASK
        key = ((key ^ (key >> 27)) * _MULTIPLIERS[1]) & _MASK
        key ^= key >> 31
    return _int64(key)


def bits(seed: int, epoch: int, index: Tensor, draw: int = Draw.ORDER) -> Tensor:
    """64 random bits per sample.

    Args:
        seed: The stream's seed, ≥ 0.
        epoch: Epoch, ≥ 0.
        index: (N,) int64 sample indices, on any device.
        draw: Which of the sample's draws in this epoch, one of `Draw`.

    Returns:
        (N,) int64, all 64 bits random.
    """
    return _mix(_mix(index + _key(seed, epoch, draw)) + _int64(_GOLDEN))


def uniform(seed: int, epoch: int, index: Tensor, draw: int = Draw.ORDER) -> Tensor:
    """(N,) float32 in [0, 1), of 24 bits each; arguments as in `bits`."""
    return _shift_right(bits(seed, epoch, index, draw), 40).to(torch.float32) * 2.0**-24


def uniforms(count: int, seed: int, epoch: int, index: Tensor, draw: int = Draw.ORDER) -> Tensor:
    """(N, count) float32 in [0, 1): as `uniform`, for `count` draws of a sample at the cost of about two.

    They are the outputs of SplitMix64 started from the sample's bits, so other draw numbers give other numbers.
    """
    steps = torch.arange(1, count + 1, device=index.device) * _int64(_GOLDEN)
    return _shift_right(_mix(bits(seed, epoch, index, draw)[:, None] + steps), 40).to(torch.float32) * 2.0**-24


def randint(high: int, seed: int, epoch: int, index: Tensor, draw: int = Draw.ORDER) -> Tensor:
    """(N,) int64 in [0, high); arguments as in `bits`. The modulo bias is below high · 2⁻⁶³."""
    return _shift_right(bits(seed, epoch, index, draw), 1) % high


def permutation(size: int, seed: int, epoch: int = 0, device: torch.device | str = "cpu") -> Tensor:
    """(size,) int64: the order of an epoch, sorted by each sample's own random bits."""
    return torch.argsort(bits(seed, epoch, torch.arange(size, device=device)), stable=True)


def reseed(seed: int, step: int, rank: int = 0) -> None:
    """Seed torch's own generators, for what a network draws in a training step (dropout), as a function of the three.

    Args:
        seed: The stream's seed, ≥ 0.
        step: Optimizer steps done.
        rank: The process, ≥ 0: each draws for other samples.
    """
    torch.manual_seed(_key(seed, step, rank + 1) & (_MASK >> 1))

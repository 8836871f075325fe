from __future__ import annotations

import math

import pytest
import scipy.stats
import torch

from tests.composed import augmentation
from tests.no_synchronisation import NoSynchronisation
from tlbench.annotations.labels.config import LabelAugmentation
from tlbench.geometry.mixing import mix
from tlbench.seeds import Draw, uniforms

MIXUP, CUTMIX, BOTH = augmentation(mixup=0.4), augmentation(cutmix=1.0), augmentation(mixup=0.4, cutmix=1.0)


def batch(size: int = 6, side: int = 16) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Image i is of value i and of class i; the indices say nothing about the order."""
    images = torch.arange(float(size))[:, None, None, None].expand(-1, 3, side, side).clone()
    return images, torch.arange(size), torch.arange(size) * 17 + 3


def own_shares(config: LabelAugmentation, count: int = 4_000) -> torch.Tensor:
    images, labels = torch.ones(count, 3, 32, 32), torch.arange(count) % 2
    return mix(images, labels, torch.arange(count), config, 2, 0, 0)[1].gather(1, labels[:, None])[:, 0]


def test_mixup_blends_an_image_with_the_one_before_it():
    images, labels, index = batch()
    mixed, targets = mix(images, labels, index, MIXUP, 7, seed=3, epoch=2)
    levels = uniforms(4, 3, 2, index, Draw.MIXING)[:, 1]
    steps = ((levels * 4096).floor() + 0.5) / 4096
    shares = torch.tensor(scipy.stats.beta.ppf(steps.double().numpy(), 0.4, 0.4)).float()
    for i in range(6):
        before = (i - 1) % 6
        wanted = torch.zeros(7)
        wanted[i], wanted[before] = shares[i], 1 - shares[i]
        torch.testing.assert_close(targets[i], wanted)
        value = shares[i] * i + (1 - shares[i]) * before
        torch.testing.assert_close(mixed[i], value.expand(3, 16, 16), rtol=1e-5, atol=1e-5)


@pytest.mark.promise("MixUp and CutMix")
def test_cutmix_puts_in_a_box_and_counts_its_pixels():
    images, labels, index = batch(64)
    mixed, targets = mix(images, labels, index, CUTMIX, 64, seed=3, epoch=2)
    _, levels, ys, xs = uniforms(4, 3, 2, index, Draw.MIXING).unbind(1)
    for i in range(64):
        side = math.sqrt(1 - (math.floor(levels[i].item() * 4096) + 0.5) / 4096)  # Beta(1, 1) is uniform
        half, y, x = math.floor(8 * side), math.floor(ys[i].item() * 16), math.floor(xs[i].item() * 16)
        wanted = torch.full((3, 16, 16), float(i))
        wanted[:, max(y - half, 0) : y + half, max(x - half, 0) : x + half] = (i - 1) % 64
        assert torch.equal(mixed[i], wanted)
        share = (wanted[0] == i).float().mean()
        assert targets[i, i] == share
        assert targets[i, (i - 1) % 64] == 1 - share
    assert torch.equal(targets.sum(1), torch.ones(64))
    assert len({share.item() for share in targets.diag()}) > 20


@pytest.mark.promise("MixUp and CutMix")
@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_are_distributed_as_beta(alpha):
    shares = own_shares(augmentation(mixup=alpha)).numpy()
    assert scipy.stats.kstest(shares, scipy.stats.beta(alpha, alpha).cdf).statistic < 0.03


@pytest.mark.parametrize("alpha", [1e-300, 1e-6, 1e6, 1e300])
def test_any_alpha_gives_shares(alpha):
    shares = own_shares(augmentation(mixup=alpha), 100)
    assert ((shares >= 0) & (shares <= 1)).all()
    assert (shares - 0.5).abs().mean() == pytest.approx(0.5 if alpha < 1 else 0.0, abs=1e-2)


def test_with_both_each_sample_takes_one_of_them():
    images, labels, index = batch(400)
    mixed, targets = mix(images, labels, index, BOTH, 400, seed=0, epoch=0)
    results = [mix(images, labels, index, config, 400, seed=0, epoch=0) for config in (MIXUP, CUTMIX)]
    took = []
    for i in range(400):
        kinds = [torch.equal(mixed[i], x[i]) and torch.equal(targets[i], y[i]) for x, y in results]
        assert any(kinds)
        took.append(kinds[1])
    assert 150 < sum(took) < 250


@pytest.mark.promise("MixUp and CutMix")
@pytest.mark.parametrize("config", [MIXUP, CUTMIX, BOTH], ids=["mixup", "cutmix", "both"])
def test_how_much_is_mixed_depends_on_the_sample_alone(config):
    images, labels, index = batch()
    mixed, targets = mix(images, labels, index, config, 6, seed=0, epoch=2)
    for pair in ([1, 2], [2, 3], [4, 5]):
        alone = mix(images[pair], labels[pair], index[pair], config, 6, seed=0, epoch=2)
        assert torch.equal(alone[0][1], mixed[pair[1]])
        assert torch.equal(alone[1][1], targets[pair[1]])
    for seed, epoch in ((1, 2), (0, 3)):
        assert not torch.equal(mix(images, labels, index, config, 6, seed=seed, epoch=epoch)[1], targets)


def test_equal_labels_stay_whole():
    images, _, index = batch()
    _, targets = mix(images, torch.full((6,), 2), index, BOTH, 3, seed=0, epoch=0)
    torch.testing.assert_close(targets, torch.tensor([[0.0, 0.0, 1.0]]).expand(6, -1))


def test_the_memory_format_stays():
    images, labels, index = batch()
    mixed, _ = mix(images.contiguous(memory_format=torch.channels_last), labels, index, BOTH, 6, 0, 0)
    assert mixed.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(mixed, mix(images, labels, index, BOTH, 6, 0, 0)[0])


def test_nothing_waits_for_the_device():
    images, labels, index = batch()
    mix(images, labels, index, BOTH, 6, 0, 0)  # copies the tables once
    with NoSynchronisation() as operations:
        mix(images, labels, index, BOTH, 6, 0, 1)
    assert operations.seen > 10

from __future__ import annotations

import pytest
import torch
from torch import nn

from tlbench.adaptation.regularisers import Regulariser, SourcePenalty, batch_spectral_shrinkage
from tlbench.config import RegulariserConfig
from tlbench.errors import ConfigError
from tlbench.networks.network import Network


def small() -> Network:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))
    return Network(module, {"stem": ("0",), "norm": ("1",), "head": ("3",)}, "head")


def moved(network: Network) -> dict[str, torch.Tensor]:
    """Adds 1 to each weight of the stem, 2 to each of the norm; returns the weights as they were."""
    before = {name: parameter.detach().clone() for name, parameter in network.module.named_parameters()}
    with torch.no_grad():
        for group, step in (("stem", 1.0), ("norm", 2.0)):
            for parameter in network.group_parameters(group):
                parameter.add_(step)
    return before


def config(**strengths: float) -> RegulariserConfig:
    return RegulariserConfig(**{"name": "x", "l2_sp": 0.0, "l2_sp_head": 0.0, "bss": 0.0, "bss_k": 1, **strengths})


@pytest.mark.promise("penalties")
def test_l2_sp_is_the_squared_distance_from_the_source_and_its_gradient_points_there():
    network = small()
    penalty = SourcePenalty(network, alpha=0.5, beta=0.2)
    before = moved(network)
    head = sum(float(p.detach().double().square().sum()) for p in network.group_parameters("head"))
    # the stem has 3·4 + 4 = 16 numbers, each 1 away; the norm 4 + 4 = 8, each 2 away
    value = penalty.penalty()
    assert value.item() == pytest.approx(0.25 * (16 * 1 + 8 * 4) + 0.1 * head, rel=1e-6)
    (3 * value).backward()
    for name, parameter in network.module.named_parameters():
        expected = 0.2 * parameter if name.startswith("3.") else 0.5 * (parameter - before[name])
        torch.testing.assert_close(parameter.grad, 3 * expected.detach(), rtol=1e-6, atol=1e-7)


def test_l2_sp_is_zero_at_the_source_with_a_finite_gradient():
    network = small()
    value = SourcePenalty(network, alpha=0.5, beta=0.0).penalty()
    value.backward()
    assert value.item() == 0.0
    assert all(not p.grad.any() for group in ("stem", "norm") for p in network.group_parameters(group))
    assert all(p.grad is None for p in network.group_parameters("head"))  # beta = 0


def test_a_frozen_group_adds_nothing_and_gets_no_gradient():
    network = small()
    penalty = SourcePenalty(network, alpha=0.5, beta=0.0)
    moved(network)
    for parameter in network.group_parameters("norm"):
        parameter.requires_grad_(False)
    value = penalty.penalty()
    value.backward()
    assert value.item() == 0.25 * 16
    assert all(p.grad is None for p in network.group_parameters("norm"))
    network.module.requires_grad_(False)
    assert penalty.penalty().item() == 0.0
    network.module.requires_grad_(True)  # unfreezing brings it back
    assert penalty.penalty().item() == pytest.approx(0.25 * (16 + 8 * 4))


def test_the_source_is_kept_out_of_checkpoints_and_follows_the_layout():
    network = small()
    names = list(network.module.state_dict())
    penalty = SourcePenalty(network, alpha=0.5, beta=0.0)
    network.module.to(memory_format=torch.channels_last)
    before = moved(network)
    assert list(network.module.state_dict()) == names
    penalty.penalty().backward()
    weight = network.module[0].weight
    torch.testing.assert_close(weight.grad, 0.5 * (weight.detach() - before["0.weight"]))


@pytest.mark.promise("penalties")
def test_bss_is_the_sum_of_the_smallest_squared_singular_values():
    left, right = (torch.linalg.qr(torch.randn(n, 4, generator=torch.Generator().manual_seed(n)))[0] for n in (6, 9))
    features = (left * torch.tensor([8.0, 4.0, 2.0, 1.0])) @ right.T  # (6, 9): two more singular values, both 0
    for matrix in (features, features.T, features.reshape(6, 3, 3)):
        assert batch_spectral_shrinkage(matrix, 2).item() == pytest.approx(0.0, abs=1e-9)
        assert batch_spectral_shrinkage(matrix, 4).item() == pytest.approx(1.0 + 4.0, rel=1e-5)
        assert batch_spectral_shrinkage(matrix, 6).item() == pytest.approx(85.0, rel=1e-5)


def test_the_gradient_of_bss_is_that_of_the_singular_values():
    features = torch.randn(5, 7, generator=torch.Generator().manual_seed(0), requires_grad=True)
    batch_spectral_shrinkage(features, 2).backward()
    u, s, vh = torch.linalg.svd(features.detach().double(), full_matrices=False)
    expected = 2 * (u[:, -2:] * s[-2:]) @ vh[-2:]
    torch.testing.assert_close(features.grad, expected.float(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "features",
    [
        torch.zeros(4, 6),
        torch.eye(4, 6),  # all singular values are the same
        torch.ones(4, 6),
        torch.arange(12.0).reshape(2, 6).repeat(2, 1),  # each row twice
    ],
    ids=["zero", "tied", "rank 1", "duplicates"],
)
def test_the_gradient_of_bss_is_finite_without_distinct_singular_values(features):
    features = features.clone().requires_grad_()
    batch_spectral_shrinkage(features, 2).backward()
    assert torch.isfinite(features.grad).all()


def test_bss_is_computed_in_full_precision_under_autocast():
    features = torch.randn(8, 16, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        value = batch_spectral_shrinkage(features, 1)
    assert value.dtype == torch.float32
    assert value.item() == batch_spectral_shrinkage(features, 1).item()
    half = features.bfloat16().requires_grad_()
    batch_spectral_shrinkage(half, 1).backward()
    assert half.grad.dtype == torch.bfloat16


def test_features_that_are_not_finite_give_a_loss_that_is_not():
    features = torch.ones(3, 4)
    features[1, 2] = torch.inf
    assert not torch.isfinite(batch_spectral_shrinkage(features, 1))


@pytest.mark.parametrize("k", [0, 4])
def test_more_singular_values_than_there_are_is_refused(k):
    with pytest.raises(ConfigError, match=rf"regulariser\.bss_k={k}: a batch of 3 samples with 5 .* allowed: 1 to 3"):
        batch_spectral_shrinkage(torch.ones(3, 5), k)


def test_a_regulariser_adds_up_what_is_switched_on():
    network = small()
    images = torch.randn(5, 3, 1, 1, generator=torch.Generator().manual_seed(0))
    regulariser = Regulariser(network, config(l2_sp=0.5, bss=0.1))
    moved(network)
    with regulariser.watch():
        network.module(images)
    features = network.module[:3](images)
    bss = batch_spectral_shrinkage(features, 1).item()
    assert bss > 0
    assert regulariser.penalty().item() == pytest.approx(0.25 * (16 + 8 * 4) + 0.1 * bss, rel=1e-6)
    with regulariser.watch(features):
        pass
    assert regulariser.penalty().item() == pytest.approx(0.25 * (16 + 8 * 4) + 0.1 * bss, rel=1e-6)


def test_features_that_nothing_trains_are_not_shrunk():
    network = small()
    regulariser = Regulariser(network, config(bss=0.1))
    for group in ("stem", "norm"):
        for parameter in network.group_parameters(group):
            parameter.requires_grad_(False)
    with regulariser.watch():
        network.module(torch.ones(5, 3, 1, 1))
    assert regulariser.penalty().item() == 0.0


def test_nothing_switched_on_is_inactive():
    network = small()
    assert not Regulariser(network, config()).active
    assert all(Regulariser(network, config(**{key: 0.1})).active for key in ("l2_sp", "l2_sp_head", "bss"))

from __future__ import annotations

import torch

from tests.composed import model
from tlbench.networks.build import build_network
from tlbench.networks.norms import batch_norm_layers


def test_all_weights_are_a_function_of_the_seed_alone() -> None:
    torch.manual_seed(5)
    first = build_network(model(), 10, 0, (32, 32)).module.state_dict()
    torch.manual_seed(6)
    second = build_network(model(), 10, 0, (32, 32)).module.state_dict()
    other = build_network(model(), 10, 1, (32, 32)).module.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    drawn = [name for name in first if name == "fc.bias" or ("bn" not in name and "downsample.1" not in name)]
    assert not any(torch.equal(first[name], other[name]) for name in drawn)


def test_the_running_generator_is_left_as_it_was() -> None:
    before = torch.get_rng_state()
    build_network(model(), 3, 0, (32, 32))
    assert torch.equal(torch.get_rng_state(), before)


def test_group_norm_changes_neither_the_weights_nor_the_layer_groups() -> None:
    batch = build_network(model(), 10, 0, (32, 32))
    group = build_network(model(norm="group"), 10, 0, (32, 32))
    weights = dict(batch.module.named_parameters())
    assert all(torch.equal(tensor, weights[name]) for name, tensor in group.module.state_dict().items())
    assert list(group.module.state_dict()) == list(weights)
    assert batch.dropped == frozenset()
    assert group.dropped == {name for name, _ in batch.module.named_buffers()}
    assert len(group.dropped) == 60
    assert (group.groups, group.head) == (batch.groups, batch.head)
    assert batch_norm_layers(group.module) == []

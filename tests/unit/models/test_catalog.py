from __future__ import annotations

import torch

from tlbench.models.catalog import build_network


def test_all_weights_are_a_function_of_the_seed_alone() -> None:
    torch.manual_seed(5)
    first = build_network("resnet18", 10, seed=0).module.state_dict()
    torch.manual_seed(6)
    second = build_network("resnet18", 10, seed=0).module.state_dict()
    other = build_network("resnet18", 10, seed=1).module.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    drawn = [name for name in first if name == "fc.bias" or ("bn" not in name and "downsample.1" not in name)]
    assert not any(torch.equal(first[name], other[name]) for name in drawn)


def test_the_running_generator_is_left_as_it_was() -> None:
    before = torch.get_rng_state()
    build_network("resnet18", 3, seed=0)
    assert torch.equal(torch.get_rng_state(), before)

from __future__ import annotations

import hashlib

import pytest
import torch
from torch import nn

from tests.tiny_network import tiny_network
from tlbench.adaptation.freezing import Freezing, group_hash
from tlbench.networks.network import Network

GROUPS = ("stem", "layer1", "layer2", "layer3", "layer4", "head")


@pytest.fixture
def network() -> Network:
    torch.manual_seed(0)
    return tiny_network(10)


def training(network: Network) -> set[str]:
    """The layer groups whose modules are all in train mode; the others' are all in eval mode."""
    modes = {group: {module.training for module in network.group_modules(group)} for group in network.groups}
    assert all(len(mode) == 1 for mode in modes.values())
    return {group for group, mode in modes.items() if mode == {True}}


def with_gradient(network: Network) -> set[str]:
    flags = {group: {p.requires_grad for p in network.group_parameters(group)} for group in network.groups}
    assert all(len(flag) == 1 for flag in flags.values())
    return {group for group, flag in flags.items() if flag == {True}}


def batch_norms(network: Network) -> list[nn.BatchNorm2d]:
    return [module for module in network.module.modules() if isinstance(module, nn.BatchNorm2d)]


def forward(network: Network) -> torch.Tensor:
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    return network.module(images)


def state(network: Network) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.module.state_dict().items()}


def test_at_first_everything_trains(network):
    freezing = Freezing(network)
    assert (freezing.trainable, freezing.frozen) == (GROUPS, ())
    assert with_gradient(network) == training(network) == set(GROUPS)


def test_all_but_the_named_groups_are_frozen_in_any_order_and_back(network):
    freezing = Freezing(network)
    freezing.set_trainable(["head", "layer4"])
    assert freezing.trainable == ("layer4", "head")
    assert freezing.frozen == ("stem", "layer1", "layer2", "layer3")
    assert with_gradient(network) == training(network) == {"layer4", "head"}
    assert freezing.count(["head", "layer4"]) == (4 * 4 * 9 + 8) + 50
    freezing.set_trainable(["stem"])
    assert with_gradient(network) == training(network) == {"stem"}
    freezing.set_trainable(GROUPS)
    assert with_gradient(network) == training(network) == set(GROUPS)
    assert freezing.count(GROUPS) == sum(p.numel() for p in network.module.parameters())
    freezing.freeze_batch_norm("statistics_and_affine")
    assert freezing.count(GROUPS) == sum(p.numel() for p in network.module.parameters() if p.requires_grad)


def test_entering_train_mode_wakes_what_is_frozen_until_modes_are_applied_again(network):
    freezing = Freezing(network)
    freezing.set_trainable(["head"])
    network.module.eval()
    freezing.apply_modes()
    assert training(network) == set()  # evaluation is left alone
    network.module.train()
    assert training(network) == set(GROUPS)
    freezing.apply_modes()
    assert training(network) == {"head"}


@pytest.mark.promise("no graph below")
def test_what_comes_before_the_first_trainable_group_records_no_graph(network):
    Freezing(network).set_trainable(["layer4", "head"])
    seen = {}
    for name, module in network.module.named_children():
        module.register_forward_hook(lambda _module, _inputs, output, name=name: seen.update({name: output}))
    forward(network)
    graph = {name for name, output in seen.items() if output.grad_fn is not None}
    assert graph == {"layer4", "fc"}


def test_a_frozen_groups_buffers_stay_to_the_bit_while_others_move(network):
    Freezing(network).set_trainable(["layer2", "head"])
    before = state(network)
    forward(network)
    after = network.module.state_dict()
    moved = {name for name, tensor in before.items() if not torch.equal(after[name], tensor)}
    assert moved == {"layer2.1.running_mean", "layer2.1.running_var", "layer2.1.num_batches_tracked"}


@pytest.mark.parametrize("policy", ["statistics", "statistics_and_affine"])
def test_batch_norm_is_frozen_in_groups_that_train(network, policy):
    freezing = Freezing(network)
    freezing.freeze_batch_norm(policy)
    before = state(network)
    forward(network).sum().backward()
    after = network.module.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert not any(layer.training for layer in batch_norms(network))
    affine = {id(p) for layer in batch_norms(network) for p in layer.parameters()}
    for name, parameter in network.module.named_parameters():
        wanted = id(parameter) not in affine or policy == "statistics"
        assert parameter.requires_grad == wanted, name
        assert (parameter.grad is not None) == wanted, name
    others = [m for m in network.module.modules() if not isinstance(m, nn.BatchNorm2d)]
    assert all(module.training for module in others)


@pytest.mark.parametrize("policy", ["statistics", "statistics_and_affine"])
def test_the_policy_outlives_changes_of_stage_and_of_mode(network, policy):
    freezing = Freezing(network)
    freezing.set_trainable(["head"])
    freezing.freeze_batch_norm(policy)
    freezing.set_trainable(GROUPS)
    assert not any(layer.training for layer in batch_norms(network))
    assert all(layer.weight.requires_grad == (policy == "statistics") for layer in batch_norms(network))
    network.module.train()
    freezing.apply_modes()
    assert not any(layer.training for layer in batch_norms(network))
    freezing.freeze_batch_norm(None)
    assert with_gradient(network) == training(network) == set(GROUPS)


def test_a_frozen_group_stays_frozen_whatever_the_policy_says_of_batch_norm(network):
    freezing = Freezing(network)
    freezing.freeze_batch_norm("statistics")
    freezing.set_trainable(["head"])
    assert with_gradient(network) == training(network) == {"head"}


def test_layers_that_were_replaced_since_are_frozen_too(network):
    """As for `trainer.sync_batchnorm`, where Lightning puts others in the place of all BatchNorm layers."""
    freezing = Freezing(network)
    nn.SyncBatchNorm.convert_sync_batchnorm(network.module)
    freezing.set_trainable(["head"])
    layers = [module for module in network.module.modules() if isinstance(module, nn.SyncBatchNorm)]
    assert [layer.training for layer in layers] == [False] * 5
    freezing.set_trainable(GROUPS)
    assert [layer.training for layer in layers] == [True] * 5
    freezing.freeze_batch_norm("statistics_and_affine")
    assert [layer.training for layer in layers] == [False] * 5
    assert not any(parameter.requires_grad for layer in layers for parameter in layer.parameters())


def test_the_hash_covers_names_parameters_and_buffers_of_the_group_and_no_other(network):
    hashes = {group: group_hash(network, group) for group in GROUPS}
    assert len(set(hashes.values())) == len(GROUPS)
    for name in ("layer2.0.weight", "layer2.1.bias", "layer2.1.running_var", "layer2.1.num_batches_tracked"):
        tensor = network.module.state_dict()[name]
        kept = tensor.clone()
        with torch.no_grad():
            tensor.view(-1)[0] += 1
        changed = {group for group in GROUPS if group_hash(network, group) != hashes[group]}
        assert changed == {"layer2"}, name
        with torch.no_grad():
            tensor.copy_(kept)
        assert group_hash(network, "layer2") == hashes["layer2"]


def test_the_hash_sees_a_changed_sign_of_zero_and_no_change_of_layout_or_name(network):
    bias = network.module.state_dict()["layer1.1.bias"]
    before = group_hash(network, "layer1")
    bias.neg_()  # 0.0 becomes -0.0, which is equal to it
    assert torch.equal(bias, torch.zeros(4))
    assert group_hash(network, "layer1") != before
    bias.neg_()
    network.module.to(memory_format=torch.channels_last)
    assert group_hash(network, "layer1") == before


def test_the_hash_is_sha256_of_name_shape_type_and_bytes():
    module = nn.Sequential(nn.Linear(1, 2, bias=False), nn.Linear(2, 1, bias=False))
    network = Network(module, {"stem": ("0",), "head": ("1",)}, "head")
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([[1.0], [2.0]]))
    expected = hashlib.sha256(b"0.weight (2, 1) torch.float32" + module[0].weight.detach().numpy().tobytes())
    assert group_hash(network, "stem") == expected.hexdigest()

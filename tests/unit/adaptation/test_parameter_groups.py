from __future__ import annotations

import pytest

from tests.composed import model
from tests.tiny_network import tiny_network
from tlbench.adaptation.parameter_groups import learning_rate_scales, parameter_groups
from tlbench.errors import ConfigError
from tlbench.networks.build import build_network
from tlbench.networks.norms import to_group_norm

GROUPS = ["stem", "layer1", "layer2", "layer3", "layer4", "head"]


@pytest.mark.promise("rates by layer group")
def test_scales_fall_from_the_head_down():
    assert learning_rate_scales(GROUPS, 0.5) == {
        "head": 1.0, "layer4": 0.5, "layer3": 0.25, "layer2": 0.125, "layer1": 0.0625, "stem": 0.03125
    }  # fmt: skip
    assert set(learning_rate_scales(GROUPS, 1.0).values()) == {1.0}


def test_a_decoder_is_as_new_as_the_head_and_has_its_rate():
    assert learning_rate_scales(["stem", "layer1", "decoder", "head"], 0.5) == {
        "head": 1.0, "decoder": 1.0, "layer1": 0.5, "stem": 0.25
    }  # fmt: skip


@pytest.mark.promise("rates by layer group")
def test_every_parameter_is_in_one_group_and_only_matrices_decay():
    network = build_network(model(), 10, 0, (32, 32))
    groups = parameter_groups(network, lr=0.1, weight_decay=0.01, scales=learning_rate_scales(GROUPS, 0.5))
    assert [g["name"] for g in groups] == [f"{group}/{kind}" for group in GROUPS for kind in ("decay", "no_decay")]
    held = [id(p) for g in groups for p in g["params"]]
    assert sorted(held) == sorted(id(p) for p in network.module.parameters())
    for g in groups:
        decays = g["name"].endswith("/decay")
        assert g["weight_decay"] == (0.01 if decays else 0.0)
        assert all((p.ndim >= 2) == decays for p in g["params"])
    rates = {g["name"].split("/")[0]: g["lr"] for g in groups}
    assert rates["head"] == pytest.approx(0.1)
    assert rates["stem"] == pytest.approx(0.1 / 32)


@pytest.mark.promise("rates by decay or pattern")
def test_explicit_scales_stand_in_place_of_the_decay_for_the_groups_that_they_name():
    explicit = {"layer[12]": 0.3, "head": 2.0}
    assert learning_rate_scales(GROUPS, 0.5, explicit) == {
        "head": 2.0, "layer4": 0.5, "layer3": 0.25, "layer2": 0.3, "layer1": 0.3, "stem": 0.03125
    }  # fmt: skip
    assert learning_rate_scales(GROUPS, 0.5, {}) == learning_rate_scales(GROUPS, 0.5)


def test_a_pattern_of_no_group_and_two_of_one_are_refused_by_name():
    with pytest.raises(ConfigError, match=r"^strategy\.lr_scales: the pattern 'layr\*' matches no .* stem, layer1"):
        learning_rate_scales(GROUPS, 1.0, {"layer4": 0.5, "layr*": 0.1})
    with pytest.raises(ConfigError, match=r"the patterns 'layer\*' and 'layer3' both name 'layer3'"):
        learning_rate_scales(GROUPS, 1.0, {"layer*": 0.5, "layer3": 0.1})


def test_explicit_scales_reach_both_groups_of_a_layer_group():
    scales = learning_rate_scales(GROUPS, 1.0, {"layer4": 0.25})
    rates = {g["name"]: g["lr"] for g in parameter_groups(tiny_network(10), 0.1, 0.01, scales)}
    assert rates.pop("layer4/decay") == rates.pop("layer4/no_decay") == 0.025
    assert set(rates.values()) == {0.1}


def test_a_group_without_parameters_is_left_out():
    """The tiny network's stem has no bias; with its normalisation's weights taken away, nothing is left undecayed."""
    network = tiny_network(10)
    to_group_norm(network.module)
    network.module.bn1.weight = network.module.bn1.bias = None
    names = [g["name"] for g in parameter_groups(network, 0.1, 0.01, learning_rate_scales(GROUPS, 1.0))]
    assert names[:3] == ["stem/decay", "layer1/decay", "layer1/no_decay"]

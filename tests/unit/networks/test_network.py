from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from tlbench.networks.network import Network


def small() -> nn.Module:
    return nn.ModuleDict(
        {"stem": nn.Conv2d(3, 4, 1), "layer1": nn.BatchNorm2d(4), "layer10": nn.Linear(4, 4), "fc": nn.Linear(4, 2)}
    )


GROUPS = {"low": ("stem", "layer1"), "high": ("layer10",), "head": ("fc",)}


def test_groups_hold_their_tensors_and_modules_by_whole_components() -> None:
    module = small()
    network = Network(module, GROUPS, "head")
    assert network.group_of("layer1.running_var") == "low"
    assert network.group_of("layer10.weight") == "high"  # not layer1's
    assert [p is q for p, q in zip(network.group_parameters("high"), module["layer10"].parameters(), strict=True)]
    assert network.group_modules("low") == [module["stem"], module["layer1"]]
    assert network.group_modules("head") == [module["fc"]]
    with pytest.raises(ValueError, match=r"'layer2\.weight' lies in no layer group"):
        network.group_of("layer2.weight")


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"low": ("stem",), "high": ("layer10",), "head": ("fc",)}, r"in no layer group: .*layer1\.running_mean"),
        (
            {**GROUPS, "high": ("layer10", "layer1")} | {"head": ("fc",)},
            r"in more than one layer group: layer1\.weight",
        ),
        ({"low": ("stem", "layer1", "layer"), "high": ("layer10",), "head": ("fc",)}, r"match nothing: layer$"),
        ({"head": ("fc",), "low": ("stem", "layer1", "layer10")}, r"'head' is not the last"),
    ],
)
def test_groups_that_are_no_partition_are_refused(groups: dict[str, tuple[str, ...]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Network(small(), groups, "head")


def test_a_stray_buffer_is_refused() -> None:
    module = small()
    module.register_buffer("mean", torch.zeros(3), persistent=False)
    with pytest.raises(ValueError, match=r"in no layer group: mean$"):
        Network(module, GROUPS, "head")


def test_a_part_of_the_head_may_be_all_that_is_new_for_the_labels() -> None:
    module, groups = small(), {"low": ("stem", "layer1"), "head": ("layer10", "fc")}
    assert Network(module, groups, "head").new == ("layer10", "fc")
    network = Network(module, groups, "head", new=("fc",))
    assert (network.is_new("fc.weight"), network.is_new("layer10.weight"), network.is_new("fc1.weight")) == (1, 0, 0)
    assert list(network.new_tensors()) == ["fc.weight", "fc.bias"]
    assert replace(network, undecayed=frozenset({"stem.weight"})).new == ("fc",)
    for new, message in ((("stem",), "not in the group 'head': stem$"), (("fc.weights",), "not in the module: fc")):
        with pytest.raises(ValueError, match=message):
            Network(module, groups, "head", new=new)


def test_the_head_is_one_module() -> None:
    module = small()
    assert Network(module, GROUPS, "head").head_module() is module["fc"]
    with pytest.raises(ValueError, match=r"'head' is not one module but layer10, fc$"):
        Network(module, {"low": ("stem", "layer1"), "head": ("layer10", "fc")}, "head").head_module()
    with pytest.raises(ValueError, match=r"'head' is not one module but layer10\.weight$"):
        Network(
            module, {"low": ("stem", "layer1", "fc", "layer10.bias"), "head": ("layer10.weight",)}, "head"
        ).head_module()


def test_a_dropped_tensor_must_be_gone() -> None:
    assert Network(small(), GROUPS, "head").dropped == frozenset()
    assert Network(small(), GROUPS, "head", frozenset({"stem.gone"})).dropped == {"stem.gone"}
    with pytest.raises(ValueError, match=r"still has: layer1\.running_var$"):
        Network(small(), GROUPS, "head", frozenset({"layer1.running_var", "stem.gone"}))

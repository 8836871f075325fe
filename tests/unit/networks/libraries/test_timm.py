from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.composed import model
from tlbench.adaptation.parameter_groups import learning_rate_scales, parameter_groups
from tlbench.errors import ConfigError
from tlbench.networks.build import build_network
from tlbench.networks.libraries.timm import head_names
from tlbench.networks.network import Network
from tlbench.networks.norms import batch_norm_layers


def build(name: str, image_size: int = 32, seed: int = 0, **changes: Any) -> Network:
    return build_network(model("timm", name=name, **changes), 10, seed, (image_size, image_size))


def test_weights_are_a_function_of_the_seed_and_running_generators_stay() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = build("test_vit").module.state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    again, other = build("test_vit").module.state_dict(), build("test_vit", seed=1).module.state_dict()
    assert all(torch.equal(tensor, again[name]) for name, tensor in first.items())
    assert not torch.equal(first["head.weight"], other["head.weight"])
    assert not torch.equal(first["pos_embed"], other["pos_embed"])


@pytest.mark.parametrize("image_size", [32, 64])
@pytest.mark.parametrize("name", ["test_vit", "swin_tiny_patch4_window7_224", "mixer_s32_224", "resnet10t"])
def test_networks_of_a_fixed_input_size_are_built_for_the_images(name: str, image_size: int) -> None:
    module = build(name, image_size).module
    assert module.training
    with torch.no_grad():
        assert module(torch.zeros(3, 3, image_size, image_size)).shape == (3, 10)


@pytest.mark.parametrize("name", ["test_vit", "swin_tiny_patch4_window7_224", "mixer_s32_224", "resnet10t"])
def test_they_are_built_for_rectangles(name: str) -> None:
    module = build_network(model("timm", name=name), 10, 0, (32, 96)).module
    with torch.no_grad():
        assert module(torch.zeros(3, 3, 32, 96)).shape == (3, 10)


def test_efficientnet_lite0_is_an_option_of_its_own() -> None:
    network = build_network(model("efficientnet_lite0"), 10, 0, (32, 32))
    assert list(network.groups) == ["stem", *(f"stage{i}" for i in range(1, 6)), "head"]
    assert network.groups["head"] == ("classifier",)
    assert len(network.module.state_dict()) == 296


def test_arguments_reach_timm() -> None:
    assert build("test_vit", arguments={"depth": 2}).groups["stage2"][0] == "blocks.1"
    assert build("resnet10t", arguments={"drop_rate": 0.25}).module.drop_rate == 0.25


def test_groups_given_take_the_place_of_those_derived() -> None:
    given = {"low": ["conv1", "bn1", "layer1"], "high": ["layer2", "layer3", "layer4"], "head": ["fc"]}
    assert build("resnet10t", groups=given).groups == {group: tuple(names) for group, names in given.items()}


def test_batch_norm_layers_with_an_activation_become_group_norm() -> None:
    network = build("tf_efficientnet_lite0", norm="group")
    assert batch_norm_layers(network.module) == []
    assert len(network.dropped) == 49 * 3
    assert all(network.group_of(name) for name in network.tensor_names())


def test_weight_decay_leaves_positional_embeddings_alone() -> None:
    network = build("test_vit")
    scales = learning_rate_scales(list(network.groups), 1.0)
    of = {g["name"]: g["params"] for g in parameter_groups(network, 0.1, 0.01, scales)}
    embeddings = {id(network.module.pos_embed), id(network.module.cls_token)}
    assert embeddings <= {id(p) for p in of["stem/no_decay"]}
    assert [p.shape for p in of["stem/decay"]] == [network.module.patch_embed.proj.weight.shape]


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("resnt50", {}, r"^model\.name='resnt50': timm [\d.]+ has no such network; did you mean resnet50"),
        ("qqqqqq", {}, r"^model\.name='qqqqqq': timm .* has no such network; timm\.list_models\(\) shows them all$"),
        (
            "resnet10t",
            {"arguments": {"dropp_rate": 0.1}},
            r"^model\.name='resnet10t': timm cannot build it with dropp_rate=0\.1: TypeError: .*'dropp_rate'; correct "
            r"model\.arguments or data\.image_size$",
        ),
        (
            "resnet10t",
            {"arguments": {"global_pool": ""}},
            r"^model\.name='resnet10t': its forward pass fails .*, such as its own 176, or other model\.arguments$",
        ),
        (
            "inception_v3",
            {},
            r"^model\.name='inception_v3': its forward pass fails on images of 32 pixels: RuntimeError: .*; use "
            r"another data\.image_size, such as its own 299$",
        ),
        (
            "resnet10t",
            {"groups": {"body": ["conv1", "layer1"], "head": ["fc"]}},
            r"^model\.groups: parameters or buffers in no layer group: bn1\.weight, .* and \d+ more; the network's "
            r"parts are conv1, bn1, layer1, layer2, layer3, layer4, fc$",
        ),
        ("efficientvim_m1", {"groups": {"head": ["fc"]}}, r"^model\.groups: .* match nothing: fc; the network's parts"),
    ],
)
def test_what_cannot_be_built_is_said_in_one_line(name: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        build(name, **changes)
    assert "\n" not in str(caught.value)


def test_group_norm_that_cannot_be_is_the_configurations_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_module: Any) -> list[str]:
        raise ValueError("bn1 is a FancyNorm with parts of its own")

    monkeypatch.setattr("tlbench.networks.build.to_group_norm", refuse)
    with pytest.raises(ConfigError, match=r"^model\.norm=group: bn1 is a FancyNorm"):
        build("resnet10t", norm="group")


def test_a_network_without_a_classifier_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^model\.name='encoder': timm knows no classifier of it .* model\.groups$"):
        head_names(torch.nn.Conv2d(3, 4, 3), "encoder")

"""Networks are built on torch's meta device, without numbers, so that the largest take a fraction of a second."""

from __future__ import annotations

import re

import pytest
import timm
import torch
from torch import nn

from tests.slow import thinned
from tlbench.networks.derived_groups import derive_groups
from tlbench.networks.libraries.timm import head_names
from tlbench.networks.network import Network

RESNET = {
    "stem": ("conv1", "bn1"),
    **{f"stage{i}": (f"layer{i}",) for i in range(1, 5)},
    "head": ("fc",),
}

STAGES = {
    "resnet18": 4,
    "resnet50d": 4,
    "efficientnet_b0": 5,
    "tf_efficientnet_lite0": 5,
    "mobilenetv3_small_050": 4,
    "convnext_atto": 4,
    "vit_tiny_patch16_224": 4,
    "eva02_tiny_patch14_224": 4,
    "swin_tiny_patch4_window7_224": 4,
    "swinv2_tiny_window8_256": 4,
    "deit_tiny_distilled_patch16_224": 4,
    "mixer_s32_224": 4,
    "vgg11_bn": 4,
    "regnety_002": 4,
    "densenet121": 4,
    "nfnet_f0": 4,
    "poolformer_s12": 4,  # timm groups its layers by no matcher
    "pit_ti_224": 3,
    "rdnet_tiny": 4,
    "xcit_nano_12_p16_224": 4,
    "maxvit_nano_rw_256": 4,
    "inception_v3": 4,
    "levit_128s": 3,
    "volo_d1_224": 4,
    "cait_xxs24_224": 4,
    "mobilevit_xxs": 5,
}
"""Network → number of its stages."""


def on_meta(name: str, num_classes: int = 7) -> nn.Module:
    with torch.device("meta"):
        return timm.create_model(name, num_classes=num_classes)


def derived(name: str) -> Network:
    module = on_meta(name)
    return Network(module, derive_groups(module, head_names(module, name)), "head")


@pytest.mark.promise("any timm network")
@pytest.mark.parametrize("name", thinned(list(STAGES), 3))
def test_every_parameter_lies_in_one_group_and_the_groups_run_in_their_order(name: str) -> None:
    network = derived(name)  # Network refuses what is no partition
    stages = [f"stage{number}" for number in range(1, STAGES[name] + 1)]
    assert list(network.groups) == ["stem", *stages, "head"]
    assert all(network.group_parameters(group) for group in network.groups)
    held = [id(p) for group in network.groups for p in network.group_parameters(group)]
    assert sorted(held) == sorted(id(p) for p in network.module.parameters())
    assert groups_as_they_run(network, timm.get_pretrained_cfg(name).input_size) == list(network.groups)


@pytest.mark.parametrize("name", thinned(list(STAGES), 3))
def test_the_head_is_what_depends_on_the_number_of_classes_and_nothing_else(name: str) -> None:
    network, other = derived(name), dict(on_meta(name, 8).named_parameters())
    head = {n for n, p in network.module.named_parameters() if p.shape != other[n].shape}
    assert head
    assert {network.group_of(n) for n in head} == {"head"}
    owners = {n.rpartition(".")[0] for n in head}
    assert all(any(o == prefix or o.startswith(prefix + ".") for o in owners) for prefix in network.groups["head"])


def groups_as_they_run(network: Network, input_size: tuple[int, ...]) -> list[str]:
    """The groups in the order in which their first module with tensors is called."""
    called: dict[str, None] = {}
    for name, part in network.module.named_modules():
        if name and list(part.parameters(recurse=False)):
            group = network.group_of(f"{name}.{next(part.named_parameters(recurse=False))[0]}")
            part.register_forward_pre_hook(lambda *_, group=group: called.setdefault(group))
    with torch.no_grad():
        network.module.eval()(torch.zeros(2, *input_size, device="meta"))
    return list(called)


def test_a_residual_networks_groups_are_those_of_torchvisions() -> None:
    groups = derived("resnet18").groups
    for group, prefixes in RESNET.items():
        assert groups[group][: len(prefixes)] == prefixes
    assert {group: groups[group][len(RESNET[group]) :] for group in RESNET} == {
        "stem": ("act1", "maxpool"),  # without tensors: to be in eval mode where the stem is frozen
        **{f"stage{i}": () for i in range(1, 4)},
        "stage4": ("global_pool.pool", "global_pool.flatten"),
        "head": (),
    }


def test_a_vision_transformer_is_cut_into_four_by_its_depth() -> None:
    groups = derived("vit_tiny_patch16_224").groups
    assert groups["stem"] == ("cls_token", "pos_embed", "patch_embed", "pos_drop", "patch_drop", "norm_pre")
    assert [groups[f"stage{i}"][:3] for i in range(1, 5)] == [
        tuple(f"blocks.{3 * i + j}" for j in range(3)) for i in range(4)
    ]
    assert groups["stage4"][3:] == ("norm", "fc_norm", "head_drop")  # what lies between the last block and the head
    assert groups["head"] == ("head",)


def test_what_lies_between_the_last_stage_and_the_head_belongs_to_the_last_stage() -> None:
    assert {"conv_head", "bn2"} <= set(derived("tf_efficientnet_lite0").groups["stage5"])
    assert "pre_logits" in derived("vgg11_bn").groups["stage4"]
    assert "head.norm" in derived("convnext_atto").groups["stage4"]


def test_several_heads_are_one_group() -> None:
    assert derived("deit_tiny_distilled_patch16_224").groups["head"] == ("head", "head_dist")
    assert derived("crossvit_tiny_240").groups["head"] == ("head.0", "head.1")
    assert derived("volo_d1_224").groups["head"] == ("aux_head", "head")


@pytest.mark.promise("any timm network")
@pytest.mark.slow
def test_one_network_of_every_family_of_timm() -> None:
    """With its smallest network; 98 of 98 in timm 1.0.31."""
    failed = {}
    families = timm.list_modules()
    for family in families:
        name = min(timm.list_models(module=family), key=_size)
        try:
            network = derived(name)
            assert 4 <= len(network.groups) <= 8, list(network.groups)
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {error}"
    assert failed == {}
    print(f"{len(families)} families of timm {timm.__version__}")


def _size(name: str) -> tuple[int, str]:
    small = ("test_", "nano|pico|atto|femto|xxs", "tiny|_t_", "_s|small|_b0|18", "base")
    return next((rank for rank, words in enumerate(small) if re.search(words, name)), len(small)), name

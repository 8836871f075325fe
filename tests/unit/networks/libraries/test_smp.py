from __future__ import annotations

import urllib.request
from typing import Any

import pytest
import segmentation_models_pytorch as smp
import timm
import torch
from safetensors.torch import load_file
from torch import Tensor

from tests.composed import model
from tests.slow import mostly_slow
from tlbench.errors import ConfigError
from tlbench.networks.build import build_network
from tlbench.networks.layer_groups import TORCHVISION_SEGMENTERS
from tlbench.networks.libraries.smp import DECODERS
from tlbench.networks.libraries.timm_encoder import names_in_classifier
from tlbench.networks.network import Network
from tlbench.networks.norms import batch_norm_layers
from tlbench.sources.places import PACKAGE_FOLDER

CLASSES = 5
QUICK = ("fpn", "unet")
VIT = "tu-test_vit"
SIZES = [(64, 64), (70, 45)]
RESNET = sorted(DECODERS.keys() - {"dpt"})


def build(decoder: str, name: str = "resnet18", image_size: Any = (64, 64), seed: int = 0, **changes: Any) -> Network:
    return build_network(model("smp", name=name, decoder=decoder, **changes), CLASSES, seed, image_size)


def named(option: str) -> Network:
    """`fpn`, `dpt` or the name of a network of torchvision."""
    if option in TORCHVISION_SEGMENTERS:
        return build_network(model("torchvision", name=option), CLASSES, 0, (64, 64))
    return build(option, VIT if option == "dpt" else "resnet18")


def logits(network: Network, images: Tensor) -> Tensor:
    with torch.no_grad():
        out: Tensor = network.module.eval()(images)
    return out


@pytest.mark.parametrize(
    "option", mostly_slow([*DECODERS, *TORCHVISION_SEGMENTERS], *QUICK, "dpt", "lraspp_mobilenet_v3_large")
)
def test_logits_have_the_images_size_whatever_it_is(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib.request, "urlopen", None)  # no weights are asked for
    network = named(option)
    assert network.dense
    assert all(network.group_of(name) for name in network.tensor_names())
    assert list(network.groups)[-2:] == ["decoder", "head"]
    for height, width in SIZES:
        assert logits(network, torch.randn(1, 3, height, width)).shape == (1, CLASSES, height, width)


@pytest.mark.parametrize("decoder", mostly_slow(RESNET, *QUICK))
def test_it_is_the_librarys_network_tensor_by_tensor_and_logit_by_logit(decoder: str) -> None:
    network = build(decoder)
    original = DECODERS[decoder]("resnet18", encoder_weights=None, classes=CLASSES).eval()
    original.load_state_dict(network.module.state_dict())
    images = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        assert torch.equal(original(images), logits(network, images))


@pytest.mark.parametrize("decoder", mostly_slow(RESNET, *QUICK))
def test_an_image_of_another_size_is_seen_with_its_border_repeated_and_cut_back(decoder: str) -> None:
    network = build(decoder)
    images = torch.randn(1, 3, 60, 50)
    rows, columns = (torch.arange(64).clamp(max=last) for last in (59, 49))
    repeated = images[..., rows, :][..., columns]
    assert torch.equal(logits(network, images), logits(network, repeated)[..., :60, :50])


@pytest.mark.parametrize("decoder", mostly_slow(RESNET, *QUICK))
def test_the_encoder_has_torchvisions_tensors(decoder: str) -> None:
    encoder = build(decoder).module.get_submodule("encoder")
    weights = load_file(PACKAGE_FOLDER / "resnet18-tin200.safetensors")
    backbone = {name: tensor for name, tensor in weights.items() if not name.startswith("fc.")}
    encoder.load_state_dict(backbone)  # strict
    assert all(torch.equal(tensor, backbone[name].to(tensor)) for name, tensor in encoder.state_dict().items())


def test_weights_are_a_function_of_the_seed() -> None:
    first, again, other = (build("fpn", seed=seed).module.state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(tensor, again[name]) for name, tensor in first.items())
    assert not torch.equal(first["decoder.p5.weight"], other["decoder.p5.weight"])
    assert not torch.equal(first["encoder.conv1.weight"], other["encoder.conv1.weight"])


@pytest.mark.parametrize(
    ("name", "groups", "behind"),
    [
        ("resnet34", ["stem", "layer1", "layer2", "layer3", "layer4"], {"fc"}),
        ("tu-test_resnet", ["stem", "stage1", "stage2", "stage3", "stage4"], {"fc"}),
        ("tu-test_convnext", ["stem", "stage1", "stage2", "stage3", "stage4"], {"head"}),
        (
            "tu-test_efficientnet",
            ["stem", "stage1", "stage2", "stage3", "stage4", "stage5"],
            {"conv_head", "bn2", "classifier"},
        ),
        ("tu-pvt_v2_b0", ["stem", "stage1", "stage2", "stage3", "stage4"], {"head"}),
    ],
)
def test_groups_are_those_of_the_encoder_as_a_classifier(name: str, groups: list[str], behind: set[str]) -> None:
    network = build("fpn", name)
    assert list(network.groups) == [*groups, "decoder", "head"]
    assert network.group_of("decoder.p5.weight") == "decoder"
    assert network.group_of("segmentation_head.0.bias") == "head"
    backbone = network.backbone
    assert backbone is not None
    assert set(backbone.names) == {n for n in network.module.state_dict() if n.startswith("encoder.")}
    rest = set(backbone.classifier.state_dict()) - set(backbone.names.values())
    assert {name.split(".")[0] for name in rest} == behind


def test_a_vision_transformer_takes_images_of_any_size_and_keeps_what_is_not_decayed() -> None:
    network = build("dpt", VIT)
    published = network.module.get_parameter("encoder.model.pos_embed")
    assert published.shape[1] == 101  # of the size that it was published with, whatever that of the images
    assert {"encoder.model.pos_embed", "encoder.model.cls_token"} <= network.undecayed
    assert not any("encoder.model.norm." in name or "encoder.model.head" in name for name in network.tensor_names())
    loss = network.module(torch.randn(2, 3, 64, 64)).sum()
    loss.backward()
    assert all(parameter.grad is not None for parameter in network.module.parameters())  # else DDP would wait for it


def test_swin_keeps_its_windows_whatever_the_images_size() -> None:
    network = build("fpn", "tu-swin_tiny_patch4_window7_224", image_size=(64, 96))
    table = network.module.get_parameter("encoder.model.layers_3.blocks.0.attn.relative_position_bias_table")
    assert table.shape == (169, 24)
    assert logits(network, torch.randn(1, 3, 70, 45)).shape == (1, CLASSES, 70, 45)


@pytest.mark.parametrize(
    "option",
    mostly_slow(
        [*DECODERS, "deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large"], *QUICK, "lraspp_mobilenet_v3_large"
    ),
)
def test_group_norm_leaves_no_batch_norm_and_no_statistics_and_trains_on_one_image(option: str) -> None:
    own = named(option).tensor_names()
    if option in TORCHVISION_SEGMENTERS:
        network = build_network(model("torchvision", name=option, norm="group"), CLASSES, 0, (64, 64))
    else:
        network = build(option, VIT if option == "dpt" else "resnet18", norm="group")
    assert batch_norm_layers(network.module) == []
    assert set(own) - set(network.tensor_names()) == network.dropped
    assert network.module.train()(torch.randn(1, 3, 64, 64)).shape == (1, CLASSES, 64, 64)


def test_arguments_go_to_the_decoder_and_to_timm() -> None:
    assert (
        build("fpn", arguments={"decoder_pyramid_channels": 64}).module.get_parameter("decoder.p5.weight").shape[0]
        == 64
    )
    network = build("fpn", "tu-test_resnet", arguments={"decoder_dropout": 0.0, "drop_path_rate": 0.5})
    assert network.backbone is not None
    assert network.backbone.arguments == {"drop_path_rate": 0.5}


def test_groups_given_take_the_place_of_those_known() -> None:
    given = {"low": ["encoder"], "decoder": ["decoder"], "head": ["segmentation_head"]}
    assert list(build("unet", groups=given).groups) == list(given)
    with pytest.raises(ConfigError, match=r"^model\.groups: parameters or buffers in no layer group: decoder\."):
        build("unet", groups={"low": ["encoder"], "head": ["segmentation_head"]})


@pytest.mark.parametrize(
    ("decoder", "name", "changes", "message"),
    [
        (
            "fpn",
            VIT,
            {},
            r"^model\.name='tu-test_vit': its feature maps are all at stride 16, and model\.decoder=fpn wants them at "
            r"4, 8, 16 and 32; use model\.decoder=dpt, which takes them so$",
        ),
        (
            "unet",
            "tu-levit_128",
            {},
            r"its feature maps are at strides 16, 32, 64, and .*; use another encoder, such as t",
        ),
        ("unet", "tu-resnt18", {}, r"^model\.name='tu-resnt18': timm .* has no such network; did you mean tu-resnet18"),
        (
            "dpt",
            "tu-test_resnet",
            {},
            r"model\.decoder=dpt is for vision transformers, .*; use model\.decoder=fpn, or an",
        ),
        (
            "dpt",
            "tu-vit_small_patch14_dinov2",
            {},
            r"its patches are 14 pixels wide, and .*; use one of 8, 16 or 32 pix",
        ),
        (
            "deeplabv3plus",
            "tu-swin_tiny_patch4_window7_224",
            {},
            r"segmentation_models_pytorch cannot build it with .*; it dilates the encoder's last stages, which not e",
        ),
        (
            "fpn",
            "resnet18",
            {"width": 2},
            r"^model\.arguments\.width: model\.decoder=fpn has no such argument; it has deco",
        ),
        (
            "fpn",
            "resnet18",
            {"decoder_merge_policy": "x"},
            r"cannot build it with decoder_merge_policy='x': .*correct mod",
        ),
        (
            "fpn",
            "resnet18",
            {"upsampling": 2},
            r"it gives a tensor \(2, 5, 32, 32\), not one tensor \(2, 5, 64, 64\) with",
        ),
        (
            "fpn",
            "tu-test_resnet",
            {"depths": 3},
            r"^model\.name='tu-test_resnet': timm cannot build it with depths=3: ",
        ),
    ],
)
def test_what_cannot_be_built_is_refused_in_one_line(decoder: str, name: str, changes: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        build(decoder, name, arguments=changes)
    assert "\n" not in str(caught.value)


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(
        ConfigError, match=r"^model\.library=smp: .* not installed; run pip install 'tlbench\[segmentation\]'"
    ):
        build("fpn")


def test_all_decoders_are_the_librarys() -> None:
    assert {kind.__module__.split(".")[0] for kind in DECODERS.values()} == {smp.__name__}


@pytest.mark.slow
def test_a_network_of_every_family_of_timm_is_an_encoder_or_refused_by_its_strides() -> None:
    """With its smallest network; of 98 in timm 1.0.31, 69 have the feature maps."""
    wrong, encoders = {}, 0
    for family in timm.list_modules():
        name = min(timm.list_models(module=family), key=lambda each: (not each.startswith("test_"), len(each), each))
        try:
            with torch.device("meta"):
                features: Any = timm.create_model(name, features_only=True)
                classifier = timm.create_model(name, num_classes=10)
        except Exception:  # timm gives no features of it
            continue
        if list(features.feature_info.reduction())[-4:] == [4, 8, 16, 32]:
            names = names_in_classifier(features.state_dict(), classifier.state_dict())
            encoders += 1
            if names is None:
                wrong[name] = type(features).__name__
    assert wrong == {}
    assert encoders > 50

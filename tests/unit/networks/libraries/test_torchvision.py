from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision.models
import yaml

from tests.composed import config, model
from tests.slow import thinned
from tlbench.config import ModelConfig
from tlbench.config.compose import compose_config
from tlbench.errors import ConfigError
from tlbench.networks.build import build_network
from tlbench.networks.layer_groups import LAYER_GROUPS, TORCHVISION_MODELS
from tlbench.networks.libraries.torchvision import torchvision_network
from tlbench.networks.network import Network


def built(name: str, classes: int = 3, side: int = 32) -> Network:
    return torchvision_network(model("torchvision", name=name), classes, (side, side))


@pytest.mark.promise("any classifier of torchvision")
def test_every_classifier_of_torchvision_may_be_named() -> None:
    assert list(TORCHVISION_MODELS) == torchvision.models.list_models(module=torchvision.models)


CHEAP = {
    "squeezenet1_1": (32, "features.0", "features.12", "classifier.1"),
    "mobilenet_v3_small": (32, "features.0.0", "classifier.0", "classifier.3"),
    "shufflenet_v2_x0_5": (32, "conv1.0", "conv5.0", "fc"),
    "regnet_x_400mf": (32, "stem.0", "trunk_output.block4.block4-0.proj.0", "fc"),
    "mnasnet0_5": (32, "layers.0", "layers.14", "classifier.1"),
    "densenet121": (32, "features.conv0", "features.norm5", "classifier"),
}


@pytest.mark.parametrize("name", thinned(list(CHEAP), 3))
def test_groups_go_from_the_stem_to_what_depends_on_the_classes(name: str) -> None:
    side, first, last, head = CHEAP[name]
    network, other = built(name, side=side), built(name, classes=5, side=side)
    groups = list(network.groups)
    assert (groups[0], groups[-1], groups[1:-1]) == ("stem", "head", [f"stage{n}" for n in range(1, len(groups) - 1)])
    assert len(groups) >= 5
    assert (network.group_of(f"{first}.weight"), network.group_of(f"{last}.weight")) == ("stem", groups[-2])
    own, wider = network.module.state_dict(), other.module.state_dict()
    assert network.new == (head,)
    assert {n for n in own if own[n].shape != wider[n].shape} == {n for n in own if network.is_new(n)}
    parameters = [id(p) for group in groups for p in network.group_parameters(group)]
    assert sorted(parameters) == sorted(id(p) for p in network.module.parameters())
    with torch.no_grad():
        assert network.module.eval()(torch.zeros(2, 3, side, side)).shape == (2, 3)


def test_groups_do_not_depend_on_the_image_size() -> None:
    assert built("regnet_x_400mf", side=32).groups == built("regnet_x_400mf", side=96).groups
    assert built("squeezenet1_1", side=48).groups["stage2"] == ("features.6", "features.7", "features.8")


def test_stages_of_convnext_begin_with_their_downsampling() -> None:
    with torch.device("meta"):
        groups = built("convnext_tiny").groups
    assert groups["stem"] == ("features.0",)
    assert groups["stage2"] == ("features.2", "features.3")
    assert groups["stage4"][:3] == ("features.6", "features.7", "classifier.0")


def test_a_transformer_is_built_for_the_images_and_cut_by_its_depth() -> None:
    with torch.device("meta"):
        network = built("vit_b_32", side=64)
    assert tuple(network.module.encoder.pos_embedding.shape) == (1, 1 + 2 * 2, 768)
    blocks = {n: [int(p.rpartition("_")[2]) for p in v if "encoder_layer_" in p] for n, v in network.groups.items()}
    assert [blocks[f"stage{n}"] for n in range(1, 5)] == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]
    assert network.undecayed == {"class_token", "encoder.pos_embedding"}
    assert {"class_token", "conv_proj"} <= set(network.groups["stem"])


@pytest.mark.parametrize("name", ["inception_v3", "googlenet"])
def test_auxiliary_classifiers_are_left_out(name: str) -> None:
    with torch.device("meta"):
        network = built(name, side=96)
        outputs = network.module.train()(torch.zeros(2, 3, 96, 96))
    assert outputs.shape == (2, 3)
    assert network.module.transform_input


@pytest.mark.parametrize(
    ("name", "side", "message"),
    [
        ("alexnet", 32, "model.name='alexnet': its forward pass fails on images of 32 pixels: .* such as its own 224"),
        (
            "vit_b_32",
            40,
            "data.image_size=40: torchvision cannot build vit_b_32 for it: .*; use its own 224, or a size",
        ),
        ("maxvit_t", 64, "data.image_size=64: torchvision cannot build maxvit_t for it: .*; use its own 224"),
    ],
)
def test_images_that_a_network_does_not_take(name: str, side: int, message: str) -> None:
    with torch.device("meta"), pytest.raises(ConfigError, match=message):
        built(name, side=side)


def test_rectangles_are_taken_but_by_transformers_of_one_size() -> None:
    with torch.device("meta"):
        network = torchvision_network(model("torchvision", name="swin_t"), 3, (32, 64))
        assert network.module.eval()(torch.zeros(2, 3, 32, 64)).shape == (2, 3)
    for name in ("vit_b_32", "maxvit_t"):
        with pytest.raises(ConfigError) as refused:
            torchvision_network(model("torchvision", name=name), 3, (224, 448))
        assert str(refused.value) == (
            f"data.image_size=[224,448]: torchvision's {name} takes square images alone; use one number, such as its "
            "own 224, or a network of timm (model=timm)"
        )


def test_rectangles_that_a_network_does_not_take() -> None:
    message = r"model.name='alexnet': its forward pass fails on images of 32×64 \(height × width\) pixels: "
    with torch.device("meta"), pytest.raises(ConfigError, match=message):
        torchvision_network(model("torchvision", name="alexnet"), 3, (32, 64))


def test_a_networks_name_is_an_option_of_its_own() -> None:
    short, long = compose_config(["model=vgg11_bn"]), compose_config(["model=torchvision", "model.name=vgg11_bn"])
    assert short == long
    assert (short.model.library, short.study) == ("torchvision", "digits_vgg11_bn")


def test_a_users_file_of_a_networks_name_is_taken(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    (tmp_path / "model").mkdir()
    option = {"name": "resnet50", "library": "timm", "import_path": None, "arguments": {"drop_rate": 0.1}}
    values = {**option, "groups": None, "norm": "group"}
    (tmp_path / "model" / "resnet50.yaml").write_text(yaml.safe_dump(values))
    assert compose_config(["model=resnet50"], [str(tmp_path)]).model == ModelConfig.model_validate(values)
    assert not [w for w in recwarn if "ConfigStore" in str(w.message)]


def test_known_groups_are_checked_before_anything_is_built() -> None:
    assert LAYER_GROUPS["wide_resnet50_2"] == LAYER_GROUPS["resnet18"]
    with pytest.raises(ConfigError, match=r"strategy\.lr_scales: the pattern 'stage1' matches no layer group"):
        config("model=torchvision", "model.name=resnet50", "strategy.lr_scales={stage1: 0.5}")
    config("model=torchvision", "model.name=vgg11", "strategy.lr_scales={stage1: 0.5}")


def test_the_weights_are_a_function_of_the_seed() -> None:
    first, second, other = (
        build_network(model("torchvision", name="squeezenet1_1"), 3, s, (32, 32)) for s in (0, 0, 1)
    )
    one, same, another = (network.module.state_dict() for network in (first, second, other))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["classifier.1.weight"], another["classifier.1.weight"])


@pytest.mark.slow
@pytest.mark.parametrize("name", TORCHVISION_MODELS)
def test_every_classifier_is_built_with_groups(name: str) -> None:
    device = "cpu" if name.startswith("regnet") else "meta"  # regnet computes its widths with tensors
    with torch.device(device):
        network = built(name, side=224)
    head = network.groups["head"][0]
    own = {n: t.shape for n, t in network.module.state_dict().items()}
    assert {n for n, shape in own.items() if 3 in shape[:1] and n.startswith(head)} == {
        n for n in own if network.is_new(n)
    }
    assert next(iter(network.groups)) == "stem"
    assert len(network.groups) >= 5

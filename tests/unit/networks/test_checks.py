from __future__ import annotations

import pytest
import torch

from tests.composed import changed, config, model, unresolved
from tlbench.config import TrainConfig
from tlbench.config.compose import compose_config
from tlbench.config.hash import config_hash, difference
from tlbench.errors import ConfigError
from tlbench.networks.build import build_network
from tlbench.networks.checks import check_kind, model_problems
from tlbench.tasks.registry import spec_named

OWN = ("model=module", "model.import_path=my_nets:Small", "model.groups={stem: [conv], body: [bn], head: [fc]}")
TIMM = ("model=timm", "model.name=resnet10t")


@pytest.mark.parametrize(
    ("overrides", "start"),
    [
        (
            ["model.name=resnet81"],
            "model.name='resnet81': torchvision has no such classifier; did you mean resnet18, ",
        ),
        (["model.arguments={width: 2}"], "model.arguments={'width': 2}: resnet18 takes none; use {}, or model=timm"),
        (["model.import_path=my_nets:Small"], "model.import_path='my_nets:Small': only for model=module; use null"),
        (
            [*TIMM, "model.import_path=a:b"],
            "model.import_path='a:b': only for model=module; use null with library=timm",
        ),
        (
            [*TIMM, "model.name=resnet18.a1_in1k"],
            "model.name='resnet18.a1_in1k': 'a1_in1k' names weights, not an architecture; use model.name=resnet18, and "
            "source=timm source.tag=a1_in1k for those weights",
        ),
        ([*TIMM, "model.arguments={pretrained: true}"], "model.arguments.pretrained=True: not to be given, as weights"),
        (
            [*TIMM, "model.arguments={pretrained_cfg: {url: 'http://x'}}"],
            "model.arguments.pretrained_cfg={'url'",
        ),
        ([*TIMM, "model.arguments={pretrained_strict: false}"], "model.arguments.pretrained_strict=False: not to be"),
        ([*TIMM, "model.arguments={checkpoint_path: w.pt}"], "model.arguments.checkpoint_path='w.pt': not to be given"),
        ([*TIMM, "model.arguments={cache_dir: /x}"], "model.arguments.cache_dir='/x': not to be given, as weights"),
        ([*TIMM, "model.name=hf-hub:somebody/net"], "model.name='hf-hub:somebody/net': letters, digits"),
        ([*TIMM, "model.name=local-dir:net"], "model.name='local-dir:net': letters, digits"),
        ([*TIMM, "model.arguments={num_classes: 3}"], "model.arguments.num_classes=3: not to be given, as it is the"),
        ([*OWN, "model.arguments={num_classes: 3}"], "model.arguments.num_classes=3: not to be given, as it is the"),
        ([*OWN, "model.import_path=null"], "model.import_path=null: name what builds the network as package.module:Na"),
        ([*OWN, "model.import_path=my_nets"], "model.import_path='my_nets': name what builds the network as package."),
        ([*OWN, "model.import_path='../nets.py:Small'"], "model.import_path='../nets.py:Small': name what builds"),
        (
            [*OWN, "model.groups=null"],
            "model.groups=null: name the layer groups from input to head, each with prefixes",
        ),
        ([*OWN, "model.groups={}"], "model.groups: the last of no groups is not 'head'"),
        ([*OWN, "model.groups={head: [fc], body: [bn]}"], "model.groups: the last of head, body is not 'head'; name"),
        ([*OWN, "model.groups={stem: [], head: [fc]}"], "model.groups.stem=[]: name the modules or parameters in it"),
        ([*OWN, "model.groups={a/b: [bn], head: [fc]}"], "model.groups: 'a/b' is no name for a group; use letters"),
        # what does not fit groups that are known is found before anything is built
        ([*OWN, "strategy.lr_scales={layer4: 0.5}"], "strategy.lr_scales: the pattern 'layer4' matches no layer group"),
        (
            [*OWN, "strategy=gradual_unfreezing", "trainer.max_epochs=2", "optimizer.warmup_epochs=0"],
            "strategy.every_n_epochs=1: stage 3 (stem) would begin after 2 epochs and never unfreeze",
        ),
        ([*TIMM, "callbacks.monitor=val/map50"], "callbacks.monitor='val/map50': the best epoch is chosen on validat"),
    ],
)
def test_what_contradicts_itself_is_named_with_a_way_out(overrides: list[str], start: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config(*overrides)
    assert str(caught.value).startswith(start), str(caught.value)


@pytest.mark.parametrize("name", ["hf-hub:timm/resnet18", "local-dir:/models/net", "my net", "../up"])
def test_a_network_of_a_hub_or_a_folder_is_refused(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config("model=timm", f"model.name='{name}'")
    assert str(caught.value).startswith(f"model.name={name!r}: letters, digits, '.', '_', '+' and '-' only")
    assert "give one of timm.list_models(), such as resnet50" in str(caught.value)


@pytest.mark.parametrize(
    "overrides",
    [
        OWN,
        [*OWN, "model.import_path=package.my_nets:Net.wide", "model.arguments={width: 3}"],
        [*OWN, "strategy.lr_scales={stem: 0.5}", "strategy=gradual_unfreezing", "trainer.max_epochs=3"],
        TIMM,
        [*TIMM, "strategy.lr_scales={stage4: 0.5}"],  # checked once the network is built
        ["model=efficientnet_lite0", "model.arguments={drop_path_rate: 0.1}"],
        ["model.groups={backbone: [conv1, bn1, layer1, layer2, layer3, layer4], head: [fc]}"],
    ],
)
def test_what_is_allowed(overrides: list[str]) -> None:
    assert model_problems(config(*overrides).model) == []


def test_options_compose_with_their_arguments_and_groups_in_their_order() -> None:
    own = compose_config(
        [
            "model=module",
            "model.name=small",
            "model.import_path=my_nets:Small",
            "model.groups={stem:[conv1],body:[blocks,norm],head:[fc]}",
            "model.arguments={width:8}",
        ]
    )
    assert list(own.model.groups or {}) == ["stem", "body", "head"]
    assert (own.model.arguments, own.study) == ({"width": 8}, "digits_small")
    assert compose_config(["model=efficientnet_lite0"]).model.arguments == {}


def test_the_order_of_groups_is_part_of_the_hash() -> None:
    orders = [
        config(*OWN[:2], f"model.groups={{{text}, head: [fc]}}").model_dump(mode="json")
        for text in ("a: [conv], b: [bn]", "b: [bn], a: [conv]")
    ]
    assert config_hash(orders[0]) != config_hash(orders[1])
    assert difference(*orders) == ["model.groups: ['a', 'b', 'head'] → ['b', 'a', 'head']"]


MAPS = "task=semantic_segmentation"
DDP = ("trainer.devices=4", "data.batch_size=4", "trainer.accelerator=cpu")


def of_maps(*overrides: str) -> TrainConfig:
    return changed(unresolved(MAPS), *overrides)


@pytest.mark.parametrize(
    ("overrides", "start"),
    [
        (["model.decoder=null"], "model.decoder=null: library=smp needs one, such as model.decoder=fpn"),
        (
            ["model.decoder=linknet"],
            "model.decoder='linknet': input should be 'unet', 'fpn', 'deeplabv3plus', 'upernet', ",
        ),
        (
            ["model.name=mit_b0"],
            "model.name='mit_b0': of segmentation_models_pytorch's own encoders there are resnet18, ",
        ),
        (["model.decoder=dpt"], "model.decoder=dpt with model.name='resnet18': dpt is for vision transformers; use "),
        (
            ["model.name=tu-resnet18.a1_in1k"],
            "model.name='tu-resnet18.a1_in1k': 'a1_in1k' names weights, not an archite",
        ),
        (
            ["model.arguments={encoder_weights: imagenet}"],
            "model.arguments.encoder_weights='imagenet': not to be given",
        ),
        (
            ["model.arguments={activation: sigmoid}"],
            "model.arguments.activation='sigmoid': not to be given, as losses ",
        ),
        (
            ["model.arguments={pretrained: true}"],
            "model.arguments.pretrained=True: not to be given, as weights come fro",
        ),
        (["model.import_path=a:b"], "model.import_path='a:b': only for model=module; use null with library=smp"),
        (
            ["source=timm"],
            "source=timm: has no weights for model.name=resnet18; use model.name=tu-resnet18, or source=",
        ),
        (
            ["strategy.lr_scales={layer9: 0.5}"],
            "strategy.lr_scales: the pattern 'layer9' matches no layer group; there a",
        ),
        (
            ["model=torchvision", "model.name=resnet50"],
            "model.name='resnet50': gives logits for an image as a whole, not for task=semantic_segmentation; use smp",
        ),
        (
            ["model=torchvision", "model.name=fcn_resnet50", "model.decoder=fpn"],
            "model.decoder=fpn: only for model=smp; use null with library=torchvision",
        ),
    ],
)
def test_what_is_wrong_with_a_network_of_maps_is_named_with_a_way_out(overrides: list[str], start: str) -> None:
    with pytest.raises(ConfigError) as caught:
        of_maps(*overrides)
    assert str(caught.value).startswith(start), str(caught.value)


def test_a_network_of_maps_is_none_for_labels() -> None:
    with pytest.raises(ConfigError) as caught:
        config("model=torchvision", "model.name=fcn_resnet50", "source=random")
    assert str(caught.value).startswith(
        "model.name='fcn_resnet50': gives logits for each place of an image, not for task=classification; use resnet"
    )
    own = model("module")
    check_kind(True, own, spec_named("semantic_segmentation"))
    with pytest.raises(
        ConfigError, match=r"^model\.name='module': it gives logits \(B, C\), one for each image, and task=s"
    ):
        check_kind(False, own, spec_named("semantic_segmentation"))
    with pytest.raises(
        ConfigError, match=r"gives logits \(B, C, H, W\), .*wants \(B, C\), one for each image; let it ret"
    ):
        check_kind(True, own, spec_named("classification"))


NETWORKS_OF_MAPS = [
    *(("smp", {"decoder": decoder}) for decoder in ("unet", "fpn", "deeplabv3plus", "upernet", "segformer")),
    ("smp", {"decoder": "dpt", "name": "tu-test_vit"}),
    *(("torchvision", {"name": name}) for name in ("deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large")),
]


@pytest.mark.parametrize(("option", "changes"), NETWORKS_OF_MAPS)
def test_a_process_with_one_image_is_refused_where_the_network_cannot_train_on_it(
    option: str, changes: dict[str, str]
) -> None:
    given = [f"model={option}", *(f"model.{key}={value}" for key, value in changes.items())]
    module = build_network(model(option, **changes), 3, 0, (64, 64)).module.train()
    try:
        module(torch.zeros(1, 3, 64, 64))
    except ValueError:
        with pytest.raises(ConfigError) as caught:
            of_maps(*given, *DDP)
        assert str(caught.value).startswith(
            "data.batch_size=4 with trainer.devices=4: each process would train on one "
        )
        assert "use data.batch_size=8 or more, model.norm=group, or another network" in str(caught.value)
        for way_out in ("data.batch_size=8", "model.norm=group", "callbacks.freeze_batch_norm=statistics"):
            of_maps(*given, *DDP, way_out)
    else:
        of_maps(*given, *DDP)


def test_a_decoder_of_null_changes_no_hash() -> None:
    values = config().model_dump(mode="json")
    before = {**values, "model": {key: value for key, value in values["model"].items() if key != "decoder"}}
    assert config_hash(values) == config_hash(before)
    assert config_hash(of_maps("model.decoder=unet").model_dump(mode="json")) != config_hash(
        of_maps().model_dump(mode="json")
    )

"""The one reading of a file that gives the backbone whole, however others wrap and name it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import timm
import torch
import torchvision.models
from timm.layers.pos_embed import resample_abs_pos_embed
from torch import Tensor, nn

from tests.composed import config, model, source_of
from tests.tiny_network import tiny_network
from tests.weights_files import holding
from tlbench.errors import WeightsError
from tlbench.networks.network import Network
from tlbench.sources.entries import entries_of
from tlbench.sources.foreign_names import known_names
from tlbench.sources.load import apply_source
from tlbench.sources.read import WeightsFile
from tlbench.sources.readings import find_backbone
from tlbench.sources.report import LoadReport

Tensors = dict[str, Tensor]


def tiny(seed: int = 0, classes: int = 5) -> Tensors:
    torch.manual_seed(seed)
    return {
        n: t + torch.rand_like(t.float()) if t.is_floating_point() else t
        for n, t in tiny_network(classes).module.state_dict().items()
    }


def body(tensors: Tensors) -> Tensors:
    return {name: tensor for name, tensor in tensors.items() if not name.startswith("fc.")}


def under(prefix: str, tensors: Tensors) -> Tensors:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def loaded(tmp_path: Any, content: Any, network: Network | None = None, **source: Any) -> tuple[Network, LoadReport]:
    torch.save(content, tmp_path / "w.pt")
    network = network or tiny_network(3)
    given = source_of("checkpoint", tmp_path / "w.pt", **source)
    return network, apply_source(network, given, model(), config().data)


def numbered(tensors: Tensors, names: list[str]) -> Tensors:
    return {f"{names.index(n.split('.')[0])}.{n.partition('.')[2]}": t for n, t in body(tensors).items()}


WRAPPED: dict[str, tuple[Callable[[Tensors], Any], str, str]] = {
    # as the entry is called, and what stands before the names in it
    "plain": (lambda t: t, "", ""),
    "model_state_dict": (lambda t: {"model_state_dict": t, "optimizer_state_dict": {}}, "model_state_dict", ""),
    "net": (lambda t: {"net": t, "acc": 91.2}, "net", ""),
    "weights": (lambda t: {"weights": t}, "weights", ""),
    "model_ema": (lambda t: {"model_ema": t}, "model_ema", ""),
    "teacher": (lambda t: {"teacher": under("backbone", t)}, "teacher", "backbone"),
    "params_ema (BasicSR)": (lambda t: {"params_ema": t}, "params_ema", ""),
    "twice parallel": (lambda t: {"state_dict": under("module.module", t)}, "state_dict", "module.module"),
    "BYOL": (lambda t: {"state_dict": under("online_network.net", body(t))}, "state_dict", "online_network.net"),
    "SwAV": (lambda t: {**under("module", body(t)), "module.projection_head.0.weight": torch.ones(2, 2)}, "", "module"),
    "MoCo": (lambda t: {"state_dict": {**under("module.encoder_q", body(t)), "module.queue": torch.ones(2, 9)}},
             "state_dict", "module.encoder_q"),
    "deep": (lambda t: {"a": {"b": {"trunk": under("_feature_blocks", t)}}}, "a.b.trunk", "_feature_blocks"),
    "a list of pairs": (lambda t: list(t.items()), "", ""),
    "in a list": (lambda t: {"models": [t]}, "models.0", ""),
    "lightly": (lambda t: under("backbone", numbered(t, ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4"])),
                "", "backbone"),
    "a mapping for each layer": (
        lambda t: {"params": {m: {n.removeprefix(f"{m}."): v for n, v in t.items() if n.startswith(f"{m}.")}
                              for m in dict.fromkeys(n.split(".")[0] for n in t)}}, "params", ""),
}  # fmt: skip


@pytest.mark.promise("the backbone is found")
@pytest.mark.parametrize("kind", WRAPPED)
def test_the_backbone_is_found(kind: str, tmp_path: Any) -> None:
    wrap, entry, prefix = WRAPPED[kind]
    network, report = loaded(tmp_path, wrap(tiny()))
    own = network.module.state_dict()
    assert all(torch.equal(own[name], tensor) for name, tensor in body(tiny()).items())
    assert (report.entry, report.prefix, report.loaded) == (entry, prefix, len(body(tiny())))
    assert report.reinitialised == ["fc.weight", "fc.bias"]


TWICE = {
    "entries": {"state_dict": tiny(), "state_dict_ema": tiny(1)},
    "prefixes": {"s": under("encoder_q", body(tiny())) | under("encoder_k", body(tiny(1)))},
    "both": {"student": under("module.backbone", tiny()), "teacher": under("backbone", tiny(1))},
}


@pytest.mark.promise("several readings")
@pytest.mark.parametrize(
    ("kind", "listed", "choice"),
    [
        ("entries", "source.entry=state_dict | source.entry=state_dict_ema", {"entry": "state_dict_ema"}),
        ("prefixes", "source.entry=s source.prefix=encoder_q | source.entry=s source.prefix=encoder_k",
         {"prefix": "encoder_k"}),
        ("both", "source.entry=student source.prefix=module.backbone | source.entry=teacher source.prefix=backbone",
         {"entry": "teacher"}),
    ],
)  # fmt: skip
def test_several_readings_are_listed_and_the_user_chooses(
    kind: str, listed: str, choice: dict[str, str], tmp_path: Any
) -> None:
    with pytest.raises(WeightsError, match=re.escape(f"2 times, with other values each; choose one: {listed}")):
        loaded(tmp_path, TWICE[kind])
    network, report = loaded(tmp_path, TWICE[kind], **choice)
    assert torch.equal(network.module.state_dict()["conv1.weight"], tiny(1)["conv1.weight"])
    assert choice.items() <= {"entry": report.entry, "prefix": report.prefix}.items()
    if kind == "entries":
        assert report.notes == ["'state_dict_ema' is taken, the averaged weights"]
        notes = loaded(tmp_path, TWICE[kind], entry="state_dict")[1].notes
        assert notes == ["not the averaged weights 'state_dict_ema', which source.entry=state_dict_ema takes"]


def test_readings_of_the_same_values_are_one(tmp_path: Any) -> None:
    both = {"best": tiny(), "last": {n: t.clone() for n, t in tiny().items()}}
    assert loaded(tmp_path, both)[1].entry == "best"


def test_an_entry_or_prefix_that_is_not_there_is_answered_with_what_is(tmp_path: Any) -> None:
    with pytest.raises(
        WeightsError, match=r"source\.entry='ema': .*w\.pt has no such entry with tensors; it has 'net'"
    ):
        loaded(tmp_path, {"net": tiny()}, entry="ema")
    with pytest.raises(
        WeightsError, match=r"source\.prefix='x': .* no tensors of the network under it; its first are co"
    ):
        loaded(tmp_path, {"net": tiny()}, prefix="x")


SPARE: dict[str, Callable[[Tensors], tuple[Tensors, list[str]]]] = {
    "thop's counts": lambda t: ({**t, "total_ops": torch.zeros(1), "layer1.total_params": torch.zeros(1)},
                                ["total_ops", "layer1.total_params"]),
    "a loss": lambda t: ({**t, "criterion.weight": torch.ones(3)}, ["criterion.weight"]),
    "a projection": lambda t: ({**t, "projector.0.weight": torch.ones(2, 2)}, ["projector.0.weight"]),
    "a swa average": lambda t: ({**t, "n_averaged": torch.tensor(3)}, ["n_averaged"]),
    "a metric": lambda t: ({**t, "val_acc.correct": torch.tensor(3)}, ["val_acc.correct"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", SPARE)
def test_a_spare_tensor_is_left_out_and_said(kind: str, tmp_path: Any) -> None:
    content, spare = SPARE[kind](tiny())
    _, report = loaded(tmp_path, content)
    assert report.ignored == ["fc.weight", "fc.bias", *spare]
    assert report.notes == [f"no part of the network and left out: {', '.join(spare)}"]
    assert report.notes[0] in report.line()


def test_a_further_layer_is_another_architecture(tmp_path: Any) -> None:
    with pytest.raises(
        WeightsError, match=r"0 are missing and 0 have another shape, 1 are extra; first: layer1\.9\.wei"
    ):
        loaded(tmp_path, {**tiny(), "layer1.9.weight": torch.ones(4, 4)})


@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.int32])
def test_a_counter_of_another_type_is_a_counter(kind: torch.dtype, tmp_path: Any) -> None:
    content = {n: torch.full((1,), 7, dtype=kind) if n.endswith("tracked") else t for n, t in tiny().items()}
    network, report = loaded(tmp_path, content)
    assert int(network.module.state_dict()["bn1.num_batches_tracked"]) == 7
    assert network.module.state_dict()["bn1.num_batches_tracked"].dtype == torch.int64
    assert report.absent == []


@pytest.mark.parametrize("channels", [1, 4, 6])
def test_images_of_other_channels_are_called_so(channels: int, tmp_path: Any) -> None:
    content = {**tiny(), "conv1.weight": torch.ones(4, channels, 7, 7)}
    what = "1 channel:" if channels == 1 else f"{channels} channels:"
    with pytest.raises(
        WeightsError, match=rf"of resnet18 for images of {what} conv1\.weight is \(4, {channels}, 7, 7\)"
    ) as e:
        loaded(tmp_path, content)
    assert ("weight.repeat(1, 3, 1, 1) / 3" in str(e.value)) == (channels == 1)


def test_what_repeated_grey_weights_do() -> None:
    """The remedy that is named: they answer to three equal channels as they did to one."""
    grey = torch.randn(4, 1, 7, 7)
    image = torch.randn(1, 1, 9, 9)
    colours = nn.functional.conv2d(image.repeat(1, 3, 1, 1), grey.repeat(1, 3, 1, 1) / 3)
    assert torch.allclose(colours, nn.functional.conv2d(image, grey), atol=1e-5)


# ---- names of other libraries, on networks of theirs that are small


def torchvisions_vit(image: int = 32) -> nn.Module:
    torch.manual_seed(0)
    vit = torchvision.models.VisionTransformer(image, 16, 2, 2, 16, 32, num_classes=3)
    nn.init.normal_(vit.heads[0].weight)
    return vit.eval()


def timms_vit(image: int = 32) -> nn.Module:
    torch.manual_seed(1)
    return timm.models.VisionTransformer(
        image, 16, num_classes=3, embed_dim=16, depth=2, num_heads=2, mlp_ratio=2, norm_layer=nn.LayerNorm
    ).eval()


def as_network(module: nn.Module) -> Network:
    head = "heads" if hasattr(module, "heads") else "head"
    rest = tuple(n for n in dict.fromkeys(n.split(".")[0] for n in module.state_dict()) if n != head)
    return Network(module, {"body": rest, "head": (head,)}, "head")


def take_over(network: Network, content: Tensors) -> str:
    named = find_backbone(holding({"": content}), network, None, None)
    assert named.whole
    own = network.module.state_dict()
    network.module.load_state_dict({n: t for n, t in named.tensors.items() if n in own}, strict=False)
    return named.whose


def test_a_vit_of_torchvision_in_timms_network_and_back_gives_the_same_features() -> None:
    images = torch.randn(2, 3, 32, 32)
    theirs, ours = torchvisions_vit(), timms_vit()
    for block in [m for m in ours.modules() if isinstance(m, nn.LayerNorm)]:
        block.eps = 1e-6
    assert take_over(as_network(ours), theirs.state_dict()) == "torchvision's ViT"
    theirs.heads, ours.head = nn.Identity(), nn.Identity()
    with torch.no_grad():
        assert torch.allclose(theirs(images), ours(images), atol=1e-5)
    again = torchvisions_vit()
    nn.init.zeros_(again.class_token)
    assert take_over(as_network(again), ours.state_dict()) == "timm's ViT"
    again.heads = nn.Identity()
    with torch.no_grad():
        assert torch.allclose(theirs(images), again(images), atol=1e-5)


def of_transformers(name: str) -> list[str]:
    """timm's name of a tensor in a ViT → transformers', written here by hand."""
    fixed = {"cls_token": "embeddings.cls_token", "pos_embed": "embeddings.position_embeddings"}
    if name in fixed:
        return [fixed[name]]
    swaps = [("patch_embed.proj", "embeddings.patch_embeddings.projection"), ("blocks.", "encoder.layer."),
             ("norm1", "layernorm_before"), ("norm2", "layernorm_after"), ("attn.proj", "attention.output.dense"),
             ("mlp.fc1", "intermediate.dense"), ("mlp.fc2", "output.dense")]  # fmt: skip
    for old, new in swaps:
        name = name.replace(old, new)
    if name.startswith("norm."):
        return [name.replace("norm.", "layernorm.")]
    parts = ("query", "key", "value")
    return [name.replace("attn.qkv", f"attention.attention.{p}") for p in parts] if "attn.qkv" in name else [name]


@pytest.mark.parametrize("make", [timms_vit, torchvisions_vit])
def test_a_vit_of_transformers_is_read_query_key_and_value_joined(make: Callable[[], nn.Module]) -> None:
    source, content = timms_vit(), {}
    for name, tensor in source.state_dict().items():
        names = of_transformers(name)
        content |= dict(zip(names, tensor.chunk(len(names)), strict=True))
    content = under("vit", {n: t for n, t in content.items() if not n.startswith("head")})
    content |= {"classifier.weight": torch.ones(9, 16), "vit.pooler.dense.weight": torch.ones(16, 16)}
    network = as_network(make())
    assert take_over(network, content) == "transformers' ViT"
    own = network.module.state_dict()
    key = (
        "blocks.1.attn.qkv.weight"
        if make is timms_vit
        else "encoder.layers.encoder_layer_1.self_attention.in_proj_weight"
    )
    assert torch.equal(own[key], source.state_dict()["blocks.1.attn.qkv.weight"])


def test_a_resnet_of_transformers_is_read() -> None:
    own = torchvision.models.resnet18(num_classes=3).state_dict()
    named = dict(known_names(torchvision.models.resnet18(), [n for n in own if not n.startswith("fc")]))[
        "transformers' ResNet"
    ]
    assert named["conv1.weight"] == ("embedder.embedder.convolution.weight",)
    assert named["layer2.0.bn1.running_var"] == ("encoder.stages.1.layers.0.layer.0.normalization.running_var",)
    assert named["layer4.1.conv2.weight"] == ("encoder.stages.3.layers.1.layer.1.convolution.weight",)
    assert named["layer3.0.downsample.1.bias"] == ("encoder.stages.2.layers.0.shortcut.normalization.bias",)
    assert len({part for parts in named.values() for part in parts}) == 120


def test_older_names_of_torchvision_are_read() -> None:
    with torch.device("meta"):
        vit = torchvision.models.vit_b_32()
        dense = torchvision.models.densenet121()
    old = dict(known_names(vit, [n for n in vit.state_dict() if not n.startswith("heads")]))["older torchvision's"]
    assert old["encoder.layers.encoder_layer_3.mlp.0.weight"] == ("encoder.layers.encoder_layer_3.mlp.linear_1.weight",)
    assert old["encoder.layers.encoder_layer_3.mlp.3.bias"] == ("encoder.layers.encoder_layer_3.mlp.linear_2.bias",)
    old = dict(known_names(dense, [n for n in dense.state_dict() if not n.startswith("cl")]))["older torchvision's"]
    assert old["features.denseblock1.denselayer2.norm1.weight"] == ("features.denseblock1.denselayer2.norm.1.weight",)
    assert old["features.conv0.weight"] == ("features.conv0.weight",)


@pytest.mark.parametrize("make", [timms_vit, torchvisions_vit])
@pytest.mark.parametrize("image", [64, 128])
def test_positions_are_resampled_as_timm_does(make: Callable[..., nn.Module], image: int, tmp_path: Any) -> None:
    content = make(image).state_dict()
    network, report = loaded(tmp_path, content, as_network(make(32)))
    name = "pos_embed" if make is timms_vit else "encoder.pos_embedding"
    assert torch.equal(network.module.state_dict()[name], resample_abs_pos_embed(content[name], [2, 2]))
    assert report.notes == [f"{name} resampled from {image // 16}×{image // 16} to 2×2 patches, as timm does"]


def test_positions_with_other_tokens_are_not_resampled(tmp_path: Any) -> None:
    content = timms_vit(64).state_dict()
    content["pos_embed"] = content["pos_embed"][:, 1:]
    with pytest.raises(WeightsError, match=r"pos_embed is \(1, 16, 16\) float32 in the file, \(1, 5, 16\)"):
        loaded(tmp_path, content, as_network(timms_vit(32)))


def test_the_likely_network_is_named(tmp_path: Any) -> None:
    torch.save(torchvision.models.resnet34().state_dict(), tmp_path / "w.pt")
    network = Network(
        torchvision.models.resnet18(),
        {"body": ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4"), "head": ("fc",)},
        "head",
    )
    with pytest.raises(
        WeightsError, match=r"another architecture than model=resnet18, but like torchvision's resnet34: "
    ):
        apply_source(network, source_of("checkpoint", tmp_path / "w.pt"), model(), config().data)


def test_entries_of_what_holds_none() -> None:
    assert entries_of({"a": 1, "b": [2, {"c": "d"}]}) == []
    with pytest.raises(WeightsError, match=r"holds entries that are no tensors \(a\)"):
        find_backbone(WeightsFile(holding({}).path, "", [], {"a": 1}, {}), tiny_network(3), None, None)

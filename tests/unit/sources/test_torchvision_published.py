from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.composed import config, model, source_of
from tlbench.errors import ConfigError, WeightsError
from tlbench.networks.build import build_network
from tlbench.networks.layer_groups import TORCHVISION_MODELS
from tlbench.networks.libraries.torchvision import torchvision_network
from tlbench.sources import resolve
from tlbench.sources.catalog import find_entry
from tlbench.sources.load import apply_source
from tlbench.sources.torchvision_published import torchvision_entry


@pytest.mark.promise("hashes of torchvision's weights")
def test_every_classifier_has_weights_whose_hash_is_known() -> None:
    entries = {name: torchvision_entry(name, None) for name in TORCHVISION_MODELS}
    assert all(entry.url and entry.sha256 and entry.sha256 in entry.file for entry in entries.values())
    assert {entry.classes for entry in entries.values()} == {1000}
    assert entries["resnet50"].title == "torchvision ResNet50_Weights.IMAGENET1K_V1"
    assert (entries["resnet50"].file, entries["resnet50"].score) == ("resnet50-0676ba61.pth", 76.13)
    assert (entries["inception_v3"].input_size, entries["swin_v2_t"].input_size) == (299, 256)
    others = {name for name, entry in entries.items() if not entry.title.endswith("IMAGENET1K_V1")}
    assert others == {"vit_h_14", "regnet_y_128gf"}
    assert "SWAG/blob/main/LICENSE" in entries["vit_h_14"].licence


def test_what_the_catalog_says_of_resnet18_is_what_torchvision_says() -> None:
    known, theirs = find_entry("imagenet", model()), torchvision_entry("resnet18", None)
    for key in (
        "title",
        "file",
        "url",
        "sha256",
        "licence",
        "normalisation",
        "input_size",
        "classes",
        "score",
        "score_of",
    ):
        assert getattr(known, key) == getattr(theirs, key), key


def test_a_tag_chooses_among_the_weights() -> None:
    resnet50 = model("torchvision", name="resnet50")
    assert find_entry("imagenet", resnet50, "IMAGENET1K_V2").file == "resnet50-11ad3fa6.pth"
    with pytest.raises(
        ConfigError, match=r"source\.tag='V3': torchvision has no such weights of resnet50; use IMAGENET1K"
    ):
        find_entry("imagenet", resnet50, "V3")
    config("model=torchvision", "model.name=resnet50", "source=imagenet", "source.tag=IMAGENET1K_V2")
    with pytest.raises(ConfigError, match=r"source\.tag='x': source=tin200 has no tags; use source=timm, or null"):
        config("source=tin200", "source.tag=x")


def test_without_a_network_it_is_said_where_the_file_may_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object) -> None:
        raise resolve.Unreachable("no network")

    monkeypatch.setattr(resolve, "fetch", unreachable)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match=r"vgg11-8a719046\.pth is not here .* \(sha256 begins 8a719046\)") as caught:
        resolve.find_weights(source_of("imagenet"), model("torchvision", name="vgg11"))
    assert caught.value.unreachable


def test_a_file_of_another_hash_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLBENCH_WEIGHTS", str(tmp_path))
    torch.save({"a": torch.ones(1)}, tmp_path / "vgg11-8a719046.pth")
    with pytest.raises(
        WeightsError, match="not the weights of source=imagenet for model=vgg11: sha256 expected 8a719046"
    ):
        resolve.find_weights(source_of("imagenet"), model("torchvision", name="vgg11"))


def test_a_published_file_is_loaded_but_for_its_head(tmp_path: Path) -> None:
    squeezenet = model("torchvision", name="squeezenet1_1")
    published = torchvision_network(squeezenet, 1000, (32, 32)).module.state_dict()
    torch.save(published, tmp_path / "w.pth")
    network = build_network(squeezenet, 3, 0, (32, 32))
    report = apply_source(network, source_of("imagenet", tmp_path / "w.pth"), squeezenet, config().data)
    assert report.reinitialised == ["classifier.1.weight", "classifier.1.bias"] == report.ignored
    own = network.module.state_dict()
    assert all(torch.equal(own[name], published[name]) for name in own if name not in report.reinitialised)


def test_auxiliary_classifiers_of_a_published_file_are_left_out(tmp_path: Path) -> None:
    googlenet = model("torchvision", name="googlenet")
    network = build_network(googlenet, 3, 0, (64, 64))
    content = {**network.module.state_dict(), "aux1.conv.conv.weight": torch.ones(2, 2), "aux2.fc2.bias": torch.ones(2)}
    torch.save(content, tmp_path / "w.pth")
    report = apply_source(network, source_of("imagenet", tmp_path / "w.pth"), googlenet, config().data)
    assert report.ignored == ["fc.weight", "fc.bias", "aux1.conv.conv.weight", "aux2.fc2.bias"]

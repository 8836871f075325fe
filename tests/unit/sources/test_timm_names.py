from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.composed import config, model, source_of
from tlbench.config import ModelConfig
from tlbench.config.size import size_of
from tlbench.errors import WeightsError
from tlbench.networks.build import build_network
from tlbench.networks.network import Network
from tlbench.sources.load import apply_source
from tlbench.sources.report import LoadReport

RESNET, VIT = "test_resnet.r160_in1k", "test_vit.r160_in1k"


def published_as(title: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Tensor]:
    """A file of random weights in the place of the published ones."""
    torch.manual_seed(7)
    state = timm.create_model(title).state_dict()
    save_file(state, folder / f"{title}.safetensors")
    monkeypatch.setenv("TLBENCH_WEIGHTS", str(folder))
    return state


def applied(
    wanted: ModelConfig, image_size: int | list[int] = 64, path: Path | None = None
) -> tuple[Network, LoadReport]:
    network = build_network(wanted, 10, 0, size_of(image_size))
    source = source_of("timm", path)
    return network, apply_source(network, source, wanted, config(f"data.image_size={image_size}").data)


def from_a_file(
    wanted: ModelConfig, size: int | list[int], state: dict[str, torch.Tensor], folder: Path
) -> tuple[Network, LoadReport]:
    """A user's own file of weights."""
    path = folder / "own.safetensors"
    save_file(state, path)
    network = build_network(wanted, 10, 0, size_of(size))
    return network, apply_source(network, source_of("checkpoint", path), wanted, config(f"data.image_size={size}").data)


def timms(title: str, **changes: object) -> ModelConfig:
    return model("timm", name=title.partition(".")[0], **changes)


def test_the_backbone_is_timms_and_the_classifier_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = published_as(RESNET, tmp_path, monkeypatch)
    network, report = applied(timms(RESNET))
    loaded = network.module.state_dict()
    assert all(torch.equal(loaded[name], t) for name, t in state.items() if not name.startswith("fc."))
    assert report.ignored == report.reinitialised == ["fc.weight", "fc.bias"]
    assert (report.title, report.file, report.licence) == (RESNET, f"{RESNET}.safetensors", "apache-2.0")
    assert report.warnings[0].startswith("data.normalisation: ")
    assert "is not what source=timm was trained with (mean [0.5, 0.5, 0.5]" in report.warnings[0]
    (link,) = report.chain
    assert (link.model_dump()["source"], link.sha256, link.short()) == ("timm", report.sha256, RESNET)


@pytest.mark.parametrize("size", [64, [64, 96], [32, 128]])
@pytest.mark.parametrize("own_names", [False, True])
def test_positional_embeddings_are_resized_as_timm_does(
    size: int | list[int], own_names: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """32 × 128 has as many patches of 16 pixels as 64 × 64, in another grid."""
    state = published_as(VIT, tmp_path, monkeypatch)
    network, _ = applied(timms(VIT), size) if not own_names else from_a_file(timms(VIT), size, state, tmp_path)
    theirs = timm.create_model(
        VIT, pretrained=True, pretrained_cfg_overlay={"state_dict": state}, img_size=size, num_classes=10
    ).state_dict()
    loaded = network.module.state_dict()
    assert loaded["pos_embed"].shape != state["pos_embed"].shape
    assert all(torch.equal(loaded[name], t) for name, t in theirs.items() if not name.startswith("head."))


def test_nothing_is_drawn_from_the_running_generators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published_as(RESNET, tmp_path, monkeypatch)
    before = torch.get_rng_state()
    applied(timms(RESNET))
    assert torch.equal(torch.get_rng_state(), before)


def test_with_group_norm_the_statistics_are_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = published_as(RESNET, tmp_path, monkeypatch)
    network, report = applied(timms(RESNET, norm="group"))
    loaded = network.module.state_dict()
    assert set(report.ignored) == network.dropped | {"fc.weight", "fc.bias"}
    assert all(torch.equal(t, state[name]) for name, t in loaded.items() if not name.startswith("fc."))


def test_weights_of_another_network_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published_as(VIT, tmp_path, monkeypatch)
    file = tmp_path / f"{VIT}.safetensors"
    with pytest.raises(
        WeightsError, match=r"timm cannot load it as test_resnet\.r160_in1k into model\.name=test_resnet"
    ) as e:
        applied(timms(RESNET), path=file)
    assert str(file) in str(e.value)
    assert "\n" not in str(e.value)

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision.models
from safetensors.torch import load_file
from torch import Tensor, nn

from tests.composed import config, model, source_of
from tests.slow import mostly_slow
from tlbench.config import Normalisation
from tlbench.errors import WeightsError
from tlbench.networks.build import build_network
from tlbench.networks.network import Network
from tlbench.sources.catalog import find_entry
from tlbench.sources.load import apply_source
from tlbench.sources.places import PACKAGE_FOLDER
from tlbench.sources.report import LoadReport

TIN200 = PACKAGE_FOLDER / "resnet18-tin200.safetensors"
HEAD = ["fc.weight", "fc.bias"]


def applied(
    name: str, path: Path | None = None, classes: int = 10, seed: int = 0, norm: str = "batch"
) -> tuple[Network, LoadReport]:
    network = build_network(model(norm=norm), classes, seed, (32, 32))
    source = source_of(name, path)
    return network, apply_source(network, source, model(norm=norm), config().data)


def features(module: Any, images: Tensor) -> Tensor:
    """The backbone's features (B, 512)."""
    module.fc = nn.Identity()
    with torch.no_grad():
        out: Tensor = module.eval()(images)
    return out


@pytest.mark.promise("the whole backbone or an error")
def test_tin200_loads_whole() -> None:
    network, report = applied("tin200")
    original = torchvision.models.resnet18(num_classes=200)
    original.load_state_dict(load_file(TIN200))
    images = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert torch.equal(features(network.module, images), features(original, images))
    assert report.line() == (
        "tin200: 120 tensors loaded, 2 re-initialised (head: fc.weight, fc.bias), 2 ignored (fc.bias, fc.weight)"
    )
    entry = find_entry("tin200", model())
    assert (report.file, report.sha256, report.licence) == (TIN200.name, entry.sha256, entry.licence)


def test_heads_are_equal_across_sources_and_differ_across_seeds() -> None:
    heads = {
        (name, seed): applied(name, seed=seed)[0].module.state_dict()
        for name in ("random", "tin200")
        for seed in (0, 1)
    }
    for name in HEAD:
        assert torch.equal(heads["random", 0][name], heads["tin200", 0][name])
        assert not torch.equal(heads["tin200", 0][name], heads["tin200", 1][name])
    assert not torch.equal(heads["random", 0]["conv1.weight"], heads["tin200", 0]["conv1.weight"])


@pytest.mark.promise("the head is replaced")
def test_the_head_stays_random_also_where_shapes_agree(tmp_path: Path) -> None:
    built = build_network(model(), 10, 3, (32, 32)).module.state_dict()
    torch.save({"state_dict": {f"network.{n}": t + 1 for n, t in built.items()}}, tmp_path / "best.ckpt")
    network, report = applied("checkpoint", tmp_path / "best.ckpt", seed=3)
    loaded = network.module.state_dict()
    assert all(torch.equal(loaded[name], tensor + (name not in HEAD)) for name, tensor in built.items())
    assert (report.loaded, report.reinitialised, report.ignored, report.licence) == (120, HEAD, HEAD, None)
    assert report.line().startswith("checkpoint: 120 tensors loaded from under 'network', 2 re-initialised")


def test_random_is_reported_in_the_same_shape() -> None:
    network, report = applied("random")
    built = build_network(model(), 10, 0, (32, 32)).module.state_dict()
    assert all(torch.equal(tensor, built[name]) for name, tensor in network.module.state_dict().items())
    assert report.line() == "random: 0 tensors loaded, all 122 start at random"
    assert json.loads(json.dumps(report.model_dump())).keys() == applied("tin200")[1].model_dump().keys()


def test_old_files_without_batchnorm_counters_load(tmp_path: Path) -> None:
    state = {name: t for name, t in load_file(TIN200).items() if not name.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "old.pth")
    network, report = applied("checkpoint", tmp_path / "old.pth")
    assert (report.loaded, len(report.absent)) == (100, 20)
    assert "20 BatchNorm counters absent (bn1.num_batches_tracked, " in report.line()
    assert int(network.module.state_dict()["bn1.num_batches_tracked"]) == 0
    assert torch.equal(network.module.state_dict()["bn1.running_var"], state["bn1.running_var"].float())


def test_group_norm_takes_the_affine_weights_and_ignores_the_statistics() -> None:
    network, report = applied("tin200", norm="group")
    given, loaded = load_file(TIN200), network.module.state_dict()
    assert isinstance(network.module.bn1, nn.GroupNorm)
    assert list(loaded) == [name for name, _ in torchvision.models.resnet18().named_parameters()]
    assert all(torch.equal(tensor, given[name].float()) for name, tensor in loaded.items() if name not in HEAD)
    assert set(report.ignored) == {*network.dropped, *HEAD}
    assert report.line() == (
        "tin200: 60 tensors loaded, 2 re-initialised (head: fc.weight, fc.bias), "
        "62 ignored (fc.bias, fc.weight; 60 BatchNorm statistics)"
    )


def test_a_group_norm_run_is_a_source_for_group_norm_alone(tmp_path: Path) -> None:
    state = {name: t + 1 for name, t in build_network(model(norm="group"), 10, 3, (32, 32)).module.state_dict().items()}
    torch.save(state, tmp_path / "group.pth")
    network, report = applied("checkpoint", tmp_path / "group.pth", norm="group")
    loaded = network.module.state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in state.items() if name not in HEAD)
    assert (report.loaded, report.reinitialised, report.ignored, report.absent) == (60, HEAD, HEAD, [])
    with pytest.raises(
        WeightsError,
        match=r"group\.pth: lacks all 40 running statistics of BatchNorm \(bn1\.running_mean, .*give model\.norm=group",
    ):
        applied("checkpoint", tmp_path / "group.pth")


def test_another_architecture_is_refused_with_group_norm_too(tmp_path: Path) -> None:
    torch.save(_resnet34(), tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"0 are missing and 0 have another shape, 96 are extra"):
        applied("checkpoint", tmp_path / "w.pth", norm="group")


def _resnet34() -> dict[str, Tensor]:
    return torchvision.models.resnet34().state_dict()  # holds all names and shapes of ResNet-18's layer1


def _without_a_layer() -> dict[str, Tensor]:
    return {name: t for name, t in load_file(TIN200).items() if name != "layer4.1.bn2.running_mean"}


def _with_another_shape() -> dict[str, Tensor]:
    return load_file(TIN200) | {"layer2.0.conv1.weight": torch.zeros(128, 64, 1, 1)}


def _with_integers() -> dict[str, Tensor]:
    state = load_file(TIN200)
    return state | {"conv1.weight": state["conv1.weight"].to(torch.int8)}


@pytest.mark.promise("the whole backbone or an error")
@pytest.mark.parametrize(
    ("state", "message"),
    [
        (_resnet34, r"0 are missing and 0 have another shape, 96 are extra; first: layer1\.2\.conv1\.weight is "
         r"\(64, 64, 3, 3\) float32 in the file, absent in the network"),
        (_without_a_layer, r"1 are missing and 0 have another shape, 0 are extra; first: layer4\.1\.bn2\.running_mean "
         r"is absent in the file, \(512,\) float32 in the network"),
        (_with_another_shape, r"0 are missing and 1 have another shape, 0 are extra; first: layer2\.0\.conv1\.weight "
         r"is \(128, 64, 1, 1\) float32 in the file, \(128, 64, 3, 3\) float32 in the network"),
        (_with_integers, r"first: conv1\.weight is \(64, 3, 7, 7\) int8 in the file"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("source", mostly_slow(["imagenet", "checkpoint"], "checkpoint"))
def test_another_architecture_is_refused_and_nothing_is_written(
    source: str, state: Any, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "w.pth"
    torch.save(state(), file)
    network = build_network(model(), 10, 0, (32, 32))
    before = {name: tensor.clone() for name, tensor in network.module.state_dict().items()}
    given = source_of(source, file)
    with pytest.raises(WeightsError, match=f"looks like another architecture than model=resnet18.*{message}") as caught:
        apply_source(network, given, model(), config().data)
    assert str(file) in str(caught.value)
    assert not caught.value.unreachable
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.module.state_dict().items())


def test_another_normalisation_is_a_warning_of_the_report() -> None:
    network = build_network(model(), 10, 0, (32, 32))
    source = source_of("tin200")
    other = Normalisation(mean=[0.5, 0.5, 0.5], std=[0.5, 0.5, 0.5])
    data = config().data.model_copy(update={"normalisation": other})
    assert "data.normalisation" in apply_source(network, source, model(), data).warnings[0]
    recommended = find_entry("tin200", model()).normalisation
    data = config().data.model_copy(update={"normalisation": recommended})
    assert apply_source(network, source, model(), data).warnings == []


def test_a_published_file_is_the_chains_one_link() -> None:
    report = applied("tin200")[1]
    entry = find_entry("tin200", model())
    (link,) = report.chain
    wanted = {"kind": "weights", "source": "tin200", "title": entry.title, "file": entry.file}
    assert link.model_dump() == {**wanted, "sha256": entry.sha256, "licence": entry.licence}
    assert applied("random")[1].chain == []


def test_timms_resnet18_is_torchvisions() -> None:
    timms = model("timm", name="resnet18")
    network = build_network(timms, 10, 0, (32, 32))
    report = apply_source(network, source_of("tin200"), timms, config().data)
    assert (report.loaded, report.reinitialised) == (120, HEAD)
    images = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(features(network.module, images), features(applied("tin200")[0].module, images), atol=1e-5)

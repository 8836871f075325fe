from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from tests.composed import config, model, source_of
from tests.drawn_run import draw_run, name_checkpoint
from tlbench.cli import export
from tlbench.networks.build import build_network
from tlbench.sources.load import apply_source
from tlbench.tools.complete_run import open_run
from tlbench.tools.loaded_run import load_network
from tlbench.tools.weights_file import export_weights

pytestmark = pytest.mark.usefixtures("tiny_network")


@pytest.mark.parametrize("half", [False, True])
def test_the_file_holds_the_best_weights_under_the_networks_names(tmp_path: Path, half: bool) -> None:
    draw_run(tmp_path / "run")
    run = open_run(tmp_path / "run")
    path = tmp_path / "weights" / "w.safetensors"
    assert export_weights(run, path, half=half) == hashlib.sha256(path.read_bytes()).hexdigest()
    given, wanted = load_file(path), load_network(run).module.state_dict()
    assert given.keys() == wanted.keys()
    for name, tensor in wanted.items():
        rounded = tensor.half() if half and tensor.is_floating_point() else tensor
        assert given[name].dtype == rounded.dtype
        assert torch.equal(given[name], rounded)
    with safe_open(path, "pt") as file:
        assert file.metadata() == {"model": "resnet18", "run": "digits_resnet18/tin200/seed_0"}


def test_what_half_precision_cannot_hold_stays_as_it_is(tmp_path: Path) -> None:
    draw_run(tmp_path / "run")
    checkpoint = torch.load(tmp_path / "run" / "best.ckpt", weights_only=True)
    checkpoint["state_dict"]["network.bn1.running_var"][0] = 70_000.0
    torch.save(checkpoint, tmp_path / "run" / "best.ckpt")
    name_checkpoint(tmp_path / "run")
    export_weights(open_run(tmp_path / "run"), tmp_path / "w.safetensors", half=True)
    given = load_file(tmp_path / "w.safetensors")
    assert (given["bn1.running_var"].dtype, given["bn1.running_mean"].dtype) == (torch.float32, torch.float16)
    assert given["bn1.running_var"][0] == 70_000


def test_the_file_is_a_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw_run(tmp_path / "run")
    assert export.main(["run=run", "output=w.safetensors", "half=true"]) == 0
    sha256 = hashlib.sha256((tmp_path / "w.safetensors").read_bytes()).hexdigest()
    assert capsys.readouterr().out.splitlines() == [f"sha256 {sha256}", "exported: w.safetensors"]
    source = source_of("checkpoint", "w.safetensors")
    network = build_network(model(), 10, 1, (32, 32))
    report = apply_source(network, source, model(), config().data)
    assert (report.sha256, report.ignored) == (sha256, ["fc.bias", "fc.weight"])
    loaded = network.module.state_dict()["conv1.weight"]
    assert torch.equal(loaded, load_network(open_run("run")).module.state_dict()["conv1.weight"].half().float())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["half=true"], "half=true: not for ONNX; give output=FILE.safetensors for weights alone, output=FILE.pt for"),
        (["output=m.onnx", "half=true"], "half=true: not for ONNX; give output=FILE.safetensors"),
        (
            ["output=m.pth"],
            "output='m.pth': name a file that ends in .onnx, in .pt for ultralytics, or in .safetensors",
        ),
        (["output=m.pt", "format=onnx"], "output='m.pt' with format=onnx: name a file that ends in .onnx, or leave"),
        (["format=pth"], "format='pth': input should be 'onnx', 'pt' or 'safetensors'"),
    ],
)
def test_what_does_not_fit_together(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert export.main(["run=run", *arguments]) == 2
    assert message in capsys.readouterr().err

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from tests.drawn_run import NAMES, draw_run
from tests.slow import mostly_slow
from tlbench.errors import ConfigError, Failure, OutputError
from tlbench.tasks.classification.onnx import LOGITS
from tlbench.tasks.detection.onnx import PREDICTIONS
from tlbench.tools import onnx_file
from tlbench.tools.complete_run import open_run
from tlbench.tools.loaded_run import load_network
from tlbench.tools.onnx_file import check_packages, export_onnx, largest_difference

onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra `export`")

NETWORKS = {
    "a CNN of timm": ("model=timm", "model.name=resnet10t"),
    "a ViT": ("model=timm", "model.name=vit_tiny_patch16_224", "model.arguments={depth: 2}"),
}


@pytest.mark.promise("export")
@pytest.mark.parametrize("network", NETWORKS)
def test_onnxruntime_gives_torchs_logits_in_any_batch(tmp_path, network):
    draw_run(tmp_path / "run", *NETWORKS[network], "data.image_size=32")
    run = open_run("run")
    assert export_onnx(run, tmp_path / "model.onnx") <= 1e-4
    session = onnxruntime.InferenceSession("model.onnx")
    (given,) = session.get_inputs()
    assert (given.name, given.type, given.shape[1:]) == ("images", "tensor(float)", [3, 32, 32])
    images = torch.rand(5, 3, 32, 32)
    with torch.no_grad():
        wanted = load_network(run).module.eval()(images).numpy()
    (logits,) = session.run(["logits"], {"images": images.numpy()})
    assert logits.shape == (5, 3)
    np.testing.assert_allclose(logits, wanted, atol=1e-4)
    said = {key: json.loads(value) for key, value in session.get_modelmeta().custom_metadata_map.items()}
    assert tuple(said["class_names"]) == NAMES
    assert said["run"]["checkpoint_sha256"]
    preprocessing = said["preprocessing"]
    assert (preprocessing["image_size"], preprocessing["stored_size"], preprocessing["fit"]) == (32, 8, "crop")
    assert preprocessing["mean"] == [0.485, 0.456, 0.406]
    assert b"site-packages" not in (tmp_path / "model.onnx").read_bytes()


@pytest.fixture
def exported(tmp_path, tiny_network, monkeypatch):
    """A run of a tiny network, and what exporting it would write."""
    draw_run(tmp_path / "run")
    return open_run("run")


def test_the_check_finds_other_weights(exported, tmp_path):
    export_onnx(exported, tmp_path / "model.onnx")
    module = load_network(exported).module.eval()
    content = (tmp_path / "model.onnx").read_bytes()
    assert largest_difference(module, content, (32, 32), "tiny", LOGITS) < 1e-4
    with torch.no_grad():
        module.fc.bias += 0.5
    assert largest_difference(module, content, (32, 32), "tiny", LOGITS) == pytest.approx(0.5, abs=1e-3)


class Detector(torch.nn.Module):
    """Boxes of hundreds of pixels and probabilities, (B, 6, 4), and something more, as YOLO gives them."""

    probability = 0.25

    def forward(self, images):
        x = images.flatten(1)[:, None, :4]
        boxes = torch.cat([400 * torch.tanh(x)] * 4, dim=1)
        return torch.cat([boxes, torch.sigmoid(x), torch.zeros_like(x) + self.probability], dim=1), {"raw": x}


def test_boxes_and_probabilities_are_each_compared_by_their_own_magnitude():
    module = Detector().eval()
    content = onnx_file._program(module, (8, 8), "d", PREDICTIONS).model_proto.SerializeToString()
    assert largest_difference(module, content, (8, 8), "d", PREDICTIONS) < 1e-5
    module.probability += 0.001  # of boxes in hundreds of pixels it would be nothing
    assert largest_difference(module, content, (8, 8), "d", PREDICTIONS) == pytest.approx(0.001, abs=1e-5)


@pytest.mark.promise("export")
@pytest.mark.parametrize("difference", mostly_slow([2e-4, float("nan")], 2e-4))
def test_a_failed_check_leaves_the_earlier_file(exported, tmp_path, monkeypatch, difference):
    (tmp_path / "model.onnx").write_text("earlier")
    monkeypatch.setattr(onnx_file, "largest_difference", lambda *_: difference)
    with pytest.raises(Failure, match=r"differ from torch's by up to (0\.0002|nan), more than 0\.0001"):
        export_onnx(exported, tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").read_text() == "earlier"
    assert {path.name for path in tmp_path.iterdir() if "onnx" in path.name} == {"model.onnx"}


def test_a_folder_that_cannot_be_written(exported, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="output="):
        export_onnx(exported, tmp_path / "file" / "model.onnx")


def test_without_the_extra(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "onnxscript" else object())
    with pytest.raises(ConfigError, match=r"onnxscript not installed; pip install 'tlbench\[export\]'"):
        check_packages()

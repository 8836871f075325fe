"""`evaluate`, `predict`, `export` and `tlbench.load` where the network's outputs hold NaN or infinity."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import tlbench
from tests.commands import TINY_RANDOM, call, train
from tests.conftest import isolate, use_tiny_network
from tlbench.annotations.labels.batches import LabelBatches
from tlbench.config.parse import parse
from tlbench.data.open import open_target
from tlbench.metrics.finite_outputs import NonFiniteOutputs
from tlbench.robustness import suite
from tlbench.tools import loaded_run, onnx_file, weights_file

DETECTION = (
    *("task=detection", "data=documents", "data.pages=12", "data.image_size=64", "data.batch_size=4"),
    *("source=random", "trainer=cpu", "trainer.max_epochs=1", "logger.tensorboard=false", "task.min_confidence=1e-4"),
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """`classification` and, in bf16-mixed, `detection`; and `images`, one of them white; do not write there."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as monkeypatch:
        isolate(monkeypatch, folder)
        use_tiny_network(monkeypatch)
        assert train(*TINY_RANDOM, f"hydra.run.dir={folder / 'classification'}").code == 0
        outcome = train(*DETECTION, "trainer.precision=bf16-mixed", f"hydra.run.dir={folder / 'detection'}")
        assert outcome.code == 0, outcome.err
    (folder / "images").mkdir()
    for name, value in (("a", 40), ("b", 90), ("white", 255), ("z", 10)):
        Image.new("RGB", (64, 64), (value,) * 3).save(folder / "images" / f"{name}.png")
    return folder


@pytest.fixture
def runs(trained, tmp_path, monkeypatch) -> Path:
    """Copies of the runs, in the working folder."""
    use_tiny_network(monkeypatch)
    for task in ("classification", "detection"):
        shutil.copytree(trained / task, tmp_path / task, ignore=shutil.ignore_patterns("last*", "previous*"))
    return tmp_path


def poison(monkeypatch, change) -> None:
    """Change the networks that tools load."""
    load = loaded_run.load_network

    def poisoned(run):
        network = load(run)
        change(network.module)
        return network

    for module in (loaded_run, onnx_file, weights_file):
        monkeypatch.setattr(module, "load_network", poisoned)


def diverged(module) -> None:
    next(tensor for name, tensor in module.named_buffers() if name.endswith("running_var")).fill_(-1.0)


def overflows_on_white(module) -> None:
    """+inf in one output for an image that is bright all over."""

    def hook(_module, inputs, outputs):
        bright = inputs[0].mean(dim=(1, 2, 3)) > BRIGHT[isinstance(outputs, tuple)]
        first = outputs[0] if isinstance(outputs, tuple) else outputs
        first[bright, 1] = torch.inf
        return outputs

    module.register_forward_hook(hook)


BRIGHT = {True: 0.9, False: 1.5}
"""Normalised, as the detector's images are not."""


def evaluation_of(run: Path) -> dict:
    (path,) = run.glob("evaluation*.json")
    return json.loads(path.read_text())


@pytest.mark.promise("NaN in evaluate")
@pytest.mark.parametrize(
    ("task", "more"),
    [("classification", ()), ("classification", ("calibrate=temperature", "split=val")), ("detection", ())],
)
def test_evaluate_writes_null_metrics_and_ends_with_1(runs, monkeypatch, task, more):
    poison(monkeypatch, diverged)
    outcome = call("evaluate", f"run={task}", *more)
    assert outcome.code == 1
    line = outcome.one_line()
    evaluation = evaluation_of(runs / task)
    split, count = evaluation["data"]["split"], evaluation["data"]["count"]
    assert f"{task}: {split}: the network's outputs for {count} of {count} images hold NaN or infinity" in line
    assert "running_var, variances, has" in line
    assert all(value is None for value in evaluation["metrics"].values())
    assert evaluation["calibration"] is None
    assert evaluation["warnings"][0] in line
    (note,) = json.loads((runs / task / "record.json").read_text())["evaluations"].values()
    assert all(value is None for value in note["metrics"].values())
    assert "undefined" in outcome.out
    assert not list((runs / task).glob("evaluation*.png"))


def test_corruptions_under_which_outputs_overflow_are_undefined_and_found_again_when_taken_up(runs, monkeypatch):
    poison(monkeypatch, overflows_on_white)
    whiten = lambda images, index, name, severity, seed: images // 255 * 255 + (255 if severity == 5 else 0)  # noqa: E731
    monkeypatch.setattr(suite, "corrupt", whiten)
    stop = suite.PartialScores.put

    def stopping(self, key, scores):
        stop(self, key, scores)
        if self.count == 9:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(suite.PartialScores, "put", stopping)
        assert call("evaluate", "run=classification", "corruptions=common").code == 130
    outcome = call("evaluate", "run=classification", "corruptions=common")
    assert outcome.code == 1
    corruptions = evaluation_of(runs / "classification")["corruptions"]
    count = 90 * len(corruptions["names"])
    assert f"calibration and corruptions: the network's outputs for {count} of " in outcome.one_line()
    for name, values in corruptions["oa"].items():
        assert [value is None for value in values] == [False] * 4 + [True], name
    assert corruptions["mean_corrupted_oa"] is None
    assert corruptions["clean_oa"] is not None


@pytest.mark.promise("NaN in predict")
@pytest.mark.parametrize("task", ["classification", "detection"])
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_predict_names_such_images_writes_the_others_and_ends_with_1(runs, trained, monkeypatch, task, kind):
    images, output = trained / "images", f"out.{kind}"
    assert call("predict", f"run={task}", f"input={images}", f"output=sound.{kind}").code == 0
    poison(monkeypatch, overflows_on_white)
    outcome = call("predict", f"run={task}", f"input={images}", f"output={output}")
    assert outcome.code == 1
    named, summary, error = outcome.err.strip().splitlines()
    assert named == f"warning: {images}/white.png: the network's outputs for it hold NaN or infinity; left out"
    assert summary.startswith("3 of 4 images ")
    assert "1 without finite outputs and left out: out." in summary
    assert error.startswith("the network's outputs for 1 of 4 images hold NaN or infinity; ")
    sound = Path(f"sound.{kind}").read_text().splitlines()
    assert Path(output).read_text().splitlines() == [row for row in sound if "white.png" not in row]


def test_predict_keeps_the_header_first_and_writes_no_file_where_there_is_nothing_else(runs, trained, monkeypatch):
    poison(monkeypatch, overflows_on_white)
    monkeypatch.setattr(LabelBatches, "evaluation_batch_of", lambda _data: 1)
    first = runs / "images"
    first.mkdir()
    shutil.copy(trained / "images" / "white.png", first / "0.png")
    shutil.copy(trained / "images" / "a.png", first / "1.png")
    assert call("predict", "run=classification", f"input={first}", "output=out.csv").code == 1
    header, row = csv.reader(Path("out.csv").read_text().splitlines())
    assert (header[0], row[0]) == ("path", f"{first}/1.png")
    outcome = call("predict", "run=classification", f"input={first}/0.png", "output=none.csv")
    assert outcome.code == 1
    assert "for 1 of 1 images hold NaN or infinity" in outcome.err
    assert not Path("none.csv").exists()


@pytest.mark.promise("NaN in load")
@pytest.mark.parametrize("task", ["classification", "detection"])
def test_load_raises_with_the_positions_of_such_images(runs, trained, monkeypatch, task):
    paths = [trained / "images" / f"{name}.png" for name in ("a", "white", "b", "white")]
    poison(monkeypatch, overflows_on_white)
    model = tlbench.load(task)
    with pytest.raises(
        NonFiniteOutputs, match=r"for 2 of 4 images hold NaN or infinity \(positions 1, 3, counted"
    ) as error:
        model.predict(paths)
    assert error.value.positions == (1, 3)
    assert len(model.predict([paths[0], paths[2]])) == 2


@pytest.mark.promise("NaN in export")
@pytest.mark.parametrize("task", ["classification", "detection"])
@pytest.mark.parametrize("name", ["model.onnx", "model.safetensors"])
def test_export_refuses_such_weights_and_writes_nothing(runs, monkeypatch, task, name):
    poison(monkeypatch, diverged)
    outcome = call("export", f"run={task}", f"output={name}")
    assert outcome.code == 1
    line = outcome.one_line()
    assert f"{task}: on noise: the network's outputs for 2 of 2 images hold NaN or infinity (its tensor " in line
    assert "nothing was written" in line
    assert not list(runs.glob("model*"))


@pytest.mark.promise("bf16 detectors")
def test_a_run_in_bfloat16_is_evaluated_and_predicts_as_it_was_tested(runs):
    """Loss, decoding and metrics in float32 behind the same convolutions."""
    record = json.loads((runs / "detection" / "record.json").read_text())
    assert record["config"]["trainer"]["precision"] == "bf16-mixed"
    outcome = call("evaluate", "run=detection")
    assert (outcome.code, outcome.err) == (0, "")
    assert evaluation_of(runs / "detection")["metrics"] == record["metrics"]
    assert record["metrics"]["test/loss"] > 0

    data = parse(record["config"]).data
    pages = open_target(data, record["config"]["seeds"]["split"]).splits["test"]
    inside = pages.annotations.inside.tolist()
    images = [pages.images[i, :, :height, :width] for i, (height, width) in enumerate(inside)]
    found = tlbench.load("detection").predict(images, confidence=0.0)
    with np.load(runs / "detection" / "predictions_test.npz") as tested:
        assert tested["boxes"].dtype == tested["scores"].dtype == np.float32
        assert tested["count"].tolist() == [len(detections) for detections in found]
        assert tested["count"].sum() > 0
        boxes = np.array([d.box for detections in found for d in detections], dtype=np.float32)
        scores = np.array([d.confidence for detections in found for d in detections], dtype=np.float32)
        np.testing.assert_array_equal(tested["boxes"], boxes)
        np.testing.assert_array_equal(tested["scores"], scores)

"""Detection as whole commands: YOLO11n with all its layers, on small pages."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import tlbench.runs.run
from tests.commands import snapshot, train
from tests.conftest import isolate
from tests.detecting import BACKBONE, NECK, PAGES, QUIET, STEPS, Fit, Watch
from tests.drawn_detections import targets_of
from tests.final_state import FINAL
from tests.resuming import assert_equal_runs, go, stop_at
from tlbench.annotations.instances.detections import Detections
from tlbench.config.compose import compose_config
from tlbench.config.hash import config_hash
from tlbench.data.open import open_target
from tlbench.networks.build import build_network
from tlbench.records.record import Record
from tlbench.study import launch
from tlbench.tasks.detection.metrics import DetectionMetrics
from tlbench.tasks.detection.sidecar import read_detections
from tlbench.tasks.detection.task import DetectionTask

pytestmark = pytest.mark.usefixtures("final_state")


@pytest.fixture(scope="module")
def whole(tmp_path_factory, final_state) -> Fit:
    """A complete run; do not write into its folder."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as monkeypatch:
        isolate(monkeypatch, folder)
        done = Watch(monkeypatch).fit(folder / "run", *PAGES)
    assert done.outcome.code == 0, done.outcome.err
    return done


@pytest.fixture
def record(whole) -> Record:
    return Record.model_validate_json((whole.folder / "record.json").read_text())


def content(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "record.json").read_text())
    return found


def state(folder: Path, name: str = "best.ckpt") -> dict[str, Any]:
    checkpoint: dict[str, Any] = torch.load(folder / name, weights_only=True)
    return checkpoint


def initial() -> dict[str, torch.Tensor]:
    """The weights of `source=random` with one class and seed 0."""
    config = compose_config(PAGES)
    return build_network(config.model, 1, config.seeds.init, config.data.input_size).module.state_dict()


# ---- one run


def test_the_record_is_complete(whole, record):
    config = compose_config(PAGES).model_dump(mode="json")
    assert (record.status, record.error, record.task, record.stand_ins) == ("complete", None, "detection", [])
    assert (record.config, record.config_hash) == (config, config_hash(config))
    assert (record.study, record.arm, record.seed) == ("documents_yolo11n", "random", 0)
    assert (record.data.name, record.data.class_names, record.data.storage) == ("documents", ["signature"], "memory")
    assert record.data.split_rule["counts"] == {"train": 13, "val": 5, "test": 6}
    assert len(set(record.data.fingerprints.values())) == 3
    assert [record.data.audit["counts"][split]["images"] for split in ("train", "val", "test")] == [13, 5, 6]
    assert record.model.parameters == sum(record.model.group_parameters.values()) == 2_604_867  # all but the integral
    assert list(record.model.group_parameters) == [*BACKBONE, *NECK, "head"]
    assert [(row["epoch"], row["step"]) for row in record.curves] == [(1, STEPS), (2, 2 * STEPS)]
    assert {"train/loss", "val/loss", "val/map50", "val/map50_95", "val/f1", "lr/head"} <= record.curves[-1].keys()
    assert not any(key.count("/") > 1 for key in record.curves[-1])
    for split, rows in (("train", record.curves), ("val", record.curves), ("test", [record.metrics])):
        for row in rows:
            parts = [row[f"{split}/loss_{name}"] for name in ("box", "cls", "dfl")]
            assert min(parts) > 0
            assert sum(parts) == pytest.approx(row[f"{split}/loss"], rel=1e-6)
    assert (record.best.monitor, record.best.stage) == ("val/map50_95", "full")
    assert record.best.value == max(row["val/map50_95"] for row in record.curves)
    assert record.best.chosen == {"confidence": record.metrics["test/confidence"]}
    assert record.curves[record.best.epoch - 1]["val/confidence"] == pytest.approx(record.best.chosen["confidence"])
    assert all(name.startswith("test/") for name in record.metrics)
    means = {f"test/{name}" for name in ("loss", "map50", "map95", "map50_95", "precision", "recall", "f1", "iou")}
    of_class = {f"test/{n}/signature" for n in ("ap50", "ap95", "ap50_95", "precision", "recall", "f1")}
    assert means | of_class <= record.metrics.keys()
    assert {"ultralytics", "torch", "lightning"} <= record.versions.keys()


def test_every_sidecar_that_the_record_names_is_there(whole, record):
    assert {"predictions_test"} < record.sidecars.keys()
    assert all((whole.folder / name).stat().st_size > 0 for name in record.sidecars.values())


def test_the_stored_predictions_give_the_recorded_metrics(whole, record):
    test = open_target(compose_config(PAGES).data, 0).splits["test"]
    images = read_detections(whole.folder / record.sidecars["predictions_test"])
    assert [image.name for image in images] == list(test.names)
    boxes, of_image = [], []
    for i, image in enumerate(images):
        height, width = test.annotations.sizes[i].tolist()
        found = np.concatenate([image.boxes, image.target_boxes])
        assert found.min() >= 0
        assert (found <= [width, height, width, height]).all()
        assert (np.diff(image.scores) <= 0).all()
        boxes.append(torch.from_numpy(image.target_boxes))
        of_image.append(torch.from_numpy(image.target_labels))
        factor = 64 / max(height, width)
        wanted = test.annotations.boxes[test.annotations.objects(torch.tensor([i]))[0]] / factor
        np.testing.assert_allclose(image.target_boxes, wanted, atol=0.1 + 0.5 / factor)
    assert sum(len(image.scores) for image in images) > 20
    metrics = DetectionMetrics(["signature"])
    metrics.confidence = record.best.chosen["confidence"]
    found = [Detections(*(torch.from_numpy(a) for a in (p.boxes, p.scores, p.labels))) for p in images]
    metrics.update(found, targets_of(list(zip(boxes, of_image, strict=True))))
    for key, value in metrics.compute().items():
        recorded = record.metrics[f"test/{key}"]
        if recorded is None:
            assert value.isnan(), key
        else:
            assert recorded == pytest.approx(value.item(), abs=1e-6), key


def test_the_best_checkpoint_is_the_average_and_the_integral_stays(whole):
    saved = {name.removeprefix("network."): t for name, t in state(whole.folder)["state_dict"].items()}
    start = initial()
    assert saved.keys() == start.keys()
    assert len(saved) == 499
    integral = "model.23.dfl.conv.weight"
    assert saved[integral].flatten().tolist() == list(range(16))
    last = state(whole.folder, FINAL)
    live = last["current_model_state"]
    assert not torch.equal(live["network.model.0.conv.weight"], last["state_dict"]["network.model.0.conv.weight"])
    assert not torch.equal(live["network.model.0.conv.weight"], start["model.0.conv.weight"])


def test_batches_are_varied_images_of_an_epoch_without_repetition(whole):
    assert len(whole.batches) == 2 * STEPS
    for epoch in (whole.batches[:STEPS], whole.batches[STEPS:]):
        seen = torch.cat([batch[4] for batch in epoch]).tolist()
        assert len(set(seen)) == len(seen) == 12
    for images, boxes, labels, image, index in whole.batches:
        assert images.shape == (4, 3, 64, 64)
        assert 0 <= images.min() <= images.max() <= 1
        assert boxes.shape == (len(labels), 4)
        assert len(image) == len(labels)
        assert len(index) == 4


def test_the_terminal_says_what_matters(whole, record):
    out = whole.outcome.out
    assert "random: 0 tensors loaded, all 499 start at random" in out
    warned = [line for line in out.splitlines() if "warning" in line.lower()]
    assert warned == [f"warning: {warning}" for warning in record.warnings]
    assert "epoch 2/2" in out
    assert not any("loss_box" in line for line in out.splitlines() if line.startswith("epoch"))
    assert "test  6 images" in out
    assert f"{record.metrics['test/map50_95']:.4f}" in out
    assert whole.outcome.err == ""


def test_tensorboard_has_curves_and_pictures(whole, record):
    events = EventAccumulator(str(whole.folder), size_guidance={"scalars": 0, "images": 0}).Reload()
    for name in ("train/loss", "train/loss_box", "val/loss", "val/loss_dfl", "val/map50_95", "lr/head"):
        points = [point.value for point in events.Scalars(name)]
        assert points == pytest.approx([row[name] for row in record.curves])
    assert [p.value for p in events.Scalars("test/map50")] == pytest.approx([record.metrics["test/map50"]])
    pictures = {tag.removesuffix("/0") for tag in events.Tags()["images"]}
    assert pictures == {"test/precision_recall", "test/f1_confidence"}  # and no grid, with logger.mistakes=0


def test_the_same_command_again_trains_nothing(whole, monkeypatch):
    files = snapshot(whole.folder)
    monkeypatch.setattr(tlbench.runs.run, "run", lambda *_, **__: pytest.fail("trained again"))
    again = train(*PAGES, f"hydra.run.dir={whole.folder}")
    assert (again.code, again.err) == (0, "")
    assert "complete since" in again.out
    assert snapshot(whole.folder) == files


# ---- stopped and taken up


class Killed(BaseException):
    """As if the process ended on the spot: nothing in tlbench catches it."""


def terminate() -> None:
    signal.raise_signal(signal.SIGTERM)


def die() -> None:
    raise Killed


@pytest.mark.promise("detection goes on")
@pytest.mark.slow
def test_terminated_in_the_second_validation(whole, tmp_path, capsys):
    config, folder = compose_config(PAGES), tmp_path / "run"
    with stop_at(DetectionTask, "validation_step", 2, terminate):
        stopped = go(config, folder, DetectionTask)
    assert stopped.code == 143
    assert content(folder)["status"] == "interrupted"
    capsys.readouterr()
    resumed = go(config, folder, DetectionTask)
    assert resumed.code == 0
    assert f"goes on from run/last.ckpt (step {2 * STEPS})" in capsys.readouterr().out
    batches = [samples for _, samples in stopped.batches + resumed.batches]
    assert batches == [batch[4].tolist() for batch in whole.batches]
    assert_equal_runs(folder, whole.folder)


@pytest.mark.promise("detection goes on")
@pytest.mark.slow
def test_killed_after_the_first_epoch(whole, tmp_path):
    config, folder = compose_config(PAGES), tmp_path / "run"
    with stop_at(DetectionTask, "training_step", STEPS + 2, die), pytest.raises(Killed):
        go(config, folder, DetectionTask)
    assert not (folder / "record.json").exists()
    resumed = go(config, folder, DetectionTask)
    assert [samples for _, samples in resumed.batches] == [batch[4].tolist() for batch in whole.batches[STEPS:]]
    assert_equal_runs(folder, whole.folder)


# ---- a study, and what its arms share


@pytest.mark.slow
@pytest.mark.promise("detection arms share batches")
def test_arms_share_batches_and_what_is_new_for_the_labels(whole, tmp_path, monkeypatch):
    watch = Watch(monkeypatch)
    monkeypatch.setattr(launch, "run_jobs", lambda jobs, _: [train(*job.arguments).code for job in jobs])
    source = f"checkpoint={whole.folder / 'best.ckpt'}"
    study = ("-m", *PAGES, *QUIET, "source=random,checkpoint", source, "seed=0,1", "trainer.max_epochs=1")
    outcome = train(*study, "study=two_arms", "hydra.sweep.dir=study")
    assert outcome.code == 0, outcome.err
    runs = [watch.steps[i : i + STEPS] for i in range(0, len(watch.steps), STEPS)]
    assert len(runs) == 4
    by_seed: dict[bool, list[Any]] = {}
    for steps in runs:  # in whatever order the runs were made
        same_order = steps[0][0][4].tolist() == runs[0][0][0][4].tolist()
        by_seed.setdefault(same_order, []).append(steps)
    folders = sorted(path.parent for path in (tmp_path / "study").rglob("record.json"))
    records = {str(folder.relative_to(tmp_path / "study")): content(folder) for folder in folders}
    assert sorted(records) == [f"{arm}/seed_{n}" for arm in ("checkpoint", "random") for n in (0, 1)]
    for pair in by_seed.values():
        one, other = pair
        for (batch, _, _), (other_batch, _, _) in zip(one, other, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(batch, other_batch, strict=True))
        assert one[0][1].keys() == other[0][1].keys()
        assert all(torch.equal(tensor, other[0][1][name]) for name, tensor in one[0][1].items())
        assert not torch.equal(one[0][2], other[0][2])
    first, second = by_seed.values()
    assert first[0][0][0][4].tolist() != second[0][0][0][4].tolist()
    assert not all(torch.equal(tensor, second[0][0][1][name]) for name, tensor in first[0][0][1].items())
    assert records["checkpoint/seed_0"]["weights"]["loaded"] == 493
    assert len({json.dumps(found["data"], sort_keys=True) for found in records.values()}) == 1
    summary = json.loads((tmp_path / "study" / "summary.json").read_text())
    assert [arm["name"] for arm in summary["arms"]] == ["random", "checkpoint"]
    (difference,) = (d for d in summary["differences"] if d["metric"] == "test/map50_95")
    mean = {
        arm: np.mean([records[f"{arm}/seed_{n}"]["metrics"]["test/map50_95"] for n in (0, 1)])
        for arm in ("random", "checkpoint")
    }
    assert difference["paired"]["mean"] == pytest.approx(mean[difference["arm"]] - mean[difference["baseline"]])
    assert difference["paired"]["n"] == 2

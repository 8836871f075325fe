"""What every task must do, on every row: see `tests/contract/rows.py`, and CONTRIBUTING.md on how a task gets in."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tlbench
from tests.commands import call, snapshot, train
from tests.contract.made import EPOCHS, Made, Workshop, interrupted, moved, same
from tests.contract.rows import ONNX, Row, rows
from tests.contract.subject import subjects
from tlbench.networks.layer_groups import new_groups
from tlbench.networks.network import Network
from tlbench.networks.norms import batch_norm_layers
from tlbench.records.record import Record
from tlbench.records.thumbnails import read_thumbnails
from tlbench.tasks.wings import wing_of


@rows()
def test_train_leaves_a_complete_record(made: Made) -> None:
    record, spec = made.record, made.spec
    assert (record.status, record.error, record.task, record.stand_ins) == ("complete", None, made.row.task, [])
    assert record.data is not None
    assert record.data.fingerprints.keys() == {"train", "val", "test"}
    assert record.data.storage == {"memory": "memory", "files": "workers"}[made.row.storage]
    assert record.model is not None
    assert record.model.parameters == sum(record.model.group_parameters.values()) > 0
    assert record.weights is not None
    assert (record.weights["loaded"] > 0) == (made.row.source != "random")
    assert [row["epoch"] for row in record.curves] == list(range(1, EPOCHS + 1))
    assert {f"test/{metric.name}" for metric in spec.metrics} <= record.metrics.keys()
    assert record.metrics[spec.main_metric] is not None
    for metric in spec.metrics:
        if metric.monitors:
            assert all(f"val/{metric.name}" in row for row in record.curves)
    assert all("train/loss" in row and "lr/head" in row for row in record.curves)
    assert record.best is not None
    assert record.best.monitor == spec.default_monitor
    best = {"max": max, "min": min}[spec.mode_of(spec.default_monitor)]
    assert record.best.value == best(row[spec.default_monitor] for row in record.curves)
    assert all((made.folder / name).stat().st_size > 0 for name in (*record.sidecars.values(), *record.files))
    assert {"curves", "training_batch", "thumbnails_train"} <= record.sidecars.keys()
    pictures = {path.name for path in made.folder.glob("*.png")}
    assert pictures == {name for name in record.sidecars.values() if name.endswith(".png")}
    for name in made.folder.glob("thumbnails_*.npz"):
        assert len(read_thumbnails(name).jpegs) > 0
    cached = made.row.strategy == "feature_extractor" and spec.caches_features
    assert ("features computed once" in made.outcome.out) == cached
    assert made.outcome.err == ""
    warned = [line for line in made.outcome.out.splitlines() if line.startswith("warning: ")]
    assert warned == [f"warning: {warning}" for warning in record.warnings]


def new(groups: list[str]) -> list[str]:
    """The groups that no source gives: the head, and a decoder."""
    return list(new_groups(groups))


STAGES: dict[str, Callable[[list[str]], list[list[str]]]] = {
    "full": lambda groups: [groups, groups],
    "feature_extractor": lambda groups: [new(groups), new(groups)],
    "head_then_full": lambda groups: [new(groups), groups],
    "gradual_unfreezing": lambda groups: [new(groups), groups[-len(new(groups)) - 1 :]],
}
"""Strategy → of each epoch, the layer groups that train."""


def fixed(network: Network, policy: str | None) -> set[str]:
    """Tensors of BatchNorm that no epoch may change."""
    parts = {
        None: (),
        "statistics": ("running_mean", "running_var", "num_batches_tracked"),
        "statistics_and_affine": ("running_mean", "running_var", "num_batches_tracked", "weight", "bias"),
    }
    return {f"{layer}.{part}" for layer, _ in batch_norm_layers(network.module) for part in parts[policy]}


@pytest.mark.promise("frozen means frozen", "frozen detectors")
@rows()
def test_frozen_is_frozen_and_the_rest_trains(made: Made) -> None:
    network, start = made.start
    trainable = STAGES[made.row.strategy](list(network.groups))
    assert len(made.epochs) == EPOCHS
    held = fixed(network, made.config.callbacks.freeze_batch_norm)
    assert bool(held) == (made.row.norm == "fixed")
    before = start
    for groups, after in zip(trainable, made.epochs, strict=True):
        assert after.keys() == start.keys()
        changed = moved(before, after)
        assert {network.group_of(name) for name in changed} == set(groups)
        assert not changed & held
        before = after
    stages = [stage.trainable for stage in made.record.stages]
    assert stages == [groups for groups, _ in itertools.groupby(trainable)]


@pytest.mark.promise("an interrupted run goes on", "detection goes on")
@rows("resume")
def test_resume_ends_bit_for_bit_as_if_never_stopped(made: Made, workshop: Workshop, tmp_path: Path) -> None:
    folder, overrides = tmp_path / "run", workshop.overrides(made.row)
    with interrupted(epoch=EPOCHS, batch=2):
        stopped = train(*overrides, f"hydra.run.dir={folder}")
    assert stopped.code == 143
    assert Record.model_validate_json((folder / "record.json").read_text()).status == "interrupted"
    resumed = train(*overrides, f"hydra.run.dir={folder}")
    assert resumed.code == 0, resumed.err
    assert "goes on from" in resumed.out
    record = Record.model_validate_json((folder / "record.json").read_text())
    assert record.volatile.resumes == 1
    if made.row.device != "cuda":  # whose kernels promise no bits
        assert record.model_dump(exclude={"volatile"}) == made.record.model_dump(exclude={"volatile"})
        assert others(snapshot(folder)) == others(snapshot(made.folder))


def others(files: dict[str, str]) -> dict[str, str]:
    """Of a run's files all but the record, whose times differ."""
    return {name: digest for name, digest in files.items() if name != "record.json"}


@pytest.mark.promise("evaluate", "detection tools", "detection tools after several processes")
@rows()
def test_evaluate_gives_the_recorded_metrics(made: Made, tmp_path: Path) -> None:
    run = shutil.copytree(made.folder, tmp_path / "run")
    outcome = call("evaluate", f"run={run}")
    assert (outcome.code, outcome.err) == (0, "")
    evaluation = json.loads((run / "evaluation.json").read_text())
    assert evaluation["data"]["own"]
    assert evaluation["comparison"]["differing"] == []
    if made.row.device == "cpu":  # in the run's own batches
        assert evaluation["metrics"] == made.record.metrics
    assert others(snapshot(made.folder)).items() <= others(snapshot(run)).items()
    if made.row.device != "cpu":  # nor does validation depend on who saw which image
        assert call("evaluate", f"run={run}", "split=val").code == 0
        best, metrics = made.record.best, json.loads((run / "evaluation_val.json").read_text())["metrics"]
        assert best is not None
        assert metrics[best.monitor] == pytest.approx(best.value, abs=1e-6)


@pytest.mark.promise("predict", "detection tools", "detection tools after several processes")
@rows("tools")
def test_predict_gives_what_the_runs_own_test_kept(made: Made, tmp_path: Path) -> None:
    subject, output = made.subject, tmp_path / "said.jsonl"
    given = (f"run={made.folder}", f"input={made.data / subject.test}", f"output={output}")
    outcome = call("predict", *given, *subject.predict)
    assert (outcome.code, outcome.out) == (0, ""), outcome.err
    said = dict(subject.line(json.loads(line)) for line in output.read_text().splitlines())
    assert_same_numbers(made, {str(Path(file).resolve()): numbers for file, numbers in said.items()})


@pytest.mark.promise("load")
@rows("tools")
def test_load_gives_what_the_runs_own_test_kept(made: Made) -> None:
    model, files = tlbench.load(made.folder), list(made.kept)
    assert made.record.data is not None
    assert list(model.class_names) == made.record.data.class_names
    found: list[Any] = model.predict(files, **made.subject.load)  # type: ignore[call-arg]
    assert_same_numbers(made, dict(zip(files, map(made.subject.loaded, found), strict=True)))


def assert_same_numbers(made: Made, said: dict[str, Any]) -> None:
    assert said.keys() == made.kept.keys()
    assert sum(numbers.size for numbers in said.values()) > 0
    for file, kept in made.kept.items():
        np.testing.assert_allclose(said[file], kept, rtol=0, atol=made.subject.apart, err_msg=file)


@pytest.mark.promise("export")
@rows(ONNX)
def test_export_computes_what_the_run_does(made: Made, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra `export`")
    path = tmp_path / "model.onnx"
    outcome = call("export", f"run={made.folder}", f"output={path}")
    assert (outcome.code, outcome.err) == (0, "")
    session = onnxruntime.InferenceSession(str(path))
    about = session.get_modelmeta().custom_metadata_map
    assert made.record.data is not None
    assert json.loads(about["class_names"]) == made.record.data.class_names
    assert json.loads(about["preprocessing"])
    size, contract = made.config.data.input_size, wing_of(made.config).onnx_output
    images = torch.rand(3, 3, *size, generator=torch.Generator().manual_seed(1))
    (given,) = session.run([contract.name], {"images": images.numpy()})
    with torch.inference_mode():
        outputs = tlbench.load(made.folder, device="cpu").network(images)
    wanted = (outputs[0] if contract.of_first else outputs).numpy()
    for part in contract.parts.values():
        scale = max(1.0, float(np.abs(wanted[:, part]).max()))
        np.testing.assert_allclose(given[:, part] / scale, wanted[:, part] / scale, rtol=0, atol=1e-4)


@rows("files")
def test_files_of_weights_hold_the_best_weights(made: Made, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    path = tmp_path / "weights.safetensors"
    assert call("export", f"run={made.folder}", f"output={path}").code == 0
    best = torch.load(made.folder / "best.ckpt", weights_only=True)["state_dict"]
    found = load_file(path)
    assert {f"network.{name}" for name in found} == best.keys()
    assert all(same(tensor, best[f"network.{name}"]) for name, tensor in found.items())
    for kind in wing_of(made.config).own_formats():
        written = tmp_path / f"model.{kind}"
        outcome = call("export", f"run={made.folder}", f"output={written}")
        if made.row.norm == "group" and outcome.code == 2:  # another program may not know it, and then it is said
            assert "model.norm=group" in outcome.one_line()
            assert not written.exists()
        else:
            assert (outcome.code, outcome.err) == (0, "")
            assert written.stat().st_size > 0


FACTORS = (
    *("source", "strategy", "augmentation", "data.cache", "data.workers"),
    *("data.image_size", "model.norm", "callbacks.freeze_batch_norm", "trainer"),
)
"""In which a row may differ from the earlier run, and in nothing else."""


@pytest.mark.promise("compare")
@rows("tools")
def test_compare_pairs_it_with_the_earlier_run(made: Made, workshop: Workshop, tmp_path: Path) -> None:
    earlier, output = workshop.earlier(made.row.task), tmp_path / "comparison.json"
    factors = [*FACTORS, *(option.partition("=")[0] for option in subjects()[made.row.task].wide)]
    outcome = call("compare", str(made.folder), str(earlier), f"output={output}", f"factors=[{','.join(factors)}]")
    assert (outcome.code, outcome.err) == (0, "")
    found = json.loads(output.read_text())
    other = Record.model_validate_json((earlier / "record.json").read_text())
    main = made.spec.main_metric
    (difference,) = [each for each in found["differences"] if each["metric"] == main]
    assert difference["paired"]["mean"] == pytest.approx(made.record.metrics[main] - other.metrics[main])  # type: ignore
    plain = Row(made.row.task, "random", "full", "memory", "batch")
    assert (found["differing"] == []) == (made.row == plain)

"""`logger=csv`, `logger=mlflow` and `logger=wandb` through whole commands."""

from __future__ import annotations

import csv
import json
import os
import signal
from unittest import mock

import pytest

from tests import wandb_file
from tests.commands import TINY, snapshot, train
from tests.resuming import SHORT, STEPS, go, short_config, stop_at
from tests.several import DDP, Several
from tests.slow import thinned
from tlbench.callbacks.last_checkpoint import LastCheckpoint
from tlbench.tasks.classification.task import ClassificationTask

pytestmark = pytest.mark.usefixtures("tiny_network")

RUN = (*TINY, "source=random", "hydra.run.dir=run")


class Killed(BaseException):
    """As if the process ended on the spot."""


def die():
    raise Killed


@pytest.fixture(autouse=True)
def environment():
    """Is left as it was."""
    with mock.patch.dict(os.environ):
        yield


def record(folder):
    return json.loads((folder / "record.json").read_text())


def table(folder):
    with (folder / "curves.csv").open(newline="") as file:
        return [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(file)]


def curves(rows, name):
    """(step as Lightning counts the epoch's metrics, value)."""
    return [(row["step"] - 1, row[name]) for row in rows]


CURVES = ("train/loss", "train/oa", "val/loss", "val/oa", "lr/stem", "lr/head", "stage")


def test_csv_alone(tmp_path):
    outcome = train(*RUN, "logger=csv")
    assert outcome.code == 0, outcome.err
    assert table(tmp_path / "run") == record(tmp_path / "run")["curves"]
    assert not list(tmp_path.rglob("events.*"))
    assert {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")} == {"run"}


def test_csv_is_there_beside_every_other_logger(tmp_path):
    assert train(*RUN).code == 0
    assert list((tmp_path / "run").glob("events.*"))
    assert table(tmp_path / "run") == record(tmp_path / "run")["curves"]


@pytest.mark.promise("loggers")
@pytest.mark.parametrize("moment", thinned(["in a later epoch", "between an epoch's row and its checkpoint"], 2))
def test_csv_of_a_resumed_run_is_that_of_an_uninterrupted_one(tmp_path, moment):
    config = short_config(*SHORT, "logger=csv", "trainer.max_epochs=4")
    assert go(config, tmp_path / "whole").code == 0
    where = {
        "in a later epoch": (ClassificationTask, "training_step", 2 * STEPS + 2),
        "between an epoch's row and its checkpoint": (LastCheckpoint, "on_train_epoch_end", 2),
    }[moment]
    with stop_at(*where, die), pytest.raises(Killed):
        go(config, tmp_path / "run")
    assert len(table(tmp_path / "run")) == 2
    assert go(config, tmp_path / "run").code == 0
    assert (tmp_path / "run" / "curves.csv").read_bytes() == (tmp_path / "whole" / "curves.csv").read_bytes()


# ---- MLflow


@pytest.fixture
def store(tmp_path):
    pytest.importorskip("mlflow")
    return f"logger.mlflow.tracking_uri=file:{tmp_path}/mlruns"


def mlflow_runs(tmp_path, experiment):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"file:{tmp_path}/mlruns")
    return client, client.search_runs([client.get_experiment_by_name(experiment).experiment_id])


def test_mlflow(tmp_path, store):
    outcome = train(*RUN, "logger=mlflow", store, "study=flow")
    assert (outcome.code, outcome.err) == (0, "")
    assert "mlflow" not in outcome.out.lower()
    this = record(tmp_path / "run")
    client, (run,) = mlflow_runs(tmp_path, "flow")
    assert (run.info.run_name, run.info.status) == ("flow/random/seed_0", "FINISHED")
    for name in CURVES:
        logged = [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, name)]
        assert logged == curves(this["curves"], name), name
    flat = {k: v for k, v in this["metrics"].items() if k.count("/") == 1}
    assert {k: v for k, v in run.data.metrics.items() if k.startswith("test/")} == flat
    assert run.data.params["source.name"] == "random"
    assert run.data.params["optimizer.lr"] == "0.001"
    assert run.data.tags["tlbench.config.hash"] == this["config_hash"]
    pictures = {file.path for file in client.list_artifacts(run.info.run_id, "test")}
    assert {"test/confusion.png", "test/most_confident_mistakes.png"} <= pictures
    assert {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")} == {"run", "mlruns"}


@pytest.mark.promise("loggers")
def test_mlflow_of_a_resumed_run_is_one_run_and_shows_nothing_twice(tmp_path, store):
    config = short_config(*SHORT, "logger=mlflow", store, "study=flow", "trainer.max_epochs=4")
    with stop_at(LastCheckpoint, "on_train_epoch_end", 3, die), pytest.raises(Killed):
        go(config, tmp_path / "run")
    _, (killed,) = mlflow_runs(tmp_path, "flow")
    with stop_at(ClassificationTask, "training_step", STEPS + 1, lambda: signal.raise_signal(signal.SIGTERM)):
        assert go(config, tmp_path / "run").code == 143
    _, (stopped,) = mlflow_runs(tmp_path, "flow")
    assert go(config, tmp_path / "run").code == 0
    client, (run,) = mlflow_runs(tmp_path, "flow")
    assert killed.info.run_id == stopped.info.run_id == run.info.run_id
    assert [r.info.status for r in (killed, stopped, run)] == ["RUNNING", "KILLED", "FINISHED"]
    for name in CURVES:
        logged = [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, name)]
        assert logged == curves(record(tmp_path / "run")["curves"], name), name


def test_mlflow_of_a_run_that_fails(tmp_path, store):
    def broken(*_):
        raise RuntimeError("no")

    with mock.patch.object(ClassificationTask, "training_step", broken):
        assert train(*RUN, "logger=mlflow", store, "study=flow").code == 1
    _, (run,) = mlflow_runs(tmp_path, "flow")
    assert run.info.status == "FAILED"


@pytest.mark.slow
def test_a_rerun_is_a_run_of_its_own(tmp_path, store):
    for more in ((), ("rerun=true",)):
        assert train(*RUN, "logger=mlflow", store, "study=flow", *more).code == 0
    _, runs = mlflow_runs(tmp_path, "flow")
    assert [run.info.status for run in runs] == ["FINISHED", "FINISHED"]


@pytest.mark.slow
def test_of_two_processes_the_first_logs(tmp_path, store, monkeypatch):
    (tmp_path / "several").mkdir()
    Several(monkeypatch, tmp_path / "several")
    outcome = train(*DDP, "logger=mlflow", store, "study=flow", "hydra.run.dir=run")
    assert outcome.code == 0, outcome.err
    this = record(tmp_path / "run")
    client, (run,) = mlflow_runs(tmp_path, "flow")
    assert run.info.status == "FINISHED"
    for name in ("train/loss", "val/oa", "lr/head"):
        logged = [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, name)]
        assert logged == curves(this["curves"], name), name
    assert table(tmp_path / "run") == this["curves"]


def test_a_dry_run_leaves_nothing(tmp_path, store):
    assert train(*RUN, "logger=mlflow", store, "plan=true").code == 0
    assert not (tmp_path / "mlruns").exists()


@pytest.mark.parametrize("uri", thinned(["http://127.0.0.1:9", "file:taken/mlruns"], 2))
def test_a_store_that_is_not_there_is_said_before_training(tmp_path, store, uri):
    (tmp_path / "taken").write_text("precious")
    assert train(*RUN, "logger=csv").code == 0
    before = snapshot(tmp_path / "run")
    outcome = train(*RUN, "logger=mlflow", f"logger.mlflow.tracking_uri={uri}", "rerun=true")
    assert outcome.code == 2
    assert f"logger.mlflow.tracking_uri='{uri}'" in outcome.one_line()
    assert "epoch 1/" not in outcome.out
    earlier = tmp_path / "run" / "previous_1"
    assert snapshot(earlier if earlier.exists() else tmp_path / "run") == before
    assert (tmp_path / "taken").read_text() == "precious"


# ---- Weights & Biases


@pytest.fixture
def wandb(monkeypatch):
    pytest.importorskip("wandb")
    for name in ("API_KEY", "BASE_URL", "IDENTITY_TOKEN_FILE", "CONFIG_DIR", "MODE"):
        monkeypatch.delenv(f"WANDB_{name}", raising=False)


OFFLINE = ("logger=wandb", "logger.wandb.mode=offline")


def wandb_files(tmp_path):
    """In the order in which they were begun, which may be one second."""
    return sorted((tmp_path / "run").glob("wandb/offline-run-*/run-*.wandb"), key=lambda path: path.stat().st_mtime)


@pytest.mark.slow
@pytest.mark.usefixtures("wandb")
def test_wandb_offline(tmp_path):
    outcome = train(*RUN, *OFFLINE, "study=bias")
    assert (outcome.code, outcome.err) == (0, "")
    assert "wandb" not in outcome.out.lower()
    this = record(tmp_path / "run")
    (file,) = wandb_files(tmp_path)
    history = wandb_file.history(file)
    for name in CURVES:
        logged = [(step, row[name]) for step, row in history.items() if name in row]
        assert logged == curves(this["curves"], name), name
    last = history[this["curves"][-1]["step"]]
    flat = {k: v for k, v in this["metrics"].items() if k.count("/") == 1}
    assert {k: last[k] for k in flat} == flat
    assert last["test/confusion/_type"] == "images/separated"
    assert wandb_file.configuration(file)["optimizer.lr"] == 0.001
    assert wandb_file.exit_code(file) == 0
    run = wandb_file.run(file)
    assert (run.display_name, run.run_group, run.project) == ("bias/random/seed_0", "bias", "tlbench")
    assert list(run.tags) == ["bias", "random", "seed_0"]
    assert {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")} == {"run"}


@pytest.mark.slow
@pytest.mark.promise("loggers")
@pytest.mark.usefixtures("wandb")
def test_wandb_of_a_resumed_run_has_one_id_and_goes_on_at_its_step(tmp_path):
    with stop_at(ClassificationTask, "training_step", 3, lambda: signal.raise_signal(signal.SIGTERM)):
        assert train(*RUN, *OFFLINE).code == 143
    assert train(*RUN, *OFFLINE).code == 0
    files = wandb_files(tmp_path)
    assert [wandb_file.exit_code(file) for file in files] == [130, 0]
    assert len({file.name for file in files}) == 1
    parts = [wandb_file.history(file) for file in files]
    logged = [(step, row["val/oa"]) for part in parts for step, row in part.items() if "val/oa" in row]
    assert logged == curves(record(tmp_path / "run")["curves"], "val/oa")


@pytest.mark.usefixtures("wandb")
@pytest.mark.parametrize("multirun", [False, True])
def test_wandb_online_without_a_key_is_said_before_anything(tmp_path, multirun):
    more = ("-m", "seed=0,1", "hydra.sweep.dir=runs") if multirun else ()
    outcome = train(*RUN, "logger=wandb", *more)
    assert outcome.code == 2
    assert "logger.wandb.mode=offline" in outcome.one_line()
    assert [p for p in tmp_path.rglob("*") if p.is_file() and p.name != "multirun.yaml"] == []

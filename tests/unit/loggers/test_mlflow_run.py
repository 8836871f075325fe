"""What tlbench adds to Lightning's MLflow logger; local stores only."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path
from unittest import mock

import pytest

pytest.importorskip("mlflow")

from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from tests.composed import config
from tests.voices import hearing
from tlbench.config import MlflowConfig
from tlbench.errors import ConfigError
from tlbench.loggers import mlflow_run
from tlbench.loggers.identity import Identity, KnownRuns
from tlbench.loggers.mlflow_run import RunMlflowLogger
from tlbench.system.voice import PRINTING


@pytest.fixture(autouse=True)
def environment():
    """Is left as it was."""
    with mock.patch.dict(os.environ):
        yield


@pytest.fixture(params=["file", pytest.param("sqlite", marks=pytest.mark.slow)])
def uri(request, tmp_path):
    if request.param == "file":
        return f"file:{tmp_path}/stores/mlruns"
    pytest.importorskip("sqlalchemy")
    return f"sqlite:///{tmp_path}/stores/mlflow.db"


@pytest.fixture
def file_uri(tmp_path):
    return f"file:{tmp_path}/stores/mlruns"


def logger(uri, folder=Path("run"), voice=PRINTING, overrides=()):
    identity = Identity.of(config("study=s", "source=random", *overrides))
    store = MlflowConfig(experiment="e", tracking_uri=uri)
    return RunMlflowLogger(store, identity, KnownRuns(folder, identity.config_hash), voice)


def runs(uri):
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("e")
    return client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL)


def test_a_resumed_run_goes_on_and_logs_nothing_twice(uri, tmp_path):
    first = logger(uri)
    first.begin()
    for step in (1, 3):
        first.log_metrics({"val/oa": step / 10, "lr/head": 0.5}, step)
    again = logger(uri)
    again.begin()
    for step in (3, 5):
        again.log_metrics({"val/oa": step / 10, "lr/head": 0.5}, step)
    again.conclude("complete")
    (run,) = runs(uri)
    history = MlflowClient(uri).get_metric_history(run.info.run_id, "val/oa")
    assert [(m.step, m.value) for m in history] == [(1, 0.1), (3, 0.3), (5, 0.5)]
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "s/random/seed_0"
    assert run.data.params["optimizer.lr"] == "0.001"
    assert run.data.tags["tlbench.arm"] == "random"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run", "stores"]  # nothing beside the store


def test_an_interrupted_run_is_killed_until_it_goes_on(file_uri):
    for status, wanted in (("interrupted", "KILLED"), ("failed", "FAILED")):
        this = logger(file_uri)
        this.begin()
        assert [run.info.status for run in runs(file_uri)] == ["RUNNING"]
        this.conclude(status)
        assert [run.info.status for run in runs(file_uri)] == [wanted]


def test_parameters_that_changed_between_resumptions_do_not_matter(file_uri):
    """MLflow's parameters cannot be changed, and keys that do not affect results may."""
    logger(file_uri, overrides=["callbacks.checkpoint.every_n_epochs=1"]).begin()
    logger(file_uri, overrides=["callbacks.checkpoint.every_n_epochs=2"]).begin()
    (run,) = runs(file_uri)
    assert run.data.params["callbacks.checkpoint.every_n_epochs"] == "1"


def test_long_parameters_are_cut(file_uri):
    classes = [f"class {n} of very many" for n in range(400)]
    logger(file_uri, overrides=[f"data.classes={classes}"]).begin()
    (run,) = runs(file_uri)
    assert run.data.params["data.classes"] == str(classes)[:250]


@pytest.mark.parametrize("gone", ["deleted", "another store"])
def test_a_run_that_is_gone_begins_anew(file_uri, tmp_path, gone):
    logger(file_uri).begin()
    (run,) = runs(file_uri)
    if gone == "deleted":
        MlflowClient(file_uri).delete_run(run.info.run_id)
    else:
        shutil.rmtree(tmp_path / "stores" / "mlruns" / run.info.experiment_id / run.info.run_id)
    logger(file_uri).begin()
    assert len([r for r in runs(file_uri) if r.info.lifecycle_stage == "active"]) == 1
    assert runs(file_uri)[0].info.run_id != run.info.run_id


def test_a_store_that_breaks_costs_one_warning(file_uri, monkeypatch):
    warnings = []
    this = logger(file_uri, voice=hearing(warnings))
    this.begin()

    def broken(*_, **__):
        raise MlflowException("the server\nis gone")

    monkeypatch.setattr(MlflowClient, "log_batch", broken)
    for step in range(3):
        this.log_metrics({"val/oa": 0.5}, step)
    this.conclude("complete")
    (warning,) = warnings
    assert "the server is gone" in warning
    assert "curves.csv" in warning


@pytest.mark.parametrize("uri", ["file:taken/mlruns", "sqlite:///taken/m.db", "nonsense://host", "taken"])
def test_a_store_that_cannot_be_used_is_one_line(tmp_path, uri):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(ConfigError) as caught:
        logger(uri).begin()
    assert f"logger.mlflow.tracking_uri={uri!r}: MLflow cannot use it (" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_pictures_lie_beside_a_database(tmp_path):
    pytest.importorskip("sqlalchemy")
    from tlbench.pictures.curves import curves_figure

    this = logger(f"sqlite:///{tmp_path}/m.db")
    this.begin()
    this.add_figure("test/confusion", curves_figure([], "val/oa"), 3)
    (picture,) = tmp_path.glob("m.artifacts/*/artifacts/test/confusion.png")
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.promise("an MLflow server that hangs")
def test_a_server_that_never_answers_whole_costs_one_warning_and_a_while(monkeypatch, file_uri):
    """MLflow's own limit of time begins anew with every byte of an answer."""
    monkeypatch.setattr(mlflow_run, "_ANSWERS_WITHIN_S", 0.05)
    monkeypatch.setattr(mlflow_run, "_store_path", lambda uri: None)  # as that of a server
    warnings: list[str] = []
    store = logger(file_uri, voice=hearing(warnings))
    release = threading.Event()
    store._tell(release.wait)
    store._tell(release.wait)
    release.set()
    assert [warning.split(";")[0] for warning in warnings] == [
        f"MLflow at {file_uri} failed (no whole answer within 0 s)"
    ]
    monkeypatch.setattr(RunMlflowLogger, "_find", lambda self: threading.Event().wait())
    with pytest.raises(ConfigError, match="no whole answer within 0 s"):
        logger(file_uri).begin()

"""MLflow: one run there for each run here."""

from __future__ import annotations

import logging
import os
import threading
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from filelock import FileLock
from lightning.pytorch.loggers import MLFlowLogger
from matplotlib.figure import Figure

from tlbench.config import MlflowConfig
from tlbench.errors import ConfigError
from tlbench.loggers.identity import Identity, KnownRuns
from tlbench.loggers.status import Status
from tlbench.system.voice import Voice

_ENVIRONMENT = {
    "MLFLOW_ALLOW_FILE_STORE": "true",  # MLflow 3 else refuses file stores, which need neither server nor database
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # seconds; by default two minutes, seven times
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""What MLflow reads; what the user has set stays."""

_ANSWERS_WITHIN_S = 30.0
"""Seconds for all that a server is asked at once: MLflow's own limit starts anew with every byte of an answer."""

_STATUS: dict[Status, str] = {"complete": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}


class RunMlflowLogger(MLFlowLogger):
    """Lightning's logger, except that a resumed run logs nothing twice and its status is how the run ended.

    A store that no longer answers costs a warning, not the run: `curves.csv` and the record hold everything.

    Args:
        config: Experiment and store.
        identity: The run's names and configuration.
        known: Knows the run's id from before it was resumed.
        voice: Speaks to the user.

    Raises:
        ConfigError: MLflow cannot use the store.
    """

    def __init__(self, config: MlflowConfig, identity: Identity, known: KnownRuns, voice: Voice) -> None:
        for key, value in _ENVIRONMENT.items():
            os.environ.setdefault(key, value)
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        warnings.filterwarnings("ignore", module=r"mlflow\.")
        self._uri = config.tracking_uri
        self._place = {"experiment": config.experiment, "tracking_uri": config.tracking_uri}
        self._identity, self._known, self._voice = identity, known, voice
        self._steps: dict[str, set[int]] = {}
        self._answers = True
        try:
            with _alone(self._uri):
                super().__init__(
                    experiment_name=config.experiment,
                    run_name=identity.name,
                    tracking_uri=config.tracking_uri,
                    tags={
                        "tlbench.study": identity.study,
                        "tlbench.arm": identity.arm,
                        "tlbench.seed": str(identity.seed),
                        "tlbench.config.hash": identity.config_hash,
                    },
                    artifact_location=_artifacts(self._uri),
                )
        except Exception as error:  # MLflow's own, the disk's, a database's
            raise self._refusal(error) from error

    def begin(self) -> None:
        """Start the run, or go on with it.

        Raises:
            ConfigError: MLflow refuses.
            OutputError: The id cannot be kept.
        """
        try:
            self._in_time(self._start)
        except OSError as error:
            raise self._refusal(error) from error
        except Exception as error:
            if not type(error).__module__.startswith(("mlflow", "sqlalchemy", "requests")):
                raise
            raise self._refusal(error) from error

    def _start(self) -> None:
        self._find()
        with _alone(self._uri):
            run_id = str(self.run_id)
        self._known.note("mlflow", run_id, **self._place)
        self._go_on(run_id)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log what is not there yet for this step."""
        fresh = {key: value for key, value in metrics.items() if step not in self._steps.get(key, ())}
        self._tell(lambda: super(RunMlflowLogger, self).log_metrics(fresh, step))

    def add_figure(self, tag: str, figure: Figure, step: int) -> None:  # noqa: ARG002 (an artifact has no step)
        """Keep a picture as an artifact `<tag>.png`."""
        self._tell(lambda: self.experiment.log_figure(self.run_id, figure, f"{tag}.png"))

    def finalize(self, status: str = "success") -> None:
        """Nothing: Lightning calls this after the training already; see `conclude`."""

    def conclude(self, status: Status) -> None:
        """Set the run's status: FINISHED, FAILED, or KILLED for an interrupted one."""
        if self._initialized:
            self._tell(lambda: self.experiment.set_terminated(self.run_id, _STATUS[status]))

    def _find(self) -> None:
        """Take the run from before, unless it was deleted."""
        from mlflow.exceptions import MlflowException

        run_id = self._known.find("mlflow", **self._place)
        if run_id is None:
            return
        try:
            run = self._mlflow_client.get_run(run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return
        if run.info.lifecycle_stage == "active":
            self._run_id = run_id

    def _go_on(self, run_id: str) -> None:
        """Log the parameters that are not there yet (they cannot be changed), and note the steps that are."""
        client: Any = self.experiment
        run = client.get_run(run_id)
        if run.info.status != "RUNNING":
            client.update_run(run_id, status="RUNNING")
        self.log_hyperparams({k: v for k, v in self._identity.parameters.items() if k not in run.data.params})
        self._steps = {key: {m.step for m in client.get_metric_history(run_id, key)} for key in run.data.metrics}

    def _tell(self, call: Callable[[], object]) -> None:
        if not self._answers:
            return
        try:
            self._in_time(call)
        except Exception as error:  # whatever the store does
            self._answers = False
            reason = " ".join(str(error).split())[:200]
            self._voice.warn(
                f"MLflow at {self._uri} failed ({reason}); nothing more is logged there, curves.csv and the record "
                "have it all"
            )

    def _in_time(self, call: Callable[[], object]) -> None:
        """Make a call; one to a server that does not end in time is left behind.

        Raises:
            TimeoutError: It did not.
            Exception: What it raised.
        """
        if _store_path(self._uri) is not None:
            call()
            return
        failed: list[Exception] = []

        def work() -> None:
            try:
                call()
            except Exception as error:  # raised again below
                failed.append(error)

        thread = threading.Thread(target=work, daemon=True, name="mlflow")
        thread.start()
        thread.join(_ANSWERS_WITHIN_S)
        if thread.is_alive():
            raise TimeoutError(f"no whole answer within {_ANSWERS_WITHIN_S:.0f} s")
        if failed:
            raise failed[0]

    def _refusal(self, error: Exception) -> ConfigError:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        return ConfigError(
            f"logger.mlflow.tracking_uri={self._uri!r}: MLflow cannot use it ({reason}); use a local store such as "
            "file:outputs/mlruns or sqlite:///outputs/mlflow.db, a server's http://…, or logger.mlflow=null"
        )


def _store_path(uri: str) -> Path | None:
    """Where a local store lies; None for a server or a database elsewhere."""
    if uri.startswith("sqlite:///"):
        return Path(uri.removeprefix("sqlite:///"))
    if uri.startswith("file:") or "://" not in uri:
        return Path(unquote(urlsplit(uri).path))
    return None


def _alone(uri: str) -> AbstractContextManager[object]:
    """Runs of a study that start at the same time make a local store, and its experiment, one after another."""
    path = _store_path(uri)
    if path is None:
        return nullcontext()
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path.parent / f".{path.name}.lock")


def _artifacts(uri: str) -> str | None:
    """Pictures of a run that a database keeps go beside it; MLflow would put them into the working folder."""
    path = _store_path(uri) if uri.startswith("sqlite:") else None
    return None if path is None else path.with_suffix(".artifacts").absolute().as_uri()

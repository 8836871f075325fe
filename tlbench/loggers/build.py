"""A run's loggers, from its configuration to its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger, TensorBoardLogger
from matplotlib.figure import Figure

from tlbench.config import TrainConfig
from tlbench.loggers.identity import Identity, KnownRuns
from tlbench.loggers.mlflow_run import RunMlflowLogger
from tlbench.loggers.status import Status
from tlbench.loggers.telling import telling_keys
from tlbench.loggers.wandb_run import RunWandbLogger
from tlbench.processes.rank import is_first_process
from tlbench.system.voice import PRINTING, Voice
from tlbench.trust.names import own_codes
from tlbench.trust.own import own, takes_argument


def build_loggers(config: TrainConfig, folder: Path, resume_step: int = 0, voice: Voice = PRINTING) -> list[Logger]:
    """The loggers of a run; those of W&B and MLflow in its first process only.

    Args:
        config: The run's configuration.
        folder: The run's folder; TensorBoard's events and W&B's files go there.
        resume_step: Steps in the checkpoint that the run goes on from (0: none); curves logged after it are dropped.
        voice: Speaks to the user.

    Raises:
        ConfigError: MLflow cannot use the store; one of the user's own cannot be built, or is no logger.
    """
    loggers: list[Logger] = []
    if config.logger.tensorboard:
        # An epoch of n steps that ends at step s is logged at s − 1: what a run logs after a checkpoint of step s
        # begins at s, and one that begins anew at 0.
        writer_options: dict[str, Any] = {"purge_step": resume_step}
        loggers.append(
            TensorBoardLogger(save_dir=folder, name="", version="", default_hp_metric=False, **writer_options)
        )
    loggers += _own_loggers(config, folder)
    if is_first_process():
        identity = Identity.of(config)
        known = KnownRuns(folder, identity.config_hash)
        if config.logger.wandb is not None:
            loggers.append(RunWandbLogger(config.logger.wandb, identity, known, folder))
        if config.logger.mlflow is not None:
            loggers.append(RunMlflowLogger(config.logger.mlflow, identity, known, voice))
    return loggers


def _own_loggers(config: TrainConfig, folder: Path) -> list[Logger]:
    """Those of `logger.own`; one that takes `save_dir`, as Lightning's do, gets the run's folder unless it is given."""
    found = []
    for code in own_codes(config.logger.own, "logger.own").values():
        takes = "save_dir" not in code.arguments and takes_argument(code, "save_dir")
        found.append(own(code, Logger, "Lightning logger", given={"save_dir": str(folder)} if takes else None))
    return found


def begin_logging(loggers: Sequence[Logger]) -> None:
    """Start the run in W&B and MLflow, or go on with it there.

    Raises:
        ConfigError: They refuse.
        OutputError: The run's id cannot be kept in its folder.
    """
    for logger in loggers:
        if isinstance(logger, RunWandbLogger | RunMlflowLogger):
            logger.begin()


def conclude_logging(loggers: Sequence[Logger], status: Status) -> None:
    """Tell W&B and MLflow how the run ended."""
    for logger in loggers:
        if isinstance(logger, RunWandbLogger | RunMlflowLogger):
            logger.conclude(status)


def log_result(
    loggers: Sequence[Logger],
    metrics: Mapping[str, float],
    logged: Mapping[str, float],
    config: TrainConfig,
    step: int,
) -> None:
    """Log the final metrics (those per class excepted); to TensorBoard the hyperparameters as well.

    These stand beside all of the metrics, as `hparam/test_oa`: the seed first, then the factors, then what is not as
    `task=…` alone gives it, then all else.

    Args:
        loggers: The run's.
        metrics: Flat names such as `test/oa` and values.
        logged: Further ones, such as `test/loss`, that are logged already.
        config: The run's configuration.
        step: Global step at the end of training.
    """
    final = {key: value for key, value in metrics.items() if key.count("/") == 1}
    beside = {key: value for key, value in logged.items() if key.count("/") == 1}
    for logger in loggers:
        logger.log_metrics(final, step)
        if isinstance(logger, TensorBoardLogger):
            # with the step, as a run that is taken up here drops what was logged from that step on
            result = {f"hparam/{key.replace('/', '_')}": value for key, value in {**beside, **final}.items()}
            parameters = Identity.of(config).parameters
            first = [key for key in telling_keys(config) if key in parameters]
            ordered = {key: str(parameters[key]) for key in dict.fromkeys([*first, *parameters])}
            logger.log_hyperparams(ordered, result, step)
            logger.finalize("success")


class FigureWriter:
    """Takes figures as TensorBoard's SummaryWriter does, and gives them to every logger.

    Args:
        loggers: The run's.
    """

    def __init__(self, loggers: Sequence[Logger]) -> None:
        self._loggers = loggers

    def add_figure(self, tag: str, figure: Figure, step: int) -> None:
        """Log a figure under a name such as `test/confusion`."""
        for logger in self._loggers:
            if isinstance(logger, RunWandbLogger | RunMlflowLogger):
                logger.add_figure(tag, figure, step)
            elif isinstance(logger, TensorBoardLogger):
                logger.experiment.add_figure(tag, figure, step)

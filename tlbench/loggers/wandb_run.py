"""Weights & Biases: one run there for each run here."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch.loggers import WandbLogger
from matplotlib.figure import Figure

from tlbench.config import WandbConfig
from tlbench.errors import ConfigError
from tlbench.loggers.identity import Identity, KnownRuns
from tlbench.loggers.status import Status

_LONGEST_TAG = 64
_LONGEST_NAME = 128
_STARTS_WITHIN_S = 30.0
_UPLOADS_WITHIN_S = 120.0
"""How long the end waits for a slow network; what is left then is on disk for `wandb sync`."""

_EXIT_CODES: dict[Status, int] = {"complete": 0, "failed": 1, "interrupted": 130}


class RunWandbLogger(WandbLogger):
    """Lightning's logger with tlbench's step as W&B's own, so that W&B itself drops what a resumed run logs again.

    Args:
        config: Project and mode.
        identity: The run's names and configuration.
        known: Knows the run's id from before it was resumed.
        folder: The run's folder; W&B's files go into `wandb` in it.
    """

    def __init__(self, config: WandbConfig, identity: Identity, known: KnownRuns, folder: Path) -> None:
        import wandb

        self._place = {"project": config.project}
        self._identity, self._known = identity, known
        tags = [identity.study, identity.arm, f"seed_{identity.seed}"]
        super().__init__(
            name=identity.name[-_LONGEST_NAME:],
            save_dir=folder,
            project=config.project,
            id=known.find("wandb", **self._place) or secrets.token_hex(8),
            mode=config.mode,
            group=identity.study[:_LONGEST_NAME],
            job_type=identity.arm[:_LONGEST_TAG],
            tags=list(dict.fromkeys(tag[:_LONGEST_TAG] for tag in tags)),
            settings=wandb.Settings(
                silent=True,
                console="off",
                disable_git=True,
                save_code=False,
                x_disable_stats=True,
                init_timeout=_STARTS_WITHIN_S,
                finish_timeout=_UPLOADS_WITHIN_S,
            ),
        )
        self._wandb_init.pop("anonymous", None)  # Lightning passes it on, W&B warns that it knows it no more

    def begin(self) -> None:
        """Start the run, or go on with it.

        Raises:
            ConfigError: W&B refuses.
            OutputError: The id cannot be kept.
        """
        try:
            run_id = str(self.experiment.id)
            self.experiment.config.update(self._identity.parameters, allow_val_change=True)
        except Exception as error:  # W&B's own, the network's, the disk's
            raise ConfigError(
                f"logger.wandb.project={self._project!r}: W&B refuses ({' '.join(str(error).split())[:200]}); mend "
                "that, or use logger.wandb.mode=offline"
            ) from error
        self._known.note("wandb", run_id, **self._place)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log under W&B's step `step`, and as `trainer/global_step`."""
        self.experiment.log({**metrics, "trainer/global_step": step}, step=step)

    def add_figure(self, tag: str, figure: Figure, step: int) -> None:
        """Log a picture."""
        canvas: Any = figure.canvas
        canvas.draw()
        self.log_image(tag, [np.asarray(canvas.buffer_rgba())[..., :3]], step)

    def finalize(self, status: str) -> None:
        """Nothing: Lightning calls this after the training already; see `conclude`."""

    def conclude(self, status: Status) -> None:
        """End the run; W&B shows `finished`, or `failed` for what failed or was interrupted."""
        if self._experiment is not None:
            self._experiment.finish(exit_code=_EXIT_CODES[status])
            self._experiment = None

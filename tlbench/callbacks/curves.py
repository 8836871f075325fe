"""Collects the curves of a run, one row per epoch, keeps them as `curves.csv`, and logs stage and learning rates."""

# ruff: noqa: ARG002 (hooks have Lightning's signatures)
from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from tlbench.callbacks.gradual_unfreezing import GradualUnfreezing
from tlbench.processes.rank import is_first_process
from tlbench.records.curves import write_curves
from tlbench.system.atomic import output_errors


class Curves(Checkpoint):
    """Keeps every epoch's `train/…` and `val/…` metrics and each layer group's learning rate.

    A row is made at the end of the training epoch, when validation has run. It is a Checkpoint only for the moment:
    Lightning calls these after the task's own `on_train_epoch_end`, which logs train metrics. List it before a
    `ModelCheckpoint(save_on_train_epoch_end=True)`, so that the row is in the checkpoint of its epoch.

    Args:
        unfreezing: Knows the stage; None where there are no stages.
        file: The table of the rows, written after each epoch; None: none is written.

    Attributes:
        rows: One per epoch, in order: `epoch` and `step` (epochs and training steps completed, so from 1), `stage`
            (from 1), the metrics, and `lr/<layer group>`, the rate that the next step would use (0: frozen).
    """

    def __init__(self, unfreezing: GradualUnfreezing | None = None, file: Path | None = None) -> None:
        self._unfreezing = unfreezing
        self._file = file
        self.rows: list[dict[str, float]] = []
        self._val: dict[str, float] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Bring the table to what the checkpoint knows: epochs that came after it come again."""
        self.write()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the val metrics now: an epoch without validation must not repeat the last."""
        if not trainer.sanity_checking:
            self._val = _metrics(trainer, "val/")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add the epoch's row and log its stage and learning rates."""
        if self.rows and self.rows[-1]["step"] == trainer.global_step:
            return  # Lightning may end once more the epoch at whose end a run is resumed
        rates = _learning_rates(trainer)
        stage = {} if self._unfreezing is None else {"stage": self._unfreezing.number + 1}
        row = {"epoch": trainer.current_epoch + 1, "step": trainer.global_step, **stage}
        self.rows.append({**row, **_metrics(trainer, "train/"), **self._val, **rates})
        self._val = {}
        self.write()
        for logger in trainer.loggers:
            logger.log_metrics(
                {**stage, **rates}, step=trainer.global_step - 1
            )  # as Lightning counts the epoch's metrics

    def state_dict(self) -> dict[str, Any]:
        """The rows, as plain numbers."""
        return {"rows": [dict(row) for row in self.rows]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the rows of the run that is resumed."""
        self.rows = [dict(row) for row in state_dict["rows"]]

    def write(self) -> None:
        """Bring the table to the rows: also where a run is resumed with nothing left to train.

        Raises:
            OutputError: If the disk refuses.
        """
        if self._file is None or not is_first_process():
            return
        if self.rows:
            write_curves(self._file, self.rows)
        else:
            with output_errors(self._file.parent):
                self._file.unlink(missing_ok=True)


def _metrics(trainer: Trainer, prefix: str) -> dict[str, float]:
    return {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith(prefix)}


def _learning_rates(trainer: Trainer) -> dict[str, float]:
    """`lr/<layer group>` of each `<layer group>/decay` parameter group (its no-decay twin has the same rate)."""
    return {
        "lr/" + group["name"].removesuffix("/decay"): float(group["lr"])
        for optimizer in trainer.optimizers
        for group in optimizer.param_groups
        if group["name"].endswith("/decay")
    }

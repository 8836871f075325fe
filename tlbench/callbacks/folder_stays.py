"""Ends a run whose folder is removed while it trains, before a new folder could come to be with half of its files."""

# ruff: noqa: ARG002 (hooks have Lightning's signatures)
from __future__ import annotations

from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer

from tlbench.records.folder import check_still_there


class FolderStays(Callback):
    """Looks before checkpoints and curves are written, which Lightning does after all other callbacks.

    Args:
        folder: The run's, in which it has begun.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Before the best checkpoint.

        Raises:
            OutputError: The folder was removed.
        """
        check_still_there(self._folder)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Before the curves and the last checkpoint.

        Raises:
            OutputError: The folder was removed.
        """
        check_still_there(self._folder)

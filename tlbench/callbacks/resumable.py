"""Lightning's checkpoint and early-stopping callbacks, made to survive a resume as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint


class MovableCheckpoint(ModelCheckpoint):
    """Remembers its best checkpoint also where the run's folder was moved; Lightning's forgets it then."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the state, its paths being those of today's folder."""
        assert self.dirpath is not None

        def here(path: str) -> str:
            return str(Path(str(self.dirpath)) / Path(path).name) if path else path

        paths = {key: here(state_dict[key]) for key in ("best_model_path", "kth_best_model_path", "last_model_path")}
        kept = {here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict({**state_dict, **paths, "best_k_models": kept, "dirpath": self.dirpath})


class LastingEarlyStopping(EarlyStopping):
    """Stays stopped: a run that had stopped early and was then taken up again trains no further epoch."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop at once where patience had run out."""
        super().on_train_start(trainer, pl_module)
        if self.wait_count >= self.patience:
            trainer.should_stop = True

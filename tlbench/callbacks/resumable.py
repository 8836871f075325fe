"""Lightning's checkpoint callback, made to survive a resume as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor


class MovableCheckpoint(ModelCheckpoint):
    """Remembers its best checkpoint also where the run's folder was moved; Lightning's forgets it then.

    Args:
        later_on_tie: Whether of epochs that are equally good the last is kept, rather than the first.
        options: As for Lightning's.
    """

    def __init__(self, *, later_on_tie: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.later_on_tie = later_on_tie

    def check_monitor_top_k(self, trainer: Trainer, current: Tensor | None = None) -> bool:
        """Whether an epoch of this value is kept; all processes have the same value."""
        tie = self.later_on_tie and current is not None and bool(current == self.best_model_score)
        return tie or super().check_monitor_top_k(trainer, current)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the state, its paths being those of today's folder."""
        assert self.dirpath is not None

        def here(path: str) -> str:
            return str(Path(str(self.dirpath)) / Path(path).name) if path else path

        paths = {key: here(state_dict[key]) for key in ("best_model_path", "kth_best_model_path", "last_model_path")}
        kept = {here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict({**state_dict, **paths, "best_k_models": kept, "dirpath": self.dirpath})

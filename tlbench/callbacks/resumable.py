"""Lightning's checkpoint callback, made to survive a resume as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import ModelCheckpoint


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

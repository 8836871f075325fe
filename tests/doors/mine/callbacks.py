from pathlib import Path

from lightning.pytorch import Callback


class CountSteps(Callback):
    """Counts, over interruptions, and writes what it counted beside the record."""

    def __init__(self, file: str = "counted.txt") -> None:
        self.file, self.steps = file, 0

    def on_train_batch_end(self, trainer, *_):
        self.steps += 1

    def on_fit_end(self, trainer, _):
        (Path(trainer.default_root_dir) / self.file).write_text(f"{self.steps} steps\n")

    def state_dict(self):
        return {"steps": self.steps}

    def load_state_dict(self, state):
        self.steps = state["steps"]


class Failing(Callback):
    def on_train_epoch_start(self, *_):
        raise RuntimeError("of a callback")


class Named(CountSteps):
    """Two of them can be resumed, as each has a key of its own."""

    @property
    def state_key(self) -> str:
        return f"Named {self.file}"


class KeepsAPath(Callback):
    """Its state is nothing that a checkpoint is read back with."""

    def state_dict(self):
        return {"file": Path("counted.txt")}

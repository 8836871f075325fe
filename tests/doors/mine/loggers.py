import json
from pathlib import Path

from lightning.pytorch.loggers import Logger


class Lines(Logger):
    """A line of JSON for all that is logged at once."""

    name, version = "lines", None

    def __init__(self, save_dir: str, file: str = "lines.jsonl") -> None:
        super().__init__()
        self.path = Path(save_dir) / file

    def log_metrics(self, metrics, step=None):
        with self.path.open("a") as file:
            file.write(json.dumps({"step": step, **metrics}) + "\n")

    def log_hyperparams(self, params, *args, **kwargs):
        pass

"""The options of `python -m tlbench.predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from tlbench.errors import ConfigError
from tlbench.inference.options import Options

USAGE = """\
tlbench.predict classifies images with a run's best checkpoint.

  python -m tlbench.predict run=outputs/digits_resnet18/tin200/seed_0 input=photo.jpg
  python -m tlbench.predict run=FOLDER input=photos output=predictions.csv
  python -m tlbench.predict run=FOLDER 'input=photos/**/*.png' output=predictions.jsonl"""

FOOTER = """\
Unreadable files are named on stderr and left out. The output takes its place when all is done."""


class PredictOptions(Options):
    """What to predict."""

    run: str = Field(description="folder of a complete run")
    input: str = Field(description="an image, a folder (at any depth) or a pattern with * and **")
    output: str | None = Field(None, description="FILE.csv or FILE.jsonl; null: stdout")
    format: Literal["csv", "jsonl"] | None = Field(None, description="null: by the output's suffix, csv on stdout")
    device: str = Field("auto", description="auto (the best there is), cpu, cuda, cuda:1, mps")
    calibrated: bool = Field(
        False, description="true: divide logits by the temperature of evaluate calibrate=temperature"
    )

    def kind(self) -> Literal["csv", "jsonl"]:
        """The format to write.

        Raises:
            ConfigError: The output's suffix names none.
        """
        if self.format is not None:
            return self.format
        suffix = ".csv" if self.output is None else Path(self.output).suffix.lower()
        if suffix == ".csv":
            return "csv"
        if suffix == ".jsonl":
            return "jsonl"
        raise ConfigError(f"output={self.output!r}: name a file that ends in .csv or .jsonl, or give format=csv|jsonl")

    def file(self) -> Path | None:
        """The file to write; None for stdout.

        Raises:
            ConfigError: It is a folder.
        """
        if self.output is None:
            return None
        path = Path(self.output).expanduser()
        if path.is_dir():
            raise ConfigError(
                f"output={self.output!r}: a folder; name a file, such as {str(path / 'predictions.csv')!r}"
            )
        return path

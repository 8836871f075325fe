"""The options of `python -m tlbench.predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from tlbench.config import ImageLimit, LimitsConfig
from tlbench.errors import ConfigError
from tlbench.system.places import check_output
from tlbench.tools.consent_options import FOOTER as CONSENT
from tlbench.tools.consent_options import TRUST
from tlbench.tools.options import Options, about_tasks

USAGE = """\
tlbench.predict classifies images, or finds objects in them, with a run's best checkpoint.

  python -m tlbench.predict run=outputs/digits_resnet18/tin200/seed_0 input=photo.jpg
  python -m tlbench.predict run=FOLDER input=photos output=predictions.csv
  python -m tlbench.predict run=FOLDER 'input=photos/**/*.png' output=predictions.jsonl
  python -m tlbench.predict run=FOLDER input=pages output=boxes.csv draw=drawn"""

FOOTER = f"""\
{CONSENT}

{about_tasks("predict")}

Names of files and classes stand there as they are; what cannot be printed in them, as in a Python string literal: a
line break is \\n, a byte that is no UTF-8 \\udc80 to \\udcff. In CSV a text that begins like a spreadsheet's formula
has its first character so too: =1+1 is \\x3d1+1. tlbench.system.names.original undoes both.

Unreadable files are named on stderr and left out; likewise those for which the network's outputs hold NaN or infinity,
and the exit code is then 1. The output takes its place when all is done."""


class PredictOptions(Options):
    """What to predict."""

    tool = "predict"

    run: str = Field(description="folder of a complete run")
    input: str = Field(description="an image, a folder (at any depth) or a pattern with * and **")
    output: str | None = Field(None, description="FILE.csv or FILE.jsonl; null: stdout")
    format: Literal["csv", "jsonl"] | None = Field(None, description="null: by the output's suffix, csv on stdout")
    device: str = Field("auto", description="auto (the best there is), cpu, cuda, cuda:1, mps")
    trust: bool = Field(False, description=TRUST)

    max_image_megapixels: Annotated[float, Field(gt=0, le=1e6)] | None = Field(
        None, description="images of more million pixels are left out as unreadable; null: the run's data.limits"
    )

    def image_limit(self, own: LimitsConfig) -> ImageLimit:
        """Up to which size images are read; `own` is the run's."""
        given = self.max_image_megapixels
        return ImageLimit(own.max_image_megapixels if given is None else given, "max_image_megapixels")

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
            ConfigError: It is a folder, a device or the like.
        """
        return None if self.output is None else check_output("output", self.output, "predictions.csv")

"""The options of `python -m tlbench.predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from tlbench.cli.consent_options import FOOTER as CONSENT
from tlbench.cli.consent_options import TRUST
from tlbench.cli.options import Options
from tlbench.config import ImageLimit, LimitsConfig
from tlbench.errors import ConfigError
from tlbench.system.places import check_output

USAGE = """\
tlbench.predict classifies images, or finds objects in them, with a run's best checkpoint.

  python -m tlbench.predict run=outputs/digits_resnet18/tin200/seed_0 input=photo.jpg
  python -m tlbench.predict run=FOLDER input=photos output=predictions.csv
  python -m tlbench.predict run=FOLDER 'input=photos/**/*.png' output=predictions.jsonl
  python -m tlbench.predict run=DETECTION_RUN input=pages output=boxes.csv draw=drawn"""

FOOTER = f"""\
{CONSENT}

Classification: a row or line for each file, with the class, its probability and those of all classes.

Detection: CSV has a row for each object (file, class, confidence, x1, y1, x2, y2), and one with nothing but the file
where nothing was found; JSON a line for each file (file, width, height, detections: class, label, confidence, box).
Boxes are in pixels of the original image, upright, from its top left corner.

Names of files and classes stand there as they are; what cannot be printed in them, as in a Python string literal: a
line break is \\n, a byte that is no UTF-8 \\udc80 to \\udcff. In CSV a text that begins like a spreadsheet's formula
has its first character so too: =1+1 is \\x3d1+1. tlbench.system.names.original undoes both.

Unreadable files are named on stderr and left out; likewise those for which the network's outputs hold NaN or infinity,
and the exit code is then 1. The output takes its place when all is done."""

Task = Literal["classification", "detection"]

_ONLY_FOR: dict[str, Task] = {"calibrated": "classification", "confidence": "detection", "draw": "detection"}


class PredictOptions(Options):
    """What to predict."""

    run: str = Field(description="folder of a complete run")
    input: str = Field(description="an image, a folder (at any depth) or a pattern with * and **")
    output: str | None = Field(None, description="FILE.csv or FILE.jsonl; null: stdout")
    format: Literal["csv", "jsonl"] | None = Field(None, description="null: by the output's suffix, csv on stdout")
    device: str = Field("auto", description="auto (the best there is), cpu, cuda, cuda:1, mps")
    calibrated: bool = Field(
        False,
        description="classification: true: divide logits by the temperature of evaluate calibrate=temperature",
    )
    confidence: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None, description="detection: from which on an object counts, 0 to 1; null: what the run's validation chose"
    )
    draw: str | None = Field(
        None, description="detection: folder for copies of the images with the boxes drawn; new, empty or drawn before"
    )
    trust: bool = Field(False, description=TRUST)

    max_image_megapixels: Annotated[float, Field(gt=0, le=1e6)] | None = Field(
        None, description="images of more million pixels are left out as unreadable; null: the run's data.limits"
    )

    def image_limit(self, own: LimitsConfig) -> ImageLimit:
        """Up to which size images are read; `own` is the run's."""
        given = self.max_image_megapixels
        return ImageLimit(own.max_image_megapixels if given is None else given, "max_image_megapixels")

    def check_task(self, task: Task) -> None:
        """Refuse what has no meaning for a run's task.

        Raises:
            ConfigError: Naming it.
        """
        for key, only in _ONLY_FOR.items():
            value = getattr(self, key)
            if only != task and value is not None and value is not False:
                given = str(value).lower() if isinstance(value, bool) else value
                raise ConfigError(f"{key}={given}: only for {only} runs, and this one is of {task}; leave it out")

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

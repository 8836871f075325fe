"""The options of `python -m tlbench.evaluate`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tlbench.cli.consent_options import FOOTER as CONSENT
from tlbench.cli.consent_options import TRUST
from tlbench.cli.options import Options
from tlbench.errors import ConfigError

USAGE = """\
tlbench.evaluate recomputes a run's test metrics from its best checkpoint and compares them with its record, or
evaluates it on other data.

  python -m tlbench.evaluate run=outputs/digits_resnet18/tin200/seed_0
  python -m tlbench.evaluate run=FOLDER calibrate=temperature corruptions=common
  python -m tlbench.evaluate run=FOLDER data=image_folder data.root=PHOTOS split=all
  python -m tlbench.evaluate run=FOLDER data=yolo data.root=FRAMES                      (a detection run)"""

FOOTER = f"""\
{CONSENT}
  data=… data.key=…   other data than the run's own, as python -m tlbench.train takes them. The classes must be the
                      run's; image size, fit, antialias and normalisation stay the run's.

A detection run's precision, recall and F1 are at the confidence that its validation chose.

The result is in evaluation.json in the run's folder, or evaluation_<what>.json, its numbers also under `evaluations` in
record.json, which is otherwise never changed. Where that folder is read-only the numbers are shown all the same, and a
warning says that they are not kept."""


class EvaluateOptions(Options):
    """What to evaluate."""

    run: str = Field(description="folder of a complete run")
    split: Literal["test", "val", "train", "all"] = Field(
        "test", description="test, val, train, or all: every image of the data"
    )
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1, mps; auto: as the run, or the best there is")
    calibrate: Literal["temperature"] | None = Field(
        None, description="temperature: fit one on the run's validation split, and report ECE and NLL before and after"
    )
    corruptions: Literal["common"] | None = Field(
        None, description="common: metrics on 15 common corruptions, at the network's input size, at 5 severities"
    )
    corruption_seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(0, description="what the corruptions are drawn with")
    trust: bool = Field(False, description=TRUST)

    def check_task(self, task: str) -> None:
        """Refuse what is not for a task.

        Raises:
            ConfigError: Naming what is allowed.
        """
        given = {"calibrate": self.calibrate, "corruptions": self.corruptions}
        if task == "detection":
            for key, value in given.items():
                if value is not None:
                    raise ConfigError(
                        f"{key}={value}: only for classification, and this is a detection run; it takes split, device "
                        "and data=…; drop it"
                    )

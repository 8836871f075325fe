"""The options of `python -m tlbench.evaluate`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tlbench.tools.consent_options import FOOTER as CONSENT
from tlbench.tools.consent_options import TRUST
from tlbench.tools.options import Options, about_tasks

USAGE = """\
tlbench.evaluate recomputes a run's test metrics from its best checkpoint and compares them with its record, or
evaluates it on other data.

  python -m tlbench.evaluate run=outputs/digits_resnet18/tin200/seed_0
  python -m tlbench.evaluate run=FOLDER calibrate=temperature corruptions=common
  python -m tlbench.evaluate run=FOLDER data=image_folder data.root=PHOTOS split=all
  python -m tlbench.evaluate run=FOLDER data=yolo data.root=FRAMES"""

FOOTER = f"""\
{CONSENT}
  data=… data.key=…   other data than the run's own, as python -m tlbench.train takes them. The classes must be the
                      run's; image size, fit, antialias and normalisation stay the run's.

{about_tasks("evaluate")}

The result is in evaluation.json in the run's folder, or evaluation_<what>.json, its numbers also under `evaluations` in
record.json, which is otherwise never changed. The same command reads it again, and computes nothing, while weights,
data, options, versions and device are the same. Where that folder is read-only the numbers are shown all the same, and
a warning says that they are not kept."""


class EvaluateOptions(Options):
    """What to evaluate."""

    tool = "evaluate"

    run: str = Field(description="folder of a complete run")
    split: Literal["test", "val", "train", "all"] = Field(
        "test", description="test, val, train, or all: every image of the data"
    )
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1, mps; auto: as the run, or the best there is")
    trust: bool = Field(False, description=TRUST)
    rerun: bool = Field(False, description="true: compute it again, though nothing has changed since")

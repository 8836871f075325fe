"""What classification adds to the options of the tools around a run; nothing heavy is imported."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tlbench.tasks.spec import ToolOptions


class EvaluateLabels(ToolOptions):
    """Of `evaluate`."""

    calibrate: Literal["temperature"] | None = Field(
        None, description="temperature: fit one on the run's validation split, and report ECE and NLL before and after"
    )
    corruptions: Literal["common"] | None = Field(
        None, description="common: metrics on 15 common corruptions, at the network's input size, at 5 severities"
    )
    corruption_seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(0, description="what the corruptions are drawn with")

    @property
    def reads_own_data(self) -> bool:
        """A temperature is fitted on the run's own validation split."""
        return self.calibrate is not None


class PredictLabels(ToolOptions):
    """Of `predict`."""

    about: ClassVar[str] = (
        "Classification: a row or line for each file, with the class, its probability and those of all classes."
    )

    calibrated: bool = Field(
        False, description="true: divide logits by the temperature of evaluate calibrate=temperature"
    )


class ExportLabels(ToolOptions):
    """Of `export`."""

    about: ClassVar[str] = """\
Classification: the file takes normalised images (batch, 3, size, size) float32 as `images` and gives `logits` (batch,
classes)."""

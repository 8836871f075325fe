"""The options of `python -m tlbench.export`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from tlbench.errors import ConfigError
from tlbench.inference.consent_options import FOOTER as CONSENT
from tlbench.inference.consent_options import TRUST
from tlbench.inference.options import Options
from tlbench.results.places import check_output, check_place

FILE_NAME = "model.onnx"

WEIGHTS = ".safetensors"
"""What a file of weights alone ends in."""

USAGE = """\
tlbench.export writes a run's network with its best weights as an ONNX file, and checks it against torch; or the weights
alone.

  python -m tlbench.export run=outputs/digits_resnet18/tin200/seed_0
  python -m tlbench.export run=FOLDER output=model.onnx
  python -m tlbench.export run=FOLDER output=weights.safetensors half=true"""

FOOTER = f"""\
{CONSENT}

The file takes normalised images (batch, 3, size, size) float32 as `images` and gives `logits` (batch, classes). Its
metadata hold, as JSON, class_names, preprocessing (fit, sizes, mean, std, …) and run. It takes its name once
onnxruntime gives torch's outputs to 1e-4, relative to the largest.

A detection run's file takes letterboxed images and gives `predictions` (batch, 4 + classes, cells): centre x, y, width,
height in pixels of the input, and a probability a class. Non-maximum suppression is not in it; postprocessing, in the
metadata, holds its settings and the confidence that validation chose."""


class ExportOptions(Options):
    """What to export."""

    run: str = Field(description="folder of a complete run")
    output: str | None = Field(
        None, description=f"FILE.onnx, or FILE{WEIGHTS} for the weights alone; null: {FILE_NAME} in the run's folder"
    )
    half: bool = Field(False, description=f"whether FILE{WEIGHTS} holds half precision")
    trust: bool = Field(False, description=TRUST)

    def file(self) -> Path:
        """The file to write.

        Raises:
            ConfigError: It is a folder, a device or the like, ends in neither .onnx nor .safetensors, or half=true is
                not for it.
        """
        path = Path(self.run if self.output is None else self.output).expanduser()
        if self.half and path.suffix.lower() != WEIGHTS:
            raise ConfigError(f"half=true: only for weights alone; give output=FILE{WEIGHTS}, or half=false")
        if self.output is None:
            check_place(path / FILE_NAME, "name another file with output=…")
            return path / FILE_NAME
        check_output("output", self.output, FILE_NAME)
        if path.suffix.lower() not in (".onnx", WEIGHTS):
            raise ConfigError(f"output={self.output!r}: name a file that ends in .onnx, or {WEIGHTS} for weights alone")
        return path

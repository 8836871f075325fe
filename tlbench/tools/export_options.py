"""The options of `python -m tlbench.export`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from tlbench.errors import ConfigError
from tlbench.system.places import check_output, check_place
from tlbench.tools.consent_options import FOOTER as CONSENT
from tlbench.tools.consent_options import TRUST
from tlbench.tools.options import Options, about_tasks

Format = Literal["onnx", "pt", "safetensors"]
"""A kind of file, as its name ends."""

_KINDS: dict[str, Format] = {".onnx": "onnx", ".pt": "pt", ".safetensors": "safetensors"}

USAGE = """\
tlbench.export writes a run's network with its best weights as an ONNX file, and checks it against torch; or as a file
that ultralytics loads; or the weights alone.

  python -m tlbench.export run=outputs/digits_resnet18/tin200/seed_0
  python -m tlbench.export run=FOLDER output=model.onnx
  python -m tlbench.export run=FOLDER format=pt
  python -m tlbench.export run=FOLDER output=weights.safetensors half=true"""

FOOTER = f"""\
{CONSENT}

An ONNX file's metadata hold, as JSON, class_names, preprocessing (fit, sizes, mean, std, …) and run. It takes its name
once onnxruntime gives torch's outputs to 1e-4, relative to the largest.

{about_tasks("export")}"""


class ExportOptions(Options):
    """What to export."""

    tool = "export"

    run: str = Field(description="folder of a complete run")
    output: str | None = Field(
        None, description="FILE.onnx, FILE.pt or FILE.safetensors; null: model.onnx, … in the run's folder"
    )
    format: Format | None = Field(
        None, description="onnx, pt (for ultralytics), or safetensors (weights alone); null: as output ends, else onnx"
    )
    half: bool = Field(False, description="whether FILE.pt or FILE.safetensors holds half precision")
    trust: bool = Field(False, description=TRUST)

    def kind(self) -> Format:
        """The kind of file that is asked for.

        Raises:
            ConfigError: output ends in none of the three, or not in the one that format names; or half=true is not for
                it.
        """
        found = self.format or "onnx"
        if self.output is not None:
            named = _KINDS.get(Path(self.output).suffix.lower())
            if named is None:
                raise ConfigError(
                    f"output={self.output!r}: name a file that ends in .onnx, in .pt for ultralytics, or in "
                    ".safetensors for weights alone"
                )
            if self.format not in (None, named):
                raise ConfigError(
                    f"output={self.output!r} with format={self.format}: name a file that ends in .{self.format}, or "
                    "leave format out"
                )
            found = named
        if self.half and found == "onnx":
            raise ConfigError(
                "half=true: not for ONNX; give output=FILE.safetensors for weights alone, output=FILE.pt for "
                "ultralytics, or half=false"
            )
        return found

    def file(self) -> Path:
        """The file to write.

        Raises:
            ConfigError: As `kind`; or it is a folder, a device or the like.
        """
        if self.output is not None:
            check_output("output", self.output, f"model.{self.format or 'onnx'}")
        name = f"model.{self.kind()}"
        if self.output is not None:
            return Path(self.output).expanduser()
        path = Path(self.run).expanduser() / name
        check_place(path, "name another file with output=…")
        return path

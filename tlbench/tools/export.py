"""What `python -m tlbench.export` does, once its options are known to be sound."""

from __future__ import annotations

from pathlib import Path

from tlbench.console import shown
from tlbench.errors import ConfigError
from tlbench.tasks.wings import wing_of
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.export_options import Format


def export(run: CompleteRun, path: Path, kind: Format, *, half: bool) -> list[str]:
    """Write a run's network into a file.

    Args:
        run: The run.
        path: The file.
        kind: Of the file.
        half: Whether floating-point tensors are rounded to half precision; not for ONNX.

    Returns:
        Lines on what was written.

    Raises:
        ConfigError, WeightsError, OutputError: The run cannot be loaded or is none for the kind, or the file not be
            written.
        NonFiniteOutputs: The network gives NaN or +inf.
        Failure: The network cannot be exported, or the file does not compute what it does.
    """
    wing = wing_of(run.config)
    if kind == "safetensors":
        from tlbench.tools.weights_file import export_weights

        return [f"sha256 {export_weights(run, path, half=half)}"]
    if kind == "onnx":
        from tlbench.tools.onnx_file import BATCHES, export_onnx

        difference, batches = export_onnx(run, path), ", ".join(map(str, BATCHES))
        quantities = wing.onnx_output.quantities
        compared = f"onnxruntime gives torch's {quantities} to {difference:.1g} on batches of {batches} images"
        return [compared, *wing.elsewhere(run, path)]
    write = wing.own_formats().get(kind)
    if write is None:
        c = run.config
        raise ConfigError(
            f"format={kind}: run={shown(run.folder)} is of {c.task.name}, and ultralytics knows no {c.model.name}; use "
            "format=onnx or format=safetensors"
        )
    return [write(run, path, half), *wing.elsewhere(run, path)]

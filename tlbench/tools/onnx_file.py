"""A run's network as an ONNX file: written, checked against torch in onnxruntime, then given its name."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import warnings
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tlbench.config.size import Size
from tlbench.errors import ConfigError, Failure
from tlbench.system.atomic import ABANDONED_S, atomic_file, output_errors, remove_leftovers
from tlbench.tasks.wing import OnnxOutput
from tlbench.tasks.wings import wing_of
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.loaded_run import check_outputs, load_network
from tlbench.tools.onnx_metadata import metadata

INPUT = "images"
"""Normalised images (batch, 3, H, W) float32."""

TOLERANCE = 1e-4
"""How far a number in onnxruntime may lie from torch's."""

BATCHES = (1, 2, 7)
"""Numbers of images that it is checked with."""

_PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def check_packages() -> None:
    """Refuse where the extra is not installed.

    Raises:
        ConfigError: Naming what is missing.
    """
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(f"export: {', '.join(missing)} not installed; pip install 'tlbench[export]'")


def export_onnx(run: CompleteRun, path: Path) -> float:
    """Write a run's network, in float32, as one ONNX file of a dynamic batch.

    The graph takes normalised images; what brings an image there, and what is to be done with the output, stands in the
    file's metadata (see `onnx_metadata`).

    Args:
        run: The run.
        path: The file; it takes its name once the check has passed.

    Returns:
        The largest difference from torch's outputs that the check found.

    Raises:
        ConfigError, WeightsError, OutputError: The run cannot be loaded, or the file not be written.
        NonFiniteOutputs: The network gives NaN or +inf.
        Failure: The network cannot be exported, or its outputs differ by more than 1e-4; no file is left.
    """
    check_packages()
    network = load_network(run)
    check_outputs(run, network)
    module = network.module.eval()
    size, output = run.config.data.input_size, wing_of(run.config).onnx_output
    name = run.config.model.name
    program = _program(module, size, name, output)
    import onnx

    model = program.model_proto
    _drop_traces(model)
    if output.of_first:
        _forget_batch(model, output.name)
    onnx.helper.set_model_props(model, metadata(run, module))
    content = model.SerializeToString()
    difference = largest_difference(module, content, size, name, output)
    if not difference <= TOLERANCE:
        raise Failure(
            f"model.name={name!r}: its {output.quantities} in onnxruntime differ from torch's by up to "
            f"{difference:.2g}, more than {TOLERANCE:g}; {path.name} was not written"
        )
    with output_errors(path.parent, "name another file with output=…"):
        remove_leftovers(path, ABANDONED_S)
        with atomic_file(path) as file:
            file.write(content)
    return difference


def largest_difference(module: nn.Module, content: bytes, size: Size, name: str, output: OnnxOutput) -> float:
    """How far outputs in onnxruntime lie from torch's on noise, both on the CPU, over batches of 1, 2 and 7.

    The largest difference, divided by the quantity's largest value where that is beyond 1.

    Args:
        module: The network, in eval mode on the CPU.
        content: The ONNX file.
        size: Height and width of the images.
        name: The network's, for the message.
        output: What it gives.

    Raises:
        Failure: onnxruntime cannot run it.
    """
    import onnxruntime

    generator = torch.Generator().manual_seed(0)
    differences = []
    try:
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        for batch in BATCHES:
            images = torch.randn(batch, 3, *size, generator=generator)
            (given,) = session.run([output.name], {INPUT: images.numpy()})
            with torch.inference_mode():
                expected = module(images)
            wanted = (expected[0] if output.of_first else expected).numpy()
            differences += [_difference(given[:, part], wanted[:, part]) for part in output.parts.values()]
    except Exception as error:  # onnxruntime's own exceptions share no base class
        raise Failure(_cannot(name, "onnxruntime cannot run what was exported", error)) from error
    return max(differences, key=lambda value: (value != value, value))  # NaN is the largest


def _difference(given: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    masked = (given == wanted) & np.isneginf(wanted)  # as networks mask classes
    given, wanted = np.where(masked, 0, given), np.where(masked, 0, wanted)
    # of values beyond 1, relative to the largest: float32 holds no more digits of them
    return float(np.abs(given - wanted).max() / max(np.abs(wanted).max(), 1.0))


class _First(nn.Module):
    """The first of what a copy of a network gives; a copy, as YOLO's head keeps the cells of its last input."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = deepcopy(network)

    def forward(self, images: Tensor) -> Tensor:
        first: Tensor = self.network(images)[0]
        return first


def _program(module: nn.Module, size: Size, name: str, output: OnnxOutput) -> Any:
    example = torch.zeros(2, 3, *size)
    shapes: tuple[Any, ...] = ({0: torch.export.Dim("batch", min=1)},)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        # the exporter prints its progress and warns of its own deprecations
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.onnx.export(
                _First(module).eval() if output.of_first else module,
                (example,),
                dynamo=True,
                input_names=[INPUT],
                output_names=[output.name],
                dynamic_shapes=shapes,
                external_data=False,
                verbose=False,
            )
    except Exception as error:
        raise Failure(_cannot(name, "cannot be exported to ONNX", error)) from error


def _drop_traces(model: Any) -> None:
    """Remove what the exporter notes of its own work: paths of this machine's source files among it."""
    graph = model.graph
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")


def _forget_batch(model: Any, name: str) -> None:
    """Let the number of images have no name in the output: by one, ultralytics takes the side of images to be free too.

    A slice that takes all does so: what it leaves of an unknown number is not known.
    """
    from onnx import TensorProto, helper

    graph, inner = model.graph, f"{name}_of_batch"
    for node in graph.node:
        node.output[:] = [inner if output == name else output for output in node.output]
    bounds = {"first": 0, "last": np.iinfo(np.int64).max, "axis": 0}
    graph.initializer.extend(
        helper.make_tensor(f"{name}_{key}", TensorProto.INT64, [1], [bounds[key]]) for key in bounds
    )
    graph.node.append(helper.make_node("Slice", [inner, *(f"{name}_{key}" for key in bounds)], [name], f"{name}_all"))
    (output,) = (output for output in graph.output if output.name == name)
    output.type.tensor_type.shape.dim[0].Clear()


def _cannot(name: str, what: str, error: Exception) -> str:
    return f"model.name={name!r}: {what} ({type(error).__name__}: {' '.join(str(error).split())[:200]})"

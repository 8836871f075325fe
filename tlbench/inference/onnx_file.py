"""A run's network as an ONNX file: written, checked against torch in onnxruntime, then given its name."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tlbench.errors import ConfigError, Failure
from tlbench.inference.complete_run import CompleteRun
from tlbench.inference.inference import load_network
from tlbench.results.atomic import atomic_file, output_errors, remove_leftovers
from tlbench.sources.hashing import file_sha256

INPUT, OUTPUT = "images", "logits"
"""Normalised images (batch, 3, S, S) float32, and logits (batch, C) float32."""

TOLERANCE = 1e-4
"""How far a logit in onnxruntime may lie from torch's."""

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

    The graph takes normalised images; what brings an image there stands in the file's metadata (see `metadata`).

    Args:
        run: The run.
        path: The file; it takes its name once the check has passed.

    Returns:
        The largest difference from torch's logits that the check found.

    Raises:
        ConfigError, WeightsError, OutputError: The run cannot be loaded, or the file not be written.
        Failure: The network cannot be exported, or its logits differ by more than 1e-4; no file is left.
    """
    check_packages()
    module = load_network(run).module.eval()
    side = run.config.data.image_size
    name = run.config.model.name
    program = _program(module, side, name)
    import onnx

    model = program.model_proto
    _drop_traces(model)
    onnx.helper.set_model_props(model, metadata(run))
    content = model.SerializeToString()
    difference = largest_difference(module, content, side, name)
    if not difference <= TOLERANCE:
        raise Failure(
            f"model.name={name!r}: its logits in onnxruntime differ from torch's by up to {difference:.2g}, more than "
            f"{TOLERANCE:g}; {path.name} was not written"
        )
    with output_errors(path.parent, "name another file with output=…"):
        remove_leftovers(path)
        with atomic_file(path) as file:
            file.write(content)
    return difference


def metadata(run: CompleteRun) -> dict[str, str]:
    """What the file says of itself, JSON texts under the keys `class_names`, `preprocessing` and `run`."""
    data, record = run.config.data, run.record
    preprocessing = {
        "decode": "upright by EXIF, 8-bit RGB, white where transparent",
        "fit": data.fit,
        "stored_size": data.stored_side,
        "image_size": data.image_size,
        "resize": "bilinear, antialiased; to stored_size, then to image_size",
        "channels": "RGB",
        "layout": "NCHW",
        "range": [0, 1],
        "mean": data.normalisation.mean,
        "std": data.normalisation.std,
    }
    identity = {
        "study": record.study,
        "arm": record.arm,
        "seed": record.seed,
        "model": run.config.model.name,
        "config_hash": record.config_hash,
        "checkpoint_sha256": file_sha256(run.checkpoint),
        "stand_ins": [stand_in.model_dump() for stand_in in record.stand_ins],
        "tlbench": record.versions.get("tlbench", "unknown"),
    }
    parts = {"class_names": list(run.class_names), "preprocessing": preprocessing, "run": identity}
    return {key: json.dumps(value, ensure_ascii=False) for key, value in parts.items()}


def largest_difference(module: nn.Module, content: bytes, side: int, name: str) -> float:
    """How far logits in onnxruntime lie from torch's on noise, both on the CPU, over batches of 1, 2 and 7.

    The largest difference, divided by the largest logit where that is beyond 1.

    Args:
        module: The network, in eval mode on the CPU.
        content: The ONNX file.
        side: Height and width of the images.
        name: The network's, for the message.

    Raises:
        Failure: onnxruntime cannot run it.
    """
    import onnxruntime

    generator = torch.Generator().manual_seed(0)
    differences = []
    try:
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        for batch in BATCHES:
            images = torch.randn(batch, 3, side, side, generator=generator)
            (logits,) = session.run([OUTPUT], {INPUT: images.numpy()})
            with torch.inference_mode():
                expected: Tensor = module(images)
            wanted = expected.numpy()
            # of logits beyond 1, relative to the largest: float32 holds no more digits of them
            differences.append(float(np.abs(logits - wanted).max() / max(np.abs(wanted).max(), 1.0)))
    except Exception as error:  # onnxruntime's own exceptions share no base class
        raise Failure(_cannot(name, "onnxruntime cannot run what was exported", error)) from error
    return max(differences, key=lambda value: (value != value, value))  # NaN is the largest


def _program(module: nn.Module, side: int, name: str) -> Any:
    example = torch.zeros(2, 3, side, side)
    shapes: tuple[Any, ...] = ({0: torch.export.Dim("batch", min=1)},)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        # the exporter prints its progress and warns of its own deprecations
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.onnx.export(
                module,
                (example,),
                dynamo=True,
                input_names=[INPUT],
                output_names=[OUTPUT],
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


def _cannot(name: str, what: str, error: Exception) -> str:
    return f"model.name={name!r}: {what} ({type(error).__name__}: {' '.join(str(error).split())[:200]})"

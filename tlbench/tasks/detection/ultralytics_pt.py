"""A detection run's network as a file that ultralytics loads: `YOLO("model.pt")`, without tlbench."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tlbench.console import shown
from tlbench.errors import ConfigError
from tlbench.networks.libraries.ultralytics import ultralytics_module
from tlbench.networks.libraries.yolo import ultralytics_network
from tlbench.system.atomic import output_errors, write_atomic
from tlbench.system.hashing import file_sha256
from tlbench.tasks.detection.chosen import chosen_confidence
from tlbench.tasks.detection.config import DetectionConfig
from tlbench.tasks.detection.ultralytics_keys import LICENCE, takes_plain_pixels
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.loaded_run import check_outputs, load_network
from tlbench.tools.onnx_metadata import identity

ABOUT = "tlbench"
"""The file's entry that says which run it is of."""


def check_exportable(run: CompleteRun) -> None:
    """Refuse a run whose network ultralytics would not compute as it was trained.

    Raises:
        ConfigError: It takes normalised images, or has GroupNorm.
    """
    whose = f"run={shown(run.folder)}"
    if run.config.model.norm != "batch":
        raise ConfigError(
            f"format=pt: {whose} has model.norm={run.config.model.norm}, and ultralytics takes every norm for a "
            "BatchNorm when it merges it into the convolution before; use format=onnx"
        )
    if not takes_plain_pixels(run.config.data):
        raise ConfigError(
            f"format=pt: {whose} was trained on normalised images (data.normalisation), and ultralytics gives pixels "
            "of 0 to 1 as they are; use format=onnx, whose metadata say how"
        )


def export_pt(run: CompleteRun, path: Path, *, half: bool) -> str:
    """Write a run's network as ultralytics writes a trained one.

    The file names modules of ultralytics and torch alone. Its class branches keep their width, that of 80 classes.

    Args:
        run: The run.
        path: The file.
        half: Whether floating-point tensors are rounded to half precision, as in ultralytics' own files.

    Returns:
        The file's SHA-256 in hex.

    Raises:
        ConfigError, WeightsError, OutputError: The run cannot be loaded or is none for ultralytics, or the file not be
            written.
        NonFiniteOutputs: The network gives NaN or +inf.
    """
    check_exportable(run)
    network = load_network(run)
    check_outputs(run, network)
    module = ultralytics_network(run.config.model.name, len(run.class_names))
    module.load_state_dict(network.module.state_dict())
    module.names = dict(enumerate(run.class_names))
    module.task = "detect"
    arguments = _arguments(run)
    module.args = arguments
    for parameter in module.parameters():
        parameter.requires_grad_(requires_grad=False)
    if half:
        _halve(module)
    content = {
        "date": run.record.volatile.finished,
        "version": ultralytics_module("utils").__version__,
        "license": LICENCE,
        "docs": "https://docs.ultralytics.com",
        "epoch": -1,
        "best_fitness": None,
        "model": module.eval(),
        "ema": None,
        "updates": None,
        "optimizer": None,
        "train_args": arguments,
        ABOUT: {**identity(run), "confidence": chosen_confidence(run)},
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with output_errors(path.parent, "name another file with output=…"):
        write_atomic(path, buffer.getvalue())
    return file_sha256(path)


def _arguments(run: CompleteRun) -> dict[str, Any]:
    """What ultralytics keeps of how a network was trained; the size of the images is what it predicts with."""
    c = run.config
    assert isinstance(c.task, DetectionConfig)
    return {
        "task": "detect",
        "mode": "train",
        "model": f"{c.model.name}.yaml",
        "imgsz": c.data.image_size,
        "box": c.task.box,
        "cls": c.task.cls,
        "dfl": c.task.dfl,
    }


def _halve(module: nn.Module) -> None:
    """Round to half precision what it can hold; ultralytics makes single precision of all again."""
    for tensor in (*module.parameters(), *module.buffers()):
        half = tensor.data.half()
        if tensor.is_floating_point() and bool(torch.isfinite(half).all()):
            tensor.data = half

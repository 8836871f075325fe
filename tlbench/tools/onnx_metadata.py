"""What an ONNX file says of itself: classes, how an image becomes the input, what is to be done with the output."""

from __future__ import annotations

import json
from typing import Any

from torch import nn

from tlbench.config import DataConfig
from tlbench.config.size import is_square
from tlbench.data.deep import OLDER_RANGES
from tlbench.system.hashing import file_sha256
from tlbench.tasks.wings import wing_of
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.decoding import decoding_of_run


def metadata(run: CompleteRun, module: nn.Module) -> dict[str, str]:
    """JSON texts under the keys `class_names`, `run`, and those of the task, as `preprocessing`.

    Beside them what other programs read (`OnnxContract.plain`).

    Args:
        run: The run.
        module: Its network.

    Raises:
        ConfigError: The run's record lacks what its validation chose.
    """
    contract = wing_of(run.config).onnx(run, module)
    parts = {"class_names": list(run.class_names), **contract.parts, "run": identity(run)}
    return {key: json.dumps(value, ensure_ascii=False) for key, value in parts.items()} | dict(contract.plain)


def network_input(data: DataConfig) -> dict[str, Any]:
    """The last part of preprocessing: what the network takes."""
    return {
        "channels": "RGB",
        "layout": "NCHW",
        "range": [0, 1],
        "mean": data.normalisation.mean,
        "std": data.normalisation.std,
    }


def file_decoding(run: CompleteRun) -> dict[str, Any]:
    """The first part of preprocessing: how a file becomes 8-bit RGB."""
    how, size = decoding_of_run(run), run.config.data.storage_size
    ranges = OLDER_RANGES if how.ranges is None else how.ranges
    return {
        "decode": "upright by EXIF, 8-bit RGB, white where transparent",
        "jpeg": "fast" if how.fast else "whole",
        "jpeg_means": _FAST.format(_OF_SQUARES if is_square(size) else _OF_RECTANGLES)
        if how.fast
        else "every pixel is decoded, as by Pillow without draft",
        "pixel_ranges": {container: list(ends) for container, ends in ranges.items()},
        "more_than_8_bits": _DEEP + (_AS_PILLOW if how.ranges is None else _OWN_VALUES if how.own_values else _UNKNOWN),
    }


def identity(run: CompleteRun) -> dict[str, Any]:
    """Which run a file is of."""
    record = run.record
    return {
        "study": record.study,
        "arm": record.arm,
        "seed": record.seed,
        "model": run.config.model.name,
        "config_hash": record.config_hash,
        "checkpoint_sha256": file_sha256(run.checkpoint),
        "stand_ins": [stand_in.model_dump() for stand_in in record.stand_ins],
        "tlbench": record.versions.get("tlbench", "unknown"),
    }


_DEEP = (
    "by how the file stores a value (uint16; int32, also signed 16 bits; float32): clipped to its pixel_ranges "
    "[black, white], then rint((value - black) / ((white - black) / 255)), half to even; a kind that is not among them "
    "was not trained on"
)

_AS_PILLOW = "; of 16-bit colours the higher byte alone counts"
_OWN_VALUES = "; of PGM and PPM the file's own values, which Pillow stretches by the maximum in its header"
_UNKNOWN = "; PGM and PPM of 9 to 15 bits are not taken, as the run may have had their own values or stretched ones"

_OF_SQUARES = "shorter side of what is taken / (2 * side of the square)"
_OF_RECTANGLES = "what is taken / (2 * what it becomes), across or down, whichever is less,"

_FAST = (
    "where spare = {} >= 2, at 1/2, 1/4 or 1/8 of its size, as "
    "Pillow's draft('RGB', (floor(width / spare), floor(height / spare))) gives it; not with antialias false"
)

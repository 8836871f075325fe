"""What an ONNX file says of itself: classes, how an image becomes the input, what is to be done with the output."""

from __future__ import annotations

import json
from typing import Any

from torch import nn

from tlbench.config import DetectionConfig, DetectionDataConfig, ImageDataConfig
from tlbench.data.decode import GREY
from tlbench.data.deep import OLDER_RANGES
from tlbench.inference.complete_run import CompleteRun, chosen_confidence
from tlbench.inference.decoding import decoding_of_run
from tlbench.inference.ultralytics_keys import onnx_keys
from tlbench.sources.hashing import file_sha256


def metadata(run: CompleteRun, module: nn.Module) -> dict[str, str]:
    """JSON texts under the keys `class_names`, `preprocessing` and `run`.

    Of a detection run also `postprocessing`, and what ultralytics reads (`ultralytics_keys`).

    Args:
        run: The run.
        module: Its network.

    Raises:
        ConfigError: A detection run's record lacks the confidence that validation chose.
    """
    c = run.config
    decoding = _decoding(run)
    others: dict[str, str] = {}
    parts: dict[str, Any] = {"class_names": list(run.class_names)}
    if isinstance(c.data, DetectionDataConfig):
        assert isinstance(c.task, DetectionConfig)
        parts["preprocessing"] = _letterbox(c.data, decoding)
        parts["postprocessing"] = _suppression(run, c.task, module)
        others = onnx_keys(run, module)
    else:
        assert isinstance(c.data, ImageDataConfig)
        parts["preprocessing"] = _square(c.data, decoding)
    parts["run"] = identity(run)
    return {key: json.dumps(value, ensure_ascii=False) for key, value in parts.items()} | others


def _input(data: ImageDataConfig | DetectionDataConfig) -> dict[str, Any]:
    return {
        "channels": "RGB",
        "layout": "NCHW",
        "range": [0, 1],
        "mean": data.normalisation.mean,
        "std": data.normalisation.std,
    }


def _square(data: ImageDataConfig, decoding: dict[str, Any]) -> dict[str, Any]:
    return {
        **decoding,
        "fit": data.fit,
        "fit_means": _FITS[data.fit],
        "stored_size": data.stored_side,
        "image_size": data.image_size,
        "resize": "bilinear, antialiased; to stored_size, then to image_size",
        "resize_means": "to stored_size in 8 bits, as Pillow's Image.resize((side, side), BILINEAR); then, only where "
        "the two differ, in float32 to image_size, as torch's interpolate(mode='bilinear', antialias=True)",
        **_input(data),
    }


def _letterbox(data: DetectionDataConfig, decoding: dict[str, Any]) -> dict[str, Any]:
    return {
        **decoding,
        "fit": "letterbox",
        "image_size": data.image_size,
        "antialias": data.antialias,
        "resize": "bilinear; the longer side to image_size, the other to the next whole pixel up",
        "resize_means": _AVERAGED if data.antialias else _INTERPOLATED,
        "scale": "resized width / width across, resized height / height down",
        "place": "centred; an odd pixel of the rest lies below or to the right",
        "fill": [GREY / 255] * 3,
        **_input(data),
    }


def _decoding(run: CompleteRun) -> dict[str, Any]:
    """How a file becomes 8-bit RGB."""
    how = decoding_of_run(run)
    ranges = OLDER_RANGES if how.ranges is None else how.ranges
    return {
        "decode": "upright by EXIF, 8-bit RGB, white where transparent",
        "jpeg": "fast" if how.fast else "whole",
        "jpeg_means": _FAST if how.fast else "every pixel is decoded, as by Pillow without draft",
        "pixel_ranges": {container: list(ends) for container, ends in ranges.items()},
        "more_than_8_bits": _DEEP + (_AS_PILLOW if how.ranges is None else _OWN_VALUES if how.own_values else _UNKNOWN),
    }


def _suppression(run: CompleteRun, task: DetectionConfig, module: nn.Module) -> dict[str, Any]:
    stride: Any = module.stride
    return {
        "output": "(batch, 4 + classes, cells): centre x, centre y, width, height in pixels of the input, then a "
        "probability a class",
        "boxes_in_image": "(pixels of the input - place of the image's corner) / scale, clipped to the image",
        "strides": [int(value) for value in stride],
        "confidence": chosen_confidence(run),
        "nms": "class by class; a cell may give several classes",
        "nms_iou": task.nms_iou,
        "min_confidence": task.min_confidence,
        "max_detections": task.max_detections,
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


_FITS = {
    "crop": "the largest square in the middle; left and top are (width - side) // 2 and (height - side) // 2",
    "squash": "the whole image, its aspect ratio lost",
    "pad": "the whole image in the middle of a black square, as Pillow's ImageOps.pad to the longer side",
}

_AVERAGED = "in 8 bits, as Pillow's Image.resize(size, BILINEAR)"
_INTERPOLATED = "in 8 bits, as Pillow's Image.transform(size, EXTENT, (0, 0, width, height), BILINEAR)"

_DEEP = (
    "by how the file stores a value (uint16; int32, also signed 16 bits; float32): clipped to its pixel_ranges "
    "[black, white], then rint((value - black) / ((white - black) / 255)), half to even; a kind that is not among them "
    "was not trained on"
)
_AS_PILLOW = "; of 16-bit colours the higher byte alone counts"
_OWN_VALUES = "; of PGM and PPM the file's own values, which Pillow stretches by the maximum in its header"
_UNKNOWN = "; PGM and PPM of 9 to 15 bits are not taken, as the run may have had their own values or stretched ones"

_FAST = (
    "where spare = shorter side of what is taken / (2 * side of the square) >= 2, at 1/2, 1/4 or 1/8 of its size, as "
    "Pillow's draft('RGB', (floor(width / spare), floor(height / spare))) gives it; not with antialias false"
)

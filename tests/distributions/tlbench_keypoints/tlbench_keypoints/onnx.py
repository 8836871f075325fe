"""What an exported network of key points takes and gives."""

from __future__ import annotations

from typing import Any

from tlbench.geometry.fits import GREY
from tlbench.tasks.wing import OnnxOutput
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.onnx_metadata import file_decoding, network_input
from tlbench_keypoints.config import PointDataConfig
from tlbench_keypoints.names import points_of

COORDINATES = OnnxOutput("coordinates", {"coordinates": slice(None)})
"""(batch, 2 K) float32: x and y of each point, as fractions of the input's width and height, from its middle."""


def preprocessing(run: CompleteRun) -> dict[str, Any]:
    """How a file becomes the network's input."""
    data = run.config.data
    assert isinstance(data, PointDataConfig)
    return {
        **file_decoding(run),
        "fit": "letterbox",
        "image_size": data.image_size,
        "resize": "bilinear; as large as fits inside image_size; the side that does not fill it to the next pixel up",
        "resize_means": "in 8 bits, as Pillow's Image.resize(size, BILINEAR)",
        "scale": "resized width / width across, resized height / height down",
        "place": "centred; an odd pixel of the rest lies below or to the right",
        "fill": [GREY / 255] * 3,
        **network_input(data),
    }


def postprocessing(run: CompleteRun) -> dict[str, Any]:
    """What is to be done with the output."""
    return {
        "points": list(points_of(run.class_names)),
        "output": "(batch, 2 × points): x, y of each point",
        "points_in_input": "(output + 0.5) * (width, height of the input), pixels of the input",
        "points_in_image": "(pixels of the input - place of the image's corner) / scale, clipped to the image",
    }

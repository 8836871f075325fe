"""What an exported classifier takes and gives."""

from __future__ import annotations

from typing import Any

from tlbench.annotations.labels.config import LabelDataConfig
from tlbench.config.size import as_written, is_square
from tlbench.tasks.wing import OnnxOutput
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.onnx_metadata import file_decoding, network_input

LOGITS = OnnxOutput("logits", {"logits": slice(None)})
"""(batch, C) float32."""


def preprocessing(run: CompleteRun) -> dict[str, Any]:
    """How a file becomes the network's input."""
    data = run.config.data
    assert isinstance(data, LabelDataConfig)
    squares = is_square(data.storage_size)
    return {
        **file_decoding(run),
        "fit": data.fit,
        "fit_means": (_FITS if squares else _FITS_OF_RECTANGLES)[data.fit],
        "stored_size": as_written(data.storage_size),
        "image_size": data.image_size,
        "resize": "bilinear, antialiased; to stored_size, then to image_size",
        "resize_means": "to stored_size in 8 bits, as Pillow's Image.resize("
        f"{'(side, side)' if squares else '(width, height)'}, BILINEAR); then, only where "
        "the two differ, in float32 to image_size, as torch's interpolate(mode='bilinear', antialias=True)",
        **network_input(data),
    }


_FITS = {
    "crop": "the largest square in the middle; left and top are (width - side) // 2 and (height - side) // 2",
    "squash": "the whole image, its aspect ratio lost",
    "pad": "the whole image in the middle of a black square, as Pillow's ImageOps.pad to the longer side",
}

_FITS_OF_RECTANGLES = {
    "crop": "the largest part in the middle that is as high to wide as stored_size, [height, width]: of its width and "
    "height the one that is not the image's is rounded, half to even; left and top are (width of the image - width) "
    "// 2 and (height of the image - height) // 2",
    "squash": _FITS["squash"],
    "pad": "the whole image in the middle of black that is as high to wide as stored_size, [height, width], as "
    "Pillow's ImageOps.pad to the image's width or height and the other, rounded, half to even",
}

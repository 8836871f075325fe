"""What an exported segmentation network takes and gives."""

from __future__ import annotations

from tlbench.tasks.semantic_segmentation.config import SemanticSegmentationConfig
from tlbench.tasks.wing import OnnxContract, OnnxOutput
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.letterboxed import preprocessing

LOGITS = OnnxOutput("logits", {"logits": slice(None)})
"""(batch, C, H, W) float32, at the input's height and width, whatever the network's stride."""


_TILES = (
    "along a side of L pixels, with tiles of S (image_size): n = ceil((L - S) / (S * (1 - overlap))) steps, the k-th "
    "tile from pixel floor(k * (L - S) / n) on, k = 0 … n; a pixel's logits are the mean of those of all tiles it is in"
)


def contract(run: CompleteRun) -> OnnxContract:
    """What the file says of itself."""
    assert isinstance(run.config.task, SemanticSegmentationConfig)
    overlap = run.config.task.tile
    tiles = {} if overlap is None else {"tiles": _TILES, "overlap": overlap}
    return OnnxContract(
        {
            "preprocessing": preprocessing(run),
            "postprocessing": {
                "output": "(batch, classes, height, width): logits at the input's height and width",
                **tiles,
                "cut": "only where the image lies, as preprocessing places it; what is beside it is dropped",
                "resize": "bilinear to the image's own size, pixels' centres in place, as torch's "
                "interpolate(mode='bilinear', align_corners=False)",
                "classes": "the largest of each pixel; of equal ones the first",
            },
        }
    )

"""What an exported segmentation network takes and gives."""

from __future__ import annotations

from tlbench.tasks.wing import OnnxContract, OnnxOutput
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.letterboxed import preprocessing

LOGITS = OnnxOutput("logits", {"logits": slice(None)})
"""(batch, C, H, W) float32, at the input's height and width, whatever the network's stride."""


def contract(run: CompleteRun) -> OnnxContract:
    """What the file says of itself."""
    return OnnxContract(
        {
            "preprocessing": preprocessing(run),
            "postprocessing": {
                "output": "(batch, classes, height, width): logits at the input's height and width",
                "cut": "only where the image lies, as preprocessing places it; what is beside it is dropped",
                "resize": "bilinear to the image's own size, pixels' centres in place, as torch's "
                "interpolate(mode='bilinear', align_corners=False)",
                "classes": "the largest of each pixel; of equal ones the first",
            },
        }
    )

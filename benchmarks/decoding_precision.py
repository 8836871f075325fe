"""What decoding boxes in bfloat16 costs: `python -m benchmarks.decoding_precision [--side 640] [--pages 8]` (seconds).

The detector that comes with tlbench looks at drawn pages, once, in bf16-mixed on the CPU. The very same maps are then
decoded as ultralytics' head does under autocast, as tlbench's does (in float32), and in float64; printed is how far the
boxes of all cells lie from the last.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from torch import Tensor

from tlbench.annotations.instances.batches import network_input
from tlbench.config.compose import compose_config
from tlbench.data.formats.documents_boxes import open_documents
from tlbench.networks.build import build_network
from tlbench.networks.libraries.ultralytics import ultralytics_module
from tlbench.sources.load import apply_source
from tlbench.system.voice import PRINTING


@torch.inference_mode()
def decoded(network: Any, images: Tensor) -> dict[str, Tensor]:
    """Boxes of all cells (B, 4, A), centre x, y, width and height in pixels, by who decodes; `exact` is in float64."""
    decode, head = ultralytics_module("nn.modules.head").Detect._get_decode_boxes, network.model[-1]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ours, maps = network(images)
        head.shape = None  # the cells are kept in the type of their first maps
        theirs = decode(head, maps)
    head.shape = None
    head.dfl.double()
    exact = decode(head, {"boxes": maps["boxes"].double(), "feats": [feature.double() for feature in maps["feats"]]})
    return {"ultralytics, bfloat16": theirs, "tlbench, float32": ours[:, :4], "exact": exact}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--side", type=int, default=640)
    parser.add_argument("--pages", type=int, default=8)
    given = parser.parse_args()
    config = compose_config(["task=detection", f"data.image_size={given.side}", f"data.pages={2 * given.pages + 4}"])
    data: Any = config.data
    pages: Any = open_documents(data, 0, PRINTING).splits["train"]
    network = build_network(config.model, len(pages.class_names), 0, (given.side, given.side))
    apply_source(network, config.source, config.model, data)
    boxes = decoded(network.module.eval(), network_input(pages.images[: given.pages].float() / 255, data))
    exact = boxes.pop("exact")
    for name, found in boxes.items():
        off = (found.double() - exact).abs()
        for part, what in ((slice(2), "centre"), (slice(2, 4), "size")):
            print(f"{name}: {what} off by {off[:, part].mean():.2g} px on average, at most {off[:, part].max():.2g} px")


if __name__ == "__main__":
    main()

from __future__ import annotations

from pathlib import Path

import torch

from tlbench.annotations.instances.assemble import CLIPPED, WITHOUT_AREA, Mended, assemble


def test_boxes_of_unreadable_images_are_not_told_of_as_boxes_without_area():
    mended = Mended()
    boxes = torch.tensor([[1, 1, 5, 5], [2, 2, 2, 9], [-3, 0, 4, 4], [60, 0, 70, 9]], dtype=torch.float64)
    listing = assemble(
        Path("d"),
        ["gone.png", "a.png"],
        torch.tensor([[0, 0], [20, 40]]),
        boxes,
        torch.zeros(4, dtype=torch.int64),
        torch.tensor([0, 1, 1, 1]),
        ["cat"],
        lambda row: f"row {row}",
        mended,
    )
    assert mended.places == {CLIPPED: [("a.png", "row 2")], WITHOUT_AREA: [("a.png", "row 1"), ("a.png", "row 3")]}
    assert listing.annotations.boxes.tolist() == [[0, 0, 4, 4]]
    assert listing.annotations.starts.tolist() == [0, 0, 1]

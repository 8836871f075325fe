"""From logits to the classes of images' own pixels."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from tlbench.geometry.letterbox import letterbox
from tlbench.tasks.semantic_segmentation import decode
from tlbench.tasks.semantic_segmentation.decode import found_maps, largest


def logits(count: int = 2, classes: int = 5, side: int = 16) -> torch.Tensor:
    return torch.randn(count, classes, side, side, generator=torch.Generator().manual_seed(0))


def test_of_where_the_image_lies_alone_at_its_own_size() -> None:
    values = logits()
    inside, sizes = torch.tensor([[16, 9], [8, 16]]), torch.tensor([[33, 19], [40, 80]])
    found = found_maps(values, letterbox(inside, sizes, (16, 16)))
    parts = (values[:1, :, :, 3:12], values[1:, :, 4:12])
    for own, part, size in zip(found.maps, parts, ((33, 19), (40, 80)), strict=True):
        wanted = F.interpolate(part, size=size, mode="bilinear", align_corners=False).argmax(1)[0]
        assert torch.equal(own.long(), wanted)


def test_large_images_are_decoded_some_classes_after_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    part = logits(1)
    part[0, 3] = part[0, 1]  # of equal ones the first
    whole = largest(part, (30, 20))
    monkeypatch.setattr(decode, "_AT_ONCE", 30 * 20 * 2)
    assert torch.equal(largest(part, (30, 20)), whole)
    assert not (whole == 3).any()


def test_images_with_outputs_that_are_not_finite_are_marked() -> None:
    values = logits()
    values[1, 2, 3, 3] = float("nan")
    sizes = torch.full((2, 2), 16)
    assert found_maps(values, letterbox(sizes, sizes, (16, 16))).undefined.tolist() == [False, True]

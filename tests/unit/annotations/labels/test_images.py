from __future__ import annotations

import torch
from tlbench.annotations.labels.images import ImageSet

IMAGES = torch.arange(2 * 3 * 4 * 4, dtype=torch.uint8).view(2, 3, 4, 4)


def test_fingerprint_covers_everything_and_nothing_else():
    labels, names = torch.tensor([0, 1]), ("a", "b")
    base = ImageSet(IMAGES, labels, names).fingerprint()
    changed = IMAGES.clone()
    changed[1, 2, 3, 3] += 1
    others = [
        ImageSet(changed, labels, names),
        ImageSet(IMAGES.view(2, 3, 2, 8), labels, names),
        ImageSet(IMAGES, labels.flip(0), names),
        ImageSet(IMAGES, labels, ("a", "c")),
    ]
    assert len({base, *(o.fingerprint() for o in others)}) == 5
    channels_last = IMAGES.contiguous(memory_format=torch.channels_last)
    assert ImageSet(channels_last, labels, names).fingerprint() == base
    # frozen: records of earlier runs hold fingerprints
    assert base == "8fa3c680ec741400f902cd1f090a1cf7b0c46d3acab7d8c0db98a86ae4c05c7b"


def test_take_keeps_the_asked_order():
    taken = ImageSet(IMAGES, torch.tensor([5, 7]), ()).take(torch.tensor([1, 0, 1]))
    assert taken.labels.tolist() == [7, 5, 7]
    assert torch.equal(taken.images, IMAGES[[1, 0, 1]])
    assert len(taken) == 3


def test_to_copies_nothing_that_is_there():
    images = ImageSet(IMAGES, torch.tensor([0, 1]), ("a", "b"))
    assert images.to("cpu").images.data_ptr() == IMAGES.data_ptr()

"""Images in memory and on disk are the same samples, whatever is known of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.drawn_boxes import box_images
from tlbench.annotations.labels.labels import Labels
from tlbench.data.open import open_target
from tlbench.data.samples import FileSamples, MemorySamples
from tlbench.data.target import Target
from tlbench.data.target_module import TargetModule
from tlbench.errors import DataError
from tlbench.system.voice import SILENT

IMAGES = torch.arange(2 * 3 * 4 * 4, dtype=torch.uint8).view(2, 3, 4, 4)
SPLITS = {"train": 13, "val": 3, "test": 4}


def labelled(images: torch.Tensor = IMAGES, labels: tuple[int, ...] = (0, 1), names: tuple[str, ...] = ("a", "b")):
    return MemorySamples(images, Labels(torch.tensor(labels), names))


def test_fingerprint_covers_everything_and_nothing_else():
    base = labelled().fingerprint()
    changed = IMAGES.clone()
    changed[1, 2, 3, 3] += 1
    others = [
        labelled(changed),
        labelled(IMAGES.view(2, 3, 2, 8)),
        labelled(labels=(1, 0)),
        labelled(names=("a", "c")),
    ]
    assert len({base, *(o.fingerprint() for o in others)}) == 5
    assert labelled(IMAGES.contiguous(memory_format=torch.channels_last)).fingerprint() == base
    # frozen: records of earlier runs hold fingerprints
    assert base == "8fa3c680ec741400f902cd1f090a1cf7b0c46d3acab7d8c0db98a86ae4c05c7b"


def test_fingerprint_of_images_known_by_their_files_covers_these_and_their_boxes():
    base = box_images()
    known = base.annotations
    changed: list[dict[str, Any]] = [
        {"boxes": known.boxes + 1},
        {"labels": known.labels.flip(0)},
        {"starts": known.starts + torch.tensor([0, 0, 0, 0, 1, 0])},
        {"sizes": known.sizes + 1},
        {"class_names": ("a", "b", "d")},
    ]
    others = [replace(base, annotations=replace(known, **change)) for change in changed]
    others += [replace(base, digests=base.digests + np.uint8(1)), replace(base, images=base.images[:, :, :60, :60])]
    assert len({base.fingerprint(), *(o.fingerprint() for o in others)}) == 8
    assert replace(base, images=255 - base.images).fingerprint() == base.fingerprint()


@pytest.mark.promise("rectangles")
def test_the_header_of_a_squares_fingerprint_is_its_side_and_of_a_rectangles_both():
    square = box_images()
    wide, narrow = (replace(square, images=square.images[:, :, : size[0], : size[1]]) for size in ((60, 64), (64, 60)))
    assert [each._hashed()[0] for each in (square, wide, narrow)] == [
        [5, size, ["a", "b", "c"]] for size in (64, [60, 64], [64, 60])
    ]
    assert len({each.fingerprint() for each in (square, wide, narrow)}) == 3


def test_images_of_a_rectangle_are_the_same_from_memory_and_from_files(noise, kind: str):
    sizes = {"image_size": [32, 64]} if kind == "instances" else {"image_size": [16, 24], "stored_size": [32, 48]}
    targets = {cache: open_target(noise(cache=cache, **sizes), 0, SILENT) for cache in ("memory", "none")}
    memory, files = (target.splits["train"] for target in targets.values())
    assert (memory.on_disk, files.on_disk) == (False, True)
    height, width = memory.size
    assert memory.size == files.size == ((32, 64) if kind == "instances" else (32, 48))
    index = torch.tensor([3, 0, 12])
    assert torch.equal(memory.pictures(index), files.pictures(index))
    small = files.thumbnails
    assert small.shape[2] / small.shape[3] == pytest.approx(height / width, rel=0.05)
    if kind == "instances":
        assert memory.fingerprint() == files.fingerprint()
        assert memory.thumbnails.shape == small.shape


def test_to_copies_nothing_that_is_there():
    assert labelled().to("cpu").images.data_ptr() == IMAGES.data_ptr()


@pytest.mark.parametrize("cache", ["memory", "none"])
def test_take_keeps_the_asked_order(opened, cache: str):
    train, index = opened(cache=cache).splits["train"], torch.tensor([2, 1, 2])
    taken = train.take(index)
    assert len(taken) == 3
    assert taken.names == tuple(train.names[i] for i in (2, 1, 2))
    assert torch.equal(taken.pictures(torch.arange(3)), train.pictures(index))
    for ours, wanted in zip(taken.annotations.hashed(), train.annotations.take(index).hashed(), strict=True):
        assert torch.equal(ours, wanted)
    assert labelled(labels=(5, 7)).take(torch.tensor([1, 0, 1])).labels.tolist() == [7, 5, 7]


@pytest.mark.promise("memory or workers")
def test_auto_keeps_in_memory_what_all_splits_together_need_no_more_than_the_budget(opened, kind: str):
    side = "stored_size" if kind == "labels" else "image_size"
    tight: dict[str, Any] = {"cache": "auto", "memory_budget_mb": 1}  # 20 images of 128 pixels a side: 0.94 MB
    assert isinstance(opened(**tight, **{side: 128}).splits["train"], MemorySamples)
    assert isinstance(opened(**tight, **{side: 160}).splits["train"], FileSamples)
    assert isinstance(opened(cache="none").splits["train"], FileSamples)
    assert isinstance(opened(**{**tight, "cache": "memory", side: 160}).splits["train"], MemorySamples)


def test_files_are_what_is_kept_in_memory(opened, noise):
    kept, files = opened(cache="memory"), opened(cache="none")
    for split, count in SPLITS.items():
        here, there = kept.splits[split], files.splits[split]
        assert len(here) == len(there) == count
        assert here.names == there.names
        assert torch.equal(here.images, there.pictures(torch.arange(count)))
        assert torch.equal(here.labels, there.labels)
        assert (here.fingerprint() == there.fingerprint()) is here.annotations.by_file
    index = torch.tensor([2, 0])
    shown = [TargetModule(target, noise(), None, None).pictures("test", index) for target in (kept, files)]
    assert torch.equal(*shown)
    assert shown[0].shape == (2, 3, 32, 32)


def test_the_fingerprint_of_files_covers_contents_and_labels(opened):
    before = opened(cache="none").splits["train"]
    other_labels = replace(before.annotations, labels=1 - before.labels)
    assert replace(before, annotations=other_labels).fingerprint() != before.fingerprint()
    files = before.listing.root
    (files / before.names[0]).write_bytes((files / before.names[1]).read_bytes())
    assert opened(cache="none").splits["train"].fingerprint() != before.fingerprint()


@pytest.mark.parametrize("cache", ["memory", "none"])
def test_unreadable_files_are_left_out(opened, cache: str):
    before = opened(cache=cache).splits["train"]
    file = opened(cache="none").splits["train"].listing.root / before.names[5]
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(DataError, match=r"data\.max_unreadable"):
        opened(cache=cache)
    target: Target[Any] = opened(cache=cache, max_unreadable=1)
    train = target.splits["train"]
    assert train.names == before.names[:5] + before.names[6:]
    assert list(target.unreadable) == [before.names[5]]
    assert torch.equal(train.pictures(torch.tensor([5])), before.pictures(torch.tensor([6])))

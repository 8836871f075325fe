"""Boxes in images of more than 8 bits: the range is found, said, kept and part of the fingerprint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.drawn_deep import SIGNED, png_16, tiff
from tlbench.annotations.instances.target import open_all_boxes, open_boxes
from tlbench.data.decode import Decoding
from tlbench.data.samples import FileSamples, MemorySamples
from tlbench.errors import DataError

ROW = "0 0.5 0.5 0.5 0.5\n"


def values(high: int, seed: int = 0) -> np.ndarray:
    found = np.random.default_rng(seed).integers(0, high, (32, 32))
    found[0, 0] = high
    return found.astype(np.uint16)


@pytest.fixture
def twelve_bits(draw_yolo) -> dict[str, int]:
    """Twelve training images, of which one is bright, and two of val; name → its largest value."""
    high = {f"train/{i}": 900 for i in range(12)} | {"train/3": 3000, "val/0": 900, "val/1": 5000}
    draw_yolo(Path("d"), dict.fromkeys(high, ROW))
    for name, most in high.items():
        Path(f"d/images/{name}.png").write_bytes(png_16(values(most, seed=len(name))))
    return high


@pytest.mark.promise("the range with boxes")
@pytest.mark.parametrize(("cache", "kind"), [("memory", MemorySamples), ("none", FileSamples)])
@pytest.mark.parametrize("fraction", [1.0, 0.2])
def test_twelve_bits_in_sixteen(twelve_bits, boxes_config, voice, warn, cache, kind, fraction):
    data = boxes_config("yolo", root="d", image_size=32, cache=cache, fraction=fraction, val_fraction=0.25)
    target = open_boxes(data, 1, voice)
    assert target.pixel_ranges == {"uint16": (0, 4095)}
    train, test = target.splits["train"], target.splits["test"]
    assert "images/train/3.png" in {name for split in ("train",) for name in target.splits[split].names} or fraction < 1
    assert isinstance(test, kind)
    images = test.pictures(torch.arange(len(test)))
    bright = test.names.index("images/val/1.png")
    wanted = np.rint(values(5000, seed=5).clip(0, 4095) / (4095 / 255))
    assert np.array_equal(images[bright, 0].numpy(), wanted)
    assert target.facts["test"].high[bright] == 5000
    assert [line for line in warn if "clipped" in line] == [
        "pixel values beyond 0 … 4095 (uint16) are clipped in images of test (1), which reach from 0 to 5000; "
        "data.pixel_range=[low,high] sets another range"
    ]
    given = open_boxes(data.model_copy(update={"pixel_range": [0.0, 8191.0]}), 1, voice)
    assert given.splits["train"].fingerprint() != train.fingerprint()
    again = open_boxes(data.model_copy(update={"pixel_range": [0.0, 4095.0]}), 1, voice)
    assert again.splits["train"].fingerprint() == train.fingerprint()


def test_a_run_takes_its_own_range_and_knows_no_other(twelve_bits, boxes_config, voice):
    data = boxes_config("yolo", root="d", image_size=32)
    full = Decoding(ranges={"uint16": (0, 65535)})
    train, _ = open_all_boxes(data, full, voice)
    assert train.images[:, :, :20, :20].max() <= 12
    before, _ = open_all_boxes(data, Decoding(ranges=None), voice)  # a record without ranges
    assert torch.equal(before.images, train.images)
    assert before.fingerprint() != train.fingerprint()
    with pytest.raises(DataError, match="in uint16, and the run was trained on no such images"):
        open_all_boxes(data, Decoding(), voice)


def test_values_below_zero_and_a_range_for_nothing(draw_yolo, boxes_config, voice):
    draw_yolo(Path("d"), {f"{split}/{i}": ROW for split, n in (("train", 12), ("val", 3)) for i in range(n)})
    data = boxes_config("yolo", root="d", image_size=32)
    with pytest.raises(DataError, match=r"data\.pixel_range=\[0, 9\]: none of 15 images has more than 8 bits"):
        open_boxes(data.model_copy(update={"pixel_range": [0.0, 9.0]}), 0, voice)
    eight = open_boxes(data, 0, voice)
    assert eight.pixel_ranges == {}
    assert eight.facts["train"].sizes.tolist()[0] == [20, 40]
    assert {float(v) for v in eight.facts["train"].high} == {90}
    Path("d/images/train/0.png").write_bytes(tiff((values(900).astype(int) - 1000).astype("<i2"), SIGNED))
    with pytest.raises(DataError, match=r"train/0\.png: pixel values from -1000 on \(int32\)"):
        open_boxes(data, 0, voice)

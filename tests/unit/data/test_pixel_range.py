"""Which values are black and white is found from the training images, said, and part of what a split is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.drawn_deep import FLOATS, SIGNED, encoded, png_16, tiff
from tlbench.data import scan as scan_module
from tlbench.data.decode import WHOLE_FILES, Decoding
from tlbench.data.open import open_target
from tlbench.data.pixel_range import rounded_up
from tlbench.errors import DataError
from tlbench.system.voice import Voice

RNG = np.random.default_rng(0)


def grey(high: float, seed: int = 0, low: float = 0) -> np.ndarray:
    """(10, 10) float64 of which `low` and `high` are the ends."""
    values = np.random.default_rng(seed).uniform(low, high, (10, 10))
    values[0, :2] = low, high
    return values


def as_png(values: np.ndarray) -> bytes:
    return png_16(np.rint(values).astype(np.uint16))


@pytest.fixture
def draw(tmp_path: Path):
    """`draw("train/a/0.png", content)` below `images`."""

    def write(name: str, content: bytes) -> None:
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    return write


@pytest.fixture
def twelve_bits(draw):
    """Splits of two classes; values up to 3000 in train, to 5000 in one test image."""
    for split, count in (("train", 6), ("val", 2), ("test", 2)):
        for i in range(count):
            for name in ("a", "b"):
                high = 5000 if (split, i, name) == ("test", 1, "b") else 2990 + i
                draw(f"{split}/{name}/{i}.png", as_png(grey(high, seed=i)))


@pytest.fixture
def opened(tmp_path: Path, data_config, monkeypatch):
    """Opens the images under `images`; what was said is in `opened.said`."""
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))

    def open_images(how: Decoding | None = None, **changes):
        open_images.said = []
        root = str(tmp_path / "images")
        data = data_config("image_folder", **{"root": root, "image_size": 10, "fit": "squash", **changes})
        say = open_images.said
        return open_target(data, 0, Voice(say.append, lambda text: say.append(f"warning: {text}")), how)

    return open_images


@pytest.mark.parametrize(
    ("value", "white"),
    [
        (0, 1),
        (0.3, 1),
        (1, 1),
        (1.5, 3),
        (200, 255),
        (255, 255),
        (256, 511),
        (4095, 4095),
        (4096, 8191),
        (65535, 65535),
    ],
)
def test_white_is_the_least_power_of_two_less_one(value, white):
    assert rounded_up(value) == white
    assert rounded_up(white * 1.0001, 1e-3) == white  # floats by rounding
    assert rounded_up(white * 1.01, 1e-3) == 2 * white + 1


@pytest.mark.promise("12 bits in 16")
@pytest.mark.parametrize("cache", ["memory", "none"])
def test_twelve_bits_in_sixteen_are_no_longer_nearly_black(twelve_bits, opened, cache):
    target = opened(cache=cache)
    assert target.pixel_ranges == {"uint16": (0, 4095)}
    test = target.splits["test"]
    images = test.pictures(torch.arange(len(test)))
    assert test.names[3] == "test/b/1.png"
    wanted = np.rint(np.rint(grey(5000, seed=1)).clip(0, 4095) / (4095 / 255)).astype(np.uint8)
    assert np.array_equal(images[3, 0].numpy(), wanted)
    assert opened.said[-2:] == [
        "20 images have pixels of more than 8 bits (uint16): 0 becomes black, 4095 white (the training images' largest "
        "value, rounded up to 2ⁿ − 1)",
        "warning: pixel values beyond 0 … 4095 (uint16) are clipped in images of test (1), which reach from 0 to 5000; "
        "data.pixel_range=[low,high] sets another range",
    ]
    facts = target.facts["test"]
    assert facts.high.tolist() == [2990, 2991, 2990, 5000]
    assert facts.sizes.tolist() == [[10, 10]] * 4
    assert facts.stored_as("uint16").all()
    assert facts.grey.all()


def test_other_bits_are_another_data_set_and_what_has_eight_is_none(twelve_bits, opened, tmp_path):
    """Fingerprints of decoded and of undecoded splits."""
    found = {c: opened(cache=c).splits["train"].fingerprint() for c in ("memory", "none")}
    given = {c: opened(cache=c, pixel_range=[0, 8191]).splits["train"].fingerprint() for c in ("memory", "none")}
    same = {c: opened(cache=c, pixel_range=[0, 4095]).splits["train"].fingerprint() for c in ("memory", "none")}
    assert same == found
    assert given["memory"] != found["memory"]
    assert given["none"] != found["none"]
    for path in (tmp_path / "images").rglob("*.png"):
        Image.fromarray(np.full((10, 10), 7, np.uint8)).save(path)
    eight = opened(cache="none").splits["train"]
    assert eight.fingerprint() == replace(eight, how=WHOLE_FILES).fingerprint()


@pytest.mark.promise("the range of all training images")
def test_the_range_is_that_of_all_training_images_before_few_are_drawn(draw, opened):
    for i in range(40):
        for name in ("a", "b"):
            draw(f"{name}/{i}.png", as_png(grey(900, seed=i)))
    few = {"shots": 1}, {"fraction": 0.1}
    drawn = {name for changes in few for name in opened(**changes).splits["train"].names}
    bright = next(name for name in opened().splits["train"].names if name not in drawn)
    draw(bright, as_png(grey(3000)))  # splits and few images are drawn by path, whatever the pixels
    assert opened().pixel_ranges == {"uint16": (0, 4095)}
    for changes in few:
        target = opened(**changes)
        assert bright not in target.splits["train"].names
        assert target.pixel_ranges == {"uint16": (0, 4095)}


def test_each_container_has_its_own_range_and_eight_bits_stay(draw, opened):
    eight = np.random.default_rng(1).integers(0, 256, (10, 10, 3), dtype=np.uint8)
    for i in range(6):
        for split in ("train", "val", "test"):
            draw(f"{split}/a/{i}.png", encoded(eight, "png"))
            draw(f"{split}/b/{i}.tif", tiff(grey(0.9, seed=i).astype("<f4"), FLOATS))
            draw(f"{split}/b/{i}s.tif", tiff(np.rint(grey(300, seed=i)).astype("<i4"), SIGNED))
    target = opened()
    assert target.pixel_ranges == {"int32": (0, 511), "float32": (0, 1)}
    train = target.splits["train"]
    by_name = dict(zip(train.names, train.images, strict=True))
    assert np.array_equal(by_name["train/a/3.png"].numpy(), eight.transpose(2, 0, 1))
    floats = grey(0.9, seed=3).astype(np.float32).astype(float)
    assert np.array_equal(by_name["train/b/3.tif"][1].numpy(), np.rint(floats / (1 / 255)))
    assert np.array_equal(by_name["train/b/3s.tif"][1].numpy(), np.rint(np.rint(grey(300, seed=3)) / (511 / 255)))


def test_a_repeated_run_decodes_nothing(twelve_bits, opened, monkeypatch):
    first = opened()

    def broken(*_: object) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr(scan_module, "_decoded", broken)
    again = opened()
    assert torch.equal(again.splits["val"].images, first.splits["val"].images)
    assert again.pixel_ranges == first.pixel_ranges
    assert np.array_equal(again.facts["train"].table(), first.facts["train"].table())


def test_a_run_keeps_its_range_on_other_files(twelve_bits, opened):
    target = opened(Decoding(ranges={"uint16": (0, 65535)}))
    assert target.pixel_ranges == {"uint16": (0, 65535)}
    assert target.splits["train"].images.max() <= 12
    before = opened(Decoding(ranges=None))  # a record without ranges: as then
    assert torch.equal(before.splits["train"].images, target.splits["train"].images)
    assert before.pixel_ranges == {}
    with pytest.raises(
        DataError, match=r"0\.png: pixel values from 0 to 2990 in uint16, and the run was trained on no such"
    ):
        opened(Decoding())


@pytest.mark.parametrize(
    ("content", "changes", "reason"),
    [
        (
            tiff(grey(3071, low=-1024).astype("<i2"), SIGNED),
            {},
            r"from -1024 on \(int32\).*pixel_range=\[low,high\].*\[-1024,3071\]",
        ),
        (tiff(grey(1, low=-1).astype("<f4"), FLOATS), {}, r"values from -1 on \(float32\).*such as \[-1,1\]"),
        (
            tiff(np.full((10, 10), np.nan, "<f4"), FLOATS),
            {},
            r"x\.tif: 100 of its 100 pixel values are NaN.*max_unreadable",
        ),
        (None, {"pixel_range": [0, 4095]}, r"data\.pixel_range=\[0, 4095\]: none of 20 images has more than 8 bits"),
    ],
)
def test_what_is_refused_names_the_remedy(draw, opened, content, changes, reason):
    for i in range(10):
        draw(f"a/{i}.png", encoded(np.full((10, 10), i, np.uint8), "png"))
        draw(f"b/{i}.png", encoded(np.full((10, 10), i, np.uint8), "png"))
    if content is not None:
        draw("b/x.tif", content)
    with pytest.raises(DataError, match=reason) as caught:
        opened(**changes)
    assert "\n" not in str(caught.value)


def test_a_range_that_is_given_is_taken_for_values_below_zero(draw, opened):
    hounsfield = np.rint(grey(3000, low=-1000)).astype("<i2")
    for i in range(10):
        for name in ("a", "b"):
            draw(f"{name}/{i}.tif", tiff(hounsfield, SIGNED))
    target = opened(pixel_range=[-160, 240])  # a window of soft tissue
    wanted = np.rint((hounsfield.astype(float).clip(-160, 240) + 160) / (400 / 255))
    assert np.array_equal(target.splits["train"].images[0, 0].numpy(), wanted)
    assert (
        "(int32) are clipped in images of train (14), val (2), test (4), which reach from -1000 to 3000"
        in opened.said[-1]
    )
    assert opened.said[-2].endswith("-160 becomes black, 240 white (as given)")


def test_a_container_that_only_other_splits_have(draw, opened):
    for split in ("train", "val", "test"):
        for name in ("a", "b"):
            for i in range(3):
                draw(f"{split}/{name}/{i}.png", encoded(np.full((10, 10), i, np.uint8), "png"))
    draw("test/b/9.png", as_png(grey(3000)))
    with pytest.raises(DataError, match=r"test/b/9\.png: .* no training image has such.* such as \[0,4095\]"):
        opened()
    assert opened(pixel_range=[0, 4095]).splits["test"].images.max() > 180


@pytest.mark.parametrize("kind", ["floats", "hot pixel"])
def test_a_range_that_leaves_nearly_nothing_is_warned_of(draw, opened, kind):
    for i in range(6):
        for split in ("train", "val", "test"):
            for name in ("a", "b"):
                if kind == "floats":
                    draw(f"{split}/{name}/{i}.tif", tiff(grey(0.008, seed=i).astype("<f4"), FLOATS))
                else:
                    hot = (split, name, i) == ("train", "a", 0)
                    draw(f"{split}/{name}/{i}.png", as_png(grey(65535 if hot else 2000, seed=i)))
    opened()
    wanted = {
        "floats": "warning: half of 12 training images (float32) have no pixel value above 0.008, and the range is "
        "0 … 1: they become nearly black, in 3 of 256 grey levels at most (the highest value of all is 0.008); "
        "data.pixel_range=[low,high] sets another range, such as [0,0.008]",
        "hot pixel": "warning: half of 12 training images (uint16) have no pixel value above 2000, and the range is "
        "0 … 65535: they become nearly black, in 8 of 256 grey levels at most (the highest value of all is 65535); "
        "data.pixel_range=[low,high] sets another range, such as [0,2047]",
    }
    assert opened.said[-1] == wanted[kind]
    opened(pixel_range=[0, 0.008] if kind == "floats" else [0, 2047])
    assert "nearly black" not in "".join(opened.said)

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from tests.drawn_photos import photos, recompressed, stacked
from tlbench.data import near_duplicates
from tlbench.data.near_duplicates import exact_copies, near_copies
from tlbench.data.perceptual_hash import Looks, looks_of

KNOWN = photos(60)


def partners(images: list[Image.Image]) -> list[int]:
    return near_copies(looks_of(stacked(KNOWN)), looks_of(stacked(images))).tolist()


@pytest.mark.promise("near copies")
@pytest.mark.parametrize(
    "change",
    [
        lambda i: i,
        recompressed,
        lambda i: i.resize((24, 24)),
        lambda i: i.resize((200, 200)),
        lambda i: ImageEnhance.Brightness(i).enhance(0.6),
        lambda i: ImageEnhance.Contrast(i).enhance(0.7),
        lambda i: i.convert("L").convert("RGB"),
    ],
    ids=["equal", "recompressed", "smaller", "larger", "darker", "paler", "grey"],
)
def test_copies_are_found_and_each_is_that_image(change):
    assert partners([change(image) for image in KNOWN[20:40]]) == list(range(20, 40))


def test_most_of_what_was_cropped_a_little_is_found():
    found = partners([image.crop((1, 1, 63, 63)).resize((64, 64)) for image in KNOWN])
    right = [partner == i for i, partner in enumerate(found)]
    assert sum(right) >= 54
    assert all(partner in (-1, i) for i, partner in enumerate(found))


@pytest.mark.promise("near copies")
def test_others_are_not_and_neither_are_mirrored_ones():
    assert partners(photos(200, seed=1)) == [-1] * 200
    assert partners([ImageOps.mirror(image) for image in KNOWN]) == [-1] * 60


def test_images_of_nearly_one_colour_have_no_partner():
    random = np.random.default_rng(0)
    flat = [Image.fromarray((100 + random.integers(-2, 3, (64, 64, 3))).astype(np.uint8)) for _ in range(3)]
    looks = looks_of(stacked([*flat, KNOWN[0]]))
    assert near_copies(looks, looks).tolist() == [-1, -1, -1, 3]


def test_an_equal_hash_is_not_enough():
    looks = looks_of(stacked(KNOWN[:2]))
    lying = Looks(looks.hashes[[0, 0]], looks.thumbnails)
    assert near_copies(looks, lying).tolist() == [0, -1]


def test_of_several_the_closest_is_taken_whatever_the_blocks(monkeypatch: pytest.MonkeyPatch):
    known = looks_of(stacked([recompressed(image, quality) for quality in (10, 95, 30) for image in KNOWN]))
    asked = looks_of(stacked(KNOWN))
    found = near_copies(known, asked)
    assert found.tolist() == list(range(60, 120))
    monkeypatch.setattr(near_duplicates, "_ROWS", 7)
    monkeypatch.setattr(near_duplicates, "_COLUMNS", 11)
    assert np.array_equal(near_copies(known, asked), found)


def test_no_images_have_no_partners():
    looks = looks_of(stacked(KNOWN[:3]))
    none = Looks(looks.hashes[:0], looks.thumbnails[:0])
    assert near_copies(none, looks).tolist() == [-1, -1, -1]
    assert near_copies(looks, none).tolist() == []


def test_ones_are_counted_with_and_without_numpys_own():
    words = np.random.default_rng(0).integers(0, 2**64, (5, 300), dtype=np.uint64)
    words[0, :3] = 0, 2**64 - 1, 2**63
    expected = [[bin(word).count("1") for word in row] for row in words.tolist()]
    for count in (near_duplicates.popcount, near_duplicates._popcount):
        assert count(words).tolist() == expected
        assert count(words).dtype == np.uint8


def test_exact_copies_are_the_first_equal_digest():
    known = np.arange(64, dtype=np.uint8).reshape(4, 16)
    known[2] = known[1]
    asked = np.stack([known[3], known[2], known[0] + 1])
    assert exact_copies(known, asked).tolist() == [3, 1, -1]
    assert exact_copies(known[:0], asked).tolist() == [-1, -1, -1]

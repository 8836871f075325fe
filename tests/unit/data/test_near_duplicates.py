from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from tests.drawn_photos import photos, recompressed, stacked
from tlbench.data import near_duplicates
from tlbench.data.changed_looks import CHANGES, Change
from tlbench.data.near_duplicates import NearCopies, exact_copies, near_copies
from tlbench.data.perceptual_hash import Looks, looks_of

KNOWN = photos(60)


def found(known: list[Image.Image], asked: list[Image.Image]) -> NearCopies:
    return near_copies(looks_of(stacked(known)), looks_of(stacked(asked)))


def changes_of(copies: NearCopies) -> list[Change]:
    return [CHANGES[change] for change in copies.changes]


def without_margin(image: Image.Image, down: float = 0.5, across: float = 0.5, cut: float = 0.05) -> Image.Image:
    """Without this share of its height and width; 0: all of it from the end, 1: all from the beginning."""
    width, height = image.size
    left, top = across * cut * width, down * cut * height
    return image.resize(image.size, box=(left, top, left + (1 - cut) * width, top + (1 - cut) * height))


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
    copies = found(KNOWN, [change(image) for image in KNOWN[20:40]])
    assert copies.partners.tolist() == list(range(20, 40))
    assert copies.changes.tolist() == [0] * 20


@pytest.mark.promise("near copies")
@pytest.mark.parametrize("test_is_mirrored", [True, False])
def test_mirrored_copies_are_found_and_named_so(test_is_mirrored: bool):
    known, asked = KNOWN, [recompressed(ImageOps.mirror(image)) for image in KNOWN[20:40]]
    if not test_is_mirrored:
        known, asked = [*KNOWN[:20], *asked, *KNOWN[40:]], KNOWN[20:40]
    copies = found(known, asked)
    assert copies.partners.tolist() == list(range(20, 40))
    assert changes_of(copies) == [Change(mirrored=True, down=0, across=0)] * 20


@pytest.mark.promise("near copies")
@pytest.mark.parametrize("test_is_cropped", [True, False])
@pytest.mark.parametrize(("down", "across"), [(0, 0), (0, 0.5), (0, 1), (0.5, 0), (0.5, 1), (1, 0), (1, 0.5), (1, 1)])
def test_copies_cropped_by_five_percent_anywhere_are_found(down: float, across: float, test_is_cropped: bool):
    whole, cropped = KNOWN, [without_margin(image, down, across) for image in KNOWN]
    copies = found(whole, cropped) if test_is_cropped else found(cropped, whole)
    right = copies.partners == np.arange(60)
    assert right.sum() >= 59
    assert (right | (copies.partners == -1)).all()
    where = Change(mirrored=False, down=1 + round(2 * down), across=1 + round(2 * across))
    changed = [change for change in changes_of(copies) if change.cropped]
    assert len(changed) >= 10  # others are found as they are
    assert changed.count(where) >= 0.9 * len(changed)


def test_copies_cropped_and_mirrored_are_found():
    copies = found(KNOWN, [ImageOps.mirror(without_margin(image, 0, 0)) for image in KNOWN])
    assert (copies.partners == np.arange(60)).sum() >= 58
    assert all(
        change.mirrored for change, partner in zip(changes_of(copies), copies.partners, strict=True) if partner >= 0
    )


@pytest.mark.promise("near copies")
def test_others_are_not():
    copies = found(KNOWN, photos(200, seed=1))
    assert copies.partners.tolist() == [-1] * 200
    assert copies.changes.tolist() == [0] * 200


def test_what_was_turned_upside_down_or_cut_in_half_is_another_image():
    asked = [*(ImageOps.flip(image) for image in KNOWN), *(without_margin(image, cut=0.5) for image in KNOWN)]
    assert found(KNOWN, asked).partners.tolist() == [-1] * 120


def test_an_image_as_it_is_goes_before_a_changed_one():
    image = KNOWN[0]
    copies = found([ImageOps.mirror(image), recompressed(image, 20)], [image])
    assert (copies.partners.tolist(), copies.changes.tolist()) == ([1], [0])


def test_images_of_nearly_one_colour_have_no_partner():
    random = np.random.default_rng(0)
    flat = [Image.fromarray((100 + random.integers(-2, 3, (64, 64, 3))).astype(np.uint8)) for _ in range(3)]
    looks = looks_of(stacked([*flat, KNOWN[0]]))
    assert near_copies(looks, looks).partners.tolist() == [-1, -1, -1, 3]


def test_what_a_crop_leaves_of_one_colour_has_no_partner():
    spot = np.full((64, 64, 3), 100, np.uint8)
    spot[:, :4] = 255  # all that there is to see, and the crop takes it away
    flat = Image.fromarray((100 + np.random.default_rng(0).integers(-2, 3, (64, 64, 3))).astype(np.uint8))
    assert found([flat], [Image.fromarray(spot)]).partners.tolist() == [-1]


def test_an_equal_hash_is_not_enough():
    looks = looks_of(stacked(KNOWN[:2]))
    lying = Looks(looks.hashes[[0, 0]], looks.thumbnails)
    assert near_copies(looks, lying).partners.tolist() == [0, -1]


def test_of_several_the_closest_is_taken_whatever_the_blocks(monkeypatch: pytest.MonkeyPatch):
    known = [recompressed(image, quality) for quality in (10, 95, 30) for image in KNOWN]
    mirrored = [ImageOps.mirror(image) for image in KNOWN]
    cropped = [without_margin(image, 0, 1) for image in KNOWN]
    looks, asked = looks_of(stacked(known)), looks_of(stacked([*KNOWN, *mirrored, *cropped]))
    whole = near_copies(looks, asked)
    assert whole.partners[:120].tolist() == [*range(60, 120)] * 2
    monkeypatch.setattr(near_duplicates, "_ROWS", 7)
    monkeypatch.setattr(near_duplicates, "_COLUMNS", 11)
    monkeypatch.setattr(near_duplicates, "_PAIRS", 5)
    parts = near_copies(looks, asked)
    assert np.array_equal(parts.partners, whole.partners)
    assert np.array_equal(parts.changes, whole.changes)


def test_no_images_have_no_partners():
    looks = looks_of(stacked(KNOWN[:3]))
    none = looks.take(np.array([], np.int64))
    assert near_copies(none, looks).partners.tolist() == [-1, -1, -1]
    assert near_copies(looks, none).partners.tolist() == []


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

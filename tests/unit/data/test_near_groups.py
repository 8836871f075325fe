from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.drawn_photos import photos, recompressed, stacked
from tlbench.data import near_duplicates
from tlbench.data.near_groups import near_groups, of_several
from tlbench.data.perceptual_hash import Looks, looks_of, pixel_digests

PHOTOS = photos(30)


def groups_of(images: list[Image.Image]) -> list[list[int]]:
    """Positions of the images of each group of several."""
    pixels = stacked(images)
    return of_several(near_groups(pixel_digests(pixels), looks_of(pixels)))


def without_margin(image: Image.Image) -> Image.Image:
    """Without a twentieth of its height and width."""
    width, height = image.size
    return image.resize(image.size, box=(0, 0.05 * height, 0.95 * width, height))


@pytest.mark.promise("near-duplicates within test")
def test_images_that_differ_stand_alone():
    assert groups_of(photos(200, seed=1)) == []


@pytest.mark.promise("near-duplicates within test")
def test_copies_are_one_group_whatever_was_done_to_them():
    changed = [
        PHOTOS[3],
        recompressed(PHOTOS[4]),
        PHOTOS[5].resize((200, 200)).resize((64, 64)),
        ImageOps.mirror(PHOTOS[6]),
        without_margin(PHOTOS[7]),
        ImageOps.mirror(without_margin(PHOTOS[8])),
    ]
    assert groups_of([*PHOTOS, *changed]) == [[3 + i, 30 + i] for i in range(6)]


@pytest.mark.promise("near-duplicates within test")
def test_what_is_like_one_of_a_group_is_of_the_group():
    image = PHOTOS[0]
    kin = [without_margin(ImageOps.mirror(image)), image, recompressed(image), ImageOps.mirror(image)]
    mixed = [kin[0], *PHOTOS[1:4], kin[1], PHOTOS[2], kin[2], *PHOTOS[4:9], kin[3]]
    assert groups_of(mixed) == [[0, 4, 6, 12], [2, 5]]


def test_the_ends_of_a_chain_are_one_group_though_unlike():
    one, other = (np.array(image, np.float32) for image in PHOTOS[:2])
    steps = [Image.fromarray((one + (other - one) * share).astype(np.uint8)) for share in np.linspace(0, 1, 40)]
    assert groups_of([steps[0], steps[-1]]) == []
    assert groups_of(steps) == [[*range(40)]]


def test_groups_depend_neither_on_the_order_nor_on_the_blocks(monkeypatch: pytest.MonkeyPatch):
    changed = [change(image) for change in (recompressed, ImageOps.mirror, without_margin) for image in PHOTOS[::2]]
    images = [*PHOTOS, *changed]
    expected = {frozenset((2 * i, 30 + i, 45 + i, 60 + i)) for i in range(15)}
    assert {frozenset(group) for group in groups_of(images)} == expected
    order = np.random.default_rng(0).permutation(len(images)).tolist()
    shuffled = groups_of([images[i] for i in order])
    assert {frozenset(order[i] for i in group) for group in shuffled} == expected
    for name, size in (("_ROWS", 7), ("_COLUMNS", 11), ("_PAIRS", 5)):
        monkeypatch.setattr(near_duplicates, name, size)
    assert groups_of([images[i] for i in order]) == shuffled


def test_each_is_named_by_the_first_of_its_group():
    pixels = stacked([PHOTOS[0], PHOTOS[1], recompressed(PHOTOS[0]), PHOTOS[2], ImageOps.mirror(PHOTOS[1])])
    assert near_groups(pixel_digests(pixels), looks_of(pixels)).tolist() == [0, 1, 0, 3, 1]


def test_without_looks_exact_copies_alone_are_groups():
    pixels = stacked([PHOTOS[0], recompressed(PHOTOS[0]), PHOTOS[1], PHOTOS[0]])
    assert near_groups(pixel_digests(pixels), None).tolist() == [0, 1, 2, 0]


def test_images_of_one_colour_are_a_group_where_they_are_equal_alone():
    flat = [Image.new("RGB", (64, 64), (level,) * 3) for level in (100, 101, 100)]
    assert groups_of(flat) == [[0, 2]]


def test_no_images_have_no_groups():
    none = Looks(np.zeros((0, 20), np.uint64), np.zeros((0, 16, 16), np.uint8))
    assert near_groups(np.zeros((0, 16), np.uint8), none).tolist() == []

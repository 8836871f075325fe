from __future__ import annotations

import hashlib

import numpy as np
import pytest
import scipy.fft
import torch
from PIL import Image, ImageOps

from tests.drawn_photos import photos, recompressed, stacked
from tlbench.data.changed_looks import CHANGES, SPANS
from tlbench.data.near_duplicates import popcount
from tlbench.data.perceptual_hash import looks_of, pixel_digests


def test_the_hash_is_phash_by_scipys_dct():
    images = photos(20, side=32)
    looks = looks_of(stacked(images))
    for image, found, thumbnail in zip(images, looks.hashes[:, 0], looks.thumbnails, strict=True):
        grey = np.asarray(image).astype(float) @ [0.299, 0.587, 0.114]
        low = scipy.fft.dctn(grey)[:8, :8]
        # scipy's first row and column weigh as the others do: unscaled, as here
        bits = (low > np.median(low.ravel()[1:])).ravel()[1:]
        assert [int(bit) for byte in found.tobytes() for bit in f"{byte:08b}"] == [*bits.astype(int), 0]
        assert np.abs(grey.reshape(16, 2, 16, 2).mean((1, 3)) - thumbnail).max() <= 0.51


@pytest.mark.parametrize("side", [16, 48, 100])
def test_any_size_is_hashed_as_its_thumbnail_of_32_pixels(side: int):
    images = photos(10, side=side)
    small = [image.resize((32, 32), Image.Resampling.BILINEAR) for image in images]
    distances = popcount(looks_of(stacked(images)).hashes ^ looks_of(stacked(small)).hashes)[:, 0]
    assert distances.max() <= 2  # Pillow rounds otherwise


def test_the_hash_of_a_change_is_that_of_the_changed_image():
    images = photos(30, side=64)
    hashes = looks_of(stacked(images)).hashes
    assert hashes.shape == (30, len(CHANGES))
    for number, change in enumerate(CHANGES):
        down, across = (SPANS[axis] for axis in (change.down, change.across))
        box = (64 * across[0], 64 * down[0], 64 * across[1], 64 * down[1])
        done = [image.resize((64, 64), box=box) for image in images]
        if change.mirrored:
            done = [ImageOps.mirror(image) for image in done]
        distances = popcount(hashes[:, number] ^ looks_of(stacked(done)).hashes[:, 0])
        assert np.median(distances) <= (2 if change.cropped else 0)
        assert distances.max() <= 6


def test_what_an_image_looks_like_does_not_depend_on_its_neighbours():
    images = stacked(photos(30, side=300))  # several chunks
    whole, one = looks_of(images), looks_of(images[17:18])
    assert np.array_equal(whole.hashes[17], one.hashes[0])
    assert np.array_equal(whole.thumbnails[17], one.thumbnails[0])
    assert whole.thumbnails.shape == (30, 16, 16)


def test_changes_that_the_eye_forgives_change_few_bits():
    images = photos(50)
    hashes = looks_of(stacked(images)).hashes[:, 0]
    others = popcount(hashes[:, None] ^ hashes)[~np.eye(50, dtype=bool)]
    assert np.median(others) > 24
    for change in (recompressed, lambda i: i.resize((40, 40)), lambda i: i.point(lambda v: v * 0.7)):
        changed = looks_of(stacked([change(image) for image in images])).hashes[:, 0]
        assert np.quantile(popcount(hashes ^ changed), 0.9) <= 6


def test_digests_are_those_of_the_pixels():
    images = stacked(photos(3, side=8))
    digests = pixel_digests(images)
    for image, digest in zip(images, digests, strict=True):
        assert digest.tobytes() == hashlib.blake2b(image.numpy().tobytes(), digest_size=16).digest()
    strided = images.to(memory_format=torch.channels_last)
    assert np.array_equal(pixel_digests(strided), digests)
    changed = images.clone()
    changed[1, 2, 7, 7] ^= 1
    assert (pixel_digests(changed) == digests).all(axis=1).tolist() == [True, False, True]

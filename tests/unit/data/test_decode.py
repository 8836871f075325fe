from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from torch.nn import functional as F
from torchvision.transforms.v2 import functional as TV

from tlbench.data.decode import Decoding, decode_fitted
from tlbench.data.unreadable import UnreadableError
from tlbench.geometry.fits import GREY


def noise(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)
    return pixels[..., 0] if channels == 1 else pixels


def encoded(image: Image.Image | np.ndarray, kind: str = "png", **options) -> bytes:
    buffer = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("fit", ["crop", "squash", "pad"])
def test_a_square_of_the_wanted_side_keeps_its_pixels(fit: str):
    pixels = noise(9, 9)
    assert np.array_equal(decode_fitted(encoded(pixels), (9, 9), fit), pixels)


def test_crop_takes_the_middle_pad_adds_bars_and_squash_takes_all():
    wide = noise(8, 14)
    assert np.array_equal(decode_fitted(encoded(wide), (8, 8), "crop"), wide[:, 3:11])
    padded = decode_fitted(encoded(wide), (14, 14), "pad")
    assert np.array_equal(padded[3:11], wide)
    assert not padded[:3].any()
    assert not padded[11:].any()
    squashed = decode_fitted(encoded(wide), (8, 8), "squash")
    theirs = TV.resize(torch.from_numpy(wide).permute(2, 0, 1), [8, 8], antialias=True)
    assert np.abs(squashed.transpose(2, 0, 1).astype(int) - theirs.numpy()).max() <= 1


RECTANGLE = (12, 20)
"""Height and width."""


@pytest.mark.parametrize("fit", ["crop", "squash", "pad", "corner", "corner_aliased"])
def test_a_rectangle_of_the_wanted_size_keeps_its_pixels(fit: str):
    pixels = noise(*RECTANGLE)
    assert np.array_equal(decode_fitted(encoded(pixels), RECTANGLE, fit), pixels)


@pytest.mark.promise("rectangles")
@pytest.mark.parametrize("size", [(60, 90), (60, 140), (61, 40), (7, 33)])
def test_what_a_rectangle_shows_of_an_image(size: tuple[int, int]):
    """Against Pillow, for images that are wider, narrower, smaller."""
    (height, width), (high, wide) = size, RECTANGLE
    image = Image.fromarray(noise(height, width))
    bilinear = Image.Resampling.BILINEAR
    too_wide = width * high > height * wide
    w, h = (round(height * wide / high), height) if too_wide else (width, round(width * high / wide))
    left, top = (width - w) // 2, (height - h) // 2
    cropped = image.crop((left, top, left + w, top + h)).resize((wide, high), bilinear)
    assert np.array_equal(decode_fitted(encoded(image), RECTANGLE, "crop"), np.asarray(cropped))
    squashed = image.resize((wide, high), bilinear)
    assert np.array_equal(decode_fitted(encoded(image), RECTANGLE, "squash"), np.asarray(squashed))
    w, h = (width, round(width * high / wide)) if too_wide else (round(height * wide / high), height)
    bars = Image.new("RGB", (w, h))
    bars.paste(image, (round((w - width) / 2), round((h - height) / 2)))
    padded = decode_fitted(encoded(image), RECTANGLE, "pad")
    assert np.array_equal(padded, np.asarray(bars.resize((wide, high), bilinear)))
    factor = min(high / height, wide / width)
    h, w = min(math.ceil(height * factor), high), min(math.ceil(width * factor), wide)
    assert (h == high) is not (w == wide)
    for fit, small in (
        ("corner", image.resize((w, h), bilinear)),
        ("corner_aliased", image.transform((w, h), Image.Transform.EXTENT, (0, 0, width, height), bilinear)),
    ):
        found = decode_fitted(encoded(image), RECTANGLE, fit)
        assert np.array_equal(found[:h, :w], np.asarray(small))
        assert (found[h:] == GREY).all()
        assert (found[:, w:] == GREY).all()


def test_a_region_of_a_rectangle_is_a_part_of_what_it_shows():
    pixels = noise(48, 90)  # of which 80 columns from the fifth on are shown
    ours = decode_fitted(encoded(pixels), RECTANGLE, "crop", (0.25, 0.5, 0.5, 0.25))
    part = Image.fromarray(pixels[12:36, 5 + 40 : 5 + 60]).resize(RECTANGLE[::-1], Image.Resampling.BILINEAR)
    assert np.array_equal(ours, np.asarray(part))


@pytest.mark.parametrize("fit", ["crop", "squash", "pad", "corner"])
@pytest.mark.parametrize("turned", [False, True])
def test_a_large_jpeg_is_decoded_smaller_for_a_rectangle_too(fit: str, turned: bool):
    """Where that leaves two pixels for each of both sides of what is shown, be it turned by EXIF or not."""
    smooth = np.array(Image.fromarray(noise(12, 16)).resize((1600, 1200), Image.Resampling.BICUBIC))
    exif = Image.Exif()
    if turned:
        exif[0x0112] = 6
    content = encoded(smooth, "jpeg", quality=95, exif=exif)
    opened = []

    def draft(image: Any, *arguments: Any) -> Any:
        opened.append(image)
        return original(image, *arguments)

    original = JpegImageFile.draft
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JpegImageFile, "draft", draft)
        fast = decode_fitted(content, (150, 100), fit, how=Decoding(fast=True)).astype(int)
    whole = decode_fitted(content, (150, 100), fit).astype(int)
    assert np.abs(fast - whole).mean() < 2
    across, down = (1200, 1600) if turned else (1600, 1200)
    shown = {
        "crop": min(across / 100, down / 150),
        "squash": min(across / 100, down / 150),
        "pad": max(across / 100, down / 150),
        "corner": max(across / 100, down / 150),
    }[fit]
    assert bool(opened) == (shown / 2 >= 2)


@pytest.mark.parametrize(("side", "size"), [(16, (50, 40)), (32, (20, 20))])
def test_resizing_is_torchvisions(side: int, size: tuple[int, int]):
    pixels = noise(*size)
    theirs = TV.resize(TV.center_crop(torch.from_numpy(pixels).permute(2, 0, 1), [min(size)] * 2), [side, side])
    ours = decode_fitted(encoded(pixels), (side, side), "crop").transpose(2, 0, 1).astype(int)
    assert np.abs(ours - theirs.numpy()).max() <= 1


def test_a_region_is_torchvisions_resized_crop():
    pixels = noise(40, 40)
    ours = decode_fitted(encoded(pixels), (16, 16), "crop", (5 / 40, 10 / 40, 20 / 40, 24 / 40))
    theirs = TV.resized_crop(torch.from_numpy(pixels).permute(2, 0, 1), 5, 10, 20, 24, [16, 16], antialias=True)
    assert np.abs(ours.transpose(2, 0, 1).astype(int) - theirs.numpy()).max() <= 1


@pytest.mark.promise("antialias")
@pytest.mark.parametrize("kind", ["png", "jpeg"])  # a JPEG is not decoded at a fraction of its size, which averages
def test_an_aliased_corner_interpolates_between_four_pixels(kind: str):
    content = encoded(noise(180, 320), kind)
    whole = torch.from_numpy(np.array(Image.open(io.BytesIO(content)))).permute(2, 0, 1)
    ours = decode_fitted(content, (32, 32), "corner_aliased").transpose(2, 0, 1)
    theirs = F.interpolate(whole[None].float(), (18, 32), mode="bilinear")[0]
    assert np.abs(ours[:, :18] - theirs.numpy()).max() <= 1
    assert (ours[:, 18:] == GREY).all()
    assert np.abs(decode_fitted(content, (32, 32), "corner").transpose(2, 0, 1)[:, :18] - theirs.numpy()).max() > 50


@pytest.mark.promise("any kind of image")
@pytest.mark.parametrize("fit", ["pad", "corner", "corner_aliased"])
@pytest.mark.parametrize("size", [(10, 3000), (1, 600), (4000, 60)])
def test_photos_of_any_shape_become_squares(fit: str, size: tuple[int, int]):
    colour = np.full((*size, 3), 200, np.uint8)
    found = decode_fitted(encoded(colour, "jpeg"), (32, 32), fit)
    assert found.shape == (32, 32, 3)
    if fit == "pad":  # a faint line between the bars
        assert found[15:17, 15:17].any()
    else:
        assert np.abs(found[0, 0].astype(int) - 200).max() <= 2


def test_an_aliased_corner_is_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encoded(noise(20, 40), exif=exif)
    upright = np.asarray(Image.open(io.BytesIO(content)).transpose(Image.Transpose.ROTATE_270))
    assert np.array_equal(decode_fitted(content, (40, 40), "corner_aliased")[:, :20], upright)


@pytest.mark.promise("any kind of image")
def test_grey_and_palette_become_rgb():
    grey = noise(6, 6, 1)
    for content in (encoded(grey), encoded(Image.fromarray(grey).convert("P"))):
        assert np.array_equal(decode_fitted(content, (6, 6), "crop"), np.repeat(grey[..., None], 3, axis=2))


@pytest.mark.promise("any kind of image")
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_becomes_white(mode: str):
    image = Image.new("RGBA", (4, 4), (200, 200, 200, 255))
    image.putpixel((0, 0), (0, 0, 0, 0))
    if mode == "P":
        image = image.convert("RGB").convert("P", palette=Image.Palette.ADAPTIVE)
        content = encoded(image, transparency=image.getpixel((0, 0)))
        assert decode_fitted(content, (4, 4), "crop")[0, 0].tolist() == [255, 255, 255]
        return
    pixels = decode_fitted(encoded(image.convert(mode)), (4, 4), "crop")
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[1, 1].tolist() == [200, 200, 200]


@pytest.mark.promise("any kind of image")
@pytest.mark.parametrize("ranges", [None, {"uint16": (0, 65535)}])  # None: as runs from before ranges were found
def test_16_bits_are_scaled_to_8(ranges):
    deep, how = np.array([[0, 257], [32896, 65535]], dtype=np.uint16), Decoding(ranges=ranges)
    assert decode_fitted(encoded(deep), (2, 2), "crop", how=how)[..., 0].tolist() == [[0, 1], [128, 255]]
    assert decode_fitted(encoded(deep, "tiff"), (2, 2), "crop", how=how)[..., 0].tolist() == [[0, 1], [128, 255]]


@pytest.mark.promise("any kind of image")
@pytest.mark.parametrize("kind", ["webp", "bmp", "tiff", "gif", "ppm"])
def test_kinds_of_files(kind: str):
    pixels = np.zeros((4, 4, 3), np.uint8)
    pixels[:2] = 255
    options = {"lossless": True} if kind == "webp" else {}
    assert np.array_equal(decode_fitted(encoded(pixels, kind, **options), (4, 4), "crop"), pixels)


@pytest.mark.promise("any kind of image")
def test_exif_orientation_is_applied():
    pixels = noise(6, 6)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown rotated by 90 degrees clockwise
    content = encoded(pixels, exif=exif)
    assert np.array_equal(decode_fitted(content, (6, 6), "crop"), np.rot90(pixels, -1))


def test_a_large_jpeg_decoded_at_a_fraction_looks_as_the_whole_does():
    y, x = np.mgrid[0:600, 0:800]
    photo = np.stack([x * 255 / 800, y * 255 / 600, (np.sin(x / 20) + 1) * 127], axis=-1).astype(np.uint8)
    content = encoded(photo, "jpeg", quality=95)
    reduced = decode_fitted(content, (64, 64), "crop", how=Decoding(fast=True)).astype(int)
    whole = decode_fitted(content, (64, 64), "crop").astype(int)
    assert 0 < np.abs(reduced - whole).max() <= 8
    pixels = Image.open(io.BytesIO(content)).crop((100, 0, 700, 600)).resize((64, 64), Image.Resampling.BILINEAR)
    assert np.array_equal(whole, np.asarray(pixels))


def test_a_truncated_jpeg():
    content = encoded(noise(64, 64), "jpeg")
    with pytest.raises(UnreadableError, match="truncated"):
        decode_fitted(content[: len(content) // 2], (64, 64), "crop")
    with pytest.raises(UnreadableError, match="truncated"):
        decode_fitted(content[: len(content) // 2], (8, 8), "crop")


@pytest.mark.parametrize("content", [b"", b"GIF is not this", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDRxx"])
def test_what_is_no_image_is_told_in_one_line(content: bytes):
    with pytest.raises(UnreadableError) as caught:
        decode_fitted(content, (8, 8), "crop")
    assert "\n" not in str(caught.value)
    assert "BytesIO" not in str(caught.value)


def test_pixels_without_a_plain_meaning_in_8_bits():
    before = Decoding(ranges=None)
    with pytest.raises(UnreadableError, match="floating-point numbers; convert"):
        decode_fitted(encoded(Image.new("F", (4, 4)), "tiff"), (4, 4), "crop", how=before)
    with pytest.raises(UnreadableError, match="range from -5 to -5; convert"):
        decode_fitted(encoded(Image.new("I", (4, 4), -5), "tiff"), (4, 4), "crop", how=before)
    with pytest.raises(UnreadableError, match="-5 to -5 in int32, have more than 8 bits, and the run was trained on"):
        decode_fitted(encoded(Image.new("I", (4, 4), -5), "tiff"), (4, 4), "crop")

"""Files of more than 8 bits: whatever the container, the same pixels become the same."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.drawn_deep import FLOATS, SIGNED, encoded, png_16, tiff
from tlbench.data import deep
from tlbench.data.decode import Decoding, decode_and_look, decode_fitted, decode_rgb, to_rgb
from tlbench.data.facts import CONTAINERS, Fact, ImageFacts
from tlbench.data.image_opening import open_image
from tlbench.data.notes import noted
from tlbench.data.unreadable import AlreadyDecodedError, UnreadableError

VALUES = np.random.default_rng(0).integers(0, 4096, (12, 12)).astype(np.uint16)
VALUES[0, :2] = (0, 4095)
COLOURS = np.random.default_rng(1).integers(0, 4096, (12, 12, 3)).astype(np.uint16)
COLOURS[0, 0], COLOURS[0, 1] = 0, 4095
EIGHT = np.rint(VALUES / (4095 / 255)).astype(np.uint8)
EIGHT_COLOURS = np.rint(COLOURS / (4095 / 255)).astype(np.uint8)
TWELVE = Decoding(ranges={"uint16": (0, 4095), "int32": (0, 4095), "float32": (0, 1)})
OPAQUE = np.full((12, 12, 1), 65535, np.uint16)

GREYS = {
    "PNG": (png_16(VALUES), "uint16"),
    "PNG of Pillow": (encoded(VALUES, "png"), "uint16"),
    "PNG with alpha": (png_16(np.concatenate([VALUES[..., None], OPAQUE], 2)), "uint16"),
    "PNG that says 12 bits": (png_16(VALUES, (b"sBIT", b"\x0c")), "uint16"),
    "TIFF, little-endian": (tiff(VALUES.astype("<u2")), "uint16"),
    "TIFF, big-endian": (tiff(VALUES.astype(">u2")), "uint16"),
    "TIFF, compressed": (encoded(VALUES, compression="tiff_lzw"), "uint16"),
    "TIFF of signed 16 bits": (tiff(VALUES.astype("<i2"), SIGNED), "int32"),
    "TIFF of 32 bits": (tiff(VALUES.astype("<i4"), SIGNED), "int32"),
    "TIFF of unsigned 32 bits": (tiff(VALUES.astype("<u4")), "int32"),
    "TIFF of floats": (tiff((VALUES / 4095).astype("<f4"), FLOATS), "float32"),
    "TIFF of big-endian floats": (tiff((VALUES / 4095).astype(">f4"), FLOATS), "float32"),
    "PGM": (b"P5 12 12 65535\n" + VALUES.astype(">u2").tobytes(), "uint16"),
    "PFM": (b"Pf 12 12 -1.0\n" + (VALUES[::-1] / 4095).astype("<f4").tobytes(), "float32"),
}
COLOUR = {
    "PNG": png_16(COLOURS),
    "PNG with alpha": png_16(np.concatenate([COLOURS, OPAQUE], 2)),
    "TIFF, little-endian": tiff(COLOURS.astype("<u2")),
    "TIFF, big-endian": tiff(COLOURS.astype(">u2")),
    "TIFF with alpha": tiff(np.concatenate([COLOURS, OPAQUE], 2)),
    "PPM": b"P6 12 12 65535\n" + COLOURS.astype(">u2").tobytes(),
}


@pytest.mark.promise("the same pixels in every container")
@pytest.mark.parametrize("kind", GREYS)
def test_grey_values_become_8_bits_by_their_range_in_every_container(kind):
    content, container = GREYS[kind]
    square, fact = decode_and_look(content, (12, 12), "crop", TWELVE)
    assert np.array_equal(square, np.repeat(EIGHT[..., None], 3, axis=2))
    high = 1 if container == "float32" else 4095
    assert fact == Fact(12, 12, container, True, 0, high)


@pytest.mark.promise("16-bit colours")
@pytest.mark.parametrize("kind", COLOUR)
def test_colours_of_16_bits_keep_their_lower_byte(kind):
    square, fact = decode_and_look(COLOUR[kind], (12, 12), "crop", TWELVE)
    assert np.array_equal(square, EIGHT_COLOURS)
    assert fact == Fact(12, 12, "uint16", False, 0, 4095)
    before = decode_fitted(COLOUR[kind], (12, 12), "crop", how=Decoding(ranges=None))  # as Pillow has it
    assert before.max() < 20


def test_a_ppm_of_fewer_bits_has_its_own_values():
    """Pillow stretches them to 65535."""
    content = b"P6 12 12 4095\n" + COLOURS.astype(">u2").tobytes()
    square, fact = decode_and_look(content, (12, 12), "crop", TWELVE)
    assert np.array_equal(square, EIGHT_COLOURS)
    assert (fact.low, fact.high) == (0, 4095)
    with pytest.raises(UnreadableError, match="truncated"):
        decode_fitted(content[:-1], (12, 12), "crop", how=TWELVE)
    plain = b"P2 12 12 4095\n" + b" ".join(str(v).encode() for v in VALUES.flat) + b"\n"
    for grey in (b"P5 12 12 4095\n" + VALUES.astype(">u2").tobytes(), plain):
        square, fact = decode_and_look(grey, (12, 12), "crop", TWELVE)
        assert np.array_equal(square[..., 0], EIGHT)
        assert fact == Fact(12, 12, "uint16", True, 0, 4095)
        assert np.array_equal(np.asarray(to_rgb(open_image(grey), TWELVE.ranges))[..., 0], EIGHT)


def test_colours_written_as_digits_have_their_own_values():
    """Pillow scales them to 8 bits, by 65535 although no value is above 4095."""
    digits = b" ".join(str(v).encode() for v in COLOURS.flat)
    for maximum in (b"4095", b"65535"):
        content = b"P3 12 12 " + maximum + b"\n# a comment 7\n" + digits + b"\n"
        square, fact = decode_and_look(content, (12, 12), "crop", TWELVE)
        assert np.array_equal(square, EIGHT_COLOURS)
        assert fact == Fact(12, 12, "uint16", False, 0, 4095)
    with pytest.raises(UnreadableError, match="truncated"):
        decode_fitted(b"P3 12 12 4095\n" + digits[:-20], (12, 12), "crop", how=TWELVE)
    with pytest.raises(UnreadableError, match=r"its values reach beyond 0 … 2047, which its header allows; save it"):
        decode_fitted(b"P3 12 12 2047\n" + digits, (12, 12), "crop", how=TWELVE)


def test_what_pillow_changed_in_decoding_is_refused_once_it_is_decoded():
    grey = open_image(b"P5 12 12 4095\n" + VALUES.astype(">u2").tobytes())
    grey.load()
    with pytest.raises(
        AlreadyDecodedError, match=r"^Pillow has decoded it and may have stretched its values to 65535; "
    ):
        to_rgb(grey, TWELVE.ranges)
    for content in (COLOUR["TIFF, big-endian"], COLOUR["TIFF with alpha"]):
        colours = open_image(content)
        colours.load()
        with pytest.raises(AlreadyDecodedError, match="keeps the higher byte of its 16-bit colours alone; give the fi"):
            to_rgb(colours, TWELVE.ranges)
        assert np.asarray(to_rgb(colours, None)).max() < 20  # as runs from before ranges had it
    whole = open_image(tiff(VALUES))
    whole.load()
    assert np.array_equal(np.asarray(to_rgb(whole, TWELVE.ranges))[..., 0], EIGHT)


def test_without_knowing_what_a_run_took_pgm_values_for_they_are_refused():
    unknown = replace(TWELVE, own_values=False)
    for content in (
        b"P5 12 12 4095\n" + VALUES.astype(">u2").tobytes(),
        b"P6 12 12 4095\n" + COLOURS.astype(">u2").tobytes(),
        b"P2 12 12 4095\n" + b" ".join(str(v).encode() for v in VALUES.flat),
    ):
        for decode in (decode_fitted, decode_and_look):
            with pytest.raises(
                UnreadableError, match="a PGM or PPM of 9 to 15 bits, and the run's record does not say"
            ):
                decode(content, 12, "crop", how=unknown)
        before = decode_fitted(content, (12, 12), "crop", how=Decoding(ranges=None))  # by its own maximum
        assert np.abs(before.astype(int) - (EIGHT_COLOURS if content[1:2] == b"6" else EIGHT[..., None])).max() <= 1
    for content in (GREYS["PGM"][0], GREYS["PNG"][0]):
        assert np.array_equal(decode_fitted(content, (12, 12), "crop", how=unknown)[..., 0], EIGHT)
    assert np.array_equal(decode_fitted(COLOUR["PPM"], (12, 12), "crop", how=unknown), EIGHT_COLOURS)


def test_what_is_transparent_is_white_and_white_may_be_zero():
    clear = np.concatenate([VALUES[..., None], OPAQUE], 2)
    clear[0, 0, 1] = 0
    assert decode_rgb(png_16(clear), TWELVE).getpixel((0, 0)) == (255, 255, 255)
    marked = tuple(int(v) for v in COLOURS[5, 5])
    named = np.asarray(decode_rgb(png_16(COLOURS, (b"tRNS", np.array(marked, ">u2").tobytes())), TWELVE))
    assert named[5, 5].tolist() == [255] * 3
    assert np.array_equal(named[6:], EIGHT_COLOURS[6:])
    grey = np.asarray(decode_rgb(png_16(VALUES, (b"tRNS", b"\0\0")), TWELVE))
    assert grey[0, 0].tolist() == [255] * 3
    inverted = decode_fitted(tiff(VALUES, photometric=0), (12, 12), "crop", how=TWELVE)
    assert np.array_equal(inverted[..., 0], 255 - EIGHT)


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_they_are_upright(kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    grey = decode_fitted(encoded(VALUES, kind, exif=exif), (12, 12), "crop", how=TWELVE)
    assert np.array_equal(grey[..., 0], np.rot90(EIGHT, -1))
    if kind == "png":
        content = png_16(COLOURS, (b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")))
        assert np.array_equal(decode_fitted(content, (12, 12), "crop", how=TWELVE), np.rot90(EIGHT_COLOURS, -1))


def test_signed_values_below_zero_and_beyond_31_bits():
    hounsfield = np.linspace(-1024, 3071, 144).reshape(12, 12).astype("<i2")
    how = Decoding(ranges={"int32": (-1024, 3071)})
    square, fact = decode_and_look(tiff(hounsfield, SIGNED), (12, 12), "crop", how)
    assert (fact.low, fact.high, square.min(), square.max()) == (-1024, 3071, 0, 255)
    large = np.full((4, 4), 4_000_000_000, "<u4")
    assert decode_and_look(tiff(large), (4, 4), "crop", how)[1].high == 4_000_000_000


def test_what_lies_beyond_the_range_is_clipped_and_noted():
    low = Decoding(ranges={"uint16": (100, 1023)})
    with noted() as notes:
        square = decode_fitted(png_16(VALUES), (12, 12), "crop", how=low)
    assert notes == ["its pixel values reach beyond 100 … 1023, the run's range, and are clipped"]
    wanted = np.rint((VALUES.clip(100, 1023) - 100) / (923 / 255)).astype(np.uint8)
    assert np.array_equal(square[..., 0], wanted)
    with noted() as notes:
        decode_fitted(png_16(VALUES), (12, 12), "crop", how=TWELVE)
    assert notes == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused(bad):
    values = (VALUES / 4095).astype("<f4")
    values[3, 4] = bad
    for how in (TWELVE, Decoding(), Decoding(ranges={"float32": (0, 9)})):
        with pytest.raises(UnreadableError, match="1 of its 144 pixel values are NaN or infinite"):
            decode_and_look(tiff(values, FLOATS), (12, 12), "crop", how)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            tiff(VALUES.astype("<f8"), FLOATS),
            "a TIFF of 1 × 64-bit floats a pixel, which is not read; convert it",
        ),
        (tiff(VALUES.astype("<f2"), FLOATS), "a TIFF of 1 × 16-bit floats a pixel"),
        (tiff(COLOURS.astype("<f4"), FLOATS), "a TIFF of 3 × 32-bit floats a pixel"),
        (
            tiff(COLOURS[..., :2].copy()),
            "2 × 16-bit whole numbers a pixel, which is not read: 2 bands; convert it to one",
        ),
        (tiff(COLOURS, separate=True), "a TIFF of separate planes of 16 bits, which is not read; convert it to one"),
        (tiff(COLOURS, compression=8, separate=True), "a TIFF of separate planes of 16 bits, which is not read"),
        (tiff(VALUES[..., None], separate=True), "a TIFF of separate planes of 16 bits"),
        (tiff(np.concatenate([COLOURS, OPAQUE], 2), extra=(1,)), "16-bit colours with associated alpha, which is not"),
        (tiff(np.concatenate([COLOURS, OPAQUE], 2), photometric=5, extra=()), "16-bit CMYK, which is not read in full"),
        (tiff(VALUES, compression=34712), "a TIFF with compression JPEG 2000, which is not read; save it uncompressed"),
        (tiff(VALUES, compression=34887), "a TIFF with compression LERC, which is not read"),
        (tiff(VALUES, photometric=3), "a TIFF with a palette of 16 bits, which is not read; convert it to RGB"),
        (tiff(np.zeros((4, 4, 7), np.uint8), photometric=1), "a TIFF of 7 × 8-bit .* 7 bands; convert it to one band"),
        (tiff(VALUES.astype("i1"), SIGNED), "signed numbers of 8 bits"),
        (b"II*\0" + bytes(9), "not an image, or of a kind that is not read"),
    ],
)
def test_tiffs_that_cannot_be_read_are_told_by_what_they_hold(content, reason):
    for decode in (decode_fitted, decode_and_look):
        with pytest.raises(UnreadableError, match=reason):
            decode(content, 12, "crop", how=TWELVE)


def test_separate_planes_of_eight_bits_are_read():
    for compression in (1, 8):
        content = tiff(EIGHT_COLOURS, compression=compression, separate=True)
        assert np.array_equal(decode_fitted(content, (12, 12), "crop"), EIGHT_COLOURS)


@pytest.mark.parametrize(
    ("kind", "said"),
    [("tiff", "of several pages the first alone is taken"), ("gif", "animated, of which the first picture alone")]
    + [(kind, "animated, of which the first picture alone") for kind in ("webp", "png")],
)
def test_that_a_file_holds_more_images_is_noted(kind, said):
    pages = [Image.fromarray(EIGHT // (i + 1)) for i in range(3)]
    for count in (1, 3):
        buffer = io.BytesIO()
        pages[0].save(buffer, kind, save_all=True, append_images=pages[1:count], lossless=True)
        with noted() as notes:
            square, _ = decode_and_look(buffer.getvalue(), (12, 12), "crop", Decoding())
        assert np.array_equal(square[..., 0], EIGHT)
        assert [text[: len(said)] for text in notes] == ([said] if count > 1 else [])


def test_without_a_range_it_is_looked_at_and_nothing_is_guessed():
    square, fact = decode_and_look(png_16(VALUES), (12, 12), "crop", Decoding())
    assert square is None
    assert fact.high == 4095
    with pytest.raises(UnreadableError, match="0 to 4095 in uint16, have more than 8 bits, and the run was"):
        decode_fitted(png_16(VALUES), (12, 12), "crop")


def test_a_few_rows_at_a_time_give_the_same(monkeypatch):
    monkeypatch.setattr(deep, "_ROWS", 5)
    assert np.array_equal(decode_fitted(COLOUR["PNG"], (12, 12), "crop", how=TWELVE), EIGHT_COLOURS)


def test_facts_of_8_bits_are_of_the_whole_image():
    pixels = np.full((20, 60, 3), 90, np.uint8)
    pixels[0, 0], pixels[19, 59, 1] = 3, 201  # outside of the square that is kept
    exif = Image.Exif()
    exif[0x0112] = 8
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png", exif=exif)
    assert decode_and_look(buffer.getvalue(), (8, 8), "crop", Decoding())[1] == Fact(60, 20, "uint8", False, 3, 201)
    for image, grey in ((Image.new("L", (4, 4), 7), True), (Image.new("LA", (4, 4), (7, 255)), True)):
        fact = decode_and_look(encoded(np.asarray(image), "png"), (4, 4), "crop", Decoding())[1]
        assert fact == Fact(4, 4, "uint8", grey, 7, 7)


def test_a_table_of_facts_gives_them_back():
    facts = ImageFacts.of([Fact(3, 4, "int32", True, -5, 7.5), None, Fact(1, 2, "uint8", False, 0, 255)])
    again = ImageFacts.of_table(facts.table())
    assert [v.tolist() for v in vars(again).values()] == [v.tolist() for v in vars(facts).values()]
    assert again.deep.tolist() == [True, False, False]
    assert [c for c in CONTAINERS if again.stored_as(c).any()] == ["uint8", "int32"]
    assert again.take(np.array([2, 0])).sizes.tolist() == [[1, 2], [3, 4]]
    for wrong in (np.zeros((2, 5)), np.full((1, 6), 9.0), np.zeros((2, 6), np.float32)):
        with pytest.raises(ValueError, match=r"table|container"):
            ImageFacts.of_table(wrong)

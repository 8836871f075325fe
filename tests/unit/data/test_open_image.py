"""One door for image files: kinds, sizes, and nothing but regular files."""

from __future__ import annotations

import io
import os
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image, ImageFile

import tlbench
from tests.composed import CONF
from tlbench.config import STANDARD_LIMITS, ImageLimit, LimitsConfig
from tlbench.data import decode, deep
from tlbench.data.decode import Decoding, decode_fitted
from tlbench.data.image_opening import FORMATS, STANDARD, open_image, read_image_file
from tlbench.data.image_sizes import image_sizes
from tlbench.data.unreadable import UnreadableError

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n9 9 scale\n"


def png(width: int, height: int, depth: int = 8, *chunks: tuple[bytes, bytes]) -> bytes:
    """A grey picture of which only the header is there, and what stands between it and the pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(b"\0" * 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def encoded(kind: str, size: int = 8, **options: object) -> bytes:
    memory = io.BytesIO()
    Image.new("RGB", (size, size), (9, 9, 9)).save(memory, kind, **options)
    return memory.getvalue()


@pytest.mark.promise("one place opens images")
def test_image_files_are_opened_in_one_place_only():
    found = {}
    for path in Path(tlbench.__file__).parent.rglob("*.py"):
        calls = re.findall(r"Image\.open\(|\bimread\(|read_image\(|decode_image\(|default_loader\(", path.read_text())
        if calls:
            found[path.name] = len(calls)
    assert found == {"image_opening.py": 1}


def test_the_kinds_that_are_read_start_no_program_and_damaged_files_are_not_mended():
    assert set(FORMATS) == {"JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF", "PPM"}
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (EPS, "an EPS file, which is not read; convert it to PNG or JPEG"),
        (b"\xc5\xd0\xd3\xc6" + bytes(30) + EPS, "an EPS file, which is not read; convert it to PNG or JPEG"),
        (b"\xd7\xcd\xc6\x9a" + bytes(60), "a WMF file, which is not read; convert it to PNG or JPEG"),
        (b"\1\0\0\0" + bytes(36) + b" EMF" + bytes(60), "an EMF file, which is not read; convert it to PNG or JPEG"),
        (b"8BPS\0\1" + bytes(60), "a PSD file, which is not read; convert it to PNG or JPEG"),
        (b"SIMPLE  =                    T", "a FITS file, which is not read; convert it to PNG or JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG file, which is not read; convert it to PNG or JPEG"),
        (bytes(60), "not an image, or of a kind that is not read"),
        (b"", "not an image, or of a kind that is not read"),
    ],
)
def test_other_kinds_are_refused_whatever_their_name(tmp_path, monkeypatch, content, reason):
    monkeypatch.setattr("subprocess.Popen", None)  # what starts another program would be told in other words
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UnreadableError, match=re.escape(reason)):
        decode_fitted(content, (8, 8), "crop")
    assert image_sizes(tmp_path, ["a.png"]).unreadable == {0: reason}


@pytest.mark.parametrize("kind", ["ico", "jpeg2000", "tga", "pcx", "sgi"])
def test_kinds_that_pillow_would_read_are_refused(kind):
    with pytest.raises(UnreadableError, match="not read"):
        decode_fitted(encoded(kind), (8, 8), "crop")


def test_a_jpeg_of_several_pictures_is_its_first():
    first, second = Image.new("RGB", (8, 8), (250, 0, 0)), Image.new("RGB", (8, 8), (0, 0, 250))
    memory = io.BytesIO()
    first.save(memory, "MPO", save_all=True, append_images=[second])
    assert (decode_fitted(memory.getvalue(), (8, 8), "crop")[0, 0] > [200, 0, 0]).tolist()[0]


@pytest.mark.parametrize(("kind", "pages"), [("tiff", 300), ("gif", 300)])
def test_of_many_pages_only_the_first_is_decoded(kind, pages, monkeypatch):
    images = [Image.new("L", (8, 8), page % 255) for page in range(pages)]
    memory = io.BytesIO()
    images[0].save(memory, kind, save_all=True, append_images=images[1:])
    sought = []
    for reader in (Image.Image, ImageFile.ImageFile):
        monkeypatch.setattr(reader, "seek", lambda self, frame: sought.append(frame))
    assert not decode_fitted(memory.getvalue(), (8, 8), "crop").any()
    assert not any(sought)


@pytest.mark.promise("bombs of pixels")
@pytest.mark.parametrize(("width", "height", "depth"), [(50_000, 50_000, 1), (13_000, 13_000, 16), (2**31 - 1, 2, 8)])
def test_a_bomb_of_pixels_is_refused_by_its_header(tmp_path, monkeypatch, width, height, depth):
    def decoded(*_):
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", decoded)
    content = png(width, height, depth)
    (tmp_path / "a.png").write_bytes(content)
    for reason in (raised(content), image_sizes(tmp_path, ["a.png"]).unreadable[0]):
        assert reason.endswith("are more than data.limits.max_image_megapixels=128 allows; raise it for such images")


def test_a_jpeg_that_is_gone_through_again_and_again_is_refused(tmp_path):
    buffer = io.BytesIO()
    Image.new("L", (64, 64), 90).save(buffer, "JPEG", progressive=True)
    content = buffer.getvalue()
    assert 1 < content.count(b"\xff\xda") <= 10
    assert decode_fitted(content, (8, 8), "crop").mean() == 90
    last = content[content.rindex(b"\xff\xda") : -2]
    assert raised(content[:-2] + last * 100 + b"\xff\xd9").endswith("scans, more than 64; save it again")


def raised(content: bytes, limit: ImageLimit = STANDARD) -> str:
    with pytest.raises(UnreadableError) as caught:
        decode_fitted(content, (8, 8), "crop", how=Decoding(limit))
    return str(caught.value)


def test_the_limit_is_a_key_that_can_be_raised_also_above_pillows(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)  # Pillow alone refuses from 20 on
    content = encoded("png", 10)
    assert raised(content, ImageLimit(99e-6, "key")) == (
        "10 × 10 pixels are more than key=9.9e-05 allows; raise it for such images"
    )
    assert decode_fitted(content, (8, 8), "crop", how=Decoding(ImageLimit(1e-4))).shape == (8, 8, 3)


def test_the_standard_limits_are_the_configurations():
    shipped = yaml.safe_load((CONF / "data" / "limits" / "default.yaml").read_text())
    assert LimitsConfig.model_validate(shipped) == STANDARD_LIMITS
    assert (STANDARD.megapixels, STANDARD.key) == (128, "data.limits.max_image_megapixels")


@pytest.mark.parametrize("chunk", [b"zTXt", b"iCCP", b"iTXt"])
def test_a_bomb_in_the_text_of_a_png_is_not_inflated(chunk):
    packed = zlib.compress(bytes(200 << 20), 1)
    head = {b"zTXt": b"key\0\0", b"iCCP": b"name\0\0", b"iTXt": b"key\0\1\0\0\0"}[chunk]
    with pytest.raises(UnreadableError, match="too large"):
        decode_fitted(png(8, 8, 8, (chunk, head + packed)), (8, 8), "crop")


def test_memory_that_does_not_suffice_is_called_that(monkeypatch):
    def full(*_):
        raise MemoryError

    monkeypatch.setattr(decode, "to_rgb", full)
    assert raised(encoded("png")) == "there is not memory enough to decode it"


def test_16_bit_pixels_are_scaled_a_few_rows_at_a_time(monkeypatch):
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    memory = io.BytesIO()
    Image.fromarray(values).save(memory, "png")
    monkeypatch.setattr(deep, "_ROWS", 7)
    grey = decode_fitted(memory.getvalue(), (256, 256), "crop", how=Decoding(ranges={"uint16": (0, 65535)}))
    assert np.array_equal(grey, np.rint(values / 257).astype(np.uint8)[..., None].repeat(3, 2))


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (os.mkfifo, "not a regular file but a FIFO"),
        (lambda path: path.symlink_to("/dev/zero"), "not a regular file but a device"),
        (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
        (lambda path: path.symlink_to("/nowhere"), "No such file or directory"),
        (os.mkdir, "Is a directory"),
    ],
)
def test_what_is_no_regular_file_is_named_and_never_waited_for(tmp_path, make, reason):
    path = tmp_path / "a.png"
    make(path)
    with pytest.raises(UnreadableError, match=reason):
        read_image_file(path)
    assert image_sizes(tmp_path, ["a.png"]).unreadable == {0: reason}


def test_a_file_larger_than_any_image_within_the_limit_is_not_read(tmp_path):
    with (tmp_path / "a.png").open("wb") as file:
        file.truncate(2 << 30)  # takes no room on the disk
    with pytest.raises(UnreadableError, match=r"977 MB and more are more than data.limits.max_image_megapixels=128"):
        read_image_file(tmp_path / "a.png")


def test_the_size_is_read_without_decoding(tmp_path):
    with open_image(encoded("jpeg", 24)) as image:
        assert image.size == (24, 24)

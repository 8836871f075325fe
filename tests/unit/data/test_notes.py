"""Pillow's warnings name no file and its own source: they are said with the file's name, once, or not at all."""

from __future__ import annotations

import io
import struct
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from tlbench.data import scan as scan_module
from tlbench.data.decode import Decoding, decode_fitted
from tlbench.data.formats.folders.class_folders import list_classes
from tlbench.data.image_sizes import image_sizes
from tlbench.data.notes import note, noted, told
from tlbench.data.scan_deep import look
from tlbench.system.voice import SILENT, Voice
from tlbench.tools.files import decoded

CORRUPT = "its EXIF data are corrupt; if they say how to turn it, it is not turned"


def jpeg(app1: bytes = b"", **options) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), (200, 40, 40)).save(buffer, "JPEG", **options)
    content = buffer.getvalue()
    return content[:2] + (b"\xff\xe1" + struct.pack(">H", len(app1) + 2) + app1 if app1 else b"") + content[2:]


def corrupt_exif() -> bytes:
    return jpeg(b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01\x03\0" + b"\xff" * 8)


def cut_exif() -> bytes:
    return jpeg(b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 0x0112, 2, 200, 26) + bytes(4))


def malformed_mpo() -> bytes:
    content = jpeg()
    mpf = b"MPF\0II*\0\x08\0\0\0\0\0"
    return content[:2] + b"\xff\xe2" + struct.pack(">H", len(mpf) + 2) + mpf + content[2:]


def broken_animation() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), (200, 40, 40)).save(buffer, "png")
    content = buffer.getvalue()
    chunk = b"acTL" + struct.pack(">II", 0, 0)
    import zlib

    return content[:33] + struct.pack(">I", 8) + chunk + struct.pack(">I", zlib.crc32(chunk)) + content[33:]


def palette_of_many_alphas() -> bytes:
    buffer = io.BytesIO()
    image = Image.new("RGB", (16, 16), (200, 40, 40)).convert("P")
    image.save(buffer, "png", transparency=bytes([255] * 200))
    return buffer.getvalue()


CASES = {
    "corrupt EXIF": (corrupt_exif(), [CORRUPT]),
    "EXIF cut short": (cut_exif(), [CORRUPT]),
    "a broken multi-picture JPEG": (
        malformed_mpo(),
        [CORRUPT, "a broken multi-picture JPEG, of which the first picture is taken"],
    ),
    "a broken animation": (broken_animation(), ["a broken animated PNG, of which the still picture is taken"]),
    "transparency in bytes": (palette_of_many_alphas(), []),
    "nothing": (jpeg(), []),
}


@pytest.fixture(autouse=True)
def nothing_raw():
    """Whatever Pillow warns of past us is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("case", CASES)
def test_what_pillow_warns_of_is_said_in_our_words_or_not_at_all(case):
    content, said = CASES[case]
    for _ in range(2):  # Python shows a warning once
        with noted() as notes:
            pixels = decode_fitted(content, (16, 16), "crop")
        assert notes == said
        assert np.abs(np.median(pixels, axis=(0, 1)) - (200, 40, 40)).max() <= 12


def test_a_bomb_warning_is_ours_alone(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200)
    with noted() as notes:
        decode_fitted(jpeg(), (8, 8), "crop")
    assert notes == []


def test_every_thread_hears_of_its_own_file():
    contents = [CASES["corrupt EXIF"][0], jpeg()] * 20

    def notes_of(content: bytes) -> list[str]:
        with noted() as notes:
            decode_fitted(content, (8, 8), "crop")
        return notes

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(notes_of, contents)) == [[CORRUPT], []] * 20


def test_other_warnings_go_where_they_went():
    shown = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_: shown.append(str(message))
        with noted() as notes:
            warnings.warn("something else", stacklevel=1)
            note("ours")
            note("ours")
        assert (shown, notes) == (["something else"], ["ours"])
        warnings.warn("afterwards", stacklevel=1)
    assert shown == ["something else", "afterwards"]


@pytest.mark.promise("Pillow's warnings")
@pytest.mark.parametrize("workers", [0, 2])
def test_a_data_set_says_it_in_a_line_with_names_each_time_it_is_opened(tmp_path, monkeypatch, workers):
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(scan_module, "_IN_PROCESS", 0)
    monkeypatch.setattr(scan_module, "default_workers", lambda: workers)
    for name in ("a", "b"):
        (tmp_path / "d" / name).mkdir(parents=True)
        for i in range(3):
            (tmp_path / "d" / name / f"{i}.jpg").write_bytes(CASES["nothing" if i == 1 else "corrupt EXIF"][0])
    listing = list_classes(tmp_path / "d")
    for _ in range(2):
        said: list[str] = []
        look(listing, (8, 8), "crop", Voice(SILENT.say, said.append), Decoding())
        assert said == [f"a/0.jpg, a/2.jpg, b/0.jpg and 1 more: {CORRUPT}"]
    assert image_sizes(tmp_path / "d", listing.names).sizes.tolist() == [[16, 16]] * 6  # and nothing raw


def test_predict_says_it_of_the_file(tmp_path, capsys):
    (tmp_path / "a.jpg").write_bytes(CASES["corrupt EXIF"][0])
    assert len(list(decoded(["a.jpg"], lambda content: decode_fitted(content, (8, 8), "crop")))) == 1
    assert capsys.readouterr().err.replace("\n", " ").split() == f"warning: a.jpg: {CORRUPT}".split()


def test_a_line_for_each_kind():
    assert told(["x", "y"], {0: ["p"], 1: ["p", "q"]}) == ["x, y: p", "y: q"]

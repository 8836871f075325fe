"""What is an image, by name and by content."""

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from tlbench.data.image_kind import _MARKS, kind_of_content, kind_of_file
from tlbench.data.image_opening import FORMATS, open_image
from tlbench.data.unreadable import UnreadableError


def content(kind: str) -> bytes:
    with io.BytesIO() as file:
        Image.new("RGB", (9, 7), (200, 40, 40)).save(file, kind)
        return file.getvalue()


def test_every_format_has_a_mark() -> None:
    assert set(_MARKS) == set(FORMATS)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_of_each_format_is_known_whatever_its_name(tmp_path: Path, kind: str) -> None:
    for name in ("a.jfif", "b", "c.jpg_large", "d.mpo", "9f86d081884c7d659a2feaa0c55ad015"):
        (tmp_path / name).write_bytes(content(kind))
        assert kind_of_file(tmp_path / name).read


def test_a_mark_is_one_that_pillow_opens() -> None:
    """A 16-bit grey PGM, a bitmap, a BigTIFF, an animation, a JPEG of several pictures."""
    many = io.BytesIO()
    first, second = Image.new("RGB", (8, 8)), Image.new("RGB", (8, 8), (255, 0, 0))
    first.save(many, "MPO", save_all=True, append_images=[second])
    for beginning in (many.getvalue(), b"P5\n# made by hand\n2 1\n65535\n\0\1\2\3", b"P1 2 1 1 0"):
        assert kind_of_content(beginning[:256]).read
        open_image(beginning)


@pytest.mark.parametrize(
    ("beginning", "reason"),
    [
        (b"\0\0\0\x1cftypavif\0\0\0\0", "an AVIF file, which is not read"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC file, which is not read"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 file, which is not read"),
        (b"\xff\x0a\xf8\x01", "a JPEG XL file, which is not read"),
        (b"\0" * 128 + b"DICM", "a DICOM file, which is not read"),
        (b"8BPS\0\1", "a PSD file, which is not read"),
    ],
)
def test_an_image_of_another_kind_is_one_that_is_not_read(tmp_path: Path, beginning: bytes, reason: str) -> None:
    (tmp_path / "a").write_bytes(beginning)
    kind = kind_of_file(tmp_path / "a")
    assert (kind.read, kind.image, kind.reason) == (False, True, reason)
    with pytest.raises(UnreadableError, match=reason):
        open_image(beginning)


@pytest.mark.parametrize(
    "beginning",
    [b"", b"BMW and other cars", b"P3 is a picture format", b"MM", b"RIFF\0\0\0\0AVI LIST", b"GIFT", b"%PDF-1.7"],
)
def test_other_content_is_no_image(tmp_path: Path, beginning: bytes) -> None:
    (tmp_path / "a").write_bytes(beginning)
    (tmp_path / "b.odd").write_bytes(beginning)
    kinds = [kind_of_file(tmp_path / "a"), kind_of_file(tmp_path / "b.odd")]
    assert [(kind.read, kind.image, kind.reason) for kind in kinds] == [
        (False, False, "not a known image (no ending)"),
        (False, False, "not a known image (.odd)"),
    ]


def test_plain_endings_are_believed_unopened(tmp_path: Path) -> None:
    """An ending of an image: told as unreadable later. Another: not opened, whatever is in it."""
    for name in ("a.txt", "a.JPG", "a.nef", "a.py"):
        (tmp_path / name).write_bytes(content("PNG"))
    (tmp_path / "b.PNG").write_bytes(b"no image")
    assert kind_of_file(tmp_path / "a.JPG").read
    assert kind_of_file(tmp_path / "b.PNG").read
    assert kind_of_file(tmp_path / "a.txt").reason == "other ending (.txt)"
    assert kind_of_file(tmp_path / "a.py").reason == "other ending (.py)"
    assert kind_of_file(tmp_path / "a.nef").reason == "a camera's raw file by its ending, which is not read"


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    """A broken link may have been an image, so that it counts as one that is unreadable; a FIFO never was one."""
    (tmp_path / "gone").symlink_to("nowhere")
    (tmp_path / "gone.txt").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    assert kind_of_file(tmp_path / "gone").read
    assert kind_of_file(tmp_path / "gone.txt").reason == "other ending (.txt)"
    assert kind_of_file(tmp_path / "pipe").reason == "not a regular file"

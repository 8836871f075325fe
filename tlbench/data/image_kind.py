"""Whether a file is an image that is read: by its ending where that is plain, else by its first bytes."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from tlbench.data.image_opening import EXTENSIONS, other_kind
from tlbench.system.regular_file import NotRegularError, open_regular

FIRST_BYTES = 256
"""So many tell the kind of a file."""

_MARKS = {
    "JPEG": rb"\xff\xd8\xff",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "BMP": rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    "WEBP": rb"RIFF.{4}WEBP",
    "GIF": rb"GIF8[79]a",
    "PPM": rb"P[1-6f]\s+[#\d]",
}
"""How a file of each of `FORMATS` begins; stricter than Pillow, to which any text that begins `BM` is a BMP."""

_READ = re.compile(b"|".join(_MARKS.values()), re.DOTALL)

_UNREAD = {
    "a camera's raw": "3fr arw cr2 cr3 dng erf kdc mrw nef nrw orf pef raf rw2 srw x3f",  # TIFFs that hold a thumbnail
    "an SVG": "svg svgz",
    "a DICOM": "dcm dicom",
    "a NIfTI": "nii",
    "a TGA": "tga",
}
_UNREAD_ENDINGS = {f".{ending}": kind for kind, endings in _UNREAD.items() for ending in endings.split()}
"""Images whose ending says more than their first bytes."""

_OTHER_ENDINGS = (
    "txt csv tsv json jsonl ndjson geojson xml yaml yml toml ini cfg conf log md rst html htm css js tex bib names "
    "py pyc ipynb sh bat r m c h cpp java go rs lua pl sql "
    "zip tar gz tgz bz2 xz 7z rar lock part crdownload tmp sha256 md5 "
    "pt pth ckpt safetensors onnx pkl pickle npy npz mat h5 hdf5 parquet arrow feather lmdb mdb db sqlite tfrecord "
    "pdf doc docx xls xlsx ppt pptx odt ods "
    "mp4 avi mov mkv webm wmv mpg mpeg wav mp3 flac ogg"
)
_NOT_IMAGES = frozenset(f".{ending}" for ending in _OTHER_ENDINGS.split())
"""Endings of files that are not opened."""


@dataclass(frozen=True)
class FileKind:
    """What a file is.

    Args:
        read: It is to be read as an image.
        image: It is an image, whether of a kind that is read or not.
        reason: Why it is left out, in a few words for an inventory; empty where it is read.
    """

    read: bool
    image: bool
    reason: str = ""


IMAGE = FileKind(read=True, image=True)


def kind_of_file(path: str | os.PathLike[str]) -> FileKind:
    """What a file is, from its name or its first bytes.

    One whose ending is in `EXTENSIONS` is an image unopened, so that it is told as unreadable later if it is
    none; likewise one that cannot be opened, such as a broken link, unless its ending is that of something else.
    Files with endings of other kinds (`.txt`, `.zip`, …) are not opened either; all others are: `.jfif`, `.jpg_large`,
    `.avif`, no ending.
    """
    ending = ending_of(path)
    if ending in EXTENSIONS:
        return IMAGE
    if ending in _UNREAD_ENDINGS:
        return FileKind(
            read=False, image=True, reason=f"{_UNREAD_ENDINGS[ending]} file by its ending, which is not read"
        )
    if ending in _NOT_IMAGES:
        return FileKind(read=False, image=False, reason=f"other ending ({ending})")
    try:
        with open_regular(os.fspath(path)) as file:
            beginning = file.read(FIRST_BYTES)
    except NotRegularError:
        return FileKind(read=False, image=False, reason="not a regular file")
    except (OSError, ValueError):
        return IMAGE
    return kind_of_content(beginning, ending)


def kind_of_content(beginning: bytes, ending: str = "") -> FileKind:
    """What a file is that begins with these bytes.

    Args:
        beginning: The first `FIRST_BYTES`, or all.
        ending: Of its name; said where it is no image.
    """
    if _READ.match(beginning):
        return IMAGE
    kind = other_kind(beginning)
    if kind is None or kind in ("a PDF", "an XML", "an HDF5"):
        return FileKind(read=False, image=False, reason=f"not a known image ({ending or 'no ending'})")
    return FileKind(read=False, image=True, reason=f"{kind} file, which is not read")


def ending_of(path: str | os.PathLike[str]) -> str:
    """The ending of a file's name with its dot, lower case; empty where it has none."""
    return os.path.splitext(os.fspath(path))[1].lower()  # noqa: PTH122 - Paths are slow

"""TIFFs: what their tags say that Pillow does not, and which of them it does not read, or not in full."""

from __future__ import annotations

from typing import IO, Any

from PIL import Image, TiffImagePlugin

from tlbench.data.containers import container_of, raw_mode
from tlbench.data.unreadable import AlreadyDecodedError, UnreadableError

_WIDTH, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _PLANES, _SAMPLE_FORMAT = 256, 258, 259, 262, 277, 284, 339  # TIFF
_TIFFS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_KINDS = {1: "whole numbers", 2: "signed numbers", 3: "floats", 5: "complex numbers", 6: "complex numbers"}
_WHITE_IS_ZERO, _PALETTE, _UNSIGNED, _SIGNED, _SEPARATE = 0, 3, 1, 2, 2
_COMPRESSIONS = {
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34712: "JPEG 2000",
    34887: "LERC",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
"""Some of those that Pillow does not read."""
_INCOMPLETE = {"RGBa": "colours with associated alpha", "CMYK": "CMYK"}


def unread_tiff(file: IO[bytes]) -> str | None:
    """Why Pillow does not read a TIFF, from what its tags say; None: it is no TIFF, or broken."""
    file.seek(0)
    head = file.read(16)
    if not head.startswith(_TIFFS):
        return None
    try:
        tags = TiffImagePlugin.ImageFileDirectory_v2(head if 43 in head[2:4] else head[:8])  # 43: one beyond 4 GB
        file.seek(tags.next)
        tags.load(file)
        if _WIDTH not in tags:
            return None
        bits, samples, kind = tags.get(_BITS, (1,)), tags.get(_SAMPLES, 1), _KINDS.get(_sample_format(tags), "numbers")
        compression, photometric = tags.get(_COMPRESSION, 1), tags.get(_PHOTOMETRIC)
    except Exception:  # in any way
        return None
    if compression not in TiffImagePlugin.COMPRESSION_INFO:
        name = _COMPRESSIONS.get(compression, f"kind {compression}")
        return f"a TIFF with compression {name}, which is not read; save it uncompressed, or with LZW or deflate"
    if photometric == _PALETTE:
        return f"a TIFF with a palette of {bits[0]} bits, which is not read; convert it to RGB"
    what = f"a TIFF of {samples} × {bits[0]}-bit {kind} a pixel, which is not read"
    if samples > 1 and _sample_format(tags) == _UNSIGNED and bits[0] in (8, 16):
        bands = (
            "one band (grey) or three (RGB)" if bits[0] == 8 else "one band (grey), three (RGB) or four (with alpha)"
        )
        return f"{what}: {samples} bands; convert it to {bands}"
    return f"{what}; convert it to 8 or 16 bits, or to one 32-bit float a pixel"


def check_read(image: Image.Image) -> None:
    """Refuse TIFFs that Pillow opens, but does not read in full.

    Raises:
        UnreadableError: Signed numbers of 8 bits, which it takes for unsigned; or more bits, in separate planes or of
            colours of which it keeps the higher byte.
        AlreadyDecodedError: It has dropped the other byte.
    """
    tags = _tags(image)
    if tags is None:
        return
    if image.mode == "L" and _sample_format(tags) == _SIGNED:
        raise UnreadableError("its pixels are signed numbers of 8 bits, which are not read; convert it to 16 bits")
    bits, raw = max(tags.get(_BITS, (1,))), raw_mode(image)
    if bits <= 8:
        return
    if not raw:
        if container_of(image) == "uint8":
            raise AlreadyDecodedError(f"and keeps the higher byte of its {bits}-bit colours alone")
        return
    compressed = tags.get(_COMPRESSION, 1) != 1
    if tags.get(_PLANES) == _SEPARATE and (tags.get(_SAMPLES, 1) > 1 or (bits == 16 and not compressed)):
        raise UnreadableError(
            f"a TIFF of separate planes of {bits} bits, which is not read; convert it to one plane "
            "(PlanarConfiguration=1)"
        )
    if container_of(image) == "uint8":
        kind = _INCOMPLETE.get(raw.partition(";")[0], f"pixels ({raw})")
        raise UnreadableError(f"a TIFF of {bits}-bit {kind}, which is not read in full; convert it to RGB or RGBA")


def is_unsigned_32(image: Image.Image) -> bool:
    """Whether an image is a TIFF of 32 bits without a sign, which Pillow takes for signed."""
    tags = _tags(image)
    return tags is not None and tags.get(_BITS) == (32,) and _sample_format(tags) == _UNSIGNED


def white_is_zero(image: Image.Image) -> bool:
    """Whether the lowest value of a TIFF is white; Pillow turns round those of 8 bits alone."""
    tags = _tags(image)
    return tags is not None and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO


def _tags(image: Image.Image) -> Any:
    """Those of a TIFF; None of other files."""
    return getattr(image, "tag_v2", None)


def _sample_format(tags: Any) -> int:
    found = tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))
    return int(found[0] if isinstance(found, tuple) else found)

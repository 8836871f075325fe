"""Letters on images: the same ones on every machine, and lines of text that fit into their room."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path

from matplotlib import get_data_path
from matplotlib.ft2font import FT2Font
from PIL import ImageFont

from tlbench.system.names import printable

Font = ImageFont.FreeTypeFont

_DEJAVU = Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
"""matplotlib brings it along: Latin, Greek, Cyrillic, Hebrew, Arabic, Armenian and Georgian letters."""

_FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "/System/Library/Fonts", "/Library/Fonts")
_MORE_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "DroidSansFallbackFull.ttf",
    "wqy-microhei.ttc",
    "unifont.otf",
    "unifont.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "NotoSansThai-Regular.ttf",
    "Arial Unicode.ttf",
    "msyh.ttc",
    "malgun.ttf",
    "Nirmala.ttf",
)
"""What machines have for other scripts, the widest first."""
_BESIDE = "0123456789.… "


def legible(text: str, height: int) -> tuple[str, Font]:
    r"""A line of text, and a font that has all of its letters.

    Where neither DejaVu Sans nor a well-known font of this machine has them, those that are missing are written as in a
    Python string literal (`\u7b7e`), and so is all that cannot be seen: different texts stay different.

    Args:
        text: Any, bytes that are no text among it.
        height: Of a letter's square, pixels.
    """
    text = printable(text)
    missing = _missing(text)
    if missing:
        path = next((path for path in _more_fonts() if _letters(path).issuperset(map(ord, text + _BESIDE))), None)
        if path is not None:
            return text, _font(path, height)
    return _escaped(text, missing), _font(_DEJAVU, height)


def written(text: str) -> str:
    """A line of text as figures show it, whose letters may be of several fonts, those of `font_files`.

    What none of them has is escaped as in `legible`, so that matplotlib draws no empty boxes, and warns of none.
    """
    text = printable(text)
    missing = _missing(text)
    return _escaped(text, missing - {c for path in _more_fonts() for c in missing if ord(c) in _letters(path)})


def font_files() -> tuple[Path, ...]:
    """The fonts of figures beside DejaVu Sans, which comes with matplotlib: for scripts that it does not have."""
    return _more_fonts()


def _missing(text: str) -> set[str]:
    return {c for c in text if ord(c) not in _letters(_DEJAVU)}


def _escaped(text: str, letters: set[str]) -> str:
    return "".join(c.encode("unicode_escape").decode() if c in letters else c for c in text)


def cut_end(text: str, value: str, room: int, height: int, least: int) -> tuple[str, Font]:
    """A text and its value in one line that fits into `room` pixels: the text is shortened at its end, then left out.

    Args:
        text: May be empty.
        value: Stays whole; may be empty.
        room: Pixels.
        height: Of a letter's square.
        least: Its height where even the value alone is too wide.

    Returns:
        The line and its font; of a text without a value, the line is empty where nothing fits.
    """
    whole, font = legible(text, height)
    shortened = (f"{whole[:kept].rstrip()}…" for kept in range(len(whole) - 1, 2, -1))
    for line in (whole, *shortened, ""):
        joined = f"{line} {value}".strip()
        if font.getlength(joined) <= room:
            return joined, font
    return legible(value, least)


def cut_middle(text: str, room: int, height: int) -> tuple[str, Font]:
    """A text that fits into `room` pixels, of a long one beginning and end."""
    whole, font = legible(text, height)
    line, kept = whole, len(whole)
    while kept > 0 and font.getlength(line) > room:
        kept -= 1
        line = f"{whole[: (kept + 1) // 2]}…{whole[len(whole) - kept // 2 :]}"
    return line, font


@functools.lru_cache(maxsize=32)
def _font(path: Path, height: int) -> Font:
    return ImageFont.truetype(path, height)


@functools.lru_cache(maxsize=len(_MORE_FONTS) + 1)
def _letters(path: Path) -> frozenset[int]:
    """The code points that a font has."""
    return frozenset(FT2Font(str(path)).get_charmap())


@functools.lru_cache(maxsize=1)
def _more_fonts() -> tuple[Path, ...]:
    """Those of the machine; never of the working folder."""
    found = {path.name: path for path in _files()}
    return tuple(found[name] for name in _MORE_FONTS if name in found)


def _files() -> Iterator[Path]:
    windows = os.environ.get("WINDIR")
    for folder in (*_FONT_FOLDERS, *([str(Path(windows) / "Fonts")] if windows else [])):
        for at, _, names in os.walk(folder):
            yield from (Path(at) / name for name in names)

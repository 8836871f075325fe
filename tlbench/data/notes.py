"""What is to be said of an image file that could be decoded: Pillow's warnings, which name no file, and our own.

Pillow warns through `warnings`, which knows neither threads nor files: while files are decoded, its warnings are kept
from the terminal and given to the thread that decodes.
"""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

_SAYS_NOTHING = re.compile(
    "Image size .* exceeds limit"  # `open_image` has its own
    "|Palette images with Transparency"  # they are brought to white
    "|Couldn't allocate palette entry"
    "|XMP data cannot be read"
    "|Metadata Warning, tag .* too many entries"  # the first is taken
    "|Possibly corrupt EXIF MakerNote"  # nothing is read there
)
_SAID_AS = (
    (
        re.compile("(Possibly c|C)orrupt EXIF|Tag (offset too large|data larger than)"),
        "its EXIF data are corrupt; if they say how to turn it, it is not turned",
    ),
    (re.compile("malformed MPO"), "a broken multi-picture JPEG, of which the first picture is taken"),
    (re.compile("Invalid APNG"), "a broken animated PNG, of which the still picture is taken"),
)
_OF_PILLOW = re.compile(r"[/\\]PIL[/\\]")  # its files
_NAMED = 3  # files in a message


class _Thread(threading.local):
    notes: list[str] | None = None


_thread = _Thread()
_lock = threading.Lock()
_holders = 0  # threads that decode now
_catcher: Any = None
_show: Any = None


@contextmanager
def noted() -> Iterator[list[str]]:
    """A list that gets what is to be said of the file that this thread decodes meanwhile; within another, the same."""
    if _thread.notes is not None:
        yield _thread.notes
        return
    _thread.notes = []
    _hold()
    try:
        yield _thread.notes
    finally:
        _release()
        _thread.notes = None


def note(text: str) -> None:
    """Add to the list of this thread; said once, however often it is found."""
    if _thread.notes is not None and text not in _thread.notes:
        _thread.notes.append(text)


def told(names: Sequence[str], notes: Mapping[int, Sequence[str]]) -> list[str]:
    """A line for each kind of note, with the names of its first files.

    Args:
        names: Of all files.
        notes: Position → what is to be said of the file.
    """
    by_text: dict[str, list[str]] = {}
    for i, texts in sorted(notes.items()):
        for text in texts:
            by_text.setdefault(text, []).append(names[i])
    return [f"{_some(files)}: {text}" for text, files in by_text.items()]


def _some(files: Sequence[str]) -> str:
    more = len(files) - _NAMED
    return ", ".join(files[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _hold() -> None:
    """Take over Python's warnings with the first thread that decodes."""
    global _holders, _catcher, _show
    with _lock:
        _holders += 1
        if _holders == 1:
            _show, _catcher = warnings.showwarning, warnings.catch_warnings()
            _catcher.__enter__()
            warnings.filterwarnings("always", module=r"PIL\.")  # not only the first of its kind
            warnings.showwarning = _take  # type: ignore[assignment]


def _release() -> None:
    global _holders
    with _lock:
        _holders -= 1
        if _holders == 0:
            _catcher.__exit__(None, None, None)


def _take(message: Warning | str, category: type[Warning], filename: str, lineno: int, *rest: Any) -> None:
    """In place of `warnings.showwarning`."""
    if _thread.notes is None or not _OF_PILLOW.search(filename):
        _show(message, category, filename, lineno, *rest)
        return
    said = _in_our_words(" ".join(str(message).split()))
    if said is not None:
        note(said)


def _in_our_words(text: str) -> str | None:
    """None: it says nothing to who has the file."""
    if _SAYS_NOTHING.match(text):
        return None
    return next((said for pattern, said in _SAID_AS if pattern.search(text)), f"{text[:200]} (Pillow)")

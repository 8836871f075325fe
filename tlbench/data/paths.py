"""Finding what a description or a list names, though it was written on another machine."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from tlbench.data.split_names import split_name

_DRIVE = re.compile(r"^[A-Za-z]:$")


def split_of(folder: str) -> str | None:
    """The split that a folder's name stands for by itself: `train`, `Valid`, `train2017`, …; None: it is no split's."""
    found = split_name(folder)
    return found.kind if found and not (found.rest or found.weak) and found.kind in ("train", "val", "test") else None


def split_in(parts: Sequence[str]) -> str | None:
    """The split that the last of a path's folders stands for which is a split's, in any form (`dev`)."""
    kinds = [found.kind for part in parts if (found := split_name(part)) and not found.rest]
    return next((kind for kind in reversed(kinds) if kind in ("train", "val", "test")), None)


def folded(name: str) -> str:
    """What names have in common that differ in capitals, or in the way in which accents are composed, at most."""
    return unicodedata.normalize("NFC", name).casefold()


def alike(path: str) -> str | None:
    """The path itself where it is there, or else the only one that differs from it as `folded` allows."""
    if os.path.lexists(path):
        return path
    above, name = os.path.split(path)
    if not name or above == path:
        return None
    there = alike(above)
    if there is None:
        return None
    try:
        names = [entry for entry in os.listdir(there or os.curdir) if folded(entry) == folded(name)]  # noqa: PTH208
    except OSError:
        return None
    return os.path.join(there, names[0]) if len(names) == 1 else None  # noqa: PTH118 - Paths are slow


def labels_of(images: str) -> str | None:
    """Where the label files of a folder of images belong: `labels` for its last `images`; None: its name has none."""
    parts = images.split("/")
    at = max((i for i, part in enumerate(parts) if part.lower() == "images"), default=None)
    return None if at is None else "/".join([*parts[:at], "labels", *parts[at + 1 :]])


def parts_of_path(path: str) -> list[str]:
    """The folders of a path and its last name, of Windows or of Linux, without the drive and what leads upwards."""
    parts = path.replace("\\", "/").split("/")
    return [part for part in parts if part not in ("", ".", "..") and not _DRIVE.match(part)]


def below(folder: Path, path: str) -> list[Path]:
    """What a path of another machine can mean below a folder: its ends that are there, the longest first.

    The last part that names a split is kept: of `valid/images`, `images` alone would be another split's.
    """
    parts = parts_of_path(path)
    splits = [i for i, part in enumerate(parts) if split_of(part)]
    last = splits[-1] if splits else len(parts) - 1
    found = [alike(os.path.join(folder, *parts[start:])) for start in range(last + 1)]  # noqa: PTH118
    return [plain(there) for there in dict.fromkeys(found) if there is not None]


def whole(folder: Path) -> Path:
    """The folder by a path that ends in its name, as `.` and `..` do not: `parent` is the folder above then."""
    if ".." in folder.parts:
        return Path(os.path.realpath(folder))
    return folder if folder.name else folder.absolute()


def plain(path: Path | str) -> Path:
    """Without `.` and `..`."""
    return Path(os.path.normpath(path))

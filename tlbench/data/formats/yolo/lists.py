"""Text files that name the images of a split, one a line."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlbench.config import LimitsConfig
from tlbench.data.decode import EXTENSIONS
from tlbench.data.formats.yolo.texts import text_of
from tlbench.data.paths import alike, parts_of_path, plain, split_of
from tlbench.errors import DataError, short
from tlbench.system.regular_file import TooLargeError, read_regular

_LOOKED_AT = 200
"""Lines from which it is found out where a list's images are."""


@dataclass(frozen=True)
class ListedImages:
    """The images that a list names.

    Args:
        paths: Those that are there, in the order of the lines.
        absent: Path of each that is not there → where it is named.
    """

    paths: Sequence[str]
    absent: dict[str, str]


def read_list(file: Path, root: Path, limits: LimitsConfig, say: Callable[[str], None]) -> ListedImages:
    """Read a list; its lines are relative to its own folder or to the data set's, or absolute.

    Where no image is at these places, as the list was written on another machine, the first parts of all lines are left
    out, as many as it takes, where that can be done in one way only.

    Args:
        file: The list.
        root: The folder of the data set.
        limits: How large it may be.
        say: Shows the user a line.

    Raises:
        DataError: It cannot be read, a line is no image's name, or the images could be in several places.
    """
    lines = _lines(file, limits)
    found = [_standard((file.parent, root), line) for _, line in lines]
    lost = [i for i, place in enumerate(found) if place is None]
    if lost:
        moved = _moved(file, root, [lines[i][1] for i in lost], len(lost) < len(lines), say)
        for i, place in zip(lost, moved, strict=True):
            found[i] = place
    there = sum(str(place).startswith(f"{file.parent}{os.sep}") for place in found if place)
    home = file.parent if 2 * there > len(lines) - found.count(None) else root  # where what is not there would be
    places = [place or os.path.join(home, line) for place, (_, line) in zip(found, lines, strict=True)]  # noqa: PTH118
    absent = {}
    for (number, line), place in zip(lines, places, strict=True):
        is_there = os.path.lexists(place)
        if os.path.isdir(place) or not (is_there or line.lower().endswith(EXTENSIONS)):  # noqa: PTH112
            raise DataError(f"{file}:{number}: {short(line)}: no image file's name; wanted is one a line")
        if not is_there:
            absent[os.path.normpath(place)] = f"{file.name}:{number}"
    paths = [os.path.normpath(place) for place in places]
    return ListedImages([path for path in paths if path not in absent], absent)


def names_images(file: Path, limits: LimitsConfig) -> bool:
    """Whether a text's first line is an image's name."""
    try:
        first = next((line for line in text_of(read_regular(file, limits.annotations.bytes)).splitlines() if line), "")
    except (OSError, UnicodeDecodeError, TooLargeError):
        return False
    return first.strip().lower().endswith(EXTENSIONS)


def _lines(file: Path, limits: LimitsConfig) -> list[tuple[int, str]]:
    """The lines that are not empty, with their numbers."""
    try:
        text = text_of(read_regular(file, limits.annotations.bytes))
    except TooLargeError:
        raise limits.annotations.refusal(file) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{file}: neither a folder nor a list of image files ({reason})") from None
    return [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]


def _standard(folders: Sequence[Path], line: str) -> str | None:
    places = (os.path.join(folder, line) for folder in folders)  # noqa: PTH118
    return next((place for place in places if os.path.lexists(place)), None)


def _moved(file: Path, root: Path, lines: Sequence[str], others: bool, say: Callable[[str], None]) -> list[str | None]:
    """Where lines lead whose images are not where they say; all of them where `others` of the list are."""
    parts = [parts_of_path(line) for line in lines]
    looked_at = parts[:: max(1, len(parts) // _LOOKED_AT)]
    splits = [i for i, part in enumerate(looked_at[0][:-1]) if split_of(part)]
    most = min(map(len, parts))
    found: dict[tuple[str | None, ...], tuple[int, Path]] = {}
    for start in range(min(most, splits[-1] + 1) if splits else most):  # of `valid/a.jpg` not `a.jpg`: another split's
        for folder in dict.fromkeys((plain(root), plain(file.parent))):
            places = tuple(alike(f"{folder}/{'/'.join(part[start:])}") for part in looked_at)
            if all(places) or (any(places) and not others):
                found.setdefault(places, (start, folder))
    if not found:
        return [None] * len(lines)
    fewest = min(places.count(None) for places in found)
    best = [where for places, where in found.items() if places.count(None) == fewest]
    if len(best) > 1:
        shown = " and ".join(f"{folder}/{'/'.join(parts[0][start:])}" for start, folder in best[:3])
        raise DataError(f"{file}: {short(lines[0])} is not there, but could be {shown}; correct the list")
    ((start, folder),) = best
    moved = [alike(f"{folder}/{'/'.join(part[start:])}") for part in parts]
    count = sum(place is not None for place in moved)
    say(f"{file}: {count} images are not where it says ({short(lines[0])}, …); they are read from {folder}")
    return moved

"""Text files that name the images of a split, one a line."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tlbench.config import LimitsConfig
from tlbench.data.formats.yolo.image_files import ImageNames
from tlbench.data.formats.yolo.texts import text_of
from tlbench.data.image_opening import EXTENSIONS
from tlbench.data.paths import alike, parts_of_path, plain, split_of
from tlbench.errors import DataError, short
from tlbench.system.regular_file import TooLargeError, read_regular
from tlbench.system.voice import Voice

_LOOKED_AT = 200
"""Lines from which it is found out where a list's images are."""

_LABELLED = re.compile(rf"(.*(?:{'|'.join(map(re.escape, EXTENSIONS))}))[\s,;]+(.*)", re.IGNORECASE)
"""An image's name, and what follows it: a class, boxes, a label file's name."""


@dataclass(frozen=True)
class ListedImages:
    """The images that a list names.

    Args:
        paths: Those that are there, in the order of the lines.
        absent: Path of each that is not there → where it is named.
    """

    paths: Sequence[str]
    absent: dict[str, str]


@dataclass(frozen=True)
class _Line:
    """A line of a list.

    Args:
        number: From 1 on.
        name: The image's, as it stands there.
        place: Where it is; None: not where the line says.
        bare: Its ending is left out.
        rest: What follows the name.
    """

    number: int
    name: str
    place: str | None
    bare: bool = False
    rest: str = ""


def read_list(file: Path, root: Path, images: ImageNames, limits: LimitsConfig, voice: Voice) -> ListedImages:
    """Read a list; its lines are relative to its own folder or to the data set's, or absolute.

    Where no image is at these places, as the list was written on another machine, the first parts of all lines are left
    out, as many as it takes, where that can be done in one way only. A name without its ending means the one image that
    has it, and what follows an image's name, such as a class, is not read.

    Args:
        file: The list.
        root: The folder of the data set.
        images: Those below it.
        limits: How large it may be.
        voice: Speaks to the user.

    Raises:
        DataError: It cannot be read, a line is no image's name, or the images could be in several places.
    """
    lines = [_line(file, number, text, root, images) for number, text in _texts(file, limits)]
    found = [line.place for line in lines]
    lost = [i for i, place in enumerate(found) if place is None]
    if lost:
        moved = _moved(file, root, [lines[i].name for i in lost], len(lost) < len(lines), voice)
        for i, place in zip(lost, moved, strict=True):
            found[i] = place
        if lines and found.count(None) == len(lines):
            found = _by_their_ends(file, lines, images, voice)
    there = sum(str(place).startswith(f"{file.parent}{os.sep}") for place in found if place)
    home = file.parent if 2 * there > len(lines) - found.count(None) else root  # where what is not there would be
    places = [place or os.path.join(home, line.name) for place, line in zip(found, lines, strict=True)]  # noqa: PTH118
    bare = [line.name for line in lines if line.bare]
    absent = {}
    for line, place in zip(lines, places, strict=True):
        is_there = os.path.lexists(place)
        if os.path.isdir(place) or not (is_there or line.name.lower().endswith(EXTENSIONS)):  # noqa: PTH112
            where = f"{file}:{line.number}: {short(line.name)}"
            if bare:
                raise DataError(f"{where}: no image of that name is there; add it, or remove the line")
            raise DataError(f"{where}: no image file's name; wanted is one a line")
        if not is_there:
            absent[os.path.normpath(place)] = f"{file.name}:{line.number}"
    _tell(file, bare, [line.rest for line in lines if line.rest], voice)
    paths = [os.path.normpath(place) for place in places]
    return ListedImages([path for path in paths if path not in absent], absent)


def share_of_images(lines: Sequence[str], images: ImageNames) -> float:
    """Of which share of a text's lines an image's name is all, or is followed by something."""

    def names_one(line: str) -> bool:
        is_path = line.lower().endswith(EXTENSIONS) or _LABELLED.match(line) is not None
        return is_path or any(images.fitting(name) for name in _bare_names(line))

    looked_at = lines[:: max(1, len(lines) // _LOOKED_AT)]
    return sum(map(names_one, looked_at)) / max(1, len(looked_at))


def _line(file: Path, number: int, text: str, root: Path, images: ImageNames) -> _Line:
    folders = (file.parent, root)
    place = _standard(folders, text)
    if text.lower().endswith(EXTENSIONS) or (place is not None and not os.path.isdir(place)):  # noqa: PTH112
        return _Line(number, text, place)
    if labelled := _LABELLED.match(text):
        name, rest = labelled.groups()
        return _Line(number, name, _standard(folders, name), rest=rest)
    for name in _bare_names(text):
        fits = images.fitting(name)
        if len(fits) > 1:
            raise DataError(_several(file, number, name, fits))
        if fits:
            return _Line(number, name, fits[0], bare=True, rest=text[len(name) :].strip())
    return _Line(number, text, place)


def _by_their_ends(file: Path, lines: Sequence[_Line], images: ImageNames, voice: Voice) -> list[str | None]:
    """Where the only images are whose paths end in what each line says, if none is where it says."""
    places: list[str | None] = []
    for line in lines:
        fits = images.fitting(line.name, whole=True)
        if len(fits) > 1:
            raise DataError(_several(file, line.number, line.name, fits))
        places.append(fits[0] if fits else None)
    if count := len(places) - places.count(None):
        voice.say(
            f"{file}: {count} images are not where it says ({short(lines[0].name)}, …); of each name one is there"
        )
    return places


def _several(file: Path, number: int, name: str, fits: Sequence[str]) -> str:
    return f"{file}:{number}: {short(name)}: fits {len(fits)} images ({fits[0]}, …); write its path"


def _bare_names(text: str) -> list[str]:
    """What may be an image's name without its ending: the whole line, or its first word."""
    return list(dict.fromkeys((text, text.split()[0])))


def _tell(file: Path, bare: Sequence[str], rests: Sequence[str], voice: Voice) -> None:
    if bare:
        voice.say(f"{file}: images are named without their ending ({short(bare[0])}, …); of each name one is there")
    if rests:
        voice.say(f"{file}: what follows the images' names ({short(rests[0])}, …) is not read")


def _texts(file: Path, limits: LimitsConfig) -> list[tuple[int, str]]:
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


def _moved(file: Path, root: Path, lines: Sequence[str], others: bool, voice: Voice) -> list[str | None]:
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
    voice.say(f"{file}: {count} images are not where it says ({short(lines[0])}, …); they are read from {folder}")
    return moved

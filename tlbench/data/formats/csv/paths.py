"""Which file a cell of a table means, where it is not written as its path."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

from tlbench.data.file_tree import read_tree
from tlbench.data.image_kind import ending_of, kind_of_file
from tlbench.data.image_opening import EXTENSIONS
from tlbench.data.label_names import shown, some
from tlbench.errors import DataError, short
from tlbench.system.voice import Voice

_FROM_THE_ROOT = re.compile(r"/|[A-Za-z]:/")


class PathProblem(Exception):
    """Why a cell names no file, in a few words."""


class PathFinder:
    """Finds the files that the cells of a table name.

    Args:
        folder: What paths are relative to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ways: Counter[str] = Counter()
        self._examples: dict[str, str] = {}

    def find(self, cell: str) -> str:
        """The path, relative to the folder or absolute, that a cell means: as it is written if such a file, or a link
        that leads nowhere, lies there; else the one file that fits.

        Raises:
            PathProblem: None fits, or several do, or something else lies there.
        """
        for way, path in _forms(cell):
            place = self._place(path)
            if _is_listed(place):
                return self._took(way, cell, path)
            if os.path.exists(place) and path == cell and not self._folder_beside_file(path):  # noqa: PTH110
                raise PathProblem("not a regular file")
        return self._search(cell)

    def is_written(self, cell: str) -> bool:
        """Whether a cell is the path of a file, as `find` takes it without a search; says nothing."""
        return any(_is_listed(self._place(path)) for _, path in _forms(cell) if path)

    def is_found(self, cell: str) -> bool:
        """Whether a cell means a file; says nothing."""
        before = self._ways.copy(), dict(self._examples)
        try:
            self.find(cell)
        except PathProblem:
            return False
        finally:
            self._ways, self._examples = before
        return True

    def tell(self, where: str, voice: Voice) -> None:
        """Say which paths were read otherwise than they are written."""
        for way, count in self._ways.items():
            voice.say(f"{where}: {count} paths {way} ({self._examples[way]})")

    def _place(self, path: str) -> str:
        return os.path.join(self._folder, path)  # noqa: PTH118 - a million Paths are slow

    def _took(self, way: str, cell: str, path: str) -> str:
        if way:
            self._ways[way] += 1
            self._examples.setdefault(way, f"{shown(cell, path)} → {short(path)}")
        return path

    def _folder_beside_file(self, path: str) -> bool:
        """A folder `7` may lie beside an image `7.png` whose ending the table leaves out."""
        return (self._folder / path).is_dir() and ending_of(path) not in EXTENSIONS

    def _search(self, cell: str) -> str:
        parts = [part for part in _plain(cell).split("/") if part not in ("", ".")]
        if not parts:
            raise PathProblem(f"no such file below {self._folder}")
        fitting = self._fitting(parts, self._by_name) if ending_of(cell) in EXTENSIONS else []
        way = "are those of the one file of that name"
        if not fitting and ending_of(cell) not in EXTENSIONS:
            fitting = self._fitting(parts, self._by_name) or self._fitting(parts, self._by_stem)
            way = "lack the ending, or the folder, of the one image that fits"
        if not fitting and _FROM_THE_ROOT.match(cell.replace("\\", "/")):
            for start in range(1, len(parts) - 1):
                if fitting := self._fitting(parts[start:], self._by_name):
                    way = "are of another place; their last parts fit one file here"
                    break
        if len(fitting) > 1:
            raise PathProblem(f"fits {len(fitting)} files ({some(sorted(fitting), 2)}) below {self._folder}")
        if not fitting:
            raise PathProblem(f"no such file below {self._folder}")
        return self._took(way, cell, fitting[0])

    def _fitting(self, parts: list[str], index: dict[str, list[str]]) -> list[str]:
        """The images whose paths end with these parts, the last without its ending if the index has them so."""
        wanted = [_key(part) for part in parts]
        above = wanted[:-1]
        found = [
            name
            for name in index.get(wanted[-1], ())
            if not above or [_key(part) for part in name.split("/")[:-1]][-len(above) :] == above
        ]
        same_case = [name for name in found if _plain(os.path.basename(name)).startswith(parts[-1])]  # noqa: PTH119
        return same_case if len(same_case) == 1 else found

    @cached_property
    def _images(self) -> list[str]:
        try:
            folders = read_tree(self._folder, "the table's folder").top.walk()
        except DataError:  # of a folder that may have nothing to do with the table
            return []
        return [
            f"{folder.below}{file}"
            for folder in folders
            for file in folder.files
            if kind_of_file(folder.path / file).read
        ]

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        return _index(self._images, lambda name: name)

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        return _index(self._images, lambda name: os.path.splitext(name)[0])  # noqa: PTH122


def _is_listed(place: str) -> bool:
    """A file, or a link that leads nowhere, which is told as unreadable later."""
    if os.path.isfile(place):  # noqa: PTH113 - Path.is_file raises for a name too long
        return True
    return os.path.islink(place) and not os.path.exists(place)  # noqa: PTH110, PTH114


def _index(names: list[str], shown: Callable[[str], str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(_key(shown(name.rpartition("/")[2])), []).append(name)
    return found


def _forms(cell: str) -> Iterator[tuple[str, str]]:
    """How a path may be meant, and how that is told."""
    yield "", cell
    stripped = cell.strip()
    forms = [("are without blanks at their ends", stripped)]
    if "\\" in cell:
        stripped = stripped.replace("\\", "/")
        forms.append(("have / for \\", stripped))
    forms += [
        ("have accents that are composed otherwise", unicodedata.normalize(form, stripped)) for form in ("NFC", "NFD")
    ]
    yield from ((way, path) for way, path in forms if path != cell)


def _plain(path: str) -> str:
    return unicodedata.normalize("NFC", path.strip().replace("\\", "/"))


def _key(part: str) -> str:
    return _plain(part).casefold()

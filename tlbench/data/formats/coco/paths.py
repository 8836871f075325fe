"""Which files the names of a COCO data set's images are, though they were written on another machine."""

from __future__ import annotations

import os
import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tlbench.data.paths import folded, split_of
from tlbench.errors import DataError, short

_SAMPLES = 50  # names that are looked up to find the folders in question
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+://")
_DRIVE = re.compile(r"^[A-Za-z]:$")


@dataclass(frozen=True)
class Resolved:
    """The files of N images.

    Args:
        paths: Absolute, or below the working folder as the root is; whether or not a file is there.
        said: How the names were read, where not as they stand; None: they are paths.
    """

    paths: list[str]
    said: str | None


class Tree:
    """All files below a folder, found by the last parts of their paths.

    Args:
        root: The folder.
        files: Below it, `/` between their parts.
    """

    def __init__(self, root: Path, files: Sequence[str]) -> None:
        self.root = root
        self.files = frozenset(files)

    @cached_property
    def by_name(self) -> Mapping[str, list[str]]:
        """Name without folders, folded → the files."""
        found: dict[str, list[str]] = {}
        for file in sorted(self.files):
            found.setdefault(folded(posixpath.basename(file)), []).append(file)
        return found

    @cached_property
    def by_folded(self) -> Mapping[str, str]:
        """Path in no capitals, accents composed → the only file that is called so."""
        counts = Counter(map(folded, self.files))
        return {key: file for file in self.files if counts[key := folded(file)] == 1}

    def file(self, path: str) -> str | None:
        """The file of this path, or the only one that differs in capitals or in how accents are composed."""
        return path if path in self.files else self.by_folded.get(folded(path))

    def ending_in(self, parts: Sequence[str]) -> Iterator[str]:
        """The files whose paths end in these parts."""
        wanted = folded("/".join(parts))
        for file in self.by_name.get(folded(parts[-1]), ()):
            if f"/{folded(file)}".endswith(f"/{wanted}"):
                yield file


def resolve(annotations: Path, names: Sequence[str], bases: Sequence[str], split: str | None, tree: Tree) -> Resolved:
    """Find the files of a split's images.

    Names are paths below one of the usual folders. Where most are not, they may be those of another machine: the same
    number of leading parts is taken from each, the fewest with which all (or the most) of them are files below one
    folder. Folders of other splits are not looked into.

    Args:
        annotations: The JSON file, for messages.
        names: N of them as written, with `/`.
        bases: Folders below the root, the likeliest first; "" is the root.
        split: Which split they are; None: all images there are.
        tree: All files below the root.

    Raises:
        DataError: None is there; or there are several readings, and none is the usual one.
    """
    counts = [as_written(names, base, tree) for base in bases]
    best = max(range(len(bases)), key=lambda i: (counts[i], -i))
    reached = counts[best]
    if reached < len(names):
        if other := _elsewhere(annotations, names, bases, split, tree, reached):
            return other
        if not reached:
            here = os.path.join(tree.root, bases[0])  # noqa: PTH118
            raise DataError(
                f"{annotations}: image {short(repr(names[0]))} is neither in {here} nor anywhere else below "
                f"{tree.root}, nor is any of the {len(names)} images; put them there"
            )
    folder = os.path.join(tree.root, bases[best])  # noqa: PTH118
    return Resolved([os.path.normpath(os.path.join(folder, name)) for name in names], None)  # noqa: PTH118


def as_written(names: Sequence[str], base: str, tree: Tree) -> int:
    """How many of the names are files below a folder; broken links and the like are such."""
    prefix = f"{base}/" if base else ""
    count = 0
    for name in names:
        path = prefix + name
        if "./" in path or "//" in path or name.startswith("/"):
            count += os.path.lexists(os.path.join(tree.root, base, name))  # noqa: PTH118
        else:
            count += path in tree.files
    return count


def _elsewhere(
    annotations: Path, names: Sequence[str], bases: Sequence[str], split: str | None, tree: Tree, reached: int
) -> Resolved | None:
    """The files where names lose their first parts, if that finds more of them than `reached`."""
    parts = [path_parts(name) for name in names]
    if not all(parts):
        return None
    longest = max(map(len, parts))
    step = max(1, len(parts) // _SAMPLES)
    found: list[tuple[int, int, str, list[str]]] = []  # how many, parts taken, folder, files
    for taken in range(longest):
        ends = [each[min(taken, len(each) - 1) :] for each in parts]
        folders = {
            file[: len(file) - len("/".join(end))].rstrip("/")
            for end in ends[::step]
            for file in tree.ending_in(end)
            if _of_split(file, split)
        }
        for folder in folders:
            prefix = f"{folder}/" if folder else ""
            known = [tree.file(prefix + "/".join(end)) for end in ends]
            there = [file for file in known if file is not None]
            if len(there) > reached and len(set(there)) == len(set(names) if len(there) == len(names) else set(there)):
                whole = [file or prefix + "/".join(end) for file, end in zip(known, ends, strict=True)]
                found.append((len(there), taken, folder, whole))
    most = max((count for count, *_ in found), default=0)
    if most < len(names):
        several = _one_by_one(names, parts, split, tree, reached)
        if several is not None or not found:
            return several
    fewest = min(taken for count, taken, *_ in found if count == most)
    chosen = [(folder, files) for count, taken, folder, files in found if (count, taken) == (most, fewest)]
    usual = [each for base in bases for each in chosen if each[0] == base]
    if len(chosen) > 1 and not usual:
        folders_of = " and in ".join(sorted(str(tree.root / folder) for folder, _ in chosen)[:3])
        raise DataError(
            f"{annotations}: images called as {short(repr(names[0]))} are in {folders_of}, and it is not known which "
            "are meant; leave one of these folders"
        )
    folder, files = (usual or chosen)[0]
    said = f"{most} of {len(names)} images, written as {short(repr(names[0]))}, are read from {tree.root / folder}"
    return Resolved([os.path.join(tree.root, file) for file in files], said)  # noqa: PTH118


def _one_by_one(
    names: Sequence[str], parts: Sequence[Sequence[str]], split: str | None, tree: Tree, reached: int
) -> Resolved | None:
    """Images in folders that their names do not tell: each is the only file called so."""
    files: list[str] = []
    for each in parts:
        same = [file for file in tree.ending_in(each[-1:]) if _of_split(file, split)]
        if len(same) != 1:
            return None
        files += same
    if len(files) <= reached or len(set(files)) != len(set(names)):
        return None
    said = f"{len(names)} images, written as {short(repr(names[0]))}, are in several folders below {tree.root}"
    return Resolved([os.path.join(tree.root, file) for file in files], said)  # noqa: PTH118


def _of_split(file: str, split: str | None) -> bool:
    """Whether no folder of the path names another split."""
    if split is None:
        return True
    named = {word for part in file.split("/")[:-1] if (word := split_of(part))}
    return not named - {split}


def path_parts(name: str) -> list[str]:
    """The parts of a path or address, without a host, a drive and what leads upwards."""
    if _SCHEME.match(name):
        address = urlsplit(name)
        name = unquote(address.path)
    elif "?d=" in name:  # a local file of Label Studio
        name = unquote(name.partition("?d=")[2])
    return [part for part in name.split("/") if part not in ("", ".", "..") and not _DRIVE.match(part)]

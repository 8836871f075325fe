"""Unpacking an archive that somebody else has made, and nothing of it where it must not be."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

Member = tuple[str, int, Callable[[], IO[bytes] | None] | None]
"""Its name, its size unpacked, and what opens it; None where it is no regular file."""


class ArchiveError(Exception):
    """What is wrong with an archive, in a few words; another one would mend it."""


class UnsafeArchiveError(ArchiveError):
    """It would write outside of its folder."""


def unpack(archive: Path, into: Path, of: str, *, wanted: Sequence[str] | None, largest: int) -> None:
    """Unpack a tar or zip archive.

    Args:
        archive: The archive; a name that ends in `.zip` says that it is one of those.
        into: The folder to unpack it into; made where it is not there.
        of: What should be in it, in words.
        wanted: The members that are unpacked, whatever else is in it; None: all of them.
        largest: Bytes that all members may take, unpacked.

    Raises:
        ArchiveError: It is damaged, too large, or lacks one that is wanted.
        UnsafeArchiveError: A member's name leads out of the folder, where all are wanted.
        OSError: A file cannot be written.
    """
    into.mkdir(exist_ok=True)
    missing, size_of_all = set(wanted or ()), 0
    with _members(archive) as members:
        for name, size, opened in members:
            size_of_all += size
            if size_of_all > largest:
                raise ArchiveError(f"more than {largest >> 20} MB unpacked, so not {of}")
            if wanted is None:
                _check_inside(name)
            elif name not in missing:
                continue
            content = opened() if opened else None
            if content is not None:
                (into / name).parent.mkdir(parents=True, exist_ok=True)
                with content, (into / name).open("wb") as file:
                    shutil.copyfileobj(content, file)
                missing.discard(name)
    if missing:
        raise ArchiveError(f"no {min(missing)} in it, so not {of}")


def check_archive(path: Path) -> None:
    """Return if a file is an archive of the kind that its name says; its members are not looked at.

    Raises:
        ArchiveError: It is none.
        OSError: It cannot be read.
    """
    if not (zipfile.is_zipfile(path) if path.suffix == ".zip" else tarfile.is_tarfile(path)):
        raise ArchiveError(f"no whole {_kind(path)}")


def _kind(archive: Path) -> str:
    return "zip archive" if archive.suffix == ".zip" else "archive"


@contextmanager
def _members(archive: Path) -> Iterator[Iterator[Member]]:
    try:
        if archive.suffix == ".zip":
            with zipfile.ZipFile(archive) as zipped:
                yield (
                    (m.filename, m.file_size, None if m.is_dir() else partial(zipped.open, m))
                    for m in zipped.infolist()
                )
        else:
            with tarfile.open(archive) as tarred:
                yield ((m.name, m.size, partial(tarred.extractfile, m) if m.isreg() else None) for m in tarred)
    except (ArchiveError, OSError, MemoryError):
        raise
    except Exception as error:  # damaged bytes surface as almost any error
        raise ArchiveError(f"not a whole {_kind(archive)} ({error})") from error


def _check_inside(name: str) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in path.as_posix():
        raise UnsafeArchiveError(f"holds {name!r}, which leads out of its folder; it is not unpacked")

"""Published data sets: each is a declaration of where a copy counts as one, and of how one is fetched.

What is unpacked is complete in a scratch folder first and then moved into place, so a kill at any moment, or a second
run doing the same, leaves nothing half-done that later counts as a copy. Nothing heavy is imported to find a copy.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from tlbench.data.archives import ArchiveError, UnsafeArchiveError, check_archive, unpack
from tlbench.errors import DataError
from tlbench.system.atomic import publish_folder, scratch_folder
from tlbench.system.download import Unreachable, check_reachable, download
from tlbench.system.hashing import hash_of
from tlbench.system.regular_file import open_regular

Copy = TypeVar("Copy")
"""How a data set says where its images are."""

DATA = Path("data")
"""Where copies are looked for and put, unless the user names another folder."""


@dataclass(frozen=True)
class PublishedData(Generic[Copy]):
    """A data set that somebody publishes as one archive.

    Args:
        name: The value of `data` that asks for it.
        title: What people call it.
        of: What is in the archive, in words.
        url: Where the archive is.
        archive: Its name; one that lies in the folder with the data is taken.
        folder: What the copy is called in that folder.
        find: Gives the copy in such a folder, or None; raises a DataError where only a part of one is.
        roots: What the user may name as `data.root`.
        mend: What to do where the archive is wrong.
        otherwise: What to do where the disk is full or read-only.
        places: Where copies are looked for; `{folder}` stands for the folder with the data, `{copy}` and `{archive}`
            for what is in it.
        advice: What to do where there is no network; likewise.
        known_hash: The archive's, as in `download`; None: it is not known.
        wanted: The archive's members that make a copy, each of which is moved into place by itself; None: all of them,
            which are moved as a whole.
        content: Gives the folder to be moved, of the one with what was unpacked; raises an ArchiveError.
        largest: Bytes that the archive may take unpacked.
        own: Where a folder that the user names must itself be a copy: gives that, or raises a DataError; its first
            argument is `data.root` as given. None: such a folder is looked through and filled as `DATA` is.
    """

    name: str
    title: str
    of: str
    url: str
    archive: str
    folder: str
    find: Callable[[Path], Copy | None]
    roots: str
    mend: str
    otherwise: str
    places: str
    advice: str
    known_hash: str | None = None
    wanted: tuple[str, ...] | None = None
    content: Callable[[Path], Path] = Path
    largest: int = 1 << 30
    own: Callable[[str, Path], Copy] | None = None


def ensure_copy(data: PublishedData[Copy], root: str | None) -> Copy:
    """Find a copy, unpack the official archive, or download it, in this order.

    Args:
        data: The data set.
        root: `data.root`; None for `DATA`.

    Raises:
        DataError: `root` is not a folder, or a copy is incomplete, or cannot be written; with `unreachable=True` there
            is no copy and the download failed.
    """
    folder = DATA if root is None else _existing(data, root)
    if root is not None and data.own is not None:
        return data.own(root, folder)
    found = data.find(folder)
    if found is None:
        archive = folder / data.archive
        if _is_official(data, archive):
            _unpack(data, archive, str(archive), folder, data.mend)
        else:
            _download(data, folder)
        found = data.find(folder)
    if found is None:
        raise DataError(f"{folder / data.folder}: it was removed while it was needed; run the command again")
    return found


def _existing(data: PublishedData[Copy], root: str) -> Path:
    folder = Path(os.path.expanduser(root))  # noqa: PTH111 (Path.expanduser raises for an unknown user)
    if not folder.is_dir():
        what = "not a folder" if folder.exists() else "no such folder"
        raise DataError(f"data.root={root!r}: {what}; name {data.roots}")
    return folder


def _is_official(data: PublishedData[Copy], archive: Path) -> bool:
    if not archive.is_file() or data.known_hash is None:
        return archive.is_file()
    algorithm, _, wanted = data.known_hash.partition(":")
    with open_regular(archive) as file:
        return hash_of(file, algorithm) == wanted


def _download(data: PublishedData[Copy], folder: Path) -> None:
    try:
        check_reachable(data.url)
    except Unreachable as error:
        raise _unreachable(data, folder, str(error)) from error
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with scratch_folder(folder, f".{data.name}-") as scratch:
            archive = scratch / data.archive
            download(data.url, archive, data.known_hash)
            check_archive(archive)
            _unpack(data, archive, data.url, folder, f"put a whole one at {folder / data.archive}")
    except Unreachable as error:
        raise _unreachable(data, folder, f"download failed: {error}") from error
    except ArchiveError as error:  # another page came, such as that of a proxy
        raise _unreachable(data, folder, f"download failed: what came is {error}") from error
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be written ({error.strerror or error}), so {data.title} cannot be downloaded; "
            f"{data.otherwise}"
        ) from error


def _unpack(data: PublishedData[Copy], archive: Path, shown: str, folder: Path, mend: str) -> None:
    """Unpack into a scratch folder beside the final one, check, move; errors call the archive `shown`."""
    try:
        with scratch_folder(folder, f".{data.name}-") as scratch:
            unpacked = scratch / data.folder
            unpack(archive, unpacked, data.of, wanted=data.wanted, largest=data.largest)
            _publish(data, data.content(unpacked), folder)
    except UnsafeArchiveError as error:
        raise DataError(f"{shown}: {error}") from error
    except ArchiveError as error:
        raise DataError(f"{shown}: {error}; {mend}") from error
    except (FileExistsError, NotADirectoryError) as error:
        raise DataError(f"{error.filename}: is in the way of {data.title}, and no folder; remove it") from error
    except OSError as error:
        raise DataError(
            f"{shown}: cannot be unpacked into {folder} ({error.strerror or error}); {data.otherwise}"
        ) from error


def _publish(data: PublishedData[Copy], content: Path, folder: Path) -> None:
    if data.wanted is None:
        publish_folder(content, folder / data.folder, lambda: data.find(folder) is not None, replace=False)
        return
    for name in data.wanted:
        (folder / name).parent.mkdir(exist_ok=True)
        (content / name).replace(folder / name)


def _unreachable(data: PublishedData[Copy], folder: Path, reason: str) -> DataError:
    named = {"folder": folder, "archive": folder / data.archive, "copy": folder / data.folder}
    there = {named["archive"]: named["archive"].is_file(), named["copy"]: named["copy"].is_dir()}
    damaged = [f" ({path} is incomplete)" for path, is_there in there.items() if is_there]
    return DataError(
        f"data={data.name}: no copy in {data.places.format(**named)}{''.join(damaged)}, and {data.url} cannot be "
        f"reached ({reason}); {data.advice.format(**named)}",
        unreachable=True,
    )

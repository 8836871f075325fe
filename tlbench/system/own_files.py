"""What is written into a folder stays in it: nothing is written through a link that leads elsewhere.

The folder that a user names may itself be a link; what lies in it may have come with it from somebody else. Files that
are renamed into their place (`results.atomic`) replace a link; this is for all others.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from tlbench.errors import OutputError
from tlbench.system.atomic import output_errors

WANDB_FOLDER = "wandb"
"""In a run's folder, W&B's own."""

_APPENDING = os.O_WRONLY | os.O_APPEND | os.O_CREAT
_APPENDING |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def refuse_links_out(folder: Path) -> None:
    """Refuse a folder in which something, at any depth, is a link that leads out of it. Links are not followed.

    What lies in the folders of W&B's runs is left out: W&B makes such links there itself, to its logs in its cache, and
    each start of a run has a new folder.

    Raises:
        OutputError: Naming the first link and where it leads; or a folder in it cannot be listed.
    """
    home = os.path.realpath(folder)
    waiting = [Path(folder)] if folder.is_dir() else []
    with output_errors(folder):
        while waiting:
            with os.scandir(waiting.pop()) as entries:
                for entry in sorted(entries, key=lambda found: found.name):
                    if entry.is_symlink():
                        _check_inside(Path(entry.path), home)
                    elif entry.is_dir(follow_symlinks=False) and Path(entry.path).parent.name != WANDB_FOLDER:
                        waiting.append(Path(entry.path))


def refuse_link(path: Path) -> None:
    """Refuse a file or folder to be written to, if it is a link.

    Raises:
        OutputError: Naming it and where it leads.
    """
    if path.is_symlink():
        raise OutputError(f"{path}: a link to {os.readlink(path)}; nothing is written through links: remove it")  # noqa: PTH115


def open_for_appending(path: Path) -> BinaryIO:
    """Open a file of tlbench's own at its end, or make it.

    Raises:
        OutputError: It is a link, no regular file, or has a second name elsewhere (a hard link).
        OSError: The disk refuses; see `output_errors`.
    """
    refuse_link(path)
    _check_own(path)
    try:
        handle = os.open(path, _APPENDING, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:  # it has become a link since
            refuse_link(path)
        raise
    try:
        _check_own(path, os.fstat(handle))
        return os.fdopen(handle, "ab")
    except BaseException:
        os.close(handle)
        raise


def _check_inside(link: Path, home: str) -> None:
    target = os.path.realpath(link)
    if target != home and not target.startswith(home.rstrip(os.sep) + os.sep):
        raise OutputError(
            f"{link}: a link that leads out of the folder, to {target}; nothing is written through links: remove it, "
            "or choose another folder with hydra.run.dir=… (a study: hydra.sweep.dir=…)"
        )


def _check_own(path: Path, status: os.stat_result | None = None) -> None:
    try:
        found = path.lstat() if status is None else status
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found.st_mode):
        raise OutputError(f"{path}: not a regular file, so it is not written to; remove it")
    if found.st_nlink > 1:
        raise OutputError(
            f"{path}: has a second name elsewhere (a hard link), which would change with it; replace it by a copy"
        )

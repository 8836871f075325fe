"""Image files that cannot be read: some are left out where the user allows it, more are refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tlbench.errors import DataError

_NAMED = 5  # in a message


class UnreadableError(Exception):
    """Why a file cannot be decoded, in a few words."""


class AlreadyDecodedError(UnreadableError):
    """What Pillow made of an image is not what its file holds.

    Args:
        why: Goes on after "Pillow has decoded it".
    """

    def __init__(self, why: str) -> None:
        super().__init__(
            f"Pillow has decoded it {why}; give the file's path, its bytes, or the image before its pixels are read"
        )


def check_unreadable(root: Path, unreadable: Mapping[str, str], allowed: int) -> None:
    """Refuse more unreadable files than may be left out.

    Args:
        root: The folder that the names are relative to.
        unreadable: Name → reason.
        allowed: `data.max_unreadable`.

    Raises:
        DataError: There are more.
    """
    if len(unreadable) <= allowed:
        return
    named = [f"{root / name}: {reason}" for name, reason in list(unreadable.items())[:_NAMED]]
    rest = len(unreadable) - len(named)
    text = "; ".join(named) + (f"; and {rest} more" if rest else "")
    files = "1 file" if len(unreadable) == 1 else f"{len(unreadable)} files"
    raise DataError(
        f"{text}; replace or remove {files}, or leave out up to so many with data.max_unreadable (now {allowed})"
    )

"""Errors that a user can cause.

Each message is one line that says what is wrong (with the value), what is allowed, and how to mend it. The entry
points print it without a traceback and exit with code 2.
"""

from __future__ import annotations

from collections.abc import Sequence


def short(text: str, most: int = 80) -> str:
    """What a message quotes of somebody else's text, which may be of any length."""
    return text if len(text) <= most else f"{text[:most]}…"


class UserError(Exception):
    """Base of all errors that the user's input causes; exit code 2."""


class ConfigError(UserError):
    """A key or value of the configuration is not allowed."""


class MaterialError(UserError):
    """Data or weights cannot be used as they are.

    Args:
        message: One line: what is wrong, what is allowed, how to mend it.
        unreachable: True where they are merely not here (no copy, no network): `on_missing=embedded` may then use a
            stand-in. What is broken or does not fit is never unreachable.
    """

    def __init__(self, message: str, *, unreachable: bool = False) -> None:
        super().__init__(message)
        self.unreachable = unreachable


class DataError(MaterialError):
    """The target's data cannot be used; digits stand in for unreachable ones."""


class WeightsError(MaterialError):
    """The source's weights cannot be used; `tin200` stands in for unreachable ones."""


class OutputError(UserError):
    """A file or folder cannot be written (full, read-only, not a folder).

    Args:
        message: As for the others.
        unwritable: True where nothing is broken, but it may not be changed: a read-only disk, no permission.
    """

    def __init__(self, message: str, *, unwritable: bool = False) -> None:
        super().__init__(message)
        self.unwritable = unwritable


class FolderInUse(UserError):
    """Another process works in the folder, or has taken this one's place there."""


class Failure(Exception):
    """What was asked for failed though the input is sound, or a check of it did; exit code 1."""


def did_you_mean(found: Sequence[str]) -> str:
    """` (did you mean 'a' or 'b'?)`, or nothing."""
    return f" (did you mean {' or '.join(repr(name) for name in found)}?)" if found else ""

"""The user's key: 32 random bytes by which tlbench knows again the records of the user's own runs."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from tlbench.system.atomic import atomic_file

_BYTES = 32
_ID_DIGITS = 16
_NOT_FOLLOWING = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class KeyUnusable(Exception):
    """One line: why there is no key to be used, and how to mend it."""


@dataclass(frozen=True)
class Key:
    """A user's key.

    Attributes:
        secret: 32 bytes.
    """

    secret: bytes

    @property
    def name(self) -> str:
        """What it is called in records; says nothing of the secret."""
        return self.digest(b"name of the key")[:_ID_DIGITS]

    def digest(self, content: bytes) -> str:
        """HMAC-SHA256 in hex."""
        return hmac.new(self.secret, content, hashlib.sha256).hexdigest()


def key_file() -> Path | None:
    """`tlbench/key` in the user's folder for settings; None where the user has no home.

    That folder is $XDG_CONFIG_HOME, if it is absolute as its specification asks (another would name a folder of
    whoever sent the working folder), else ~/.config; on Windows %APPDATA%. It is none of tlbench's caches, which are
    shared and copied.
    """
    given = os.getenv("XDG_CONFIG_HOME") or ""
    if not os.path.isabs(given):  # noqa: PTH117 (a Path of "" is the working folder)
        at_home = os.getenv("APPDATA", "~/AppData/Roaming") if sys.platform == "win32" else "~/.config"
        given = os.path.expanduser(at_home)  # noqa: PTH111 (Path.expanduser raises where there is no home)
    return Path(given) / "tlbench" / "key" if os.path.isabs(given) else None  # noqa: PTH117


def find_key() -> Key | None:
    """The user's key, or None where there is none yet.

    Raises:
        KeyUnusable: What lies there is not a key that only this user can read and write.
    """
    path = key_file()
    if path is None:
        return None
    try:
        return _read(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeyUnusable(f"{path}: cannot be read ({error.strerror}); mend its permissions or remove it") from None


def find_or_make_key() -> Key:
    """The user's key, made where there is none. Of processes that make one at once, all get the same.

    Raises:
        KeyUnusable: As `find_key`; or none can be made.
    """
    path = key_file()
    if path is None:
        raise KeyUnusable("you have no home folder to keep a key in; set HOME or XDG_CONFIG_HOME")
    found = find_key()
    if found is not None:
        return found
    try:
        path.parent.parent.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with atomic_file(path, private=True, unless_there=True) as file:
            file.write(secrets.token_bytes(_BYTES))
    except OSError as error:
        raise KeyUnusable(f"{path}: cannot be made ({error.strerror}); permit writing there") from None
    made = find_key()
    if made is None:
        raise KeyUnusable(f"{path}: somebody else removes it; see to it that only you can write there")
    return made


def _read(path: Path) -> Key:
    """A key that nobody else can have read or put there.

    Raises:
        KeyUnusable: It is not such a one.
        OSError: It cannot be read.
    """
    if path.is_symlink():
        raise KeyUnusable(f"{path}: a link, which somebody else may have put there; remove it, and a new key is made")
    handle = os.open(path, _NOT_FOLLOWING)
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise KeyUnusable(f"{path}: not a regular file; remove it, and a new key is made")
        if hasattr(os, "geteuid"):
            if status.st_uid != os.geteuid():
                raise KeyUnusable(f"{path}: it belongs to another user; remove it, and a new key is made")
            if status.st_mode & 0o077:
                raise KeyUnusable(
                    f"{path}: others may read or write it (mode {stat.S_IMODE(status.st_mode):o}), so that it proves "
                    "nothing; remove it, and a new key is made"
                )
        secret = file.read(_BYTES + 1)
    if len(secret) != _BYTES:
        raise KeyUnusable(f"{path}: not a key of {_BYTES} bytes; remove it, and a new key is made")
    return Key(secret)

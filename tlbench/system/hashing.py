"""Hashes of files."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import IO

from tlbench.system.regular_file import open_regular

_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,})\.")


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex.

    Raises:
        OSError: If it cannot be read.
    """
    with open_regular(path) as file:
        return hash_of(file, "sha256")


def hash_of(file: IO[bytes], algorithm: str) -> str:
    """Hash of what is still to be read of an open file, in hex.

    Args:
        file: The file.
        algorithm: As hashlib calls it.
    """
    digest = hashlib.new(algorithm, usedforsecurity=False)
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def sha256_in_name(name: str) -> str:
    """The first digits of a file's SHA-256, if its name ends in them by torch.hub's convention, else ''."""
    digits = _HASH_IN_NAME.search(name)
    return digits[1] if digits else ""

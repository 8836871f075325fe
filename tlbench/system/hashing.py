"""SHA-256 of files."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from tlbench.system.regular_file import open_regular

_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,})\.")


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex.

    Raises:
        OSError: If it cannot be read.
    """
    digest = hashlib.sha256()
    with open_regular(path) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def sha256_in_name(name: str) -> str:
    """The first digits of a file's SHA-256, if its name ends in them by torch.hub's convention, else ''."""
    digits = _HASH_IN_NAME.search(name)
    return digits[1] if digits else ""

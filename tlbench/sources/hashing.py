"""SHA-256 of files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tlbench.regular_file import open_regular


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

"""Plain arrays in an `.npz` beside a record."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from tlbench.errors import DataError
from tlbench.system.atomic import write_atomic
from tlbench.system.regular_file import open_regular

_MOST_COMPRESSED = 100  # times: arrays of nothing but zeros are packed about so well
_SMALL = 64 << 20  # bytes


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays, compressed, atomically.

    Raises:
        OutputError: If the disk refuses.
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    write_atomic(path, buffer.getvalue())


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read what `write_arrays` wrote; nothing of the file is run.

    Raises:
        DataError: It cannot be read, or would unpack to far more than the file holds.
    """
    try:
        with open_regular(path) as opened:
            _check_size(opened)
            with np.load(opened, allow_pickle=False) as file:
                return dict(file)
    except (OSError, ValueError, EOFError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: cannot be read as stored predictions ({error}); test the run again") from error


def _check_size(file: IO[bytes]) -> None:
    """Refuse an archive whose parts are far larger than itself; nothing is unpacked."""
    size = file.seek(0, os.SEEK_END)
    with zipfile.ZipFile(file) as archive:
        unpacked = sum(part.file_size for part in archive.infolist())
    if unpacked > max(_MOST_COMPRESSED * size, _SMALL):
        raise ValueError(f"{unpacked:,} bytes packed into {size:,}")
    file.seek(0)

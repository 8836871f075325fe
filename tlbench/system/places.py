"""What lies where a file is to come to be: told before anything is computed, not when all is done."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from tlbench.errors import ConfigError, OutputError
from tlbench.system.atomic import ANOTHER_RUN_FOLDER, describe_file_error, describe_output_error
from tlbench.system.names import is_text, printable


def check_run_folder(folder: Path, names: Iterable[str]) -> None:
    """Refuse a folder in which a run could not leave its files.

    Args:
        folder: The run's; it need not be there.
        names: Of the files, or patterns.

    Raises:
        OutputError: Something else lies where one of them belongs.
        ConfigError: The folder's path is no text in UTF-8, which loggers cannot write to.
    """
    if not is_text(str(folder.absolute())):
        raise ConfigError(
            f"hydra.run.dir: '{printable(str(folder.absolute()))}' holds bytes that are no UTF-8 text; rename that "
            f"folder, or {ANOTHER_RUN_FOLDER}"
        )
    try:
        folder.stat()
    except (FileNotFoundError, NotADirectoryError):  # the first to write there says what is wrong
        pass
    except OSError as error:
        raise OutputError(describe_output_error(folder, error)) from error
    for name in names:
        for path in sorted(folder.glob(name)) if "*" in name else [folder / name]:
            check_place(path, ANOTHER_RUN_FOLDER)


def check_place(path: Path, otherwise: str) -> None:
    """Refuse a place where a file cannot be written, or replaced.

    A link to a file, or to nothing, is replaced itself; what it points at stays.

    Args:
        path: Where the file will be.
        otherwise: What the user can do but move away what is there.

    Raises:
        OutputError: A folder, a device or the like is there, or a link that leads back to itself.
    """
    what = _in_the_way(path, otherwise)
    if what is not None:
        raise OutputError(f"{path}: {what} is in the way of a file; move it away, or {otherwise}")


def check_output(key: str, given: str, example: str) -> Path:
    """The file that an option names, as a command is to write it.

    Args:
        key: The option's.
        given: Its value.
        example: The name of such a file.

    Raises:
        ConfigError: A folder, a device or the like is there.
    """
    path = Path(given).expanduser()
    what = _in_the_way(path, f"name another file with {key}=…")
    if what is not None:
        such_as = path / example if path.is_dir() else path.with_name(example)
        raise ConfigError(f"{key}={given!r}: {what}; name a file, such as {str(such_as)!r}")
    return path


def check_not_read(path: Path, key: str, read: Iterable[Path]) -> None:
    """Refuse to write over what is read.

    Args:
        path: What an option names.
        key: The option's.
        read: Files that the command reads.

    Raises:
        ConfigError: It is one of them.
    """
    here = os.path.realpath(path)  # `Path.resolve` raises on a loop of links
    if any(here == os.path.realpath(other) for other in read):
        raise ConfigError(f"{key}={str(path)!r}: the command reads this file; name another")


def _in_the_way(path: Path, otherwise: str) -> str | None:
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):  # the first to write there says what is wrong with its folder
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            return "a link that leads back to itself"
        raise OutputError(describe_file_error(error, otherwise)) from error
    if stat.S_ISDIR(mode):
        return "a folder"
    return None if stat.S_ISREG(mode) else "a device, a FIFO or a socket"

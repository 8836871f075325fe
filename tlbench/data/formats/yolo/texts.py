"""Texts beside a data set, as people's editors write them: class names, lists, descriptions."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tlbench.config import LimitsConfig
from tlbench.data.label_names import typed
from tlbench.errors import DataError
from tlbench.system.regular_file import TooLargeError, read_regular

_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

CLASS_FILES = ("classes.txt", "obj.names", "_darknet.labels")
"""One class name a line: by labelImg and Label Studio; CVAT and darknet; Roboflow's darknet export."""


def text_of(content: bytes) -> str:
    """UTF-8, or UTF-16 with the mark that Windows writes in front of it.

    Raises:
        UnicodeDecodeError: It is neither.
    """
    return content.decode("utf-16" if content.startswith(_WIDE) else "utf-8-sig")


def lines_of(file: Path, limits: LimitsConfig, wanted: str) -> list[str]:
    """The lines of a small text.

    Raises:
        DataError: It cannot be read, with what is wanted; or is larger than a label may be.
    """
    try:
        return text_of(read_regular(file, limits.label.bytes)).splitlines()
    except TooLargeError:
        raise limits.label.refusal(file) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: cannot be read ({error}); {wanted}") from None


def read_class_file(file: Path, limits: LimitsConfig) -> tuple[str, ...]:
    """The names in `classes.txt`, as labelling tools write it.

    Raises:
        DataError: It cannot be read, has no names, or one occurs twice.
    """
    return check_names(str(file), names_in(file, limits))


def names_in(file: Path, limits: LimitsConfig) -> list[str]:
    """What stands in `classes.txt`, without a comment above it and empty lines around it; it may be nothing.

    Raises:
        DataError: It cannot be read, there are too many, or an empty line between names leaves their numbers open.
    """
    lines = lines_of(file, limits, "wanted is one class name a line")
    numbered = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    if numbered and numbered[0][1].startswith("# "):  # a comment
        del numbered[0]
    names = [name for _, name in numbered]
    empty = next((number for i, (number, _) in enumerate(numbered) if number > numbered[0][0] + i), None)
    if empty is not None:
        raise DataError(
            f"{file}:{empty - 1}: an empty line between names, so the numbers of those below it are not known; remove "
            "the line, or name its class there"
        )
    limits.check_classes(file, len(names))
    return names


def check_names(where: str, names: Sequence[str]) -> tuple[str, ...]:
    """Class names, which must differ.

    Raises:
        DataError: There are none, one is empty, or one occurs twice.
    """
    if not names:
        raise DataError(f"{where}: no class names; wanted is one a class")
    if not all(names):
        raise DataError(f"{where}: class {list(names).index('')} has an empty name; give it one")
    seen = list(map(typed, names))
    twice = sorted(name for name, count in Counter(seen).items() if count > 1)
    if twice:
        written = {name for name, looks in zip(names, seen, strict=True) if looks == twice[0]}
        unseen = f" (as {' and '.join(map(ascii, sorted(written)))})" if len(written) > 1 else ""
        raise DataError(f"{where}: the class name {twice[0]!r} occurs twice{unseen}; names must differ")
    return tuple(names)

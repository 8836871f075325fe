r"""Names as text: of files, folders and classes, which may hold line breaks, escape codes, or bytes that are no text.

What is kept or printed of a name is written as inside a Python string literal: `\n`, `\x1b`, `\u202e`; a byte that is
no UTF-8 is `\udc80` to `\udcff`, as `os.fsdecode` has it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any

from tlbench.errors import DataError

_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U0001d173-\U0001d17a\U000e0100-\U000e01ef]"
)
"""What Python takes for printable, and nobody can see."""

_NO_TEXT = re.compile("[\ud800-\udfff]")
"""Half a character: what a byte that is no UTF-8 became, or half a pair in JSON."""

_LIKE_AN_ESCAPE = re.compile(r"\\[\\nrtxuU]")


def escaped(text: str, keep: str = "") -> str:
    """Text in which everything can be seen and nothing moves the cursor, changes colours or turns the direction.

    Args:
        text: Any.
        keep: Characters that stay, such as line breaks.
    """
    if text.isprintable() and not _UNSEEN.search(text):
        return text
    return "".join(c if c in keep or (c.isprintable() and not _UNSEEN.match(c)) else _escape(c) for c in text)


def printable(name: str) -> str:
    r"""A name as text that any terminal, table and JSON file can hold; different names stay different.

    Most names stay as they are; see above for the others, in which a backslash is `\\`. `original` is the inverse.
    """
    if escaped(name) == name and not _LIKE_AN_ESCAPE.search(name):
        return name
    return escaped(name.replace("\\", "\\\\"))


def original(name: str) -> str:
    """The name that `printable` made so; `os.fsencode` gives its bytes."""
    if not _LIKE_AN_ESCAPE.search(name):
        return name
    parts = re.split(r"(\\(?:\\|[nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}))", name)
    parts[1::2] = [part.encode("ascii").decode("unicode_escape") for part in parts[1::2]]
    return "".join(parts)


def is_text(name: str) -> bool:
    """Whether it can be written in UTF-8."""
    return name.isascii() or not _NO_TEXT.search(name)


def check_class_names(names: Iterable[str]) -> None:
    """Refuse class names that are no text; they name metrics, columns and curves.

    Raises:
        DataError: Showing one.
    """
    for name in names:
        if not is_text(name):
            raise DataError(
                f"class '{printable(name)}': its name holds bytes that are no UTF-8 text; rename it, and the class's "
                "folder if it has one"
            )


def as_text(value: Any) -> Any:
    """JSON values whose texts can all be written in UTF-8: bytes that cannot, as of a file's name, are escaped."""
    if isinstance(value, str):
        return value if is_text(value) else _NO_TEXT.sub(lambda half: _escape(half[0]), value)
    if isinstance(value, dict):
        return {as_text(key): as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_text(item) for item in value]
    return value


def json_bytes(value: Any) -> bytes:
    """JSON values as an indented file in UTF-8, with what `as_text` makes of its texts."""
    text = json.dumps(value, indent=1, ensure_ascii=False)
    return _NO_TEXT.sub(lambda half: "\\" + _escape(half[0]), text).encode() + b"\n"


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def without_nan(value: Any) -> Any:
    """JSON values with null for every number that is not finite."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

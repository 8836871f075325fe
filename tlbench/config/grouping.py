"""How `data.group` is written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

FORMS = (
    "folder (the image's), folder:N (the first N below data.root), pattern:REGEX (searched for in the path below "
    "data.root; its parentheses, or all that matches), column:NAME (of the table data.root) or column:NAME@FILE.csv"
)


@dataclass(frozen=True)
class Grouping:
    """What makes a group.

    Attributes:
        text: As it was written.
        by: What it goes by.
        value: The pattern, or the column's name.
        levels: Number of folders; None: all above the image.
        file: The table; None: `data.root`.
    """

    text: str
    by: Literal["folder", "pattern", "column"]
    value: str = ""
    levels: int | None = None
    file: str | None = None

    @classmethod
    def of(cls, text: str) -> Grouping:
        """Read it.

        Raises:
            ValueError: It is none of `FORMS`.
        """
        by, colon, value = text.partition(":")
        if by == "folder" and (not colon or (value.isdecimal() and int(value) > 0)):
            return cls(text, "folder", levels=int(value) if colon else None)
        if by == "pattern" and value:
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"no regular expression: {error}") from None
            return cls(text, "pattern", value)
        name, at, file = value.partition("@")
        if by == "column" and name and (file or not at):
            return cls(text, "column", name, file=file or None)
        raise ValueError(f"write {FORMS}")

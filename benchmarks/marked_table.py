"""A table between two marks of a page whose other text people write."""

from __future__ import annotations

from collections.abc import Iterable


def with_table(page: str, program: str, lines: Iterable[str]) -> str:
    """The page with a new table; all else stays as it is.

    Args:
        page: The page before; without the marks, the table is added at its end.
        program: What writes it, as it is called; it stands in the first mark and so tells tables of a page apart.
        lines: The table's.
    """
    first, last = f"<!-- table: written by {program} -->", "<!-- end of the table -->"
    table = "\n".join((first, "", *lines, "", last))
    before, begin, rest = page.partition(first)
    if not begin:
        return f"{page.rstrip()}\n\n{table}\n".lstrip()
    return before + table + rest.partition(last)[2]


def cell(text: str) -> str:
    """A text as a cell of a table in Markdown."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")[:400]

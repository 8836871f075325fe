"""The Python examples of a page, run as they stand; `# →` is what the lines before it print."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(r"^```python\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


def blocks(page: str, heading: str | None = None) -> list[tuple[int, str]]:
    """The line before each block of a page, or of one of its sections, and the block."""
    text = (ROOT / page).read_text(encoding="utf-8")
    start, end = 0, len(text)
    if heading is not None:
        start = text.index(f"\n## {heading}\n") + 1
        end = text.find("\n## ", start) if "\n## " in text[start:] else end
    return [
        (text.count("\n", 0, match.start(1)), match[1])
        for match in _BLOCK.finditer(text)
        if start <= match.start() < end
    ]


def run_blocks(page: str, headings: Collection[str | None] = (None,)) -> dict[str, Any]:
    """Run sections one after another in one namespace; errors have the page's line numbers.

    Raises:
        AssertionError: A block prints something else.
    """
    names: dict[str, Any] = {"__name__": "example"}
    for heading in headings:
        for line, block in blocks(page, heading):
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile("\n" * line + block, str(ROOT / page), "exec"), names)
            said = iter([" ".join(text.split()) for text in printed.getvalue().splitlines()])
            wanted = [" ".join(text[3:].split()) for text in block.splitlines() if text.startswith("# →")]
            missing = [text for text in wanted if text not in said]  # in this order
            assert not missing, f"{page}, block after line {line}: not printed: {missing}, but:\n{printed.getvalue()}"
    return names

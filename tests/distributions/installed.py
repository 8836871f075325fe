"""Distributions of tests, as if they were installed: by what pip leaves of one beside its files."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tlbench.tasks import outside, registry, wings

HERE = Path(__file__).parent


def entry_points_of(name: str) -> str:
    """`entry_points.txt`, as a wheel has it, of the distribution in a folder here."""
    project = (HERE / name / "pyproject.toml").read_text()
    text = ""
    for group, lines in re.findall(r'\[project\.entry-points\."([^"]+)"\]\n((?:\w+ = .*\n)+)', project):
        text += f"[{group}]\n{lines.replace(chr(34), '')}\n"
    assert text
    return text


def places(name: str, folder: Path) -> list[str]:
    """What must be on Python's path so that a distribution counts as installed.

    Args:
        name: Its folder here.
        folder: An empty one, for what pip would write.
    """
    written = folder / f"{name}-0.1.0.dist-info"
    written.mkdir(parents=True)
    (written / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name.replace('_', '-')}\nVersion: 0.1.0\n")
    (written / "entry_points.txt").write_text(entry_points_of(name))
    return [str(HERE / name), str(folder)]


def forget() -> None:
    """Let tasks be looked for anew."""
    for cached in (
        *(outside._found, registry.specs, registry.run_schema, registry.percentages),
        wings.wing,
    ):
        cached.cache_clear()  # type: ignore[attr-defined]


@contextmanager
def installed(name: str, folder: Path) -> Iterator[None]:
    """Inside, a distribution is installed in this process; `folder` as in `places`."""
    before, there = sys.path[:], places(name, folder)
    sys.path[:0] = there
    importlib.invalidate_caches()
    forget()
    try:
        yield
    finally:
        sys.path[:] = before
        importlib.invalidate_caches()
        forget()

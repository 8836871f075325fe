"""How far a tool is, for whoever looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tlbench.console import stderr
from tlbench.system.notebook import NotebookBar, in_notebook

Show = Callable[[int, "int | None"], None]
"""Takes how many are done, and of how many, where that is known."""


@contextmanager
def bar(name: str, progress: bool | None = None) -> Iterator[Show]:
    """A bar, on a terminal (stderr) or below a notebook's cell.

    Args:
        name: What is done.
        progress: Whether to show it; None: where a person is looking, that is on a terminal and in a notebook.
    """
    notebook = in_notebook()
    if not (notebook or stderr.is_terminal if progress is None else progress):
        yield lambda _done, _total: None
    elif notebook:
        line = NotebookBar(name)
        try:
            yield lambda done, total: line.show(done, total, f"{done}" if total is None else f"{done}/{total}")
        finally:
            line.close()
    else:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=stderr, transient=stderr.is_terminal) as shown:
            task = shown.add_task(name, total=None)
            yield lambda done, total: shown.update(task, completed=done, total=total)

"""What `python -m tlbench.predict` does, once its options are known to be sound."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeGuard

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tlbench.console import complain, shown, stderr
from tlbench.data.decode import UnreadableError
from tlbench.errors import DataError
from tlbench.inference.complete_run import CompleteRun
from tlbench.inference.files import Square, decoded, find_images
from tlbench.inference.predict_options import PredictOptions
from tlbench.inference.predictor import Predictor, load_predictor, stacked
from tlbench.inference.tables import Table
from tlbench.interrupts import interruptible
from tlbench.results.atomic import atomic_file, output_errors, remove_leftovers

Write = Callable[[str], object]


def predict(options: PredictOptions, run: CompleteRun) -> None:
    """Classify files, a batch at a time, and write a line for each.

    Raises:
        UserError: Run, input or output is at fault; none of the files can be read.
        Interrupted: A signal asked to stop; no file was written.
    """
    output, table_kind = options.file(), options.kind()
    names = find_images(options.input)
    predictor = load_predictor(run, options.device, options.calibrated)
    table = Table(table_kind, predictor.class_names)
    with interruptible(), _writer(output) as write:
        readable = _predict(names, predictor, table, write)
        if not readable:
            raise DataError(f"input={options.input!r}: none of {len(names)} files can be read; give others")
    left_out = len(names) - readable
    summary = f"{readable} of {len(names)} images classified, {left_out} unreadable and left out"
    where = f": {shown(output)}" if output is not None else ""
    complain((summary if left_out else f"{readable} images classified") + where)


def _predict(names: list[str], predictor: Predictor, table: Table, write: Write) -> int:
    """How many of the files were readable."""
    readable = 0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as progress:
        files = decoded(names, predictor.config.data)
        shown_files = progress.track(files, total=len(names), description="predicting")
        squares = ((name, square) for name, square in shown_files if _is_readable(square, name))
        while batch := list(islice(squares, predictor.batch_size)):
            rows = predictor.probabilities(stacked([square for _, square in batch])).numpy()
            lines = [table.row(name, row) for (name, _), row in zip(batch, rows, strict=True)]
            write("".join(lines) if readable else table.header() + "".join(lines))
            readable += len(batch)
    return readable


def _is_readable(square: Square | UnreadableError, name: str) -> TypeGuard[Square]:
    if isinstance(square, UnreadableError):
        complain(f"warning: {name}: {square}; left out")
        return False
    return True


@contextmanager
def _writer(output: Path | None) -> Iterator[Write]:
    """Writes text into a file that takes its place in the end, or to stdout."""
    if output is None:
        yield _to_stdout
        return
    with output_errors(output.parent, "name another file with output=…"):
        remove_leftovers(output)
        with atomic_file(output) as file:
            yield lambda text: file.write(text.encode(errors="surrogateescape"))


def _to_stdout(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()

"""What `python -m tlbench.predict` does, once its options are known to be sound."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from tlbench.config import ImageLimit
from tlbench.console import complain, shown
from tlbench.data.image_opening import EXTENSIONS
from tlbench.data.unreadable import UnreadableError
from tlbench.errors import DataError
from tlbench.metrics.finite_outputs import NonFiniteOutputs
from tlbench.records.folder import run_files
from tlbench.system.atomic import ABANDONED_S, atomic_file, output_errors, remove_leftovers
from tlbench.system.interrupts import interruptible
from tlbench.system.places import check_not_read
from tlbench.system.streams import write_data
from tlbench.tasks.wings import wing_of
from tlbench.tools.bar import bar
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.file_job import FileJob, T
from tlbench.tools.files import decoded, find_images
from tlbench.tools.loaded_run import RETRAIN
from tlbench.tools.predict_options import PredictOptions

Write = Callable[[str], object]


def predict(options: PredictOptions, run: CompleteRun) -> None:
    """Classify files or find objects in them, a batch at a time, and write each one's lines.

    Files that cannot be read, and those for which the network's outputs hold NaN or infinity, are named and left out.

    Raises:
        UserError: Run, input or output is at fault; none of the files can be read.
        NonFiniteOutputs: There were such outputs; the lines of the other files are written. With no others, no file is.
        Interrupted: A signal asked to stop; no file was written, but for pictures already drawn.
    """
    output = options.file()
    names = find_images(options.input)
    if output is not None:
        images = names if names == [options.input] else [n for n in names if n.lower().endswith(EXTENSIONS)]
        check_not_read(output, "output", [*(Path(name).expanduser() for name in images), *run_files(run.folder)])
    job = wing_of(run.config).file_job(options, run, names)
    with interruptible(), _writer(output) as write:
        readable, written = _predict(names, job, options.image_limit(run.config.data.limits), write)
        if not readable:
            raise DataError(f"input={options.input!r}: none of {len(names)} files can be read; give others")
        undefined = readable - written
        problem = f"the network's outputs for {undefined} of {readable} images hold NaN or infinity; {RETRAIN}"
        if not written:
            raise NonFiniteOutputs(problem)
    done, where = job.done(), f": {shown(output)}" if output is not None else ""
    reasons = (("unreadable", len(names) - readable), ("without finite outputs", undefined))
    left_out = " and ".join(f"{count} {reason}" for reason, count in reasons if count)
    if left_out:
        complain(f"{written} of {len(names)} images {done}, {left_out} and left out{where}")
    else:
        complain(f"{written} images {done}{where}")
    if undefined:
        raise NonFiniteOutputs(problem)


def _predict(names: Sequence[str], job: FileJob[T], limit: ImageLimit, write: Write) -> tuple[int, int]:
    """How many of the files were readable, and how many have lines."""
    readable = written = 0
    with bar("predicting") as show:
        show(0, len(names))
        images = _readable(_counted(decoded(names, job.decode, limit), lambda done: show(done, len(names))))
        while batch := list(islice(images, job.batch_size)):
            texts = []
            for (name, _), text in zip(batch, job.lines(batch), strict=True):
                if text is None:
                    complain(f"warning: {name}: the network's outputs for it hold NaN or infinity; left out")
                else:
                    texts.append(text)
            write("".join(texts if written or not texts else [job.header, *texts]))
            readable, written = readable + len(batch), written + len(texts)
    return readable, written


def _counted(files: Iterable[T], show: Callable[[int], None]) -> Iterator[T]:
    for done, file in enumerate(files, start=1):
        yield file
        show(done)


def _readable(files: Iterable[tuple[str, T | UnreadableError]]) -> Iterator[tuple[str, T]]:
    """The files that could be decoded; the others are named."""
    for name, image in files:
        if isinstance(image, UnreadableError):
            complain(f"warning: {name}: {image}; left out")
        else:
            yield name, image


@contextmanager
def _writer(output: Path | None) -> Iterator[Write]:
    """Writes text into a file that takes its place in the end, or to stdout."""
    if output is None:
        yield write_data
        return
    with output_errors(output.parent, "name another file with output=…"):
        remove_leftovers(output, ABANDONED_S)
        with atomic_file(output) as file:
            yield lambda text: file.write(text.encode())

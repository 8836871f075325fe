"""An evaluation's pictures and numbers as TensorBoard's events."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from tlbench.records.evaluation import EvaluationRecord
from tlbench.system.atomic import output_errors
from tlbench.system.own_files import refuse_link

_CLEAN_STEP = 0
"""Where the clean images lie on the axis of severities."""


def show_in_tensorboard(folder: Path, stem: str, record: EvaluationRecord, figures: Mapping[str, Figure]) -> None:
    """Write an evaluation as TensorBoard events of its own, in `<stem>/` in the run's folder.

    TensorBoard lists it beside the run: in the run's own events, curves of two evaluations would lie on one another.
    Figures come as `<split>/<name>`; a suite's numbers as `<split>/mean_corrupted_oa` and so on, and as curves
    `corruptions/<corruption>` of OA over severity, clean images at 0; the text `corruptions` says of what. Events of an
    earlier evaluation there go.

    Args:
        folder: The run's folder.
        stem: The evaluation's file without `.json`.
        record: The evaluation.
        figures: As `Evaluator.figures` gives them.

    Raises:
        OutputError: The disk refuses, or `<stem>` there is a link.
    """
    from torch.utils.tensorboard import SummaryWriter  # a second

    own, split = folder / stem, record.data.split
    refuse_link(own)
    with output_errors(own):
        earlier = list(own.glob("events.out.tfevents.*"))
        with SummaryWriter(str(own)) as writer:
            for name, figure in figures.items():
                writer.add_figure(f"{split}/{name}", figure, 0)
            for tag, step, value in _scalars(record):
                writer.add_scalar(tag, value, step)
            if record.corruptions is not None:
                writer.add_text("corruptions", f"{record.corruptions.label()}; {record.corruptions.differences}", 0)
        for path in earlier:
            path.unlink(missing_ok=True)


def _scalars(record: EvaluationRecord) -> list[tuple[str, int, float]]:
    """Tag, step, value; what is undefined is left out."""
    result = record.corruptions
    if result is None:
        return []
    points = [(tag, 0, value) for tag, value in result.metrics(record.data.split).items() if tag.count("/") == 1]
    for name, values in result.oa.items():
        steps = (_CLEAN_STEP, *result.severities)
        points += [(f"corruptions/{name}", k, v) for k, v in zip(steps, (result.clean_oa, *values), strict=True)]
    return [(tag, step, value) for tag, step, value in points if value is not None]

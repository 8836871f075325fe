"""An evaluation's pictures: PNG files beside it, and, with its numbers, TensorBoard's events."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure
from torch import Tensor

from tlbench.pictures.reliability import PICTURE_FORMAT, picture, reliability_figure
from tlbench.robustness.figure import corruption_figure
from tlbench.runs.evaluation import EvaluationRecord
from tlbench.system.atomic import output_errors, write_atomic
from tlbench.system.own_files import refuse_link

_CLEAN_STEP = 0
"""Where the clean images lie on the axis of severities."""


def evaluation_figures(record: EvaluationRecord, logits: Tensor, targets: Tensor) -> dict[str, Figure]:
    """The reliability diagram (with a temperature: before and after), and the matrix of corruptions if there is one.

    Args:
        record: The evaluation.
        logits: (N, C), of the samples as they are, not divided by a temperature.
        targets: (N,) int64.

    Returns:
        Name (`reliability`, or `reliability_before` and `reliability_after`; `corruptions`) → figure.
    """
    title = f"{record.run.study} {record.run.arm}, seed {record.run.seed}, {record.data.split}"
    divisors = {"reliability": 1.0}
    if record.calibration is not None:
        divisors = {"reliability_before": 1.0, "reliability_after": record.calibration.temperature}
    figures = {}
    for name, divisor in divisors.items():
        shown_as = title if divisor == 1 else f"{title}, temperature {divisor:.3g}"
        figures[name] = reliability_figure((logits / divisor).softmax(dim=1), targets, shown_as)
    if record.corruptions is not None:
        r = record.corruptions
        of = f"{title}\n{r.label()}"
        figures["corruptions"] = corruption_figure(r.oa, r.ece, r.severities, r.clean_oa, r.clean_ece, of)
    return figures


def write_figures(folder: Path, stem: str, figures: Mapping[str, Figure]) -> dict[str, str]:
    """Write each figure as `<stem>_<name>.png`.

    Returns:
        Name → file.

    Raises:
        OutputError: The disk refuses.
    """
    files = {name: f"{stem}_{name}.{PICTURE_FORMAT}" for name in figures}
    for name, figure in figures.items():
        write_atomic(folder / files[name], picture(figure))
    return files


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
        figures: As `evaluation_figures` gives them.

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

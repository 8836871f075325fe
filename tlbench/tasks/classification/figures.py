"""The pictures of an evaluation."""

from __future__ import annotations

from matplotlib.figure import Figure
from torch import Tensor

from tlbench.records.evaluation import EvaluationRecord
from tlbench.robustness.figure import corruption_figure
from tlbench.tasks.classification.reliability import reliability_figure


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

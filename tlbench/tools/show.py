"""An evaluation on the terminal."""

from __future__ import annotations

from rich.table import Table

from tlbench.console import console, say
from tlbench.records.evaluation import TOLERANCE, EvaluationRecord


def show_evaluation(record: EvaluationRecord) -> None:
    """Print the metrics, beside the recorded ones where they are compared."""
    data, comparison = record.data, record.comparison
    say(f"{record.run.study} · {record.run.arm} · seed {record.run.seed}: {data.count} images of {data.name}")
    if not data.own and data.split != "all":
        say(f"only {data.split} of these data, as they are divided or as it is carved out; split=all takes every image")
    table = Table()
    table.add_column("metric", no_wrap=True)
    if comparison is not None:
        table.add_column("recorded", justify="right")
    table.add_column("recomputed" if comparison is not None else "value", justify="right")
    for name, value in record.metrics.items():
        if name.count("/") == 1:
            recorded = [_shown(comparison.recorded.get(name))] if comparison is not None else []
            table.add_row(name, *recorded, _shown(value))
    console.print(table)
    if record.calibration is not None:
        c = record.calibration
        say(f"temperature {c.temperature:.4f}, fitted on the {c.fitted_on} images of val")
        say(f"ECE {c.ece_before:.4f} → {c.ece_after:.4f}, NLL {c.nll_before:.4f} → {c.nll_after:.4f} nats")
    if record.corruptions is not None:
        corrupted = record.corruptions
        say(f"mean corrupted OA {_shown(corrupted.mean_corrupted_oa)} (clean {_shown(corrupted.clean_oa)})")
        say(f"{corrupted.label()}; {corrupted.differences}")
    if comparison is not None and not comparison.differing:
        count, largest = len(comparison.recorded), comparison.largest_difference
        say(f"all {count} recorded metrics agree to {TOLERANCE:g} (largest difference {largest:.1g})")


def _shown(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.6f}"

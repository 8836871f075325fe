"""A run's result as a table on the terminal."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from tlbench.console import console, say, shown
from tlbench.records.record import FILE_NAME, Record


def show_record(record: Record, folder: Path) -> None:
    """Print the test metrics of a complete run, what was chosen on validation, its time, and where its record is."""
    title = f"{record.study} · {record.arm} · seed {record.seed}"
    if record.stand_ins:
        title += " · STAND-IN: " + ", ".join(f"{s.used} for {s.wanted}" for s in record.stand_ins)
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column("what", no_wrap=True)
    table.add_column("value", justify="right")
    for name, value in record.metrics.items():
        if name.count("/") == 1:
            table.add_row(name, _number(value))
    if record.config.get("test") is False:
        table.add_row("test", "not read (test=false)")
    if record.best is not None:
        table.add_section()
        table.add_row("best epoch", f"{record.best.epoch} ({record.best.monitor} {_number(record.best.value)})")
    stopped = record.volatile.stopped_by_time
    if stopped is not None:
        table.add_row("ended by trainer.max_time_s", stopped.text(record.config["trainer"]["max_epochs"]))
    if record.tuning is not None:
        for key, value in record.tuning.chosen.items():
            table.add_row(key, f"{value:g} (the best of {len(record.tuning.trials)} trials)")
    table.add_row("time", f"{record.volatile.total_s:.1f} s")
    console.print(table)
    say(f"record: {shown(folder / FILE_NAME)}")


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"

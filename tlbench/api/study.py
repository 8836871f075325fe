"""A study that is done: its runs, its table, its differences."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from tlbench.errors import ConfigError
from tlbench.records.record import Record
from tlbench.study.render import render
from tlbench.study.stored import read_stored
from tlbench.study.summary import StudySummary

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_WIDTH = 120  # characters of a table
_PLAIN: dict[str, Any] = {"force_jupyter": False, "force_terminal": False}  # rich would show it, or colour it


@dataclass(frozen=True, eq=False, repr=False)
class Study:
    """A study.

    Attributes:
        folder: Where its runs are.
        summary: Arms, paired differences with their intervals, failures, warnings: as `summary.json` has it.
        records: Of its complete runs, arms in the summary's order, then by seed.
    """

    folder: Path
    summary: StudySummary
    records: tuple[Record, ...]

    def table(self) -> str:
        """The table as the command prints it: arms, paired differences, failed runs and notes; plain text."""
        text = io.StringIO()
        plain = Console(file=text, width=_WIDTH, highlight=False, markup=False, emoji=False, **_PLAIN)
        plain.print(render(self.summary))
        return text.getvalue()

    def to_pandas(self) -> pd.DataFrame:
        """A row for each complete run: `arm`, `seed`, a column for each declared factor and for each metric.

        Raises:
            ConfigError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise ConfigError("to_pandas: pandas is not installed; pip install pandas, or 'tlbench[pandas]'") from None
        return pd.DataFrame([{**self._of(record), **record.metrics} for record in self.records])

    def plot(self, metric: str | None = None) -> Figure:
        """Every seed a dot, by arm, with means; and each arm's paired difference from its baseline with its interval.

        Args:
            metric: Such as `test/f1`; None: the one that arms are compared by.

        Raises:
            ConfigError: The study does not sum it up.
        """
        from tlbench.api.plot import plot_study

        metrics = self.summary.metrics
        chosen = self.summary.primary if metric is None else metric
        if chosen not in metrics:
            raise ConfigError(f"metric={chosen!r}: not one of this study's, which are {', '.join(metrics)}")
        return plot_study(self.summary, list(self._values(chosen)), chosen)

    def _of(self, record: Record) -> dict[str, Any]:
        factors = {factor: _at(record.config, factor) for factor in self.summary.factors}
        return {"arm": record.arm, "seed": record.seed, **factors}

    def _values(self, metric: str) -> Iterator[tuple[str, int, float]]:
        for record in self.records:
            value = record.metrics.get(metric)
            if value is not None:
                yield record.arm, record.seed, value

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        return f"<Study {self.folder}: {len(self.summary.arms)} arms, {len(self.records)} complete runs>"

    def _repr_html_(self) -> str:
        """For notebooks."""
        from html import escape

        return f"<pre>{escape(self.table())}</pre>"


def read_study(folder: Path | str) -> Study:
    """A study from its folder; data and weights may be gone.

    Raises:
        ConfigError: It is not a study's folder, or its summary cannot be read.
    """
    folder = Path(folder)
    return Study(folder, *read_stored(folder))


def _at(config: Any, key: str) -> Any:
    for part in key.split("."):
        config = config.get(part) if isinstance(config, dict) else None
    return config.get("name", config) if isinstance(config, dict) else config

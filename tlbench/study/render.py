"""A study's summary as a table and plain sentences, for terminals and for plain text."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from tlbench.statistics.spread import Spread
from tlbench.study.arm import Arm
from tlbench.study.findings import exploratory, findings
from tlbench.study.post_hoc import Registration, seeds_named
from tlbench.study.summary import StudySummary

# Widths in characters: the metric's name with its gap; an arm, at least "0.964 ± 0.004", longer names are folded.
_NAME_WIDTH, _ARM_WIDTH, _LONGEST_ARM_WIDTH, _GAP = 15, 13, 24, 3

_ASCII = str.maketrans({"±": "+/-", "−": "-"})


def render(summary: StudySummary) -> RenderableType:
    """The table of arms, then the paired differences of the primary metric, failed runs and notes."""
    return _Rendering(summary)


class _Rendering:
    def __init__(self, summary: StudySummary) -> None:
        self.summary = summary

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        def text(content: str, style: str = "") -> Text:
            if options.ascii_only:
                content = content.translate(_ASCII).encode("ascii", "replace").decode()
            return Text(content, style)

        yield text(f"{self.summary.study}: mean ± standard deviation over seeds", "bold")
        for stand_in in self.summary.stand_ins:
            yield text(f"STAND-IN: {stand_in.kind} {stand_in.used}, not {stand_in.wanted}", "bold yellow")
        arms = self.summary.arms
        width = min(max(_ARM_WIDTH, *(len(arm.name) for arm in arms)), _LONGEST_ARM_WIDTH)
        names = max(_NAME_WIDTH, *(len(key) + _GAP for arm in arms for key in arm.tuned), 0)
        side_by_side = max(1, (options.max_width - names) // (width + _GAP))
        for start in range(0, len(arms), side_by_side):
            table = Table(box=box.HORIZONTALS, pad_edge=False)
            table.add_column("", no_wrap=True)
            for arm in arms[start : start + side_by_side]:
                table.add_column(text(arm.name), justify="right", overflow="fold", max_width=width)
            for row in arm_rows(self.summary, arms[start : start + side_by_side]):
                table.add_row(*(text(cell) for cell in row))
            yield table
        if self.summary.floor is not None:
            yield text(floor_line(self.summary))
        if (line := exploratory(self.summary)) is not None:
            yield text(line)
        for line, style in findings(self.summary):
            yield text(line, style)
        for failure in self.summary.failures:
            yield text(f"{failure.status}: {failure.arm}/seed_{failure.seed}: {failure.reason}", "red")
        for note in self.summary.notes:
            yield text(note, "yellow")
        kept = _kept(arms)
        if kept:
            yield text(f"not of this command, kept from before: {kept}")
        for left_out in self.summary.left_out:
            yield text(f"left out: {left_out.run}: {left_out.reason}", "yellow")


def floor_line(summary: StudySummary) -> str:
    """For example `all 'background': test/miou 9.9 %, test/oa 88.8 %`, of the metrics that the study sums up."""
    floor = summary.floor
    assert floor is not None
    shown = [
        f"{metric} {100 * value:.1f} %" if summary.is_percentage(metric) else f"{metric} {value:.3f}"
        for metric in summary.metrics
        if (value := floor.metrics.get(metric)) is not None
    ]
    return f"all {floor.name!r}: {', '.join(shown)}"


def warning_lines(summary: StudySummary) -> list[str]:
    """What runs warned of, each once, with the runs unless all did."""
    failed = [(failure.arm, failure.seed) for failure in summary.failures]
    runs = {arm.name: {*arm.seeds, *(seed for name, seed in failed if name == arm.name)} for arm in summary.arms}
    return [f"{warning}{_where(where, runs)}" for warning, where in summary.warnings.items()]


def _kept(arms: Sequence[Arm]) -> str:
    return _by_arm({arm.name: arm.kept for arm in arms if arm.kept})


def _where(where: Mapping[str, Sequence[int]], runs: Mapping[str, Collection[int]]) -> str:
    """In which runs, unless in all."""
    everywhere = all(set(seeds) <= set(where.get(arm, ())) for arm, seeds in runs.items())
    return "" if everywhere else f" ({_by_arm(where)})"


def _by_arm(seeds: Mapping[str, Sequence[int]]) -> str:
    """`a, b: seeds 0, 1; c: seed 0`."""
    arms: dict[tuple[int, ...], list[str]] = {}
    for arm, found in seeds.items():
        arms.setdefault(tuple(found), []).append(arm)
    return "; ".join(
        f"{', '.join(names)}: seed{'s' * (len(found) > 1)} {', '.join(map(str, found))}"
        for found, names in arms.items()
    )


def arm_rows(summary: StudySummary, arms: Sequence[Arm]) -> Iterable[list[str]]:
    """Rows of the table of arms: what it shows, then a cell an arm."""
    for metric in summary.metrics:
        percent = summary.is_percentage(metric)
        yield [f"{metric} %" if percent else metric, *(_spread(arm.metrics[metric], percent) for arm in arms)]
    for key in dict.fromkeys(key for arm in arms for key in arm.tuned):
        yield [key, *(f"{arm.tuned[key]:g}" if key in arm.tuned else "-" for arm in arms)]
    totals = [arm.n_complete + arm.n_failed for arm in arms]
    yield ["runs", *(f"{a.n_complete} of {n}" if a.n_failed else str(n) for a, n in zip(arms, totals, strict=True))]
    added = summary.registration.added if isinstance(summary.registration, Registration) else {}
    if any(arm.name in added for arm in arms):
        yield ["post hoc", *(seeds_named(added[arm.name]) if arm.name in added else "-" for arm in arms)]
    yield ["training s", *("-" if a.fit_s is None else f"{a.fit_s:.{1 if a.fit_s < 10 else 0}f}" for a in arms)]


def _spread(spread: Spread, percent: bool) -> str:
    if spread.mean is None:
        return "-"
    factor, digits = (100, 1) if percent else (1, 3)
    mean = f"{factor * spread.mean:.{digits}f}"
    return mean if spread.std is None else f"{mean} ± {factor * spread.std:.{digits}f}"

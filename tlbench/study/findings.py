"""What a study found, as lines: differences, effects of crossed factors, and what they advise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tlbench.study.comparisons import Difference
from tlbench.study.factorial import Effect
from tlbench.study.label_worth import sentences as worths_said
from tlbench.study.post_hoc import Registration
from tlbench.study.sentences import all_cover, difference_line, short_line, verdict_lines
from tlbench.study.summary import StudySummary
from tlbench.study.time_sentences import time_lines
from tlbench.study.variance_by_source import lines as variance_lines

_STRONG = "bold"
_MOST_LINES = 8  # effects that are printed; all are in summary.json


def findings(summary: StudySummary) -> Iterable[tuple[str, str]]:
    """Each line with its style, in the primary metric: the baseline's in full, the others in a line each."""
    family = [d for d in summary.differences if d.metric == summary.primary]
    percent = summary.is_percentage(summary.primary)
    comparisons = sum(d.paired.holm is not None for d in family)
    for d in family:
        if d.with_baseline:
            yield difference_line(d, percent=percent), _STRONG
            yield from ((f"  {line}", "") for line in verdict_lines(d, comparisons, percent=percent))
            yield from ((f"  {line}", "") for line in _times(summary, d))
    others = [d for d in family if not d.with_baseline]
    if others:
        yield from _others(others, comparisons, summary.primary, percent=percent)
    if summary.effects:
        yield from _effects(summary.effects, summary.primary, percent=percent)
    yield from ((f"{line}.", "") for line in worths_said(summary.label_worths, summary.primary))
    parts = variance_lines(summary.variance_by_source, percent=percent)
    yield from ((line, "" if number else _STRONG) for number, line in enumerate(parts))
    yield from ((each.sentence, _STRONG) for each in summary.recommendations)
    if summary.more_seeds is not None:
        yield summary.more_seeds.sentence, ""
    if isinstance(summary.registration, Registration) and not summary.registration.post_hoc:
        yield f"Preregistered {summary.registration.registered['registered']}; nothing was added since.", ""


def _times(summary: StudySummary, d: Difference) -> Iterable[str]:
    for found in summary.times_to_score:
        if (found.arm, found.baseline) == (d.arm, d.baseline):
            yield from time_lines(found, percent=summary.is_percentage(found.monitor))


def exploratory(summary: StudySummary) -> str | None:
    """That all but the primary metric is there to explore; None where nothing else is compared."""
    others = [metric for metric in summary.metrics if metric != summary.primary]
    if not others or not summary.differences:
        return None
    own = "with a Holm correction of its own" if len(others) == 1 else "each with a Holm correction of its own"
    return f"Compared by {summary.primary}; exploratory: {', '.join(others)}, {own}."


def _others(others: Sequence[Difference], comparisons: int, metric: str, *, percent: bool) -> Iterable[tuple[str, str]]:
    over = all_cover([d.paired for d in others])
    family = f"; p by Holm for all {comparisons} comparisons" if comparisons > 1 else ""
    yield f"Other pairs, {_unit(metric, percent)} with {_confidence(others[0])}% intervals {over}{family}:", _STRONG
    for d in others:
        yield f"  {short_line(f'{d.arm} − {d.baseline}', d.paired, percent=percent)}", ""


def _effects(found: Sequence[Effect], metric: str, *, percent: bool) -> Iterable[tuple[str, str]]:
    over = all_cover([each.paired for each in found])
    what = f"Main effects and interaction, {_unit(metric, percent)} with {_confidence(found[0])}% intervals {over}"
    yield f"{what}; p by Holm for these {len(found)}, a family of their own:", _STRONG
    shown = found if len(found) <= _MOST_LINES else [each for each in found if each.kind == "main effect"]
    for each in shown:
        name = f"{' × '.join(each.factors)}, {each.name}"
        yield f"  {short_line(name, each.paired, percent=percent, interaction=each.kind == 'interaction')}", ""
    if len(shown) < len(found):
        yield f"  the {len(found) - len(shown)} interactions are in summary.json", ""


def _unit(metric: str, percent: bool) -> str:
    return f"points {metric}" if percent else metric


def _confidence(found: Difference | Effect) -> str:
    return f"{100 * found.paired.confidence:g}"

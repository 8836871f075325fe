"""How long two arms train until they have a score, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterable

from tlbench.statistics.reaching import Spent
from tlbench.study.time_to_score import TimeToScore


def time_lines(found: TimeToScore, *, percent: bool) -> Iterable[str]:
    """Two lines, for example

        To val/oa 94.4 %, the mean best of random: tin200 takes 4.3 epochs, random at least 9.0 (1 of 3 seeds never
        has it): −4.7 epochs, 95% interval [−6.2, −3.1].
        That is −42 steps [−55, −28] and −8.5 s of training [−11.2, −5.8].

    Args:
        found: Of two arms.
        percent: Whether the metric is shown in percent.
    """
    score = f"{100 * found.score:.1f} %" if percent else f"{found.score:.3f}"
    arm = f"{found.arm} takes {_takes(found, found.arm, found.epochs.arm)} epochs{_never(found, found.arm)}"
    baseline = f"{found.baseline} {_takes(found, found.baseline, found.epochs.baseline)}{_never(found, found.baseline)}"
    interval = _interval(found.epochs, 1)
    named = f", {100 * found.confidence:g}% interval{interval}" if interval else ""
    yield (
        f"To {found.monitor} {score}, the mean best of {found.of}: {arm}, {baseline}: "
        f"{_signed(found.epochs.difference, 1)} epochs{named}."
    )
    steps = f"{_signed(found.steps.difference, 0)} steps{_interval(found.steps, 0)}"
    if found.seconds is None:
        yield f"That is {steps}; the seconds are not known, as of runs that were resumed."
    else:
        seconds = f"{_signed(found.seconds.difference, 1)} s of training{_interval(found.seconds, 1)}"
        yield f"That is {steps} and {seconds}{', if all epochs take as long' if found.equal_epochs else ''}."


def _takes(found: TimeToScore, name: str, epochs: float) -> str:
    return f"{'at least ' if found.never[name] else ''}{epochs:.1f}"


def _never(found: TimeToScore, name: str) -> str:
    """How many of its seeds never have the score, and what they count with."""
    never, seeds, epochs = len(found.never[name]), len(found.seeds), found.longest[name]
    if not never:
        return ""
    which = "its one seed" if seeds == 1 else f"{never} of {seeds} seeds"
    return f" ({which} never reach{'es' * (never == 1)} it in {epochs} epoch{'s' * (epochs != 1)})"


def _interval(spent: Spent, digits: int) -> str:
    if spent.low is None or spent.high is None:
        return ""
    return f" [{_signed(spent.low, digits)}, {_signed(spent.high, digits)}]"


def _signed(value: float, digits: int) -> str:
    text = f"{value:+.{digits}f}"
    return (text.lstrip("+-") if float(text) == 0 else text).replace("-", "−")

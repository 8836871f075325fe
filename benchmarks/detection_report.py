"""Figures of `benchmarks.detection`: parity over seeds, and ratios over pairs of runs."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SIDES = ("ultralytics", "tlbench")
METRICS = ("map50", "map50_95")
Pair = Mapping[str, Mapping[str, Any]]
"""Side → what its run measured."""


@dataclass(frozen=True)
class Quotient:
    """A ratio, measured several times.

    Args:
        name: What is divided by what; above 1 tlbench, or what is frozen, is the faster.
        target: The least median wanted; None: a figure without one.
        values: One a pair.
        medians: What was divided, by side, in `unit`.
        unit: `images/s` or `s`.
    """

    name: str
    target: float | None
    values: tuple[float, ...]
    medians: Mapping[str, float]
    unit: str

    def line(self) -> str:
        """Median, range, and whether the target is met."""
        median = statistics.median(self.values)
        goal = "" if self.target is None else f"; target ≥ {self.target:g}: {'met' if self.met else 'MISSED'}"
        spread = f"{min(self.values):.2f}–{max(self.values):.2f} over {len(self.values)}"
        measured = ", ".join(f"{side} {value:.1f} {self.unit}" for side, value in self.medians.items())
        return f"{self.name}: median {median:.2f} ({spread}){goal} [{measured}]"

    @property
    def met(self) -> bool | None:
        """Whether the median reaches the target."""
        return None if self.target is None else statistics.median(self.values) >= self.target

    def as_json(self) -> dict[str, Any]:
        """Plain types."""
        return {
            "name": self.name,
            "median": statistics.median(self.values),
            "ratios": list(self.values),
            "target": self.target,
            "met": self.met,
            "unit": self.unit,
            "medians": dict(self.medians),
        }


def quotient(
    name: str, target: float | None, rates: Sequence[Mapping[str, float]], of: str, to: str, *, seconds: bool = False
) -> Quotient:
    """One rate divided by another, pair by pair; of durations the quotient is turned over.

    Args:
        name: See `Quotient`.
        target: See `Quotient`.
        rates: Of each pair: side → images/s, or seconds.
        of: Whose rate is divided.
        to: By whose.
        seconds: Whether they are seconds.
    """
    above, below = (to, of) if seconds else (of, to)
    values = tuple(pair[above] / pair[below] for pair in rates)
    medians = {side: statistics.median(pair[side] for pair in rates) for side in (of, to)}
    return Quotient(name, target, values, medians, "s" if seconds else "images/s")


def training_rate(run: Mapping[str, Any]) -> float:
    """Images/s of a run's epochs, without validation and, where there are several, without the first."""
    epochs = run["epochs"][1:] or run["epochs"]
    return float(sum(e["images"] for e in epochs) / sum(e["seconds"] for e in epochs))


def speed(pairs: Sequence[Pair], cuda: bool) -> list[Quotient]:
    """Training images/s, and the whole run, with imports and without.

    The whole run also for each image trained on, as ultralytics trains on the last few of an epoch as well.
    """
    trained = [{side: training_rate(pair[side]) for side in SIDES} for pair in pairs]
    durations = {key: [{side: pair[side][key] for side in SIDES} for pair in pairs] for key in ("run_s", "whole_s")}
    images = [{side: sum(e["images"] for e in pair[side]["epochs"]) for side in SIDES} for pair in pairs]
    rates = [{side: images[i][side] / durations["run_s"][i][side] for side in SIDES} for i in range(len(pairs))]
    order = ("tlbench", "ultralytics")
    return [
        quotient("training, tlbench ÷ ultralytics", 1.5 if cuda else 1.0, trained, *order),
        quotient("whole run, ultralytics ÷ tlbench", 1.3, durations["run_s"], *order, seconds=True),
        quotient("with imports, ultralytics ÷ tlbench", 1.3, durations["whole_s"], *order, seconds=True),
        quotient("whole run an image trained on, tlbench ÷ ultralytics", None, rates, *order),
    ]


def parity(pairs: Sequence[Pair]) -> tuple[list[str], dict[str, Any]]:
    """mAP50 and mAP50:95 of both over the seeds, and whether tlbench is below by more than ultralytics' own spread.

    The spread is the standard deviation (n − 1) of ultralytics' runs.
    """
    lines, found = [], {}
    for metric in METRICS:
        values = {side: [float(pair[side][metric]) for pair in pairs] for side in SIDES}
        mean = {side: statistics.mean(values[side]) for side in SIDES}
        spread = {side: statistics.stdev(values[side]) if len(pairs) > 1 else None for side in SIDES}
        allowed = spread["ultralytics"]
        met = None if allowed is None else mean["tlbench"] >= mean["ultralytics"] - allowed
        verdict = "no spread: one seed" if met is None else "met" if met else "MISSED"
        if max(mean.values()) == 0:
            met, verdict = None, "nothing to compare, all are 0; train longer or from source weights"
        texts = ", ".join(
            f"{side} {mean[side]:.4f}" + ("" if spread[side] is None else f" ± {spread[side]:.4f}") for side in SIDES
        )
        difference = mean["tlbench"] - mean["ultralytics"]
        lines.append(f"{metric}: {texts}; difference {difference:+.4f}; not below by more than the spread: {verdict}")
        found[metric] = {"values": values, "mean": mean, "std": spread, "difference": difference, "met": met}
    return lines, found


def start_problems(start: Mapping[str, Any]) -> list[str]:
    """In what the two sides do not begin alike; see `benchmarks.same_start`."""
    problems = [] if start["same_weights"] else ["other initial weights"]
    theirs, ours = start["ultralytics"], start["tlbench"]
    for key in ("loss", "gradient"):
        if abs(theirs[key] - ours[key]) > 1e-3 * abs(theirs[key]):
            problems.append(f"{key} {theirs[key]:.6g} in ultralytics, {ours[key]:.6g} in tlbench")
    for key, value in theirs["optimizer"].items():
        if ours["optimizer"][key] != value:
            problems.append(f"optimizer's {key} {value} in ultralytics, {ours['optimizer'][key]} in tlbench")
    return problems

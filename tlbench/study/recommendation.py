"""What a study advises: which arm to choose, what that is expected to gain, at which risk, at which cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tlbench.statistics.estimate import Estimate
from tlbench.study.arm import Arm
from tlbench.study.comparisons import Difference
from tlbench.study.sentences import seeds_of, signed
from tlbench.study.verdicts import estimates_of

_AS_LONG = 1.05  # ratios of training times nearer to 1 are told as equal


@dataclass(frozen=True)
class Recommendation:
    """Of the arms that have one baseline.

    Attributes:
        arm: The best of those shown to be better than the baseline; else the one with the best mean of those that are
            not worse; the baseline, where all others are worse.
        over: The baseline; the best of the others, where the baseline itself is chosen.
        decided: Whether it is shown to be better.
        gain: Expected, towards the better side, in the unit of the metric.
        low: Lower end of its interval: the one with which those of all comparisons hold together.
        high: Upper end.
        harm: Probability that the arm is worse than `over`, by Student's posterior of the mean difference under a flat
            prior (Box and Tiao 1973), which has the estimate's standard error and degrees of freedom: of the mean over
            further seeds, and images where the interval covers these; not of one run.
        cost: Its mean training time by that of `over`, of runs that were never resumed; None where there are none.
        alike: Arms that it could not be told apart from, `over` aside → their training time by its own.
        sentence: All of this.
    """

    arm: str
    over: str
    decided: bool
    gain: float
    low: float
    high: float
    harm: float
    cost: float | None
    alike: Mapping[str, float | None]
    sentence: str


def recommendations(
    differences: Sequence[Difference], arms: Sequence[Arm], *, higher_is_better: bool, percent: bool
) -> tuple[Recommendation, ...]:
    """One for each baseline of which some arm has an interval.

    Args:
        differences: All in the primary metric, other pairs included.
        arms: Of the study.
        higher_is_better: Of the primary metric.
        percent: Whether it is shown in percent.
    """
    times = {arm.name: arm.fit_s for arm in arms}
    found = []
    for base in dict.fromkeys(d.baseline for d in differences if d.with_baseline):
        known = [d for d in differences if d.with_baseline and d.baseline == base and d.paired.verdict is not None]
        if known:
            alike = [d for d in differences if d.paired.verdict in ("undecided", "equivalent")]
            found.append(_of(known, alike, times, 1 if higher_is_better else -1, percent=percent))
    return tuple(found)


def _of(
    known: Sequence[Difference],
    alike: Sequence[Difference],
    times: Mapping[str, float | None],
    sign: int,
    *,
    percent: bool,
) -> Recommendation:
    better = [d for d in known if d.paired.verdict == "better"]
    open_ = [d for d in known if d.paired.verdict != "worse"]
    chosen = max(better or open_ or known, key=lambda d: sign * (d.paired.mean or 0.0))
    estimates = estimates_of(chosen.paired)
    assert estimates
    assert chosen.paired.simultaneous is not None
    turned = not open_  # the baseline is better than each
    sign = -sign if turned else sign
    arm, over = (chosen.baseline, chosen.arm) if turned else (chosen.arm, chosen.baseline)
    ends = sorted(sign * end for end in chosen.paired.simultaneous)
    others = [other for d in alike for other in _partner(d, arm) if other != over]
    found = Recommendation(
        arm=arm,
        over=over,
        decided=turned or bool(better),
        gain=sign * estimates[0].mean,
        low=ends[0],
        high=ends[1],
        harm=max(Estimate(sign * each.mean, each.error, each.df).tail(0) for each in estimates),
        cost=_ratio(times, arm, over),
        alike={other: _ratio(times, other, arm) for other in others},
        sentence="",
    )
    sentence = _advice(found, chosen, percent) if found.decided else _open(found, chosen, percent)
    return Recommendation(**{**vars(found), "sentence": sentence})


def _advice(found: Recommendation, chosen: Difference, percent: bool) -> str:
    unit = "points " if percent else ""
    ends = f"[{signed(found.low, percent)}, {signed(found.high, percent)}]"
    gain = f"expected gain over {found.over} {signed(found.gain, percent)} {unit}{chosen.metric} {ends}"
    line = f"Choose {found.arm}: {gain}, risk of harm {_share(found.harm)}, {_cost(found.cost)}"
    if not found.alike:
        return f"{line}."
    named = [f"{name} ({_cost(ratio)})" for name, ratio in found.alike.items()]
    return f"{line}; not told apart from it: {', '.join(named)}."


def _open(found: Recommendation, chosen: Difference, percent: bool) -> str:
    unit = " points" if percent else ""
    gain = f"expected gain of {found.arm} {signed(found.gain, percent)}{unit}, risk of harm {_share(found.harm)}"
    if chosen.paired.verdict == "equivalent":
        return f"{found.arm} and {found.over} are equivalent within the margin: {_cheaper(found)}; {gain}."
    needed = chosen.paired.seeds_needed
    takes = "no number of seeds up to 1000 would tell them apart"
    if needed is not None:
        takes = f"{seeds_of(max(needed, chosen.paired.n + 1))} would tell them apart in 4 cases of 5, if that is true"
    return f"Undecided between {found.arm} and {found.over}: {_cheaper(found)}; {gain}; {takes}."


def _cheaper(found: Recommendation) -> str:
    if found.cost is None:
        return "what their training costs is not known"
    if 1 / _AS_LONG < found.cost < _AS_LONG:
        return "both train as long"
    cheap, ratio = (found.over, found.cost) if found.cost > 1 else (found.arm, 1 / found.cost)
    dear = found.arm if cheap == found.over else found.over
    return f"the cheaper one is {cheap} ({dear} trains {ratio:.2g} times as long)"


def _cost(ratio: float | None) -> str:
    if ratio is None:
        return "training cost unknown"
    return "trains as long" if 1 / _AS_LONG < ratio < _AS_LONG else f"trains {ratio:.2g} times as long"


def _share(probability: float) -> str:
    return "below 0.1 %" if probability < 0.001 else f"{100 * probability:.2g} %"


def _ratio(times: Mapping[str, float | None], a: str, b: str) -> float | None:
    one, other = times.get(a), times.get(b)
    return one / other if one and other else None


def _partner(d: Difference, arm: str) -> Iterable[str]:
    """The other arm of a comparison; nothing where it is not of this arm."""
    return [name for name in (d.arm, d.baseline) if name != arm] if arm in (d.arm, d.baseline) else []

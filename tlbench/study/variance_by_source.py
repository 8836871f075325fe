"""How much of the spread of runs comes from which random stream, and from the test images (`vary`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tlbench.config.arms import arm_name
from tlbench.records.record import Record
from tlbench.statistics.components import Component, beyond_sum, of_images, of_runs
from tlbench.study.baselines import VARY, baselines
from tlbench.study.contrasts import ScoredArms, Weights
from tlbench.study.crossed_images import crossed_images

STREAMS = ("init", "order", "augment", "split")
"""Seeds that may vary alone."""

ALL, IMAGES, TOGETHER = "all", "test images", "together"
"""Of components: all streams at once; the draw of the test images; what the streams do at once beyond their sum."""

_FEWEST = 3  # runs: the interval of two runs' variance ends at a thousand times of it


@dataclass(frozen=True)
class VarianceBySource:
    """Where the spread of one arm's score comes from, or of the difference of two.

    Attributes:
        of: The arm without its value of `vary`, or both; empty where there is but one.
        metric: Such as `test/oa`.
        runs: Value of `vary` → complete runs.
        components: Each value of `vary`, and `test images` and `together` where they can be told → the variance.
        images: Test images that the component `test images` was estimated on; None: there is none.
        groups: Groups that they come in; None: each stands alone.
        no_images: Why there is none; None where there is.
        redrawn: Whether `split` draws other test images too.
        confidence: Of the intervals, in (0, 1).
    """

    of: str
    metric: str
    runs: Mapping[str, int]
    components: Mapping[str, Component]
    images: int | None
    groups: int | None
    no_images: str | None
    redrawn: bool
    confidence: float


def variance_by_source(
    scored: ScoredArms, runs: Mapping[str, Sequence[Record]], factors: Sequence[str], metric: str
) -> tuple[VarianceBySource, ...]:
    """That of each arm, and of each arm's difference from its baseline, in a study with the factor `vary`; else none.

    Args:
        scored: The arms.
        runs: Arm → its complete runs.
        factors: The declared factors.
        metric: That arms are compared by.
    """
    if VARY not in factors:
        return ()
    others = [factor for factor in factors if factor != VARY]
    named: dict[str, dict[str, str]] = {}
    for arm, found in runs.items():
        if found and (vary := found[0].config.get(VARY)) is not None:
            rest = arm_name(found[0].config, others) if others else ""
            named.setdefault(rest, {})[vary] = arm
    subjects: list[tuple[str, dict[str, Weights]]] = [
        (rest, {vary: {arm: 1.0} for vary, arm in arms.items()}) for rest, arms in named.items()
    ]
    firsts = {rest: runs[next(iter(arms.values()))][0] for rest, arms in named.items()}
    by_arm = {record.arm: rest for rest, record in firsts.items()}
    for a, b in baselines(list(by_arm), firsts.values(), others).items():
        ours, base = named[by_arm[a]], named[by_arm[b]]
        pairs: dict[str, Weights] = {vary: {ours[vary]: 1.0, base[vary]: -1.0} for vary in ours if vary in base}
        subjects.append((f"{by_arm[a]} − {by_arm[b]}", pairs))
    tables = (_of_subject(scored, name, arms, metric) for name, arms in subjects)
    return tuple(table for table in tables if table.components)


def _of_subject(scored: ScoredArms, name: str, arms: Mapping[str, Weights], metric: str) -> VarianceBySource:
    confidence = scored.confidence
    values = {vary: scored.values(weights, metric) for vary, weights in arms.items()}
    values = {vary: each for vary, each in values.items() if len(each) >= _FEWEST}
    components = {vary: of_runs(values[vary], confidence) for vary in (*STREAMS, ALL) if vary in values}
    if components.keys() >= {*STREAMS, ALL}:
        components[TOGETHER] = beyond_sum(values[ALL], [values[stream] for stream in STREAMS], confidence)
    rows = {vary: scored.rows(arms[vary], metric) for vary in components if vary in arms}
    prints = {
        vary: {run.record.data.fingerprints.get("test") for row in of_vary for run in row if run.record.data}
        for vary, of_vary in rows.items()
    }
    same = next((each for each in prints.values() if len(each) == 1), set())
    alike = [row for vary, of_vary in rows.items() if prints[vary] == same for row in of_vary]
    weights = list(next(iter(arms.values())).values()) if arms else []
    crossed = crossed_images(alike, metric, weights) if alike else "each run has test images of its own"
    images = groups = no_images = None
    if isinstance(crossed, str):
        no_images = crossed
    else:
        images = crossed.images.per_image.images
        groups = None if crossed.images.groups is None else crossed.images.units
        if crossed.scores is not None:
            components[IMAGES] = of_images(crossed.scores, confidence)
        elif crossed.variance is not None:
            components[IMAGES] = Component(crossed.variance, None, None)
    return VarianceBySource(
        of=name,
        metric=metric,
        runs={vary: len(each) for vary, each in values.items()},
        components=components,
        images=images,
        groups=groups,
        no_images=no_images,
        redrawn=len(prints.get("split", ())) > 1,
        confidence=confidence,
    )


_WHAT = {
    "init": "init",
    "order": "order",
    "augment": "augment",
    "split": "split: train and val",
    IMAGES: "test images",
    ALL: "all streams at once",
    TOGETHER: "  beyond their sum",
}


def lines(found: Sequence[VarianceBySource], *, percent: bool) -> list[str]:
    """A table of standard deviations with their intervals, a row a source; none for none.

    Args:
        found: In one metric.
        percent: Whether it is shown in percent.
    """
    if not found:
        return []
    unit = "points " if percent else ""
    numbers = sorted({n for each in found for n in each.runs.values()})
    runs = f"{numbers[0]}" if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
    what = dict(_WHAT)
    if any(each.redrawn for each in found):
        what["split"] = "split: train, val, test"
    known = {(each.images, each.groups) for each in found if each.images is not None}
    if len(known) == 1:
        images, groups = known.pop()
        what[IMAGES] = f"test images, {images:,}" + ("" if groups is None else f" in {groups:,} groups")
    keys = [key for key in what if any(key in each.components for each in found)]
    cells = [["", *(each.of for each in found)]]
    cells += [[what[key], *(_cell(each.components.get(key), percent) for each in found)] for key in keys]
    widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
    table = [
        "  " + "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    ]
    confidence = f"{100 * found[0].confidence:g}"
    head = (
        f"Where the spread of runs comes from: standard deviation in {unit}{found[0].metric}, {confidence}% intervals"
    )
    reasons = dict.fromkeys(each.no_images for each in found if each.no_images is not None)
    return [
        f"{head}, {runs} runs a row:",
        *(line for line in table if line.strip()),
        *(f"  the test images' part is not known: {reason}" for reason in reasons),
    ]


def _cell(component: Component | None, percent: bool) -> str:
    if component is None:
        return "-"
    factor, digits = (100, 2) if percent else (1, 3)
    ends = component.std_ends
    shown = f"{factor * component.std:.{digits}f}"
    if component.high == 0:
        return f"{shown} (all below 0)"
    return shown if ends is None else f"{shown} [{factor * ends[0]:.{digits}f}, {factor * ends[1]:.{digits}f}]"

"""What a study's summary has that was not settled before its first run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tlbench.config.arms import earlier_arm_name
from tlbench.records.record import Record
from tlbench.study.arm import Arm
from tlbench.study.preregistration import Registered, arm_hash


@dataclass(frozen=True)
class Registration:
    """What was settled, and what was not.

    Attributes:
        sha256: Of `preregistration.json`, hex.
        registered: Its content.
        added: Arm → its complete runs' seeds that came later.
        post_hoc: All that came later, a sentence each.
        missing: Arm → registered seeds without a complete run.
    """

    sha256: str
    registered: Mapping[str, Any]
    added: Mapping[str, tuple[int, ...]]
    post_hoc: tuple[str, ...]
    missing: Mapping[str, tuple[int, ...]]


def registration_of(
    found: tuple[Registered, str],
    arms: Sequence[Arm],
    runs: Mapping[str, Sequence[Record]],
    *,
    factors: Sequence[str],
    primary: str,
    margin: float | None,
    confidence: float,
) -> Registration:
    """Compare a study with what was settled.

    Args:
        found: What was settled, and the file's hash.
        arms: Of the study.
        runs: Arm → its complete runs.
        factors: The declared factors.
        primary: The metric that arms are compared by.
        margin: Of equivalence.
        confidence: Of the intervals.
    """
    plan, sha256 = found
    renamed = {earlier_arm_name(run.config, run.factors): arm for arm, of_arm in runs.items() for run in of_arm[:1]}
    settled = {renamed.get(arm, arm): of_arm for arm, of_arm in plan.arms.items()}
    planned = {arm: set(of_arm.seeds) for arm, of_arm in settled.items()}
    done = {arm.name: set(arm.seeds) for arm in arms}
    added = {arm: tuple(sorted(seeds - planned.get(arm, set()))) for arm, seeds in done.items()}
    missing = {arm: tuple(sorted(seeds - done.get(arm, set()))) for arm, seeds in planned.items()}
    said: list[str] = []
    for what, before, now in (
        ("the metric that arms are compared by", plan.primary, primary),
        ("the margin", plan.margin, margin),
        ("the confidence", plan.confidence, confidence),
        ("the factors", ", ".join(plan.factors), ", ".join(factors)),
    ):
        if before != now:
            said.append(f"{what} is {now}; registered was {before}")
    for arm, seeds in added.items():
        if seeds and arm not in planned:
            said.append(f"not registered: arm {arm}, its first run begun {_first(runs[arm], seeds)}")
    fewer = {arm: seeds for arm, seeds in added.items() if seeds and arm in planned}
    for seeds, names in _together(fewer):
        begun = min(_first(runs[arm], seeds) for arm in names)
        said.append(f"not registered: {seeds_named(seeds)} of {', '.join(names)}, the first begun {begun}")
    said += [
        f"the configuration of {arm} is not the one that was registered"
        for arm, of_arm in runs.items()
        if arm in planned and any(arm_hash(run.config) != settled[arm].config_hash for run in of_arm)
    ]
    return Registration(
        sha256,
        plan.model_dump(mode="json"),
        {arm: seeds for arm, seeds in added.items() if seeds},
        tuple(f"Post hoc: {each} (preregistration of {plan.registered})." for each in said),
        {arm: seeds for arm, seeds in missing.items() if seeds},
    )


def registration_notes(registration: Registration | str | None) -> Iterable[str]:
    """What came later, what did not come, or why nothing was settled; nothing where that is not asked."""
    if registration is None:
        return
    if isinstance(registration, str):
        yield f"Not preregistered: {registration}."
        return
    yield from registration.post_hoc
    for seeds, names in _together(registration.missing):
        yield f"Registered, but without a complete run: {seeds_named(seeds)} of {', '.join(names)}."


def spans(numbers: Sequence[int]) -> str:
    """`0-4, 7` of 0, 1, 2, 3, 4 and 7.

    Args:
        numbers: In ascending order.
    """
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][-1] + 1:
            found[-1].append(number)
        else:
            found.append([number])
    return ", ".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in found)


def _together(seeds: Mapping[str, tuple[int, ...]]) -> list[tuple[tuple[int, ...], list[str]]]:
    """Arms by their seeds."""
    found: dict[tuple[int, ...], list[str]] = {}
    for arm, of_arm in seeds.items():
        found.setdefault(of_arm, []).append(arm)
    return list(found.items())


def _first(runs: Sequence[Record], seeds: Sequence[int]) -> str:
    return min((run.volatile.started for run in runs if run.seed in seeds), default="")


def seeds_named(seeds: Sequence[int]) -> str:
    """`seed 2`, `seeds 2-4`; in ascending order."""
    return f"seed{'s' * (len(seeds) > 1)} {spans(seeds)}"

"""A study in numbers: arms, paired differences from their baselines, failures, stand-ins, and what limits them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tlbench.config import StandIn
from tlbench.data.was_read import WasRead
from tlbench.records.record import Record
from tlbench.statistics.spread import summarise
from tlbench.study.arm import Arm
from tlbench.study.baselines import VARY, baselines, contrast
from tlbench.study.budget_notes import at_the_floor, budget_notes, ended_by_time
from tlbench.study.comparisons import Difference, comparisons, other_pairs
from tlbench.study.contrasts import ScoredArms
from tlbench.study.factorial import Effect, effects, grid_of
from tlbench.study.floors import Floor, floor_of
from tlbench.study.label_worth import LabelWorth, label_worths
from tlbench.study.more_seeds import MoreSeeds, StudyCommand, more_seeds
from tlbench.study.notes import incomplete, negative_transfer, notes_on, one_fold, one_stream, uncovered
from tlbench.study.optimism import of_validation
from tlbench.study.post_hoc import Registration, registration_notes, registration_of
from tlbench.study.preregistration import Registered
from tlbench.study.recommendation import Recommendation, recommendations
from tlbench.study.scored_images import Looked, scored_images
from tlbench.study.time_to_score import TimeToScore, times_to_score
from tlbench.study.tuning_notes import tuning_notes
from tlbench.study.variance_by_source import VarianceBySource, variance_by_source
from tlbench.tasks.registry import percentages, spec_named, spec_of_stored

SUMMARY_FILE = "summary.json"
"""Beside a study's runs."""

CONFIDENCE = 0.95
"""Of a study's intervals."""


@dataclass(frozen=True)
class Failure:
    """A run that did not complete: its arm, seed and status, and one line that says why."""

    arm: str
    seed: int
    status: str
    reason: str


@dataclass(frozen=True)
class LeftOut:
    """A run in the study's folder that is not summed up: its place there, and why."""

    run: str
    reason: str


@dataclass(frozen=True)
class StudySummary:
    """All that a study says; arms in declared order, metrics with the primary one first.

    `warnings` holds what runs warned of: text → arm → seeds; `left_out` the runs in its folder that do not belong here;
    `read` what the first of its runs said of the data before it trained, None where no record has that; `read_by` is
    that run, where others read other images, classes or splits, as with another `data.shots`; `percent` the metrics
    that are shown in percent; `floor` what calling everything the most frequent class would reach, None of data that
    are not asked for it; `effects` those of two crossed factors, in the primary metric;
    `recommendations` one for each baseline; `more_seeds` what would decide, where a command is known;
    `registration` what was settled before the first run, and what was not; or why nothing was; None of runs that are
    compared without a study; `times_to_score` how long compared arms train until a score; `label_worths`
    what sources are worth in training images, where these are a factor; `variance_by_source` where the spread comes
    from, where `vary` is one; `command` what was typed to make it, None where that is not known; older summaries have
    none of these.
    """

    study: str
    factors: tuple[str, ...]
    primary: str
    metrics: tuple[str, ...]
    arms: tuple[Arm, ...]
    differences: tuple[Difference, ...]
    failures: tuple[Failure, ...]
    stand_ins: tuple[StandIn, ...]
    notes: tuple[str, ...]
    warnings: Mapping[str, Mapping[str, tuple[int, ...]]] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    read: WasRead | None = None
    read_by: str | None = None
    percent: frozenset[str] = frozenset()
    floor: Floor | None = None
    effects: tuple[Effect, ...] = ()
    recommendations: tuple[Recommendation, ...] = ()
    more_seeds: MoreSeeds | None = None
    registration: Registration | str | None = None
    times_to_score: tuple[TimeToScore, ...] = ()
    label_worths: tuple[LabelWorth, ...] = ()
    variance_by_source: tuple[VarianceBySource, ...] = ()
    command: str | None = None

    def is_percentage(self, metric: str) -> bool:
        """Whether a metric, such as `test/oa`, is shown in percent."""
        return metric.rsplit("/", 1)[-1] in self.percent

    def to_dict(self) -> dict[str, Any]:
        """Plain containers, fit for JSON."""
        return {
            **{key: value for key, value in asdict(self).items() if key != "percent"},
            "stand_ins": [stand_in.model_dump() for stand_in in self.stand_ins],
            "read": None if self.read is None else self.read.model_dump(mode="json"),
        }


def summarise_study(
    records: Sequence[Record],
    factors: Sequence[str],
    failed: Iterable[Failure] = (),
    primary: str | None = None,
    metrics: Sequence[str] | None = None,
    confidence: float = CONFIDENCE,
    against: Mapping[str, str] | None = None,
    kept: Sequence[Record] = (),
    left_out: Sequence[LeftOut] = (),
    order: Sequence[str] = (),
    told: Iterable[tuple[str, str, int]] = (),
    task: str = "",
    margin: float | None = None,
    command: StudyCommand | None = None,
    registered: tuple[Registered, str] | str | None = None,
    look: Looked = scored_images,
) -> StudySummary:
    """Sum up comparable runs (`check_comparable`).

    Args:
        records: At least one, or one in `failed`; arms in declared order.
        factors: The declared factors.
        failed: Runs that left no record.
        primary: The metric that is compared first: one of the test, or the monitored one of validation; None: the
            task's own.
        metrics: All metrics to sum up; None: the task's own.
        confidence: Of the intervals, in (0, 1).
        against: Arm → the one that it is compared with; None: see `baselines`.
        kept: Complete runs of other commands, comparable as well.
        left_out: What else lies in the study's folder.
        told: What runs warned of beside what their records say, as (text, arm, seed).
        task: Of the runs, where none left a record.
        order: Of the arms; those that it does not name come last, in order of appearance.
        margin: Differences of the primary metric up to it do not matter; None: equivalence is not asked for.
        command: That made all of the arms' runs; None: it is not known, or there is none.
        registered: What was settled before the first run, see `read_registration`; None: it is not asked for.
        look: Reads what a run kept of its test images.
    """
    own_seeds = {(record.arm, record.seed) for record in records}
    records = [*records, *kept]
    spec = spec_of_stored(records[0].task, records[0].config) if records else spec_named(task)
    own = spec.study_metrics
    primary = own[0] if primary is None else primary
    metrics = tuple(dict.fromkeys([primary, *(own if metrics is None else metrics)]))
    failures = [*(failure_of(record) for record in records if record.status != "complete"), *failed]
    names = list(dict.fromkeys([*(record.arm for record in records), *(failure.arm for failure in failures)]))
    names = [*(name for name in order if name in names), *(name for name in names if name not in order)]
    complete = {name: _complete(records, name) for name in names}
    values = {name: {metric: _by_seed(runs, metric) for metric in metrics} for name, runs in complete.items()}
    sources = {record.arm: record.config.get("source", {}).get("name") for record in records}
    arms = tuple(
        Arm(
            name=name,
            source=sources.get(name),
            seeds=tuple(run.seed for run in runs),
            n_complete=len(runs),
            n_failed=sum(failure.arm == name for failure in failures),
            metrics={metric: summarise(list(values[name][metric].values())) for metric in metrics},
            fit_s=summarise([t for r in runs if (t := r.volatile.fit_s) is not None and not r.volatile.resumes]).mean,
            tuned=next((run.tuning.chosen for run in runs if run.tuning), {}),
            kept=tuple(run.seed for run in runs if (name, run.seed) not in own_seeds),
        )
        for name, runs in complete.items()
    )
    compared = baselines(names, records, factors) if against is None else against
    scored = ScoredArms([*compared, *compared.values(), *names], complete, values, confidence, look)
    trained = [name for name in names if complete[name]]
    differences = comparisons(scored, compared, other_pairs(trained, compared), metrics, margin)
    of_primary = [d for d in differences if d.metric == primary and d.with_baseline]
    crossed = against is None and VARY not in factors
    alone = [name for name in trained if VARY in factors and complete[name][0].config.get(VARY) != "all"]
    grid = grid_of({name: complete[name][0].config for name in trained}, factors) if crossed else None
    factor = contrast([run.config for run in records], factors) if records and factors else ""
    registration = (
        registered
        if registered is None or isinstance(registered, str)
        else registration_of(
            registered, arms, complete, factors=factors, primary=primary, margin=margin, confidence=confidence
        )
    )
    higher, floor, shown_in_percent = scored.higher_is_better(primary), floor_of(records), percentages(spec.name)
    percent = primary.rpartition("/")[2] in shown_in_percent
    read = [(f"{run.arm}/seed_{run.seed}", run.data.read) for run in records if run.data and run.data.read]
    return StudySummary(
        study=" and ".join(dict.fromkeys(record.study for record in records)),
        factors=tuple(factors),
        primary=primary,
        metrics=metrics,
        arms=arms,
        differences=differences,
        failures=tuple(failures),
        stand_ins=tuple({(s.kind, s.wanted, s.used): s for r in records for s in r.stand_ins}.values()),
        notes=(
            *notes_on(arms, of_primary, factor, alone),
            *(note for arm in arms if (note := incomplete(arm, primary, spec)) is not None),
            *negative_transfer(arms, of_primary),
            *at_the_floor(arms, floor, primary, higher_is_better=higher),
            *ended_by_time(complete),
            *one_fold(complete),
            *one_stream(complete),
            *budget_notes(compared, complete, primary, margin, shown_in_percent),
            *tuning_notes(complete),
            *uncovered(of_primary),
            *of_validation(primary, complete, higher_is_better=higher, percent=percent),
            *registration_notes(registration),
        ),
        warnings=joined_warnings(records, names, told),
        left_out=tuple(left_out),
        read=read[0][1] if read else None,
        percent=shown_in_percent,
        floor=floor,
        effects=effects(scored, grid, primary) if grid else (),
        recommendations=recommendations(
            [d for d in differences if d.metric == primary],
            arms,
            higher_is_better=higher,
            percent=percent,
        ),
        more_seeds=None if command is None else more_seeds(of_primary, arms, command),
        registration=registration,
        times_to_score=times_to_score(compared, complete, confidence),
        label_worths=label_worths(
            complete,
            {name: values[name][primary] for name in names},
            factors,
            confidence,
            higher_is_better=higher,
        ),
        variance_by_source=variance_by_source(scored, complete, factors, primary),
        read_by=read[0][0] if any(_differ(read[0][1], other) for _, other in read) else None,
    )


def _differ(one: WasRead, other: WasRead) -> bool:
    """Whether other data were read; lines on the way of reading are of no account."""
    return one.model_dump(exclude={"notes"}) != other.model_dump(exclude={"notes"})


def joined_warnings(
    records: Iterable[Record], arms: Sequence[str], told: Iterable[tuple[str, str, int]] = ()
) -> dict[str, dict[str, tuple[int, ...]]]:
    """What runs warned of, equal texts once: text → arm, in the given order → seeds."""
    found: dict[str, dict[str, set[int]]] = {}
    recorded = ((text, record.arm, record.seed) for record in records for text in record.warnings)
    for text, arm, seed in itertools.chain(recorded, told):
        found.setdefault(text, {}).setdefault(arm, set()).add(seed)
    return {text: {arm: tuple(sorted(of[arm])) for arm in arms if arm in of} for text, of in found.items()}


def _complete(records: Iterable[Record], arm: str) -> list[Record]:
    """An arm's complete runs; where some were kept from before, by seed."""
    found = [record for record in records if record.arm == arm and record.status == "complete"]
    return sorted(found, key=lambda record: record.seed)


def failure_of(record: Record) -> Failure:
    """Why a run that left a record did not complete."""
    reason = "interrupted; the same command continues it" if record.status == "interrupted" else "no reason recorded"
    if record.error is not None:
        first_line = (record.error.message.strip().splitlines() or [""])[0]
        reason = f"{record.error.type}: {first_line}".rstrip(": ")
    return Failure(record.arm, record.seed, record.status, reason)


def _by_seed(runs: Iterable[Record], metric: str) -> dict[int, float]:
    values = {run.seed: _value(run, metric) for run in runs}
    return {seed: value for seed, value in values.items() if value is not None and math.isfinite(value)}


def _value(run: Record, metric: str) -> float | None:
    """A metric of the run's test, or the one of validation that chose its best epoch."""
    if run.best is not None and metric == run.best.monitor:
        return run.best.value
    return run.metrics.get(metric)

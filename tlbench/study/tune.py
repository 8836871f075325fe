"""Choose the values of each arm's tuned keys on validation, with the same number of trials, before its runs."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tlbench.config.overrides import quoted
from tlbench.console import say, shown, warn
from tlbench.embedded.stand_ins import replace_overrides
from tlbench.errors import ConfigError, FolderInUse
from tlbench.records.folder import CONSOLE_FILE, remove_all_leftovers, tidy_if_free
from tlbench.records.lock import locked
from tlbench.records.record import FILE_NAME
from tlbench.records.tuning import TuningRecord, read_tuning, write_tuning
from tlbench.study.chain import Chain, Job, Wait
from tlbench.study.choice import choose
from tlbench.study.gpus import gpus_of
from tlbench.study.jobs import run_chains
from tlbench.study.planning import PlannedRun
from tlbench.study.sampler import Sampler, ensure_optuna
from tlbench.study.search import Search
from tlbench.study.trials import failed_trial, finished_trial, make_room, remove_checkpoints
from tlbench.study.watch import Watch


@dataclass
class _Choices:
    """What the searches led to, by folder: a choice, or why there is none."""

    made: dict[Path, TuningRecord] = field(default_factory=dict)
    failed: dict[Path, str] = field(default_factory=dict)


def tune_arms(
    planned: Sequence[PlannedRun], flags: Sequence[str], n_jobs: int
) -> tuple[list[PlannedRun], dict[Path, str]]:
    """Run the trials that are still to be run, `n_jobs` arms at a time, and give the runs the values chosen.

    An arm's trials run one after another, as each depends on the results before it; so the choice does not depend on
    how many arms go side by side. Complete trials are not repeated.

    Args:
        planned: The runs of a study.
        flags: What every run's command line needs.
        n_jobs: Trials at a time, ≥ 1.

    Returns:
        The runs, those of tuned arms with the values chosen; and run folder → why its arm could not be tuned.

    Raises:
        UserError: Optuna is missing, the disk refuses, or a folder holds a run with other values.
        Interrupted: By a signal; the same call goes on.
    """
    choices, still_open, trials = _Choices(), [], 0
    for search in {p.search.folder: p.search for p in planned if p.search}.values():
        known = search.known()
        if known is None:
            splits = {p.config.seeds.split for p in planned if p.search and p.search.folder == search.folder}
            before = read_tuning(search.folder)
            trials += trials_left(search)
            still_open.append(_tune(search, before, flags, choices, _split_warnings(search, splits)))
        else:
            tidy_if_free(search.folder)
            choices.made[search.folder] = known
            say(f"tuning {search.arm}: {_chosen(known)}, chosen earlier")
    if still_open:
        ensure_optuna()
        at_a_time = min(n_jobs, len(still_open))
        run_chains(still_open, at_a_time, Watch("tuning", [], at_a_time, trials, "trials"))
    tuned, untuned = [], {}
    for p in planned:
        choice = choices.made.get(p.search.folder) if p.search else None
        tuned.append(p if choice is None else p.with_values(choice.chosen))
        if choice is not None:
            tuned[-1].is_complete()  # refuses a folder that holds another run
        elif p.search is not None:
            untuned[p.folder] = choices.failed[p.search.folder]
    return tuned, untuned


def trials_left(search: Search) -> int:
    """How many trials are still to be run, if those that are there go on as they began."""
    if search.known() is not None:
        return 0
    records = (search.trial_folder(number) / FILE_NAME for number in range(1, search.record.budget + 1))
    return sum(not path.exists() for path in records)


def _split_warnings(search: Search, splits: Iterable[int]) -> list[str]:
    own = search.config.seeds.split
    others = sorted(set(splits) - {own})
    if not others:
        return []
    return [
        f"tuned on the split of seeds.split={own}, while runs have {', '.join(map(str, others))}: where the test split "
        "is carved out of the data, images that those are tested on took part in the choice"
    ]


def _tune(
    search: Search, before: TuningRecord | None, flags: Sequence[str], choices: _Choices, warnings: Sequence[str]
) -> Chain:
    """The trials of an arm, which one command makes at a time: each depends on those before it.

    `before` is the choice of another search that lay there when this one was planned.
    """
    with contextlib.ExitStack() as stack:
        while True:
            try:
                stack.enter_context(locked(search.folder))
                break
            except FolderInUse:
                yield Wait(f"tuning {search.arm}", search.folder)
        known = search.known()
        if known is not None:
            choices.made[search.folder] = known
            say(f"tuning {search.arm}: {_chosen(known)}, chosen by another command")
            return
        if read_tuning(search.folder) != before:
            raise ConfigError(
                f"{search.folder}: another command has tuned this arm in the meantime, with another search; choose "
                "another study=…, or start this command again"
            )
        remove_all_leftovers(search.folder)
        yield from _try_values(search, flags, choices, warnings)


def _try_values(search: Search, flags: Sequence[str], choices: _Choices, warnings: Sequence[str]) -> Chain:
    sampler = Sampler(search.record.ranges, search.record.seed, search.mode)
    trials = []
    for number in range(1, search.record.budget + 1):
        values = sampler.ask()
        shown_values = ", ".join(f"{key}={value:g}" for key, value in values.items())
        name = f"tuning {search.arm}: trial {number}/{search.record.budget}, {shown_values}"
        folder = search.trial_folder(number)
        trial = finished_trial(search, number, values)
        if trial is None:
            room = functools.partial(make_room, search, number, values)
            code = yield Job(name, _arguments(search, flags, values, folder), folder, gpus_of(search.config), room)
            trial = finished_trial(search, number, values) if code == 0 else failed_trial(folder, values, code)
        if trial is None:
            log = f", see {shown(folder / CONSOLE_FILE)}" if (folder / CONSOLE_FILE).exists() else ""
            choices.failed[search.folder] = f"trial {number} ended with exit code {code}{log}"
            return
        remove_checkpoints(folder)
        tidy_if_free(folder)
        say(f"{name}: {search.record.monitor} {'-' if trial.value is None else f'{trial.value:.4f}'}")
        sampler.tell(trial.value)
        trials.append(trial)
    result = choose(search.record, trials, search.mode, warnings)
    if result is None:
        last = trials[-1].error
        choices.failed[search.folder] = (
            f"all {len(trials)} trials failed{f' (the last: {last})' if last else ''}; try other tuning.ranges"
        )
        return
    write_tuning(search.folder, result)
    say(f"tuning {search.arm}: {_chosen(result)} chosen")
    for warning in result.warnings:
        warn(f"{search.arm}: {warning}")
    choices.made[search.folder] = result


def _chosen(result: TuningRecord) -> str:
    return ", ".join(f"{key}={value:g}" for key, value in result.chosen.items())


def _arguments(search: Search, flags: Sequence[str], values: dict[str, float], folder: Path) -> list[str]:
    given = {key: repr(value) for key, value in values.items()}
    return [*flags, *replace_overrides(search.overrides, given), f"hydra.run.dir={quoted(str(folder))}"]

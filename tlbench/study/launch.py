"""Run a study: check every run's configuration first, run them, then compare their records."""

from __future__ import annotations

import contextlib
import functools
import json
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from tlbench.config import TrainConfig
from tlbench.config.arms import arm_name
from tlbench.config.compose import CONFIG_NAME
from tlbench.config.conf_folder import config_dir
from tlbench.config.overrides import quoted, within_grammar
from tlbench.console import VOICE, console, say, shown, warn
from tlbench.data.was_read import lines
from tlbench.errors import ConfigError, OutputError, UserError
from tlbench.records.folder import CONSOLE_FILE, remove_all_leftovers
from tlbench.records.lock import COUNTS_FOR_S, locked
from tlbench.records.record import Record, read_record
from tlbench.records.vouch import vouch_for_planned
from tlbench.reporting.over_seeds import write_over_seeds
from tlbench.reporting.write import write_report
from tlbench.runs.preflight import preflight_all
from tlbench.study.chain import Job, StudyFailed
from tlbench.study.collect import check_comparable
from tlbench.study.gpus import gpus_of
from tlbench.study.jobs import run_jobs
from tlbench.study.kept import arms_in_order, kept_runs
from tlbench.study.more_seeds import StudyCommand
from tlbench.study.planning import PlannedRun, plan_runs
from tlbench.study.preregistration import read_registration, register, registered_now
from tlbench.study.render import render, warning_lines
from tlbench.study.search import Compose
from tlbench.study.stored import counted
from tlbench.study.summary import CONFIDENCE, SUMMARY_FILE, Failure, summarise_study
from tlbench.study.told import Warnings
from tlbench.study.tune import tune_arms
from tlbench.system.atomic import ANOTHER_RUN_FOLDER, write_atomic
from tlbench.system.interrupts import Interrupted
from tlbench.system.names import json_bytes
from tlbench.system.places import check_place
from tlbench.system.regular_file import read_regular
from tlbench.system.streams import results_are_kept
from tlbench.tasks.registry import spec_of

_PATIENCE_S = 2 * COUNTS_FOR_S


def launch_study(job_overrides: list[list[str]], compose: Compose, hydra_config: DictConfig, n_jobs: int) -> list[int]:
    """Run all jobs of a study and print its table; `summary.json` goes beside the runs.

    Args:
        job_overrides: The overrides of each run.
        compose: Composes a run's configuration, Hydra's own node included, from its overrides.
        hydra_config: The study's composed configuration, with `hydra`.
        n_jobs: Runs at a time, ≥ 1.

    Returns:
        Each run's exit code.

    Raises:
        UserError: A configuration, the data or the weights are at fault; nothing was run.
        StudyFailed: At least one run failed.
    """
    if n_jobs < 1:
        raise ConfigError(f"hydra.launcher.n_jobs={n_jobs}: at least 1 run at a time")
    if OmegaConf.is_missing(hydra_config.hydra.sweep, "dir"):
        raise ConfigError("hydra.sweep.dir: missing; give the study's folder")
    results_are_kept()
    planned = plan_runs([[within_grammar(o) for o in overrides] for overrides in job_overrides], compose)
    check_place(planned[0].study_folder / SUMMARY_FILE, ANOTHER_RUN_FOLDER)
    if any(p.config.plan for p in planned):
        raise ConfigError("plan=true: a sweep's dry run is made with -m, without hydra.mode; drop one of them")
    still_open = [p for p in planned if p.config.rerun or not p.is_complete()]
    to_run = {p.folder for p in still_open}
    preflight_all([*(p.config for p in still_open), *(p.search.config for p in still_open if p.search)])
    flags = _passed_on(hydra_config)
    _register(planned)
    planned, untuned = tune_arms(planned, flags, n_jobs)
    told = Warnings()
    jobs = [
        Job(
            os.path.relpath(p.folder, p.study_folder),
            [*flags, *p.overrides, f"hydra.run.dir={quoted(str(p.folder))}"],
            p.folder,
            gpus_of(p.config),
            _unless_repeated(p.folder) if p.config.rerun else None,
            functools.partial(told.add, _arm(p), p.config.seed),
            complete=p.folder not in to_run,
        )
        for p in planned
        if p.folder not in untuned
    ]
    try:
        codes = dict(zip((job.folder for job in jobs), run_jobs(jobs, n_jobs), strict=True))
    except (Interrupted, UserError):
        told.show()
        raise
    _conclude(planned, codes, untuned, told, _command(hydra_config, flags))
    return [codes.get(p.folder, 1) for p in planned]


def _passed_on(hydra_config: DictConfig) -> list[str]:
    """What a run's own command line needs of the study's: its primary configuration, and further config folders."""
    hydra = hydra_config.hydra
    given = {"command-line": "--config-dir", "main": "--config-path"}
    flags = [
        part
        for s in hydra.runtime.config_sources
        if s.provider in given and str(s.path) != str(config_dir())
        for part in (given[s.provider], str(s.path))
    ]
    if hydra.job.config_name not in (None, CONFIG_NAME):
        flags += ["--config-name", str(hydra.job.config_name)]
    return flags + [o for o in hydra_config.hydra.overrides.hydra if o.startswith("hydra.searchpath=")]


def _command(hydra_config: DictConfig, flags: Sequence[str]) -> StudyCommand:
    given = hydra_config.hydra.overrides
    overrides = [*(o for o in given.hydra if o not in flags), *given.task]
    return StudyCommand(tuple(flags), tuple(map(str, overrides)))


def _register(planned: Sequence[PlannedRun]) -> None:
    config = planned[0].config
    plan = registered_now(
        [p.configured() for p in planned],
        study=config.study,
        factors=config.factors,
        primary=_primary(config),
        margin=config.statistics.margin,
        confidence=CONFIDENCE,
    )
    register(planned[0].study_folder, plan, [p.folder for p in planned])


def _primary(config: TrainConfig) -> str:
    """The metric that arms are compared by; without a test what chose the best epochs is all there is."""
    spec = spec_of(config)
    return spec.study_metrics[0] if config.test else config.callbacks.monitor or spec.default_monitor


def _unless_repeated(folder: Path) -> Callable[[], Sequence[str]]:
    """Of several commands with rerun=true one repeats a run: what to add for those that come to it later."""

    def begun() -> str | None:
        record = read_record(folder)
        return None if record is None else record.volatile.started

    before = begun()
    return lambda: [] if begun() in (before, None) else ["rerun=false"]


def _conclude(
    planned: list[PlannedRun],
    codes: Mapping[Path, int],
    untuned: Mapping[Path, str],
    told: Warnings,
    command: StudyCommand,
) -> None:
    """Vouch for the runs, print the table of what is there, keep it as `summary.json`, and say which runs failed."""
    records, without, failed = [], [], []
    for plan in planned:
        if plan.folder in untuned:
            reason = f"not tuned: {untuned[plan.folder]}"
            without.append(Failure(_arm(plan), plan.config.seed, "not run", reason))
            failed.append(f"{shown(plan.folder)} ({reason})")
            continue
        vouch_for_planned(plan.config, plan.folder, VOICE)
        code, record = codes[plan.folder], read_record(plan.folder)
        if record is not None and (code == 0 or record.status != "complete"):
            records.append(record)
        else:
            log = f", see {shown(plan.folder / CONSOLE_FILE)}" if (plan.folder / CONSOLE_FILE).exists() else ""
            without.append(Failure(_arm(plan), plan.config.seed, "killed", f"exit code {code}, no record{log}"))
        if code != 0:
            failed.append(f"{shown(plan.folder)} (exit code {code})")
    if records:
        _show(planned, records, without, untuned, told, command)
    else:
        told.show()
    if failed:
        raise StudyFailed(
            f"{len(failed)} of {len(planned)} runs failed: {', '.join(failed)}; the same command tries them again"
        )


def _command_of(summary: Path) -> str | None:
    """The command that a study's summary names: a narrower one beside runs of before does not make them all."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        command = json.loads(read_regular(summary)).get("command")
        return command if isinstance(command, str) else None
    return None


def _arm(plan: PlannedRun) -> str:
    return arm_name(plan.config.model_dump(), plan.config.factors)


def _show(
    planned: list[PlannedRun],
    records: list[Record],
    without: list[Failure],
    untuned: Collection[Path],
    told: Warnings,
    command: StudyCommand,
) -> None:
    """Sum up what this command made, and what others have left in the study's folder that can stand beside it."""
    factors, folder = planned[0].config.factors, planned[0].study_folder
    check_comparable(records, factors)
    path = folder / SUMMARY_FILE
    with locked(folder, _PATIENCE_S):  # another command of the study may be writing it, too
        remove_all_leftovers(folder)
        known = [p.configured() for p in planned if p.folder not in untuned] or [p.configured() for p in planned]
        kept = kept_runs(folder, [p.folder for p in planned], records, known, factors)
        options: dict[str, Any] = {
            "kept": kept.records,
            "left_out": kept.left_out,
            "told": told.found,
            "task": planned[0].config.task.name,
            "margin": planned[0].config.statistics.margin,
            "registered": read_registration(folder),
            "command": command if {record.arm for record in kept.records} <= {_arm(p) for p in planned} else None,
            "order": arms_in_order([p.configured() for p in planned], kept.records, path),
        }
        if not planned[0].config.test:
            options |= {"primary": _primary(planned[0].config), "metrics": ()}
        summary = summarise_study(records, factors, [*without, *kept.failed], **options)
        summary = replace(summary, command=_command_of(path) if kept.records else command.text())
        write_atomic(path, json_bytes(summary.to_dict()))
    console.print(render(summary))
    for warning in warning_lines(summary):
        warn(warning)
    if summary.read_by is not None:
        say(f"what {summary.read_by} read, and other runs otherwise:")
    for line in lines(summary.read) if summary.read else []:
        say(line)
    say(f"summary: {shown(path)}")
    done = counted(summary, [*records, *kept.records])
    try:
        report = write_report(folder, summary, done)
    except OutputError as error:  # the runs are done, and their table is shown
        warn(f"no report: {error}")
    else:
        say(f"report: {shown(report)}")
    try:
        write_over_seeds(folder, done)
    except OutputError as error:
        warn(f"no curves over the seeds for TensorBoard: {error}")

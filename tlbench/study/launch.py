"""Run a study: check every run's configuration first, run them, then compare their records."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from tlbench.arms import arm_name
from tlbench.compose import plain, quoted
from tlbench.config import StandIn, TrainConfig
from tlbench.console import banner, console, say, shown, warn
from tlbench.errors import ConfigError
from tlbench.parsing import parse
from tlbench.results.atomic import write_atomic
from tlbench.results.folder import CONSOLE_FILE, earlier_record, is_complete
from tlbench.results.record import Record, read_record
from tlbench.stand_ins import banner_text, data_stand_in, replace_overrides, source_stand_in, stand_in_overrides
from tlbench.study.collect import check_comparable
from tlbench.study.jobs import Job, StudyFailed, run_jobs
from tlbench.study.render import render
from tlbench.study.summary import Failure, summarise_study

SUMMARY_FILE = "summary.json"
HYDRA_FILE = "multirun.yaml"

Compose = Callable[[Sequence[str]], DictConfig]


@dataclass(frozen=True)
class _Planned:
    overrides: list[str]
    config: TrainConfig
    folder: Path
    study_folder: Path


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
    planned = _without_repetitions(_plan(_with_all_factors(job_overrides, compose), compose))
    if any(p.config.plan for p in planned):
        return _show_plan(planned, n_jobs)
    flags = _passed_on(hydra_config)
    jobs = [
        Job(
            os.path.relpath(p.folder, p.study_folder),
            [*flags, *p.overrides, f"hydra.run.dir={quoted(str(p.folder))}"],
            p.folder,
        )
        for p in planned
    ]
    codes = run_jobs(jobs, n_jobs)
    _conclude(planned, codes)
    return codes


def _show_plan(planned: list[_Planned], n_jobs: int) -> list[int]:
    """Print what the study would train, and leave no folder of the study behind."""
    from tlbench.results.show_plan import show_sweep_plan  # heavy

    open_runs = [p for p in planned if p.config.rerun or not is_complete(p.folder, p.config.model_dump(mode="json"))]
    show_sweep_plan([p.config for p in open_runs], len(planned) - len(open_runs), n_jobs)
    folder = planned[0].study_folder
    if [path.name for path in folder.glob("*")] == [HYDRA_FILE]:  # Hydra notes there what is swept
        (folder / HYDRA_FILE).unlink()
        folder.rmdir()
    return [0] * len(planned)


def _with_all_factors(job_overrides: list[list[str]], compose: Compose) -> list[list[str]]:
    """Declare as factors the keys that the command line sweeps beside the seeds, so that arms never share a folder."""
    first = parse(plain(compose(job_overrides[0])))
    values: dict[str, set[str]] = {}
    for override in (o for overrides in job_overrides for o in overrides):
        key, _, value = override.partition("=")
        values.setdefault(key.lstrip("+~"), set()).add(value)
    swept = [key for key, found in values.items() if len(found) > 1 and key.partition(".")[0] not in ("seed", "seeds")]
    missing = [key for key in swept if key not in first.factors and key not in ("experiment", "study")]
    if not missing:
        return job_overrides
    factors = ",".join([*first.factors, *missing])
    return [replace_overrides(overrides, {"factors": f"[{factors}]"}) for overrides in job_overrides]


def _plan(job_overrides: list[list[str]], compose: Compose) -> list[_Planned]:
    """Every run's checked configuration and folder, stand-ins in place, before anything is trained.

    Raises:
        UserError: A configuration, data or weights are at fault, or a folder holds a run of another configuration.
    """
    wanted = [_planned(overrides, compose) for overrides in job_overrides]
    needed = _Needed()
    open_runs = [p for p in wanted if p.config.rerun or not is_complete(p.folder, p.config.model_dump(mode="json"))]
    found = {id(p): needed.stand_ins(p.config) for p in open_runs}
    if not any(found.values()):
        return wanted
    # Complete runs, and arms that need no stand-in, go along: arms of one study are compared.
    stand_ins = [needed.stand_ins(p.config) for p in wanted]
    banner(banner_text(list({(s.kind, s.wanted): s for found_here in stand_ins for s in found_here}.values())))
    planned = [
        _planned(replace_overrides(p.overrides, stand_in_overrides(p.config.study, found_here)), compose)
        for p, found_here in zip(wanted, stand_ins, strict=True)
    ]
    for p in planned:
        earlier_record(p.folder, p.config.model_dump(mode="json"))
    return planned


def _planned(overrides: list[str], compose: Compose) -> _Planned:
    composed = compose(overrides)
    config = parse(plain(composed))
    study_folder = Path(composed.hydra.sweep.dir)
    return _Planned(overrides, config, study_folder / str(composed.hydra.sweep.subdir), study_folder)


_Ask = Callable[[TrainConfig], StandIn | None]


class _Needed:
    """Stand-ins by need: the network is asked once for the same data, and once for the same weights."""

    def __init__(self) -> None:
        self._asked: dict[str, StandIn | None] = {}

    def stand_ins(self, config: TrainConfig) -> list[StandIn]:
        found = (
            self._once(data_stand_in, config, config.data.name, config.data.root),
            self._once(source_stand_in, config, config.source.name, config.source.path, config.model.name),
        )
        return [s for s in found if s is not None]

    def _once(self, ask: _Ask, config: TrainConfig, *need: str | None) -> StandIn | None:
        key = json.dumps([ask.__name__, *need])
        if key not in self._asked:
            self._asked[key] = ask(config)
        return self._asked[key]


def _without_repetitions(planned: list[_Planned]) -> list[_Planned]:
    """Drop runs that a stand-in made equal to another; differing runs in one folder are an error."""
    studies = sorted({str(plan.study_folder) for plan in planned})
    if len(studies) > 1:
        raise ConfigError(
            f"hydra.sweep.dir: one study has one folder, here {', '.join(studies)}; start them one by one"
        )
    kept: dict[Path, _Planned] = {}
    for plan in planned:
        twin = kept.setdefault(plan.folder, plan)
        if twin is plan:
            continue
        if twin.config.model_dump(exclude={"stand_ins"}) != plan.config.model_dump(exclude={"stand_ins"}):
            raise ConfigError(
                f"hydra.sweep.subdir: two different runs would share the folder {plan.folder}; name what differs in "
                "factors=[…], for example factors=[source,data.shots]"
            )
        warn(f"{shown(plan.folder)}: asked for twice, run once")
        if len(plan.config.stand_ins) > len(twin.config.stand_ins):
            kept[plan.folder] = plan  # what stands in must be named
    return list(kept.values())


def _passed_on(hydra_config: DictConfig) -> list[str]:
    """What a run's own command line needs of the study's: further config folders."""
    sources = hydra_config.hydra.runtime.config_sources
    flags = [part for s in sources if s.provider == "command-line" for part in ("--config-dir", str(s.path))]
    return flags + [o for o in hydra_config.hydra.overrides.hydra if o.startswith("hydra.searchpath=")]


def _conclude(planned: list[_Planned], codes: list[int]) -> None:
    """Print the table of what is there, keep it as `summary.json`, and say which runs failed."""
    records, killed = [], []
    for plan, code in zip(planned, codes, strict=True):
        record = read_record(plan.folder)
        if record is not None and (code == 0 or record.status != "complete"):
            records.append(record)
        else:
            arm = arm_name(plan.config.model_dump(), plan.config.factors)
            log = f", see {shown(plan.folder / CONSOLE_FILE)}" if (plan.folder / CONSOLE_FILE).exists() else ""
            killed.append(Failure(arm, plan.config.seed, "killed", f"exit code {code}, no record{log}"))
    failed = [
        f"{shown(plan.folder)} (exit code {code})" for plan, code in zip(planned, codes, strict=True) if code != 0
    ]
    if records:
        _show(planned, records, killed)
    if failed:
        raise StudyFailed(
            f"{len(failed)} of {len(planned)} runs failed: {', '.join(failed)}; the same command tries them again"
        )


def _show(planned: list[_Planned], records: list[Record], killed: list[Failure]) -> None:
    factors = planned[0].config.factors
    check_comparable(records, factors)
    summary = summarise_study(records, factors, killed)
    path = planned[0].study_folder / SUMMARY_FILE
    write_atomic(path, json.dumps(summary.to_dict(), indent=1, ensure_ascii=False).encode() + b"\n")
    console.print(render(summary))
    say(f"summary: {shown(path)}")

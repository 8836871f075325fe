"""Which runs a study has: checked configurations and folders, stand-ins in place, before anything is trained."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from tlbench.config import StandIn, TrainConfig
from tlbench.config.arms import arm_name
from tlbench.config.parse import has_key
from tlbench.console import banner, say, shown, warn
from tlbench.embedded.stand_ins import (
    banner_text,
    data_stand_in,
    replace_overrides,
    source_stand_in,
    stand_in_overrides,
)
from tlbench.errors import ConfigError
from tlbench.loggers.check import check_loggers
from tlbench.records.earlier_arm import ArmFolders
from tlbench.records.folder import earlier_record, is_complete
from tlbench.records.tuning import with_values
from tlbench.study.collect import check_configs
from tlbench.study.kept import declared_before
from tlbench.study.search import Check, Compose, Search, checked_once, search_of


class ConfiguredRun(NamedTuple):
    """A planned run as it is compared with others."""

    arm: str
    seed: int
    config: dict[str, Any]


@dataclass(frozen=True)
class PlannedRun:
    """One run of a study: its overrides, what they give, its folder and the study's, and how its arm is tuned."""

    overrides: list[str]
    config: TrainConfig
    folder: Path
    study_folder: Path
    search: Search | None = None

    def configured(self) -> ConfiguredRun:
        """Its arm, seed and configuration."""
        config = self.config.model_dump(mode="json")
        return ConfiguredRun(arm_name(config, self.config.factors), self.config.seed, config)

    def with_values(self, values: Mapping[str, float]) -> PlannedRun:
        """The run with the values chosen for its tuned keys."""
        overrides = replace_overrides(self.overrides, {key: repr(value) for key, value in values.items()})
        return replace(self, overrides=overrides, config=with_values(self.config, values))

    def is_complete(self) -> bool:
        """Whether nothing is left to train, trials included.

        Raises:
            ConfigError: The folder holds a run of another configuration.
        """
        config = self.config.model_dump(mode="json")
        if self.search is not None and self.search.known() is None:
            earlier_record(self.folder, config, free=self.config.tune or [])
            return False
        return is_complete(self.folder, config)


def plan_runs(job_overrides: list[list[str]], compose: Compose) -> list[PlannedRun]:
    """The runs of a study, each once.

    Args:
        job_overrides: The overrides of each run.
        compose: Composes a run's configuration, Hydra's own node included, from its overrides.

    Raises:
        UserError: A configuration, the data or the weights are at fault, or a folder holds another run.
    """
    check, folders = checked_once(compose), ArmFolders()
    planned = _without_repetitions(_plan(_with_all_factors(job_overrides, check), check, folders))
    _check_searches(planned)
    check_configs([p.configured() for p in planned], planned[0].config.factors)
    for arm, folder in folders.found.items():
        say(
            f"{shown(folder)}: runs of {arm}, under the name that earlier versions gave it; they are gone on with there"
        )
    return planned


def _with_all_factors(job_overrides: list[list[str]], check: Check) -> list[list[str]]:
    """Declare as factors the keys that the command line sweeps beside the seeds, so that arms never share a folder."""
    composed, first = check(job_overrides[0])
    values: dict[str, set[str]] = {}
    for override in (o for overrides in job_overrides for o in overrides):
        key, _, value = override.partition("=")
        values.setdefault(key.lstrip("+~"), set()).add(value)
    swept = [key for key, found in values.items() if len(found) > 1 and key.partition(".")[0] not in ("seed", "seeds")]
    missing = [key for key in swept if key not in first.factors and key not in ("experiment", "study")]
    declared = [*first.factors, *missing]
    before = None if "factors" in values else declared_before(Path(composed.hydra.sweep.dir), declared)
    if before is not None and all(has_key(first, key) for key in before):
        say(f"factors=[{','.join(before)}], as the runs declare that lie in the study's folder")
    elif missing:
        before = declared
    if before is None:
        return job_overrides
    factors = ",".join(before)
    return [replace_overrides(overrides, {"factors": f"[{factors}]"}) for overrides in job_overrides]


def _plan(job_overrides: list[list[str]], check: Check, folders: ArmFolders) -> list[PlannedRun]:
    """Every run's checked configuration and folder, stand-ins in place, before anything is trained.

    Raises:
        UserError: A configuration, data or weights are at fault, or a folder holds a run of another configuration.
    """
    wanted = [_planned(overrides, check, folders) for overrides in job_overrides]
    needed = _Needed()
    open_runs = [p for p in wanted if not p.is_complete() or p.config.rerun]
    for loggers in {p.config.logger.model_dump_json(): p.config.logger for p in open_runs}.values():
        check_loggers(loggers)
    found = {id(p): needed.stand_ins(p.config) for p in open_runs}
    if not any(found.values()):
        return wanted
    # Complete runs, and arms that need no stand-in, go along: arms of one study are compared.
    stand_ins = [needed.stand_ins(p.config) for p in wanted]
    banner(banner_text(list({(s.kind, s.wanted): s for found_here in stand_ins for s in found_here}.values())))
    planned = [
        _planned(replace_overrides(p.overrides, stand_in_overrides(p.config, found_here)), check, folders)
        for p, found_here in zip(wanted, stand_ins, strict=True)
    ]
    for p in planned:
        p.is_complete()
    return planned


def _planned(overrides: list[str], check: Check, folders: ArmFolders) -> PlannedRun:
    composed, config = check(overrides)
    study = Path(composed.hydra.sweep.dir)
    folder = folders.of_run(
        study / str(composed.hydra.sweep.subdir), study, config.model_dump(mode="json"), config.factors
    )
    planned = PlannedRun(overrides, config, folder, study)
    if config.tune is None:
        return planned
    search = search_of(overrides, config, planned.folder, check)
    planned, known = replace(planned, search=search), search.known()
    return planned if known is None else planned.with_values(known.chosen)


def _check_searches(planned: Sequence[PlannedRun]) -> None:
    """Each arm's trials need a folder of their own, and one arm's runs have the same trials."""
    searches: dict[Path, Search] = {}
    for search in (p.search for p in planned if p.search):
        other = searches.setdefault(search.folder, search)
        if other.record != search.record:
            raise ConfigError(
                f"hydra.sweep.subdir: the trials of different searches would share the folder {search.folder}; each "
                "arm needs a folder of its own above its runs', and its runs must differ in their seeds alone"
            )


_Ask = Callable[[TrainConfig], StandIn | None]


class _Needed:
    """Stand-ins by need: the network is asked once for the same data, and once for the same weights."""

    def __init__(self) -> None:
        self._asked: dict[str, StandIn | None] = {}

    def stand_ins(self, config: TrainConfig) -> list[StandIn]:
        found = (
            self._once(data_stand_in, config, config.data.name, config.data.root),
            self._once(source_stand_in, config, *config.source.model_dump().values(), config.model.name),
        )
        return [s for s in found if s is not None]

    def _once(self, ask: _Ask, config: TrainConfig, *need: str | None) -> StandIn | None:
        key = json.dumps([ask.__name__, *need])
        if key not in self._asked:
            self._asked[key] = ask(config)
        return self._asked[key]


def _without_repetitions(planned: list[PlannedRun]) -> list[PlannedRun]:
    """Drop runs that a stand-in made equal to another; differing runs in one folder are an error."""
    studies = sorted({str(plan.study_folder) for plan in planned})
    if len(studies) > 1:
        raise ConfigError(
            f"hydra.sweep.dir: one study has one folder, here {', '.join(studies)}; start them one by one"
        )
    kept: dict[Path, PlannedRun] = {}
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

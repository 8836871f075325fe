"""What a sweep would train, without Hydra's own sweeper, which writes into the study's folder before it asks anyone."""

from __future__ import annotations

from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser

from tlbench.config.compose import Primary, compose_with_hydra
from tlbench.config.hydra_internals import BasicSweeper
from tlbench.runs.dry_run.show import show_sweep_plan
from tlbench.study.planning import plan_runs
from tlbench.study.tune import trials_left


def show_sweep(overrides: Sequence[str], searched: Sequence[str] = (), primary: Primary | None = None) -> None:
    """Plan the runs that `-m` with these overrides would make, and print each arm once; nothing is written.

    Args:
        overrides: Hydra overrides, with sweeps.
        searched: Further folders with config groups (`--config-dir`).
        primary: What they are composed into; None: tlbench's own.

    Raises:
        UserError: A configuration, the data or the weights are at fault.
    """
    parser = OverridesParser.create()
    parsed = parser.parse_overrides(list(overrides))
    fixed = [o.input_line for o in parsed if o.input_line and not o.is_sweep_override()]
    hydra = compose_with_hydra(fixed, searched, primary).hydra
    swept = [f"{key}={value}" for key, value in (hydra.sweeper.params or {}).items()]
    (jobs,) = BasicSweeper.split_arguments(parser.parse_overrides([*swept, *overrides]), None)
    planned = plan_runs(jobs, lambda job: compose_with_hydra(job, searched, primary))
    left = [p for p in planned if p.config.rerun or not p.is_complete()]
    searches = {p.search.folder: p.search for p in left if p.search}.values()
    trials = [(search.config, count) for search in searches if (count := trials_left(search))]
    at_a_time = max(int(hydra.launcher.get("n_jobs", 1)), 1)
    show_sweep_plan([p.config for p in left], len(planned) - len(left), at_a_time, trials)

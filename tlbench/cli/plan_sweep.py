"""What a sweep would train, without Hydra's own sweeper, which writes into the study's folder before it asks anyone."""

from __future__ import annotations

from tlbench.cli.composed import ComposedStudy
from tlbench.runs.dry_run.show import show_sweep_plan
from tlbench.study.planning import plan_runs
from tlbench.study.tune import trials_left


def show_sweep(study: ComposedStudy) -> None:
    """Plan a study's runs, and print each arm once; nothing is written.

    Raises:
        UserError: A configuration, the data or the weights are at fault.
    """
    composed, composer = study.composed, study.composer
    planned = plan_runs(composer.runs_of(composed), lambda run: composer.compose_run(composed, run))
    left = [p for p in planned if p.config.rerun or not p.is_complete()]
    searches = {p.search.folder: p.search for p in left if p.search}.values()
    trials = [(search.config, count) for search in searches if (count := trials_left(search))]
    at_a_time = max(int(composed.hydra.launcher.get("n_jobs", 1)), 1)
    show_sweep_plan([p.config for p in left], len(planned) - len(left), at_a_time, trials)

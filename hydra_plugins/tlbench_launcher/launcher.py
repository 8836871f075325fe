"""`hydra/launcher=tlbench`: each run of a study in a fresh subprocess, then the study's table.

Hydra imports this module at every start, so it imports little itself; and outside `sys.modules`, which dataclasses
with postponed annotations do not survive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf


@dataclass
class TlbenchLauncherConfig:
    """Options under `hydra.launcher`."""

    _target_: str = "hydra_plugins.tlbench_launcher.launcher.TlbenchLauncher"
    n_jobs: int = 1  # runs at a time; the processor's cores are divided among them


ConfigStore.instance().store(
    group="hydra/launcher", name="tlbench", node=TlbenchLauncherConfig, provider="tlbench_launcher"
)


class TlbenchLauncher(Launcher):
    """Hands the runs that Hydra's sweeper asks for to `tlbench.study.launch`."""

    def __init__(self, n_jobs: int) -> None:
        self.n_jobs = n_jobs

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:  # noqa: ARG002 - Hydra's signature
        """Called by Hydra before it writes `multirun.yaml` into the study's folder, and before `launch`.

        Raises:
            OutputError: A link in that folder leads out of it.
        """
        if not OmegaConf.is_missing(config.hydra.sweep, "dir"):
            from tlbench.system.own_files import refuse_links_out

            refuse_links_out(Path(config.hydra.sweep.dir))
        self.context = hydra_context
        self.config = config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:  # noqa: ARG002
        """Run every job, show the study's table.

        Raises:
            UserError: A job's configuration, data or weights are at fault; nothing was run.
            StudyFailed: At least one run failed; the others were run all the same.
        """
        from tlbench.study.launch import launch_study

        def compose(overrides: Sequence[str]) -> Any:
            return self.context.config_loader.load_sweep_config(self.config, list(overrides))

        codes = launch_study([list(o) for o in job_overrides], compose, self.config, self.n_jobs)
        return [JobReturn(status=JobStatus.COMPLETED, _return_value=code) for code in codes]

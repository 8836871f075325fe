"""Lightning's DDP, among processes that a team has started."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lightning.fabric.utilities.distributed import _set_num_threads_if_needed
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.strategies.launchers.launcher import _Launcher

from tlbench.processes.team import Team


class TeamDDP(DDPStrategy):
    """Lightning's DDP among the processes of a team."""

    def __init__(self, team: Team, **options: Any) -> None:
        super().__init__(**options)
        self._team = team

    def _configure_launcher(self) -> None:
        self._launcher = _TeamLauncher(self._team)

    def setup_distributed(self) -> None:
        """Connect through the team's store, at whose port nobody else can be; Lightning then finds it done."""
        device = self.root_device if self.root_device.type != "cpu" else None
        self._team.connect(self._get_process_group_backend(), timeout=self._timeout, device_id=device)
        super().setup_distributed()


class _TeamLauncher(_Launcher):
    def __init__(self, team: Team) -> None:
        self._team = team

    @property
    def is_interactive_compatible(self) -> bool:
        return False

    def launch(self, function: Callable[..., Any], *args: Any, trainer: Any = None, **kwargs: Any) -> Any:  # noqa: ARG002
        self._team.assemble()
        _set_num_threads_if_needed(self._team.size)
        return function(*args, **kwargs)

    def kill(self, signum: Any) -> None:
        """Lightning would pass signals on; here the processes agree on stopping (see `LastCheckpoint`)."""

"""The data of a run."""

from __future__ import annotations

from collections.abc import Callable

from tlbench.config import TrainConfig
from tlbench.data.open import open_target
from tlbench.data.target_module import TargetModule
from tlbench.tasks.wings import wing_of


def open_data(c: TrainConfig, say: Callable[[str], None], warn: Callable[[str], None]) -> TargetModule:
    """Open the target, and give its splits as a data module.

    Args:
        c: The run's configuration.
        say: Shows the user a line.
        warn: Shows the user a warning.

    Raises:
        ConfigError, DataError: The data cannot be used.
    """
    return TargetModule(open_target(c.data, c.seeds.split, say, warn), c.data, c.seeds, wing_of(c).batches(c))

"""The data of a run."""

from __future__ import annotations

from tlbench.config import TrainConfig
from tlbench.data.open import open_target
from tlbench.data.target_module import TargetModule
from tlbench.system.voice import Voice
from tlbench.tasks.wings import wing_of


def open_data(c: TrainConfig, voice: Voice) -> TargetModule:
    """Open the target, and give its splits as a data module.

    Args:
        c: The run's configuration.
        voice: Speaks to the user.

    Raises:
        ConfigError, DataError: The data cannot be used.
    """
    return TargetModule(open_target(c.data, c.seeds.split, voice), c.data, c.seeds, wing_of(c).batches(c))

"""Which keys of a configuration tell it from others: for tables that show all of them."""

from __future__ import annotations

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from tlbench.config import TrainConfig
from tlbench.config.compose import compose_config
from tlbench.config.hash import flatten
from tlbench.errors import UserError


def telling_keys(config: TrainConfig) -> list[str]:
    """Dotted keys: `seed`, then those of the factors, then those whose value `task=…` alone would not give.

    Where that task is none that a command line can name alone, these are the keys in which it differs from the default.
    """
    values = flatten(config.model_dump(mode="json"))
    of_factors = [key for factor in config.factors for key in values if key == factor or key.startswith(f"{factor}.")]
    usual = _usual(config.task.name)
    absent = object()
    changed = [key for key, value in values.items() if usual.get(key, absent) != value]
    return list(dict.fromkeys(["seed", *of_factors, *changed]))


def _usual(task: str) -> dict[str, object]:
    try:
        composed = compose_config([f"task={task}"])
    except (UserError, HydraException, OmegaConfBaseException):
        composed = compose_config([])
    return flatten(composed.model_dump(mode="json"))

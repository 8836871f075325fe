"""Which of Hydra's launchers and sweepers can run a study: tlbench's own and the basic one; others would spoil it."""

from __future__ import annotations

from omegaconf import DictConfig, OmegaConf

from tlbench.config.hydra_internals import SWEEPER
from tlbench.errors import ConfigError

LAUNCHER = "hydra_plugins.tlbench_launcher.launcher.TlbenchLauncher"
_TARGETS = {"launcher": LAUNCHER, "sweeper": SWEEPER}
_OPTIONS = {"launcher": "tlbench", "sweeper": "basic"}


def check_launching(config: DictConfig) -> None:
    """Refuse a composed configuration with another launcher or sweeper, however it was chosen.

    Args:
        config: With Hydra's own node.

    Raises:
        ConfigError: Naming what serves in its place.
    """
    hydra = config.hydra
    for part, target in _TARGETS.items():
        chosen = OmegaConf.select(hydra, f"{part}._target_", throw_on_missing=False)
        if chosen != target:
            option = hydra.runtime.choices.get(f"hydra/{part}")
            by_target = option in (None, _OPTIONS[part])
            raise ConfigError(refusal(part, str(option), f"hydra.{part}._target_={chosen}" if by_target else None))


def refusal(part: str, option: str, given: str | None = None) -> str:
    """What to say of another launcher or sweeper.

    Args:
        part: `launcher` or `sweeper`.
        option: The one chosen.
        given: How it was chosen, where not as an option.
    """
    given = f"hydra/{part}={option}" if given is None else given
    if part == "launcher":
        return (
            f"{given}: only tlbench's own launcher sees which runs fail, and compares the others; drop it, and give "
            "hydra.launcher.n_jobs=2 for so many runs at a time; on several machines start the same command on each, "
            "with one folder: they share the runs"
        )
    return (
        f"{given}: only the basic sweeper serves, as others would optimise a run's exit code; drop it, and list the "
        "values, such as optimizer.lr=1e-4,1e-3, or let tune=optimizer.lr choose them on validation"
    )

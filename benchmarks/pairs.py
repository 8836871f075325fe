"""Measure tlbench and its baselines in turn, epoch by epoch, in one process."""
# ruff: noqa: ARG002 (hooks have Lightning's signatures)

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from lightning.pytorch import Callback, LightningModule, Trainer

from benchmarks.bare_loop import PlainTraining, synchronize


class Loop(Protocol):
    """A baseline."""

    name: str
    training: PlainTraining

    def epoch(self) -> float:
        """Train as many steps as tlbench's epoch has; returns seconds."""


class InTurn(Callback):
    """Before each epoch of tlbench, lets every baseline train one; the first epoch of each warms up and is dropped.

    tlbench's epoch is timed from before all other callbacks' `on_train_epoch_start` until the device has finished the
    last step, when validation starts. That is the time of which tlbench itself reports images/s.

    Args:
        loops: The baselines.
        say: Called after each pair with its number (0: the warm-up) and the seconds by name.
    """

    def __init__(self, loops: Sequence[Loop], say: Callable[[int, Mapping[str, float]], None]) -> None:
        self._loops = loops
        self._say = say
        self._began = 0.0
        self._now: dict[str, float] = {}
        self.pairs: list[dict[str, float]] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Refuse to compare different optimizers: a flag such as `fused` alone can change the speed several times."""
        own = trainer.optimizers[0]
        for loop in self._loops:
            other = loop.training.optimizer
            if type(other) is not type(own) or other.defaults != own.defaults:
                raise RuntimeError(f"{loop.name} has {other!r}, but tlbench {own!r}; make them alike")

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Baselines first, then the clock."""
        self._now = {loop.name: loop.epoch() for loop in self._loops}
        synchronize(pl_module.device)
        self._began = time.perf_counter()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the clock."""
        synchronize(pl_module.device)
        self._now["tlbench"] = time.perf_counter() - self._began
        self._say(trainer.current_epoch, self._now)
        if trainer.current_epoch > 0:
            self.pairs.append(self._now)


@dataclass(frozen=True)
class Ratio:
    """tlbench's images/s divided by a baseline's.

    Args:
        against: The baseline.
        target: The least median wanted; None for a figure without one.
        values: One ratio a pair.
        images_per_s: Median by name.
    """

    against: str
    target: float | None
    values: tuple[float, ...]
    images_per_s: Mapping[str, float]

    @property
    def median(self) -> float:
        """The median ratio."""
        return statistics.median(self.values)

    def line(self) -> str:
        """Median, range, and whether the target is met."""
        met = "" if self.target is None else f"; target ≥ {self.target:g}: {'met' if self.met else 'MISSED'}"
        spread = f"{min(self.values):.3f}–{max(self.values):.3f} over {len(self.values)} pairs"
        rates = ", ".join(f"{name} {shown_rate(rate)}" for name, rate in self.images_per_s.items())
        return f"tlbench ÷ {self.against}: median {self.median:.3f} ({spread}){met} [images/s: {rates}]"

    @property
    def met(self) -> bool | None:
        """Whether the median reaches the target."""
        return None if self.target is None else self.median >= self.target

    def as_json(self) -> dict[str, Any]:
        """Plain types."""
        return {
            "against": self.against,
            "median": self.median,
            "min": min(self.values),
            "max": max(self.values),
            "ratios": list(self.values),
            "target": self.target,
            "met": self.met,
            "images_per_s": dict(self.images_per_s),
        }


def shown_rate(images_per_s: float) -> str:
    """As text, of no more digits than mean something."""
    return f"{images_per_s:.{0 if images_per_s >= 100 else 2}f}"


def ratio(pairs: Sequence[Mapping[str, float]], against: str, images: int, target: float | None) -> Ratio:
    """Compare tlbench with one baseline, pair by pair.

    Args:
        pairs: Seconds an epoch by name, `tlbench` among them.
        against: The baseline's name.
        images: Images an epoch.
        target: See `Ratio`.
    """
    rates = {name: statistics.median(images / pair[name] for pair in pairs) for name in ("tlbench", against)}
    return Ratio(against, target, tuple(pair[against] / pair["tlbench"] for pair in pairs), rates)

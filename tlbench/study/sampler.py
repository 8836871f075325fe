"""Which values an arm's trials try: evenly spread ones first, then Optuna's TPE."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from tlbench.errors import ConfigError
from tlbench.tasks.spec import Mode

if TYPE_CHECKING:
    from optuna.trial import Trial

SPREAD_TRIALS = 8
"""Trials before TPE is asked, which needs some results to go by."""


class Sampler:
    """Asks for values and is told how good they were, one trial after another.

    The first trials try the points of an additive recurrence on the logarithms of the ranges (of the golden ratio for
    one key, its generalisation for several: Roberts 2018, "The unreasonable effectiveness of quasirandom sequences"),
    which begin in the middle and lie evenly however many there are. TPE (Bergstra et al. 2011, "Algorithms for
    hyper-parameter optimization") begins with ten random points instead, which leave large gaps: after ten trials on
    drawn curves of accuracy over learning rate its best then lay twice as far below the peak (`benchmarks.sampler`).

    What is asked for next depends on the seed and on what was told alone; the number of trials to come plays no part.

    Args:
        ranges: Key → least and largest value.
        seed: Of TPE.
        mode: The better direction of what is told.

    Raises:
        ConfigError: Optuna is not installed.
    """

    def __init__(self, ranges: Mapping[str, Sequence[float]], seed: int, mode: Mode) -> None:
        ensure_optuna()
        import optuna  # heavy and optional

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._ranges = {key: (low, high) for key, (low, high) in ranges.items()}
        self._worst = -math.inf if mode == "max" else math.inf
        self._study = optuna.create_study(
            direction="maximize" if mode == "max" else "minimize",
            sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=SPREAD_TRIALS),
        )
        for point in _spread(len(ranges)):
            self._study.enqueue_trial(
                {key: low * (high / low) ** u for u, (key, (low, high)) in zip(point, ranges.items(), strict=True)}
            )
        self._asked: Trial | None = None

    def ask(self) -> dict[str, float]:
        """The next trial's values, to three significant digits, within the ranges."""
        self._asked = self._study.ask()
        values = {}
        for key, (low, high) in self._ranges.items():
            value = self._asked.suggest_float(key, low, high, log=True)
            values[key] = min(max(float(f"{value:.3g}"), low), high)
        return values

    def tell(self, value: float | None) -> None:
        """How good the last values were; None, the worst of all, where the trial failed."""
        assert self._asked is not None, "told without having been asked"
        self._study.tell(self._asked, self._worst if value is None else value)
        self._asked = None


def ensure_optuna() -> None:
    """See whether Optuna is there, without importing it.

    Raises:
        ConfigError: It is not.
    """
    if importlib.util.find_spec("optuna") is None:
        raise ConfigError("tune: needs Optuna, which is not installed; pip install 'tlbench[tune]', or use tune=null")


def _spread(dimensions: int) -> Iterator[list[float]]:
    """The first points of the recurrence in [0, 1)^d: 1/2 + n · (1/φ, 1/φ², …) modulo 1, with φ^(d + 1) = φ + 1."""
    phi = 2.0
    for _ in range(64):
        phi = (1 + phi) ** (1 / (dimensions + 1))
    for n in range(SPREAD_TRIALS):
        yield [(0.5 + n * phi ** -(axis + 1)) % 1 for axis in range(dimensions)]

"""How much accuracy the sampler of `tune` leaves to be found, beside others: `python -m benchmarks.sampler` (seconds).

All have as many trials on the same drawn curves of accuracy over the logarithm of the learning rate: a broad rise to a
peak, a steep fall beyond it, and noise in each look, as of one run. Printed is the mean over curves of (best accuracy −
accuracy at the rate chosen).
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable

import optuna

from tlbench.study.sampler import Sampler

KEY, LOW, HIGH = "optimizer.lr", 1e-5, 0.1
CURVES, NOISE = 60, 0.005
Curve = Callable[[float], float]


def drawn_curve(rng: random.Random) -> tuple[Curve, float]:
    """A curve over [0, 1], the range's logarithm, and its best accuracy."""
    peak, best = rng.uniform(0.35, 0.9), rng.uniform(0.7, 0.97)
    left, right = rng.uniform(0.08, 0.35), rng.uniform(0.03, 0.15)

    def accuracy(place: float) -> float:
        width = left if place < peak else right
        return 0.1 + (best - 0.1) * math.exp(-(((place - peak) / width) ** 2))

    return accuracy, best


def with_tlbench(look: Curve, seed: int, trials: int) -> list[tuple[float, float]]:
    """(accuracy seen, place) of each trial."""
    sampler, seen = Sampler({KEY: [LOW, HIGH]}, seed, "max"), []
    for _ in range(trials):
        place = math.log(sampler.ask()[KEY] / LOW) / math.log(HIGH / LOW)
        seen.append((look(place), place))
        sampler.tell(seen[-1][0])
    return seen


def with_tpe(look: Curve, seed: int, trials: int) -> list[tuple[float, float]]:
    """Optuna's TPE with its own settings: ten random points first."""
    study, seen = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed)), []
    for _ in range(trials):
        trial = study.ask()
        place = trial.suggest_float("place", 0, 1)
        seen.append((look(place), place))
        study.tell(trial, seen[-1][0])
    return seen


def with_grid(look: Curve, _seed: int, trials: int) -> list[tuple[float, float]]:
    """Evenly spaced points, which can only be made once their number is known."""
    return [(look(place), place) for place in ((i + 0.5) / trials for i in range(trials))]


def noisy(accuracy: Curve, rng: random.Random) -> Curve:
    """A curve whose looks are noisy."""
    return lambda place: accuracy(place) + rng.gauss(0, NOISE)


def left_to_be_found(samples: Callable[[Curve, int, int], list[tuple[float, float]]], trials: int) -> float:
    """Mean over curves."""
    left = []
    for number in range(CURVES):
        rng = random.Random(number)
        accuracy, best = drawn_curve(rng)
        _, place = max(samples(noisy(accuracy, rng), number, trials))
        left.append(best - accuracy(place))
    return statistics.mean(left)


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    print("trials  tlbench      TPE     grid")
    for trials in (5, 8, 10, 15, 20):
        row = (left_to_be_found(samples, trials) for samples in (with_tlbench, with_tpe, with_grid))
        print(f"{trials:6}" + "".join(f"{value:9.4f}" for value in row))

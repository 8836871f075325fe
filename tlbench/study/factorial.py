"""Two factors that are fully crossed: the main effect of each, and their interaction."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tlbench.config.arms import arm_name
from tlbench.study.baselines import is_of_source, is_random, values_of
from tlbench.study.contrasts import ScoredArms
from tlbench.study.differences import PairedDifference


@dataclass(frozen=True)
class Effect:
    """A contrast of the arms of two crossed factors.

    Attributes:
        kind: A `main effect` is the difference of two levels of one factor, averaged over the levels of the other; an
            `interaction` how much the difference of two levels of the first factor differs between two of the second.
        factors: The one; or both.
        name: What is subtracted from what.
        metric: Such as `test/oa`.
        paired: Its size; with p-values adjusted for all effects, which are a family of their own.
    """

    kind: Literal["main effect", "interaction"]
    factors: tuple[str, ...]
    name: str
    metric: str
    paired: PairedDifference


@dataclass(frozen=True)
class Grid:
    """Two factors' levels and the arm of each combination.

    Attributes:
        factors: Their names.
        levels: The names of each factor's levels, the one that others are compared with last.
        arms: Names by the levels' places.
    """

    factors: tuple[str, str]
    levels: tuple[tuple[str, ...], tuple[str, ...]]
    arms: Mapping[tuple[int, int], str]


def grid_of(configs: Mapping[str, Mapping[str, Any]], factors: Sequence[str]) -> Grid | None:
    """The arms as a grid; None unless exactly two factors vary and each combination of their levels is one arm.

    Keys of the source are one factor. A factor's other levels are compared with `random`, where it is the source's and
    has that, else with the last, as arms are with their baselines (`baselines`).

    Args:
        configs: Arm → a configuration of its complete runs, in declared order.
        factors: The declared factors.
    """
    source = [factor for factor in factors if is_of_source(factor)]
    merged = [[factor] for factor in factors if not is_of_source(factor)]
    if source:
        merged.insert(factors.index(source[0]), source)
    found = {tuple(keys): _levels(configs, keys) for keys in merged}
    varied = {keys: levels for keys, levels in found.items() if len(levels) > 1}
    if len(varied) != 2:
        return None
    (one, rows), (other, columns) = varied.items()
    place = {
        name: (list(rows).index(_key(config, one)), list(columns).index(_key(config, other)))
        for name, config in configs.items()
    }
    arms = {cell: name for name, cell in place.items()}
    if len(arms) != len(configs) or len(arms) != len(rows) * len(columns):
        return None
    names = ("source" if is_of_source(keys[0]) else keys[0] for keys in (one, other))
    return Grid((next(names), next(names)), (tuple(rows.values()), tuple(columns.values())), arms)


def effects(scored: ScoredArms, grid: Grid, metric: str) -> tuple[Effect, ...]:
    """All main effects and interactions, by factor; their intervals are those of the contrasts of arms.

    Args:
        scored: The arms.
        grid: The same.
        metric: That arms are compared by.
    """
    planned = [*_main(grid), *_interactions(grid)]
    family = scored.family([weights for *_, weights in planned], metric)
    return tuple(
        Effect(kind, factors, name, metric, paired)
        for (kind, factors, name, _), paired in zip(planned, family, strict=True)
    )


_Planned = tuple[Literal["main effect", "interaction"], tuple[str, ...], str, dict[str, float]]


def _main(grid: Grid) -> list[_Planned]:
    found: list[_Planned] = []
    for axis, (factor, levels) in enumerate(zip(grid.factors, grid.levels, strict=True)):
        last, others = len(levels) - 1, len(grid.levels[1 - axis])
        for level in range(last):
            sign = {level: 1 / others, last: -1 / others}
            weights = {arm: sign[cell[axis]] for cell, arm in grid.arms.items() if cell[axis] in sign}
            name = f"{levels[level]} − {levels[last]}, mean over {grid.factors[1 - axis]}"
            found.append(("main effect", (factor,), name, weights))
    return found


def _interactions(grid: Grid) -> list[_Planned]:
    (rows, columns), found = grid.levels, []
    for i, j in itertools.product(range(len(rows) - 1), range(len(columns) - 1)):
        cells = {(i, j): 1.0, (-1, j): -1.0, (i, -1): -1.0, (-1, -1): 1.0}
        weights = {grid.arms[r % len(rows), c % len(columns)]: weight for (r, c), weight in cells.items()}
        name = f"({rows[i]} − {rows[-1]}) of {columns[j]} − that of {columns[-1]}"
        planned: _Planned = ("interaction", grid.factors, name, weights)
        found.append(planned)
    return found


def _levels(configs: Mapping[str, Mapping[str, Any]], keys: Sequence[str]) -> dict[str, str]:
    """What the arms have at a factor → the level's name; the level that others are compared with last."""
    named = {_key(config, keys): arm_name(config, keys) for config in configs.values()}
    base = {_key(config, keys) for config in configs.values() if is_of_source(keys[0]) and is_random(config)}
    return {key: named[key] for key in sorted(named, key=lambda key: key in base)}


def _key(config: Mapping[str, Any], keys: Sequence[str]) -> str:
    return str(values_of(config, keys))

"""Which arm every arm is compared with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tlbench.config.hash import affecting_results
from tlbench.records.record import Record
from tlbench.study.collect import covered

VARY = "vary"
"""The factor by which arms differ in what follows the seed; those in which one stream alone does, tell of the spread,
and not of what other runs would score.
"""


def baselines(names: Sequence[str], records: Iterable[Record], factors: Sequence[str]) -> dict[str, str]:
    """The baseline of every arm that has one; a baseline itself has none.

    Two arms that are compared differ in one factor alone (`contrast`), which is not `vary`; with that, arms of
    which every stream follows the seed are compared, and no others. The baseline is the arm whose source is
    `random`, where that is the factor; else the last. Arms that no such arm differs from so have none.

    Args:
        names: All arms, in declared order.
        records: At least one of each arm; an arm without any has a baseline only where there is one factor.
        factors: The declared factors, at least one.
    """
    if not factors:
        return {}
    configs = {record.arm: record.config for record in records}
    if VARY in factors:
        names = [name for name in names if name in configs and configs[name].get(VARY) == "all"]
        factors = [factor for factor in factors if factor != VARY]
        records = [record for record in records if record.arm in names]
        return baselines(names, records, factors)
    factor = contrast(configs.values(), factors)
    others = [other for other in factors if other != factor and not (is_of_source(factor) and is_of_source(other))]
    alike: dict[str | None, list[str]] = {}
    for name in names:
        rest = str(values_of(configs[name], others)) if name in configs else None
        alike.setdefault(rest if others else "", []).append(name)
    alike.pop(None, None)
    found: dict[str, str] = {}
    for group in alike.values():
        bases = group[-1:]
        if is_of_source(factor) and _some_random(configs.values()):
            bases = [name for name in group if name in configs and is_random(configs[name])][:1]
        found |= {name: base for base in bases for name in group if name != base}
    return {name: found[name] for name in names if name in found}


def contrast(configs: Iterable[Mapping[str, Any]], factors: Sequence[str]) -> str:
    """The factor that arms are compared in: the source, where some are random and some are not; else the first in which
    they differ.

    Args:
        configs: Of the arms.
        factors: The declared factors, at least one.
    """
    configs = list(configs)
    source = [factor for factor in factors if is_of_source(factor)]
    if source and _some_random(configs):
        return source[0]
    differing = [factor for factor in factors if len({str(values_of(config, [factor])) for config in configs}) > 1]
    return (differing or list(factors))[0]


def _some_random(configs: Iterable[Mapping[str, Any]]) -> bool:
    return len({is_random(config) for config in configs}) > 1


def is_random(config: Mapping[str, Any]) -> bool:
    """Whether a run's weights begin at random."""
    return bool(config["source"]["name"] == "random")


def is_of_source(factor: str) -> bool:
    """Whether a factor is the source, or one of its keys; two of those are one difference."""
    return factor.partition(".")[0] == "source"


def values_of(config: Mapping[str, Any], factors: Sequence[str]) -> dict[str, Any]:
    """What a configuration has at factors, and below them."""
    return {key: value for key, value in affecting_results(dict(config)).items() if covered(key, factors)}

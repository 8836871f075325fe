"""Which arm every arm is compared with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tlbench.config.hash import affecting_results
from tlbench.records.record import Record
from tlbench.study.collect import covered


def baselines(names: Sequence[str], records: Iterable[Record], factors: Iterable[str]) -> dict[str, str]:
    """The baseline of every arm that has one; a baseline itself has none.

    It is the arm whose source is `random`; where there are several, the one with the same values of the other
    factors. Without any such arm, or without any other source, it is the last arm.

    Args:
        names: All arms, in declared order.
        records: At least one of each arm; an arm without any can only have the last or the one random arm.
        factors: The declared factors.
    """
    other_factors = [factor for factor in factors if factor.partition(".")[0] != "source"]
    configs = {record.arm: record.config for record in records}
    alike = {
        name: {k: v for k, v in affecting_results(config).items() if covered(k, other_factors)}
        for name, config in configs.items()
    }
    random = [name for name, config in configs.items() if config["source"]["name"] == "random"]
    if not random or len(random) == len(names):
        return dict.fromkeys(names[:-1], names[-1])
    if len(random) == 1:
        return {name: random[0] for name in names if name not in random}
    matches = {name: [r for r in random if alike[r] == alike.get(name)] for name in names if name not in random}
    return {name: found[0] for name, found in matches.items() if found}

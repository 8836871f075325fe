"""Which cases of a parametrised test `make test` has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest


def mostly_slow(cases: Iterable[Any], *kept: Any) -> list[Any]:
    """Cases of a test, for `pytest.mark.parametrize`: those that are not kept are slow.

    Args:
        cases: Values, or tuples of them.
        kept: The cheap ones, the most different ones; a tuple's first value stands for it.

    Raises:
        ValueError: A kept one is no case.
    """
    params, left = [], list(kept)
    for case in cases:
        values = case if isinstance(case, tuple) else (case,)
        found = [each for each in kept if each in (case, values[0])]
        left = [each for each in left if each not in found]
        params.append(pytest.param(*values, marks=[] if found else [pytest.mark.slow]))
    if left:
        raise ValueError(f"no such case: {left}")
    return params


def thinned(cases: Sequence[Any], step: int) -> list[Any]:
    """The same for cases that are near-equal: of each `step` the first is kept."""
    return mostly_slow(cases, *list(cases)[::step])

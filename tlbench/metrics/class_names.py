"""How classes are called in the names of metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tlbench.errors import DataError


def metric_class_names(class_names: Sequence[str]) -> list[str]:
    """Class names with `/`, which separates the parts of a metric's name, made `_`.

    Raises:
        DataError: Two classes would share a metric's name.
    """
    names = [name.replace("/", "_") for name in class_names]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(
            f"class names {list(class_names)!r}: two would be called {twice[0]!r} in metrics ('/' becomes '_'); "
            "rename one of them"
        )
    return names

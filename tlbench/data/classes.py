"""Whether other data have the classes that a run learnt."""

from __future__ import annotations

from collections.abc import Sequence

from tlbench.errors import DataError


def check_classes(found: Sequence[str], wanted: Sequence[str]) -> None:
    """Refuse data whose classes are not the run's; their order does not matter.

    Raises:
        DataError: Naming the classes that differ.
    """
    there, asked = set(found), set(wanted)
    lacking = [name for name in wanted if name not in there]
    others = [name for name in found if name not in asked]
    if lacking or others:
        parts = [f"{what} {_some(names)}" for what, names in (("lack", lacking), ("have besides", others)) if names]
        raise DataError(
            f"the data's classes are not the run's: they {' and '.join(parts)}; give data with the run's "
            f"{len(wanted)} classes, or choose them with data.classes=[…]"
        )


def _some(names: Sequence[str], shown: int = 5) -> str:
    rest = len(names) - shown
    return ", ".join(map(repr, names[:shown])) + (f" and {rest} more" if rest > 0 else "")

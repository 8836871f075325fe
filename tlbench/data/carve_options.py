"""What `data.classes`, `data.test_fraction` and `data.val_fraction` ask for, whatever the labels."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from tlbench.config import DataConfig
from tlbench.data.label_names import typed
from tlbench.errors import DataError, short

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_CONSTANTS = {
    **dict.fromkeys(("true", "yes", "on", "y"), "true"),
    **dict.fromkeys(("false", "no", "off", "n"), "false"),
    **dict.fromkeys(("null", "none", "~"), "null"),
}
"""What YAML takes for a truth value or for nothing → what `data.classes` then holds."""


def matching_classes(class_names: Sequence[str], wanted: Sequence[str]) -> dict[str, str | None]:
    """Each wanted class → the one of the data that is meant; None where there is none.

    A class that the data lack is the one that differs from it in blanks or in how accents are composed alone, or as
    YAML's reading of a number or truth value does (`data.classes=[1,true]` for `01` and `True`), where one alone does.
    """
    there = set(class_names)
    return {name: name if name in there else _only_one(name, class_names) for name in wanted}


def class_numbers(class_names: Sequence[str], wanted: Sequence[str]) -> Tensor:
    """(C,) int64: the position of each class among those wanted; -1 where it is not.

    Args:
        class_names: C names that the data have.
        wanted: Some of them, in any order.

    Raises:
        DataError: A class does not exist.
    """
    numbers = torch.full((len(class_names),), -1)
    position = {name: i for i, name in enumerate(class_names)}
    numbers[[position[name] for name in wanted_classes(class_names, wanted)]] = torch.arange(len(wanted))
    return numbers


def wanted_classes(class_names: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """The classes that are meant, as the data call them.

    Raises:
        DataError: A class does not exist, or two of those wanted are one.
    """
    matching = matching_classes(class_names, wanted)
    unknown = [name for name, there in matching.items() if there is None]
    if unknown and all(name.isdecimal() for name in unknown):
        numbered = short(", ".join(f"{number}: {name}" for number, name in enumerate(class_names)), 400)
        raise DataError(
            f"data.classes: no class is named {', '.join(map(repr, unknown))}, and classes are chosen by their names; "
            f"counted from 0, the data have {numbered}"
        )
    if unknown:
        there = short(", ".join(class_names), 400)
        raise DataError(f"data.classes: no class {', '.join(map(repr, unknown))}; the data have {there}")
    meant = tuple(name for name in matching.values() if name is not None)
    if len(set(meant)) < len(meant):
        twice = next(name for name in meant if meant.count(name) > 1)
        raise DataError(f"data.classes: names {twice!r} twice, in two forms; name each class once")
    return meant


def _only_one(wanted: str, class_names: Sequence[str]) -> str | None:
    for same in (_same_text, _same_number, _same_constant):
        fitting = [name for name in class_names if same(wanted, name)]
        if len(fitting) == 1:
            return fitting[0]
    return None


def _same_text(wanted: str, name: str) -> bool:
    return typed(wanted) == typed(name)


def _same_number(wanted: str, name: str) -> bool:
    return bool(_NUMBER.fullmatch(wanted) and _NUMBER.fullmatch(name)) and float(wanted) == float(name)


def _same_constant(wanted: str, name: str) -> bool:
    return wanted in ("true", "false", "null") and _CONSTANTS.get(name.casefold()) == wanted


def carved_fractions(data: DataConfig, parts: Collection[str]) -> dict[str, float]:
    """Split → its fraction of train, for those of `test` and `val` that are not among the parts.

    Test comes first: what it holds does not depend on `data.val_fraction`. With folds the split that is one of them has
    its share, and val, where that is test, its fraction of what the fold leaves.

    Raises:
        DataError: A fraction is null; `data.folds` of data with a val split.
    """
    fractions = {}
    fold = None if data.folds is None else folded(data, parts)
    for split, fraction in {"test": data.test_fraction, "val": data.val_fraction}.items():
        if split in parts:
            continue
        if fold == split:
            assert data.folds is not None
            fractions[split] = 1 / data.folds
            continue
        if fraction is None:
            raise DataError(f"data.{split}_fraction=null: there is no {split} split; give a fraction in (0, 1)")
        fractions[split] = fraction
    return fractions


def folded(data: DataConfig, parts: Collection[str]) -> str:
    """The split that is a fold: test where nothing else is test, else val, and test is held out of all folds.

    Raises:
        DataError: The data have a val split, which would be no fold.
    """
    if "val" in parts:
        raise DataError(
            f"data.folds={data.folds}: the data have a val split, which cannot be a fold; move its images to train, or "
            "use null"
        )
    return "val" if "test" in parts or data.test_fraction is not None else "test"

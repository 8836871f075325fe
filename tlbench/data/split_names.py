"""Which of train, val and test a folder's name or a cell of a table stands for, in the forms that people write."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

Kind = Literal["train", "val", "test", "val or test", "unlabelled"]

SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
"""The plain names."""

_WORDS: dict[str, Kind] = {
    **dict.fromkeys(("train", "training", "trn", "trainval"), "train"),
    **dict.fromkeys(("val", "valid", "validate", "validation", "dev", "devel"), "val"),
    **dict.fromkeys(("test", "testing", "tst"), "test"),
    **dict.fromkeys(("eval", "evaluation", "holdout"), "val or test"),
    **dict.fromkeys(("pred", "predict", "prediction", "unlabeled", "unlabelled", "inference"), "unlabelled"),
}
_WEAK = {"trn", "dev", "devel", "tst", *(word for word in _WORDS if _WORDS[word] in ("val or test", "unlabelled"))}
"""Words that are splits only beside a folder to train on."""

_NEUTRAL = ("set", "sets", "data", "dataset", "images", "image", "imgs", "img", "split", "folder", "files", "samples")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_GLUED = re.compile(
    rf"({'|'.join(_NEUTRAL)})?({'|'.join(sorted(_WORDS, key=len, reverse=True))})({'|'.join(_NEUTRAL)})?"
)


@dataclass(frozen=True)
class SplitName:
    """A name in which a split's word occurs.

    Args:
        kind: What the word stands for.
        rest: The other words, without those that say nothing (`set`, `images`, numbers).
        weak: It may well be something else where there is no folder to train on.
    """

    kind: Kind
    rest: tuple[str, ...] = ()
    weak: bool = False


def words_of(name: str) -> list[str]:
    """The words of a name, in no capitals, without numbers and those that say nothing (`set`, `images`)."""
    words = re.findall(r"[^\W\d_]+|\d+", _CAMEL.sub(" ", unicodedata.normalize("NFC", name)).casefold())
    return [word for word in words if word not in _NEUTRAL and not word.isdecimal()]


def split_name(name: str) -> SplitName | None:
    """`seg_Train` → train and the rest `seg`; `val2017`, `trainset`, `TestImages` → without a rest; None: no split."""
    kinds: dict[Kind, str] = {}
    rest = []
    for word in words_of(name):
        if glued := _GLUED.fullmatch(word):
            kinds[_WORDS[glued[2]]] = glued[2]
        else:
            rest.append(word)
    if kinds.keys() == {"train", "val"}:  # train_val
        del kinds["val"]
    if len(kinds) != 1:
        return None
    (kind, word), *_ = kinds.items()
    return SplitName(kind, tuple(rest), word in _WEAK)


@dataclass(frozen=True)
class SplitNames:
    """What names say of splits.

    Args:
        splits: Name → `train`, `val` or `test`.
        unlabelled: Names of what has no labels (`seg_pred`).
        doubtful: Names that may be `val` or `test`.
        lacks_train: There are splits, but none to train on.
    """

    splits: dict[str, str]
    unlabelled: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()
    lacks_train: bool = False


def split_names(names: Collection[str]) -> SplitNames | None:
    """Which of the names that stand beside one another are splits; None: they are no splits.

    They are where one is a plain name (`train`, `Testing`, `val2017`), or where train and another differ in the split's
    word alone (`seg_train`, `seg_test`): `train_station` and `bus_station` are none.
    """
    found = {name: split for name in names if (split := split_name(name))}
    rests = {split.rest for split in found.values() if split.kind == "train"}
    for rest in sorted(rests, key=len):
        alike = {name: split.kind for name, split in found.items() if split.rest == rest}
        if not rest or len(set(alike.values())) > 1 or len(names) == 1:
            return _assigned(alike)
    plain: dict[str, Kind] = {name: split.kind for name, split in found.items() if not (split.rest or split.weak)}
    return SplitNames({name: str(kind) for name, kind in plain.items()}, lacks_train=True) if plain else None


def _assigned(kinds: dict[str, Kind]) -> SplitNames:
    """`eval` is test beside a val, val beside a test."""
    free = {"val", "test"} - set(kinds.values())
    doubtful = [name for name, kind in kinds.items() if kind == "val or test"]
    splits = {name: str(kind) for name, kind in kinds.items() if kind in ("train", "val", "test")}
    if len(free) == 1 and len(doubtful) == 1:
        splits[doubtful.pop()] = free.pop()
    unlabelled = tuple(name for name, kind in kinds.items() if kind == "unlabelled")
    return SplitNames(splits, unlabelled, tuple(doubtful))

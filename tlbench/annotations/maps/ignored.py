"""Classes whose pixels count nowhere, whoever makes the maps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tlbench.annotations.maps.config import MapDataConfig
from tlbench.data.label_names import some, typed
from tlbench.errors import DataError, did_you_mean
from tlbench.system.voice import Voice

_VOID = frozenset(("void", "unlabelled", "unlabeled", "ignore", "ignored", "dont care", "unannotated"))
_BLANKS = re.compile(r"[\s_-]+")


def is_void(name: str) -> bool:
    """Whether a class is called as what is none: void, unlabelled, ignore, …"""
    return _BLANKS.sub(" ", typed(name).casefold().replace("'", "")) in _VOID


def counted_classes(
    where: str | Path,
    class_names: Sequence[str],
    data: MapDataConfig,
    voice: Voice,
    holder: str = "the data have",
    *,
    void_is_none: bool = False,
) -> tuple[str, ...]:
    """The classes without those that `data.ignored_classes` names; null: without those that are called void.

    Args:
        where: What the data are called, for messages.
        class_names: All classes.
        data: The target's config.
        voice: Speaks to the user.
        holder: What a message begins with that lists the classes.
        void_is_none: Whether pixels of what is called void are ignored anyway, so that it may be named without being
            a class.

    Raises:
        DataError: A class is named that there is not, or fewer than two are left.
    """
    ignored = data.ignored_classes
    if ignored is None:
        ignored = [name for name in class_names if is_void(name) and name not in (data.classes or ())]
        if ignored:
            said = ", ".join(map(repr, ignored))
            voice.say(f"{where}: pixels of {said} are ignored, as the name says (data.ignored_classes)")
    for name in ignored:
        if name not in class_names and not (void_is_none and is_void(name)):
            near = [other for other in class_names if other.casefold() == name.casefold()]
            there = some(list(class_names), 30)
            raise DataError(f"data.ignored_classes: no class {name!r}{did_you_mean(near)}; {holder} {there}")
    kept = tuple(name for name in class_names if name not in ignored)
    if len(kept) < 2:
        raise DataError(
            f"{where}: {'no class' if not kept else f'only the class {kept[0]!r}'}, beside what is ignored; "
            "wanted are two or more: what is of no other class may be one, such as background"
        )
    return kept

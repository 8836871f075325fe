"""The class names of a YOLO data set's description: keys `names` and `nc`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tlbench.config import LimitsConfig
from tlbench.data.formats.yolo.texts import check_names
from tlbench.errors import DataError, short
from tlbench.system.voice import Voice


def names_in_yaml(file: Path, content: Mapping[Any, Any], limits: LimitsConfig, voice: Voice) -> tuple[str, ...]:
    """C class names; `class_0`, … where only their number is given.

    Args:
        file: The description, for messages.
        content: What it holds.
        limits: How many there may be.
        voice: Speaks to the user.

    Raises:
        DataError: They are not there, of another kind, too many, not as many as `nc`, or two are the same.
    """
    names, count = content.get("names"), _count(content.get("nc"))
    if count is not None and not (isinstance(count, int) and not isinstance(count, bool) and count > 0):
        raise DataError(f"{file}: nc: {short(repr(count))}; wanted is the number of classes, or no nc")
    for found in (count, len(names) if isinstance(names, (dict, list)) else None):
        if found is not None:
            limits.check_classes(file, found)
    if names is None and count is not None:
        return tuple(f"class_{i}" for i in range(count))
    if isinstance(names, dict):
        names = _numbered(file, names, voice)
    if isinstance(names, str):
        raise DataError(
            f"{file}: names: {short(repr(names))} is one text, not a list; write names: [first, second, …], in the "
            "order of the labels' classes"
        )
    if not isinstance(names, list):
        raise DataError(f"{file}: no list of names; add names: [first, second, …], in the order of the labels' classes")
    for name in names:
        if isinstance(name, bool) or not isinstance(name, (str, int, float)):
            raise DataError(f"{file}: names: {short(repr(name))} is not text; put it in quotes")
    if count is not None and count != len(names):
        raise DataError(f"{file}: nc: {count}, but {len(names)} names; correct one of them")
    return check_names(f"{file}: names", [str(name) for name in names])


def _count(value: Any) -> Any:
    """`nc`; '2' and 2.0 are 2, as to ultralytics."""
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 10:
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _numbered(file: Path, names: dict[Any, Any], voice: Voice) -> list[Any]:
    """The names of a mapping from numbers, in their order; of one to numbers likewise."""
    numbered: dict[Any, Any] = {}
    written: dict[Any, Any] = {}
    for key, name in names.items():
        if isinstance(key, bool):
            raise DataError(f"{file}: names: a key in it is a truth value to YAML ({key}); put it in quotes")
        number = int(key) if isinstance(key, str) and key.isdecimal() and len(key) < 10 else key
        if number in numbered:
            raise DataError(
                f"{file}: names: {number} stands in it twice (as {written[number]!r} and {key!r}); keep the right one"
            )
        numbered[number], written[number] = name, key
    wanted = set(range(len(numbered)))
    if set(numbered) == wanted:
        return [numbered[i] for i in range(len(numbered))]
    numbers = [value for value in numbered.values() if isinstance(value, int) and not isinstance(value, bool)]
    if len(numbers) == len(wanted) and set(numbers) == wanted and all(isinstance(key, str) for key in numbered):
        voice.say(f"{file}: names maps names to numbers, and is read so; usual is number: name")
        return sorted(numbered, key=numbered.__getitem__)
    keys = short(", ".join(map(str, list(numbered)[:6])))
    from_one = set(numbered) == {number + 1 for number in wanted}
    count = "; label files count classes from 0, so the numbers must too" if from_one else ""
    raise DataError(f"{file}: names: its keys are {keys}; wanted are 0 to {len(numbered) - 1}{count}")

"""The classes of a COCO data set."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlbench.config import LimitsConfig
from tlbench.data.formats.coco.entries import Ids
from tlbench.data.formats.yolo.texts import check_names
from tlbench.data.label_names import typed, warn_of_lookalikes
from tlbench.errors import DataError, short
from tlbench.system.voice import Voice

_BACKGROUND = {"background", "_background_", "__background__", "bg"}


@dataclass(frozen=True)
class CocoClasses:
    """C classes.

    Args:
        names: One a class.
        numbers: File → id of a category → the class, 0 … C - 1.
    """

    names: tuple[str, ...]
    numbers: Mapping[Path, Mapping[Hashable, int]]


def classes_of(files: Mapping[Path, Mapping[str, Any]], limits: LimitsConfig, voice: Voice) -> CocoClasses:
    """The classes of all files of a data set, by their names, in the order of the ids of the file that has the most.

    A category without objects is none where it is only the `supercategory` of others, such as Roboflow writes at id 0,
    or the background.

    Args:
        files: File → its content, with lists of objects `categories` and `annotations`.
        limits: How many there may be.
        voice: Speaks to the user.

    Raises:
        DataError: Ids or names are missing or occur twice, or a file has classes that another lacks, and the other way
            round.
    """
    found = {file: _categories(file, content["categories"]) for file, content in files.items()}
    for file, categories in found.items():
        limits.check_classes(file, len(categories))
    used = {pair for file, content in files.items() for pair in _used(found[file], content["annotations"])}
    for file, content in files.items():
        above = {
            _name(entry.get("supercategory"))
            for entry in content["categories"]
            if entry.get("supercategory") != entry.get("name")
        }
        for kind, words in (("only the name of a group of classes", above), ("the background", _BACKGROUND)):
            none = {
                of: name
                for of, name in found[file].items()
                if (of, name) not in used and (name in words or (words is _BACKGROUND and name.lower() in words))
            }
            if none and len(none) < len(found[file]):
                voice.say(f"{file}: {short(', '.join(none.values()), 300)}: {kind}, left out")
                found[file] = {of: name for of, name in found[file].items() if of not in none}
    first = max(found, key=lambda file: len(found[file]))
    kept = sorted(found[first], key=lambda of: (isinstance(of, str), of))
    names = check_names(f"{first}: categories", [found[first][of] for of in kept])
    warn_of_lookalikes(f"{first}: categories", names, voice)
    number = {name: i for i, name in enumerate(names)}
    for file, categories in found.items():
        check_names(f"{file}: categories", list(categories.values()))
        _compare(file, categories, first, found[first], voice)
    return CocoClasses(
        names, {file: {of: number[name] for of, name in categories.items()} for file, categories in found.items()}
    )


def _compare(file: Path, own: Mapping[Hashable, str], first: Path, most: Mapping[Hashable, str], voice: Voice) -> None:
    """Say in what a file's categories differ from those of the file that has the most.

    Raises:
        DataError: In names that the other does not have.
    """
    unknown = [name for name in own.values() if name not in most.values()]
    if unknown:
        lacking = [name for name in most.values() if name not in own.values()]
        alike = [name for name in unknown if name.casefold() in {other.casefold() for other in lacking}]
        hint = f"; of {short(', '.join(alike))} only the capitals differ" if alike else ""
        raise DataError(
            f"{file}: its categories are not those of {first} (here alone: {short(', '.join(unknown), 200)}; there "
            f"alone: {short(', '.join(lacking), 200) or 'none'}{hint}); give all splits the same names"
        )
    if len(own) < len(most):
        voice.say(
            f"{file}: lists {len(own)} of the {len(most)} categories of {first}: those that it has objects of, it seems"
        )
    if differing := [name for of, name in own.items() if most.get(of) != name]:
        voice.say(f"{file}: other ids than in {first} for {short(', '.join(differing), 200)}: read by name")


def _used(categories: Mapping[Hashable, str], annotations: list[Mapping[str, Any]]) -> set[tuple[Hashable, str]]:
    order = list(categories)
    ids = Ids({of: position for position, of in enumerate(order)})
    return {
        (order[position], categories[order[position]])
        for value in {_key(entry.get("category_id")) for entry in annotations}
        if (position := ids[value]) is not None
    }


def _categories(file: Path, entries: list[Mapping[str, Any]]) -> dict[Hashable, str]:
    """Id → name."""
    found: dict[Hashable, str] = {}
    for entry in entries:
        of, name = entry.get("id"), entry.get("name")
        if not isinstance(of, (int, str)) or not isinstance(name, str):
            raise DataError(
                f"{file}: category {short(repr(of))} with the name {short(repr(name))}; wanted are an id and a name"
            )
        if of in found:
            raise DataError(f"{file}: category {short(str(of))} occurs twice; give each an id of its own")
        found[of] = _name(name)
    return found


def _name(value: object) -> str:
    """As it is compared: without spaces around it or several, and what is not seen; accents composed."""
    return typed(value) if isinstance(value, str) else ""


def _key(value: Any) -> Hashable:
    return value if isinstance(value, (int, float, str)) else None

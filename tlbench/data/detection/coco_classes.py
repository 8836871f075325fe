"""The classes of a COCO data set."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlbench.config import LimitsConfig
from tlbench.data.detection.yolo_texts import check_names
from tlbench.errors import DataError, short


@dataclass(frozen=True)
class CocoClasses:
    """C classes, in the order of their ids.

    Args:
        names: One a class.
        number: A category's id → the class, 0 … C - 1.
    """

    names: tuple[str, ...]
    number: Mapping[Hashable, int]


def classes_of(
    files: Mapping[Path, Mapping[str, Any]], limits: LimitsConfig, say: Callable[[str], None]
) -> CocoClasses:
    """The classes that all files of a data set have in common.

    A category without objects that is only the `supercategory` of others is none, such as Roboflow writes at id 0.

    Args:
        files: File → its content, with lists of objects `categories` and `annotations`.
        limits: How many there may be.
        say: Shows the user a line.

    Raises:
        DataError: Ids or names are missing or occur twice, or differ between files.
    """
    first, *others = files
    found = _categories(first, files[first]["categories"])
    limits.check_classes(first, len(found))
    for other in others:
        if _categories(other, files[other]["categories"]) != found:
            raise DataError(f"{other}: its categories are not those of {first}; give all splits the same ids and names")
    used = {_key(entry.get("category_id")) for content in files.values() for entry in content["annotations"]}
    above = {
        _key(entry.get("supercategory"))
        for entry in files[first]["categories"]
        if entry.get("supercategory") != entry.get("name")
    }
    groups = {of: name for of, name in found.items() if of not in used and name in above}
    if groups:
        say(f"{first}: {short(', '.join(groups.values()), 300)}: only the name of a group of classes, left out")
    kept = sorted((of for of in found if of not in groups), key=lambda of: (isinstance(of, str), of))
    names = check_names(f"{first}: categories", [found[of] for of in kept])
    return CocoClasses(names, {of: i for i, of in enumerate(kept)})


def _categories(file: Path, entries: list[Mapping[str, Any]]) -> dict[Any, str]:
    """Id → name."""
    found: dict[Any, str] = {}
    for entry in entries:
        of, name = entry.get("id"), entry.get("name")
        if not isinstance(of, (int, str)) or not isinstance(name, str):
            raise DataError(
                f"{file}: category {short(repr(of))} with the name {short(repr(name))}; wanted are an id and a name"
            )
        if of in found:
            raise DataError(f"{file}: category {short(str(of))} occurs twice; give each an id of its own")
        found[of] = name
    return found


def _key(value: Any) -> Hashable:
    return value if isinstance(value, (int, str)) else None

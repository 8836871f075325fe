"""Classes of folders of splits: val and test have those of train."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tlbench.data.file_tree import Folder
from tlbench.data.formats.folders.hints import images
from tlbench.data.label_names import shown, typed
from tlbench.errors import DataError
from tlbench.system.voice import Voice

Classes = dict[str, list[Folder]]
"""Class → its folders, which are several where names are one but for blanks or the form of accents."""


def check_labelled(splits: Mapping[str, Folder], found: Mapping[str, Classes], root: Path) -> None:
    """Refuse a val or test whose images lie in one folder that is no class (`test/test/*`, `test/unknown/*`).

    Args:
        splits: Split → its folder.
        found: Split → its classes.
        root: Of the data set.

    Raises:
        DataError: They do.
    """
    for split, classes in found.items():
        (name, folders), *others = classes.items()
        known = {typed(train).casefold() for train in found["train"]}
        if split != "train" and not others and typed(name).casefold() not in known and len(known) > 1:
            count = sum(len(folder.images()) for folder in folders)
            raise DataError(
                f"{splits[split].path}: {images(count)} in the folder {name!r} alone, which is no class of train, "
                f"so that they have no labels; {without(root, split)}"
            )


def without(root: Path, split: str) -> str:
    """How to do without a split that has no labels."""
    return f"move the folder out of {root} ({split} is then carved out of train), or sort them into class folders"


def name_alike(found: dict[str, Classes], root: Path, voice: Voice) -> None:
    """Give a class of val or test the name that it has in train, where one alone fits.

    Args:
        found: Split → its classes; they are renamed.
        root: Of the data set.
        voice: Speaks to the user.
    """
    for split, classes in found.items():
        free = [name for name in found["train"] if name not in classes]
        for name in [name for name in classes if name not in found["train"]]:
            fitting = [train for train in free if typed(train).casefold() == typed(name).casefold()]
            if len(fitting) == 1:
                classes[fitting[0]] = classes.pop(name)
                free.remove(fitting[0])
                voice.say(f"{root}: '{shown(name, fitting[0])}' in {split} is train's {fitting[0]!r}")

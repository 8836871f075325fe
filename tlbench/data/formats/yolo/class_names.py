"""The class names of a YOLO data set: of its description, and of the files in which labelling tools write them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from tlbench.config import LimitsConfig
from tlbench.data.formats.yolo.texts import CLASS_FILES, check_names, names_in
from tlbench.data.formats.yolo.yaml import YoloYaml
from tlbench.data.paths import labels_of
from tlbench.errors import DataError
from tlbench.system.voice import Voice


def find_class_names(
    root: Path,
    parts: Mapping[str, Sequence[str]],
    described: YoloYaml | None,
    limits: LimitsConfig,
    voice: Voice,
) -> tuple[tuple[str, ...], list[Path]]:
    """The names of a description, or in `classes.txt`, as labelling tools write it: beside folders, labels or images.

    A file without names says nothing where others have them. A description that has only the number of classes takes
    their names from such a file.

    Args:
        root: The folder of the data set.
        parts: Split → paths of its images.
        described: The description.
        limits: How large a file may be, and how many classes there may be.
        voice: Speaks to the user.

    Returns:
        The names, and the files that were read for them.

    Raises:
        DataError: There are none, two files contradict each other, or there are not as many as a description says.
    """
    files = [file for folder in _beside(root, parts) for name in CLASS_FILES if (file := Path(folder, name)).is_file()]
    written = {file: names_in(file, limits) for file in files}
    known = {file: check_names(str(file), names) for file, names in written.items() if names}
    longest = max(known, key=lambda file: len(known[file]), default=None)  # labelling tools append
    if described is not None and not _numbered(described.class_names):
        known = {described.file: described.class_names, **known}
        longest = max(known, key=lambda file: len(known[file]))
        names = described.class_names
    elif longest is not None:
        names = known[longest]
        if described is not None and len(names) != len(described.class_names):
            raise DataError(
                f"{described.file}: {len(described.class_names)} classes, but {len(names)} names in {longest}; correct "
                "one of them"
            )
        if described is not None:
            voice.say(f"{described.file}: no names in it; they are read from {longest}")
    elif described is not None:
        names = described.class_names
    elif written:
        raise DataError(f"{next(iter(written))}: no class names; wanted is one a class")
    else:
        raise DataError(
            f"{root}: no data.yaml and no classes.txt, so the classes have no names; add a data.yaml with names: "
            "[first, second, …], or a classes.txt with one name a line, in the order of the labels' classes"
        )
    for file, found in known.items():
        _check_alike(file, found, longest or file, known[longest or file])
    return names, [file for file in known if described is None or file != described.file]


def _numbered(names: Sequence[str]) -> bool:
    """Whether they only stand for the numbers of classes."""
    return tuple(names) == tuple(f"class_{i}" for i in range(len(names)))


def _check_alike(file: Path, names: Sequence[str], longest: Path, all_names: Sequence[str]) -> None:
    other = next((i for i, name in enumerate(names) if name != all_names[i]), None)
    if other is not None:
        raise DataError(
            f"{file}: class {other} is {names[other]!r}, but {all_names[other]!r} in {longest}; labels mean one of "
            "them; correct or remove a file, or renumber the labels"
        )


def _beside(root: Path, parts: Mapping[str, Sequence[str]]) -> list[str]:
    """Folders in which class names may lie: those of images, of their labels, and all between them and the root."""
    top = os.path.abspath(root)  # noqa: PTH100
    folders = {top: None, f"{top}/labels": None}
    images = dict.fromkeys(os.path.dirname(os.path.abspath(path)) for paths in parts.values() for path in paths)  # noqa: PTH100, PTH120
    for folder in images:
        below = folder.removeprefix(f"{top}/")
        cells = below.split("/") if below != folder else []
        for path in [folder, *(f"{top}/{'/'.join(cells[:i])}" for i in range(1, len(cells)))]:
            folders[path] = None
            if (labels := labels_of(path)) is not None:
                folders[labels] = None
    given = str(root)
    return [given + path.removeprefix(top) if path.startswith(top) else path for path in folders]

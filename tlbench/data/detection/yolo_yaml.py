"""The description of a YOLO data set, `data.yaml`: where its splits are and what its classes are called.

The format is ultralytics' (https://docs.ultralytics.com/datasets/detect): `path`, `train`, `val`, `test`, `names`,
`nc`. A key `download` is not looked at: nothing of the file is ever executed.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tlbench.config import STANDARD_LIMITS, LimitsConfig
from tlbench.errors import DataError, short
from tlbench.regular_file import TooLargeError, read_regular
from tlbench.yaml_text import load_yaml

_SPLIT_KEYS = {"train": "train", "val": "val", "validation": "val", "test": "test"}


@dataclass(frozen=True)
class YoloYaml:
    """What a `data.yaml` says.

    Args:
        file: The file.
        root: The folder of the data set.
        class_names: C names.
        splits: Split → folders of images and `.txt` files that list images, all there; empty where it names none.
    """

    file: Path
    root: Path
    class_names: tuple[str, ...]
    splits: dict[str, list[Path]]


def find_yaml(folder: Path, limits: LimitsConfig = STANDARD_LIMITS) -> Path | None:
    """The description in a folder: `data.yaml`, or the only YAML file that names a split or classes.

    Raises:
        DataError: Several could be it.
    """
    for name in ("data.yaml", "data.yml"):
        if (folder / name).is_file():
            return folder / name
    found = [file for file in sorted(folder.iterdir()) if file.suffix in (".yaml", ".yml") and _describes(file, limits)]
    if len(found) > 1:
        raise DataError(
            f"{folder}: {' and '.join(file.name for file in found[:3])} could all describe the data; give the one as "
            "data.root"
        )
    return found[0] if found else None


def read_yaml(file: Path, limits: LimitsConfig = STANDARD_LIMITS) -> YoloYaml:
    """Read a description and find what it names.

    Args:
        file: The file.
        limits: Up to which size it is read, and how many classes it may name.

    Raises:
        DataError: It cannot be read, a key is missing or of the wrong kind, or what it names is not there.
    """
    content = _mapping(file, limits)
    class_names = _class_names(file, content, limits)
    entries: dict[str, list[str]] = {}
    for key, split in _SPLIT_KEYS.items():
        if content.get(key):
            entries[split] = _strings(file, key, content[key])
    if entries and "train" not in entries:
        raise DataError(f"{file}: no key train beside {', '.join(entries)}; add the folder of the training images")
    root = _root(file, content, entries.get("train", []))
    splits = {split: [_there(file, root, split, entry) for entry in named] for split, named in entries.items()}
    return YoloYaml(file, root, class_names, splits)


def check_names(where: str, names: Sequence[str]) -> tuple[str, ...]:
    """Class names, which must differ.

    Raises:
        DataError: There are none, one is empty, or one occurs twice.
    """
    if not names:
        raise DataError(f"{where}: no class names; wanted is one a class")
    if not all(names):
        raise DataError(f"{where}: class {list(names).index('')} has an empty name; give it one")
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise DataError(f"{where}: the class name {twice[0]!r} occurs twice; names must differ")
    return tuple(names)


def _describes(file: Path, limits: LimitsConfig) -> bool:
    try:
        content = _read(file, limits)
    except (OSError, ValueError, DataError, yaml.YAMLError):
        return False
    return isinstance(content, dict) and ("names" in content or "train" in content)


def _read(file: Path, limits: LimitsConfig) -> Any:
    try:
        return load_yaml(read_regular(file, limits.label.bytes).decode("utf-8-sig"))
    except TooLargeError:
        raise limits.label.refusal(file) from None


def _mapping(file: Path, limits: LimitsConfig) -> dict[str, Any]:
    try:
        content = _read(file, limits)
    except OSError as error:
        raise DataError(f"{file}: {error.strerror}; give a data.yaml that can be read") from None
    except (ValueError, yaml.YAMLError) as error:
        raise DataError(f"{file}: not YAML ({short(' '.join(str(error).split()), 300)}); mend it") from None
    if not isinstance(content, dict):
        raise DataError(f"{file}: not a description of data; wanted are the keys path, train, val, test and names")
    return content


def _class_names(file: Path, content: dict[str, Any], limits: LimitsConfig) -> tuple[str, ...]:
    names, count = content.get("names"), content.get("nc")
    if count is not None and not (isinstance(count, int) and not isinstance(count, bool) and count > 0):
        raise DataError(f"{file}: nc: {short(repr(count))}; wanted is the number of classes, or no nc")
    for found in (count, len(names) if isinstance(names, (dict, list)) else None):
        if found is not None:
            limits.check_classes(file, found)
    if names is None and count is not None:
        return tuple(f"class_{i}" for i in range(count))
    if isinstance(names, dict):
        names = {
            int(key) if isinstance(key, str) and key.isdecimal() and len(key) < 10 else key: name
            for key, name in names.items()
        }
        if sorted(names, key=str) != sorted(range(len(names)), key=str):
            keys = short(", ".join(map(str, list(names)[:6])))
            raise DataError(f"{file}: names: its keys are {keys}; wanted are 0 to {len(names) - 1}")
        names = [names[i] for i in range(len(names))]
    if not isinstance(names, list):
        raise DataError(f"{file}: no list of names; add names: [first, second, …], in the order of the labels' classes")
    for name in names:
        if isinstance(name, bool) or not isinstance(name, (str, int, float)):
            raise DataError(f"{file}: names: {short(repr(name))} is not text; put it in quotes")
    if count is not None and count != len(names):
        raise DataError(f"{file}: nc: {count}, but {len(names)} names; correct one of them")
    return check_names(f"{file}: names", [str(name) for name in names])


def _strings(file: Path, key: str, value: Any) -> list[str]:
    entries = value if isinstance(value, list) else [value]
    if not all(isinstance(entry, str) and entry for entry in entries):
        raise DataError(
            f"{file}: {key}: {short(repr(value))}; wanted is a folder of images, a .txt that lists them, or a list"
        )
    return entries


def _root(file: Path, content: dict[str, Any], train: Sequence[str]) -> Path:
    """The first folder below which the training images lie, of those that `path` can mean."""
    path = content.get("path")
    if path is not None and not isinstance(path, str):
        raise DataError(f"{file}: path: {short(repr(path))}; wanted is the folder of the data set")
    beside = file.parent
    folders = [beside]
    if path:
        named = Path(os.path.expanduser(path))  # noqa: PTH111 (Path.expanduser raises for an unknown user)
        folders = [beside / named, beside.parent / named, named, beside]
    for folder in folders:
        if train and all(_find(folder, entry) for entry in train):
            return _plain(folder)
    if not train:
        return beside
    tried = list(dict.fromkeys(str(_plain(folder / train[0])) for folder in folders))
    places = short(", ".join(tried), 400)
    raise DataError(f"{file}: train: {short(train[0])}: not at {places}; correct path or train")


def _there(file: Path, root: Path, split: str, entry: str) -> Path:
    found = _find(root, entry)
    if found is None:
        place = short(str(_plain(root / entry)), 400)
        raise DataError(f"{file}: {split}: {short(entry)}: not at {place}; correct it, or remove the key {split}")
    return found


def _find(root: Path, entry: str) -> Path | None:
    """A folder or file of an entry; Roboflow writes `../train/images` where `train/images` is meant."""
    for name in (entry, entry.removeprefix("../")):
        if os.path.exists(root / name):  # noqa: PTH110 - Path.exists raises for a name too long
            return _plain(root / name)
    return None


def _plain(path: Path) -> Path:
    """Without `.` and `..`."""
    return Path(os.path.normpath(path))

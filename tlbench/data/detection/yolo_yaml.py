"""The description of a YOLO data set, `data.yaml`: where its splits are and what its classes are called.

The format is ultralytics' (https://docs.ultralytics.com/datasets/detect): `path`, `train`, `val`, `test`, `names`,
`nc`. A key `download` is not looked at: nothing of the file is ever executed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tlbench.errors import DataError

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


def find_yaml(folder: Path) -> Path | None:
    """The description in a folder: `data.yaml`, or the only YAML file that names a split or classes.

    Raises:
        DataError: Several could be it.
    """
    for name in ("data.yaml", "data.yml"):
        if (folder / name).is_file():
            return folder / name
    found = [file for file in sorted(folder.iterdir()) if file.suffix in (".yaml", ".yml") and _describes(file)]
    if len(found) > 1:
        raise DataError(
            f"{folder}: {' and '.join(file.name for file in found[:3])} could all describe the data; give the one as "
            "data.root"
        )
    return found[0] if found else None


def read_yaml(file: Path) -> YoloYaml:
    """Read a description and find what it names.

    Raises:
        DataError: It cannot be read, a key is missing or of the wrong kind, or what it names is not there.
    """
    content = _mapping(file)
    class_names = _class_names(file, content)
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
    twice = sorted({name for name in names if list(names).count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise DataError(f"{where}: the class name {twice[0]!r} occurs twice; names must differ")
    return tuple(names)


def _describes(file: Path) -> bool:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return False
    return isinstance(content, dict) and ("names" in content or "train" in content)


def _mapping(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(f"{file}: {error.strerror}; give a data.yaml that can be read") from None
    except RecursionError:
        raise DataError(f"{file}: not a description of data, nested too deeply; mend it") from None
    except (ValueError, yaml.YAMLError) as error:
        raise DataError(f"{file}: not YAML ({' '.join(str(error).split())}); mend it") from None
    if not isinstance(content, dict):
        raise DataError(f"{file}: not a description of data; wanted are the keys path, train, val, test and names")
    return content


def _class_names(file: Path, content: dict[str, Any]) -> tuple[str, ...]:
    names, count = content.get("names"), content.get("nc")
    if count is not None and not (isinstance(count, int) and not isinstance(count, bool) and count > 0):
        raise DataError(f"{file}: nc: {count!r}; wanted is the number of classes, or no nc")
    if names is None and count is not None:
        return tuple(f"class_{i}" for i in range(count))
    if isinstance(names, dict):
        names = {int(key) if isinstance(key, str) and key.isdecimal() else key: name for key, name in names.items()}
        if sorted(names, key=str) != sorted(range(len(names)), key=str):
            raise DataError(
                f"{file}: names: its keys are {', '.join(map(str, list(names)[:6]))}; wanted are 0 to {len(names) - 1}"
            )
        names = [names[i] for i in range(len(names))]
    if not isinstance(names, list):
        raise DataError(f"{file}: no list of names; add names: [first, second, …], in the order of the labels' classes")
    for name in names:
        if isinstance(name, bool) or not isinstance(name, (str, int, float)):
            raise DataError(f"{file}: names: {name!r} is not text; put it in quotes")
    if count is not None and count != len(names):
        raise DataError(f"{file}: nc: {count}, but {len(names)} names; correct one of them")
    return check_names(f"{file}: names", [str(name) for name in names])


def _strings(file: Path, key: str, value: Any) -> list[str]:
    entries = value if isinstance(value, list) else [value]
    if not all(isinstance(entry, str) and entry for entry in entries):
        raise DataError(f"{file}: {key}: {value!r}; wanted is a folder of images, a .txt that lists them, or a list")
    return entries


def _root(file: Path, content: dict[str, Any], train: Sequence[str]) -> Path:
    """The first folder below which the training images lie, of those that `path` can mean."""
    path = content.get("path")
    if path is not None and not isinstance(path, str):
        raise DataError(f"{file}: path: {path!r}; wanted is the folder of the data set")
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
    raise DataError(f"{file}: train: {train[0]}: not at {', '.join(tried)}; correct path or train")


def _there(file: Path, root: Path, split: str, entry: str) -> Path:
    found = _find(root, entry)
    if found is None:
        raise DataError(
            f"{file}: {split}: {entry}: not at {_plain(root / entry)}; correct it, or remove the key {split}"
        )
    return found


def _find(root: Path, entry: str) -> Path | None:
    """A folder or file of an entry; Roboflow writes `../train/images` where `train/images` is meant."""
    for name in (entry, entry.removeprefix("../")):
        if (root / name).exists():
            return _plain(root / name)
    return None


def _plain(path: Path) -> Path:
    """Without `.` and `..`."""
    return Path(os.path.normpath(path))

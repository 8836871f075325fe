"""The description of a YOLO data set, `data.yaml`: where its splits are and what its classes are called.

The format is ultralytics' (https://docs.ultralytics.com/datasets/detect): `path`, `train`, `val`, `test`, `names`,
`nc`, and `kpt_shape` (https://docs.ultralytics.com/datasets/pose). A key `download` is not looked at: nothing of the
file is ever executed.
"""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tlbench.config import STANDARD_LIMITS, LimitsConfig
from tlbench.data.detection.yolo_entries import find_root, there
from tlbench.data.detection.yolo_labels import KeyPoints
from tlbench.data.detection.yolo_paths import split_in
from tlbench.data.detection.yolo_texts import check_names, text_of
from tlbench.data.split_names import SPLITS
from tlbench.errors import DataError, short
from tlbench.regular_file import TooLargeError, open_regular, read_regular
from tlbench.yaml_text import load_yaml

_USUAL = ("data.yaml", "data.yml")
_ENDINGS = (".yaml", ".yml")
_TABS = re.compile(r"([:,\[\]{}-])[ ]*\t[ \t]*")
_KEY = re.compile(r"^(path|train|val|test|names|nc|kpt_shape)\s*:", re.MULTILINE)
_LOST = "\ufffd"  # stands for bytes that are no UTF-8


@dataclass(frozen=True)
class YoloYaml:
    """What a `data.yaml` says.

    Args:
        file: The file.
        root: The folder of the data set.
        class_names: C names.
        splits: Split → folders of images, `.txt` files that list images, and images, all there; empty where it names
            none.
        points: What it says of key points; None: nothing.
    """

    file: Path
    root: Path
    class_names: tuple[str, ...]
    splits: dict[str, list[Path]]
    points: KeyPoints | None = None


def find_yaml(folder: Path, limits: LimitsConfig = STANDARD_LIMITS) -> Path | None:
    """The description in a folder: `data.yaml`, or the only YAML file that names a split or classes.

    Raises:
        DataError: Several could be it, or a `data.yaml` is no file.
    """
    for name in _USUAL:
        if (folder / name).is_file():
            return folder / name
    for name in _USUAL:
        if os.path.lexists(folder / name):
            raise DataError(f"{folder / name}: {_no_file(folder / name)}; put a description of the data there")
    found = [file for file in sorted(folder.iterdir()) if file.suffix.lower() in _ENDINGS and _describes(file, limits)]
    if len(found) > 1:
        raise DataError(
            f"{folder}: {' and '.join(file.name for file in found[:3])} could all describe the data; give the one as "
            "data.root"
        )
    return found[0] if found else None


def read_yaml(file: Path, limits: LimitsConfig = STANDARD_LIMITS, say: Callable[[str], None] = print) -> YoloYaml:
    """Read a description and find what it names.

    Args:
        file: The file.
        limits: Up to which size it is read, and how many classes it may name.
        say: Shows the user a line.

    Raises:
        DataError: It cannot be read, a key is missing or of the wrong kind, or what it names is not there.
    """
    content = _mapping(file, limits, say)
    class_names = _class_names(file, content, limits, say)
    entries: dict[str, list[str]] = {}
    for key, value in content.items():
        split = _split_of_key(key, value)
        if split and value and not (split in entries and key != split):
            if key.lower() not in SPLITS:
                say(f"{file}: {key} is read as {split}")
            entries[split] = _strings(file, key, value)
    points = _key_points(file, content.get("kpt_shape"))
    return described(file, content.get("path"), entries, class_names, points, say)


def described(
    file: Path,
    path: Any,
    entries: dict[str, list[str]],
    class_names: tuple[str, ...],
    points: KeyPoints | None,
    say: Callable[[str], None],
) -> YoloYaml:
    """What a description says, once what it names is found.

    Args:
        file: The description.
        path: Its `path`.
        entries: Split → what it names.
        class_names: C names.
        points: What it says of key points.
        say: Shows the user a line.

    Raises:
        DataError: Something is not there.
    """
    if entries and "train" not in entries:
        raise DataError(f"{file}: no key train beside {', '.join(entries)}; add the folder of the training images")
    if path is not None and not isinstance(path, str):
        raise DataError(f"{file}: path: {short(repr(path))}; wanted is the folder of the data set")
    root = find_root(file, path, entries.get("train", []))
    splits = {
        split: [found for entry in named for found in there(file, root, path, split, entry, say)]
        for split, named in entries.items()
    }
    return YoloYaml(file, root, class_names, splits, points)


def _split_of_key(key: Any, value: Any) -> str | None:
    """The split of a key in any form (`dev`, `testing`), whose value is then a path or several."""
    if not isinstance(key, str) or key.lower() in SPLITS:
        return SPLITS.get(key.lower()) if isinstance(key, str) else None
    paths = value if isinstance(value, list) else [value]
    return split_in([key]) if all(isinstance(path, str) for path in paths) else None


def _describes(file: Path, limits: LimitsConfig) -> bool:
    try:
        content = _load(text_of(_read(file, limits)))
    except (OSError, ValueError, DataError, yaml.YAMLError):
        return False
    return isinstance(content, dict) and ("names" in content or "train" in content)


def _read(file: Path, limits: LimitsConfig) -> bytes:
    try:
        return read_regular(file, limits.label.bytes)
    except TooLargeError:
        raise limits.label.refusal(file) from None


def _no_file(path: Path) -> str:
    """What lies where a file should."""
    try:
        open_regular(path).close()
    except FileNotFoundError:
        return "a link that leads nowhere"
    except OSError as error:
        return "a folder, not a file" if stat.S_ISDIR(path.stat().st_mode) else str(error.strerror)
    return "cannot be read"


def _mapping(file: Path, limits: LimitsConfig, say: Callable[[str], None]) -> dict[Any, Any]:
    try:
        content = _read(file, limits)
    except OSError as error:
        raise DataError(f"{file}: {error.strerror}; give a data.yaml that can be read") from None
    try:
        text = text_of(content)
    except UnicodeDecodeError:
        text = content.decode("utf-8-sig", errors="replace")
    try:
        found = _load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise DataError(f"{file}: not YAML ({_yaml_fault(error)}); mend it") from None
    if not isinstance(found, dict):
        raise DataError(f"{file}: not a description of data; wanted are the keys path, train, val, test and names")
    twice = [key for key, count in Counter(_KEY.findall(text)).items() if count > 1]
    if twice:
        raise DataError(f"{file}: {twice[0]} stands in it twice; keep the right one")
    if _LOST in text:
        lost = [str(key) for key, value in found.items() if _LOST in f"{key}{value}" and (key != "download")]
        if lost:
            raise DataError(f"{file}: {lost[0]}: not text in UTF-8; save the file as UTF-8")
        say(f"{file}: not in UTF-8, but only where nothing is read")
    return found


def _load(text: str) -> Any:
    """YAML, in which a backslash in double quotes, as in paths of Windows, is one and no more.

    Raises:
        YAMLError: As `load_yaml`, of which a `ValueError` comes, too.
    """
    if '"' not in text or "\\" not in text:
        try:
            return load_yaml(text)
        except yaml.YAMLError:
            return load_yaml(_TABS.sub(r"\1 ", text))  # YAML allows tabs between words, PyYAML does not
    try:
        found = load_yaml(text)
    except yaml.YAMLError:
        return load_yaml(text.replace("\\", "/"))
    broken = any(ord(letter) < 32 for entry in _texts(found) for letter in entry if letter != "\n")
    return load_yaml(text.replace("\\", "/")) if broken else found  # "data\train" has a tab in it


def _texts(content: Any) -> list[str]:
    values = list(content.values()) if isinstance(content, dict) else []
    return [
        entry for value in values for entry in (value if isinstance(value, list) else [value]) if isinstance(entry, str)
    ]


def _yaml_fault(error: Exception) -> str:
    text = short(" ".join(str(error).split()), 300)
    mark = getattr(error, "problem_mark", None)
    if "'\\t'" in text and mark is not None:
        return f"line {mark.line + 1} is indented by a tab, where YAML wants spaces"
    return text


def _class_names(
    file: Path, content: dict[Any, Any], limits: LimitsConfig, say: Callable[[str], None]
) -> tuple[str, ...]:
    names, count = content.get("names"), _count(content.get("nc"))
    if count is not None and not (isinstance(count, int) and not isinstance(count, bool) and count > 0):
        raise DataError(f"{file}: nc: {short(repr(count))}; wanted is the number of classes, or no nc")
    for found in (count, len(names) if isinstance(names, (dict, list)) else None):
        if found is not None:
            limits.check_classes(file, found)
    if names is None and count is not None:
        return tuple(f"class_{i}" for i in range(count))
    if isinstance(names, dict):
        names = _numbered(file, names, say)
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


def _numbered(file: Path, names: dict[Any, Any], say: Callable[[str], None]) -> list[Any]:
    """The names of a mapping from numbers, in their order; of one to numbers likewise."""
    numbered = {
        int(key) if isinstance(key, str) and key.isdecimal() and len(key) < 10 else key: name
        for key, name in names.items()
    }
    wanted = set(range(len(numbered)))
    if set(numbered) == wanted:
        return [numbered[i] for i in range(len(numbered))]
    numbers = [value for value in numbered.values() if isinstance(value, int) and not isinstance(value, bool)]
    if len(numbers) == len(wanted) and set(numbers) == wanted and all(isinstance(key, str) for key in numbered):
        say(f"{file}: names maps names to numbers, and is read so; usual is number: name")
        return sorted(numbered, key=numbered.__getitem__)
    keys = short(", ".join(map(str, list(numbered)[:6])))
    from_one = set(numbered) == {number + 1 for number in wanted}
    count = "; label files count classes from 0, so the numbers must too" if from_one else ""
    raise DataError(f"{file}: names: its keys are {keys}; wanted are 0 to {len(numbered) - 1}{count}")


def _key_points(file: Path, value: Any) -> KeyPoints | None:
    if value is None:
        return None
    if isinstance(value, (list, tuple)) and len(value) == 2 and all(type(number) is int for number in value):
        count, numbers = value
        if count == 0:
            return KeyPoints(0, 2)
        if 0 < count < 10_000 and numbers in (2, 3):
            return KeyPoints(count, numbers)
    raise DataError(
        f"{file}: kpt_shape: {short(repr(value))}; wanted is [number of key points, 2 or 3], or [0, 0] for none"
    )


def _strings(file: Path, key: str, value: Any) -> list[str]:
    entries: Sequence[Any] = value if isinstance(value, list) else [value]
    if not all(isinstance(entry, str) and entry for entry in entries):
        raise DataError(
            f"{file}: {key}: {short(repr(value))}; wanted is a folder of images, a .txt that lists them, or a list"
        )
    return list(entries)

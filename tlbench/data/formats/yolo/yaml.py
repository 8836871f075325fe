"""The description of a YOLO data set, `data.yaml`: where its splits are and what its classes are called.

The format is ultralytics' (https://docs.ultralytics.com/datasets/detect): `path`, `train`, `val`, `test`, `names`,
`nc`, and `kpt_shape` (https://docs.ultralytics.com/datasets/pose). A key with two values is refused, wherever it
stands; what `download` says is not looked at: nothing of the file is ever executed.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tlbench.config import STANDARD_LIMITS, LimitsConfig
from tlbench.data.formats.yolo.entries import find_root, there
from tlbench.data.formats.yolo.labels import KeyPoints
from tlbench.data.formats.yolo.names import names_in_yaml
from tlbench.data.formats.yolo.texts import text_of
from tlbench.data.split_names import SPLITS, SplitNames, split_name, split_names
from tlbench.errors import DataError, short
from tlbench.system.regular_file import TooLargeError, open_regular, read_regular
from tlbench.system.voice import PRINTING, Voice
from tlbench.system.yaml_text import RepeatedKeyError, load_yaml

_USUAL = ("data.yaml", "data.yml")
_ENDINGS = (".yaml", ".yml")
_TABS = re.compile(r"([:,\[\]{}-])[ ]*\t[ \t]*")
_KEY = re.compile(r"^(train|names)\s*:", re.MULTILINE)
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


def read_yaml(file: Path, limits: LimitsConfig = STANDARD_LIMITS, voice: Voice = PRINTING) -> YoloYaml:
    """Read a description and find what it names.

    Args:
        file: The file.
        limits: Up to which size it is read, and how many classes it may name.
        voice: Speaks to the user.

    Raises:
        DataError: It cannot be read, a key is missing or of the wrong kind, or what it names is not there.
    """
    content = _mapping(file, limits, voice)
    class_names = names_in_yaml(file, content, limits, voice)
    entries = {split: _strings(file, key, content[key]) for key, split in _splits(file, content, voice).items()}
    points = _key_points(file, content.get("kpt_shape"))
    return described(file, content.get("path"), entries, class_names, points, voice)


def described(
    file: Path,
    path: Any,
    entries: dict[str, list[str]],
    class_names: tuple[str, ...],
    points: KeyPoints | None,
    voice: Voice,
) -> YoloYaml:
    """What a description says, once what it names is found.

    Args:
        file: The description.
        path: Its `path`.
        entries: Split → what it names.
        class_names: C names.
        points: What it says of key points.
        voice: Speaks to the user.

    Raises:
        DataError: Something is not there.
    """
    if entries and "train" not in entries:
        raise DataError(f"{file}: no key train beside {', '.join(entries)}; add the folder of the training images")
    if path is not None and not isinstance(path, str):
        raise DataError(f"{file}: path: {short(repr(path))}; wanted is the folder of the data set")
    root = find_root(file, path, entries.get("train", []))
    splits = {
        split: [found for entry in named for found in there(file, root, path, split, entry, voice)]
        for split, named in entries.items()
    }
    return YoloYaml(file, root, class_names, splits, points)


def _splits(file: Path, content: dict[Any, Any], voice: Voice) -> dict[str, str]:
    """Key → split, of those that are a split's in any form (`dev`, `testing`) and name paths.

    Raises:
        DataError: A key may be val or test.
    """
    named = [key for key, value in content.items() if value and isinstance(key, str) and _names_paths(key, value)]
    names = split_names(named) or SplitNames({})
    free = [split for split in ("val", "test") if split not in names.splits.values()]
    if names.doubtful and free:
        raise DataError(f"{file}: {' and '.join(names.doubtful)} may be {' or '.join(free)}; name the key so")
    read: dict[str, str] = {}
    for key in sorted(names.splits, key=lambda key: key.lower() not in SPLITS):  # plain ones first
        split = names.splits[key]
        if split not in read.values():
            read[key] = split
            if key.lower() not in SPLITS:
                voice.say(f"{file}: {key} is read as {split}")
    labelled = [key for key in named if (name := split_name(key)) and name.kind != "unlabelled"]
    if labelled and not read:
        raise DataError(f"{file}: no key train beside {', '.join(labelled)}; add the folder of the training images")
    unread = [key for key in named if key not in read and content[key] not in map(content.get, read)]
    if unread:
        beside = f", beside {', '.join(read)}" if read else ""
        voice.say(f"{file}: {' and '.join(unread)} {'is' if len(unread) == 1 else 'are'} not read{beside}")
    return read


def _names_paths(key: str, value: Any) -> bool:
    """Whether a key is a split's; one in an unusual form is where its value can be a path or several."""
    name = split_name(key)
    paths = value if isinstance(value, list) else [value]
    return bool(name and not name.rest) and (key.lower() in SPLITS or all(isinstance(path, str) for path in paths))


def _describes(file: Path, limits: LimitsConfig) -> bool:
    try:
        text = text_of(_read(file, limits))
        content = _load(text)
    except RepeatedKeyError:
        return _KEY.search(text) is not None
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


def _mapping(file: Path, limits: LimitsConfig, voice: Voice) -> dict[Any, Any]:
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
    except RepeatedKeyError as error:
        raise DataError(f"{file}: {error}; keep the right one") from None
    except (ValueError, yaml.YAMLError) as error:
        raise DataError(f"{file}: not YAML ({_yaml_fault(error)}); mend it") from None
    if not isinstance(found, dict):
        raise DataError(f"{file}: not a description of data; wanted are the keys path, train, val, test and names")
    if _LOST in text:
        lost = [str(key) for key, value in found.items() if _LOST in f"{key}{value}" and (key != "download")]
        if lost:
            raise DataError(f"{file}: {lost[0]}: not text in UTF-8; save the file as UTF-8")
        voice.say(f"{file}: not in UTF-8, but only where nothing is read")
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

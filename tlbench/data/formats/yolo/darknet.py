"""darknet's description of a data set, `obj.data`, which CVAT exports as "YOLO 1.1".

Lines `key = value`: https://docs.cvat.ai/docs/dataset_management/formats/format-yolo
"""

from __future__ import annotations

import re
from pathlib import Path

from tlbench.config import STANDARD_LIMITS, LimitsConfig
from tlbench.data.formats.yolo.entries import there
from tlbench.data.formats.yolo.texts import lines_of, read_class_file, text_of
from tlbench.data.formats.yolo.yaml import YoloYaml, described
from tlbench.errors import DataError
from tlbench.system.regular_file import read_regular
from tlbench.system.voice import Voice

_KEYS = {"train": "train", "valid": "val", "val": "val", "test": "test"}
_DESCRIBES = re.compile(r"^\s*(names|train)\s*=", re.MULTILINE)


def find_darknet(folder: Path) -> Path | None:
    """The `.data` file of a folder that names a list to train on or class names.

    Raises:
        DataError: Several could be it.
    """
    found = sorted(file for file in folder.glob("*.data") if file.is_file() and _DESCRIBES.search(_text(file)))
    if len(found) > 1:
        raise DataError(
            f"{folder}: {' and '.join(file.name for file in found[:3])} could all describe the data; keep one of them"
        )
    return found[0] if found else None


def read_darknet(file: Path, limits: LimitsConfig, voice: Voice) -> tuple[YoloYaml, Path]:
    """Read a description; and the file of its class names.

    Raises:
        DataError: It cannot be read, contradicts itself, or what it names is not there.
    """
    lines = lines_of(file, limits, "wanted are lines key = value")
    content = {key.strip(): value.strip() for key, sign, value in (line.partition("=") for line in lines) if sign}
    if not content.get("names") or not content.get("train"):
        raise DataError(f"{file}: no names and train in it, as darknet's descriptions have them; add them")
    twice = [key for key in ("valid", "val") if content.get(key)]
    if len(twice) > 1 and content["valid"] != content["val"]:
        raise DataError(f"{file}: valid and val are one split; keep one of them")
    names = there(file, file.parent, None, "names", content["names"], voice)[0]
    entries = {split: [content[key]] for key, split in _KEYS.items() if content.get(key)}
    class_names = read_class_file(names, limits)
    count = content.get("classes", "")
    if count.isdecimal() and len(count) < 10 and int(count) != len(class_names):
        raise DataError(f"{file}: classes = {count}, but {len(class_names)} names in {names}; correct one of them")
    return described(file, None, entries, class_names, None, voice), names


def _text(file: Path) -> str:
    try:
        content = read_regular(file, STANDARD_LIMITS.label.bytes)
    except OSError:
        return ""
    try:
        return text_of(content)
    except UnicodeDecodeError:
        return content.decode("latin-1")

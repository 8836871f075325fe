"""The class names of a folder with masks: of a text with one a line, of a YAML or JSON file, or of a palette."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tlbench.config import LimitsConfig
from tlbench.data.formats.masks.palettes import PALETTE_FILES, Palette, read_palette
from tlbench.data.formats.yolo.texts import check_names, names_in, text_of
from tlbench.errors import DataError, short
from tlbench.system.regular_file import TooLargeError, read_regular
from tlbench.system.yaml_text import load_yaml

NAME_FILES = ("classes.txt", "class_names.txt", "labels.txt", "names.txt", "obj.names", "id2label.json")
"""One a line, in the order of the masks' numbers; the last from numbers to names, as of Hugging Face."""

_KEYS = ("names", "classes")
_SPEAKS = re.compile(r"^\W*(names|classes)\W*:", re.MULTILINE)
_HIGHEST = 65535  # number in a mask


@dataclass(frozen=True, eq=False)
class Names:
    """Class names.

    Args:
        file: Where they stand.
        numbers: Number in a mask → name.
        palette: Where the file gives colours as well.
    """

    file: Path
    numbers: Mapping[int, str]
    palette: Palette | None = None


def find_names(folders: Iterable[Path], limits: LimitsConfig) -> Names | None:
    """The names in these folders, or None.

    Raises:
        DataError: A file of names cannot be read, names occur twice, or two files contradict each other.
    """
    found = [names for folder in folders for names in _in_folder(folder, limits)]
    for other in found[1:]:
        if other.numbers != found[0].numbers:
            number = next(n for n in {**found[0].numbers, **other.numbers} if _of(found[0], n) != _of(other, n))
            raise DataError(
                f"{other.file}: {number} is {_of(other, number)!r}, but {_of(found[0], number)!r} in {found[0].file}; "
                "masks mean one of them; correct or remove a file"
            )
    return next((names for names in found if names.palette), found[0]) if found else None


def _of(names: Names, number: int) -> str | None:
    return names.numbers.get(number)


def _in_folder(folder: Path, limits: LimitsConfig) -> Iterable[Names]:
    for name in NAME_FILES:
        file = folder / name
        if file.is_file():
            yield Names(file, _in_json(file, limits) if name.endswith(".json") else _listed(file, limits))
    for file in sorted((*folder.glob("*.yaml"), *folder.glob("*.yml"))):
        if file.is_file() and (numbers := _in_yaml(file, limits)) is not None:
            yield Names(file, numbers)
    for name in PALETTE_FILES:
        file = folder / name
        if file.is_file():
            palette = read_palette(file, limits)
            names = {n: name if name is not None else "void" for n, name in palette.numbers.items()}
            yield Names(file, names, palette)


def _listed(file: Path, limits: LimitsConfig) -> dict[int, str]:
    return dict(enumerate(check_names(str(file), names_in(file, limits))))


def _in_json(file: Path, limits: LimitsConfig) -> dict[int, str]:
    try:
        content = json.loads(text_of(_read(file, limits)))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file}: no JSON ({error}); wanted is a number and a name for each class") from None
    return _numbered(file, content, limits)


def _in_yaml(file: Path, limits: LimitsConfig) -> dict[int, str] | None:
    """None: it does not speak of classes."""
    try:
        text = text_of(_read(file, limits))
    except UnicodeDecodeError:
        return None
    try:
        content = load_yaml(text) if _SPEAKS.search(text) else None
    except (yaml.YAMLError, ValueError) as error:
        raise DataError(f"{file}: no YAML ({short(' '.join(str(error).split()), 200)}); mend it") from None
    if not isinstance(content, Mapping):
        return None
    key = next((key for key in _KEYS if content.get(key)), None)
    return None if key is None else _numbered(file, content[key], limits)


def _numbered(file: Path, found: Any, limits: LimitsConfig) -> dict[int, str]:
    if isinstance(found, list):
        found = dict(enumerate(found))
    if not isinstance(found, Mapping):
        raise DataError(f"{file}: {short(repr(found))}; wanted is a list of class names, or number: name")
    limits.check_classes(file, len(found))
    numbers: dict[int, str] = {}
    for key, name in found.items():
        number = int(key) if isinstance(key, str) and key.isdecimal() and len(key) < 6 else key
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= _HIGHEST:
            raise DataError(f"{file}: {short(repr(key))} is no number of a mask; wanted is number: name")
        if isinstance(name, bool) or not isinstance(name, str | int | float):
            raise DataError(f"{file}: {number}: {short(repr(name))} is not text; put it in quotes")
        numbers[number] = str(name)
    check_names(str(file), list(numbers.values()))
    return numbers


def _read(file: Path, limits: LimitsConfig) -> bytes:
    try:
        return read_regular(file, limits.label.bytes)
    except TooLargeError:
        raise limits.label.refusal(file) from None
    except OSError as error:
        raise DataError(f"{file}: {error.strerror}; mend it") from None

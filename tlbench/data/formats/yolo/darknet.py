"""darknet's description of a data set, `obj.data`, which CVAT exports as "YOLO 1.1".

Lines `key = value`: https://docs.cvat.ai/docs/dataset_management/formats/format-yolo
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tlbench.config import LimitsConfig
from tlbench.data.formats.yolo.entries import there
from tlbench.data.formats.yolo.texts import read_class_file, text_of
from tlbench.data.formats.yolo.yaml import YoloYaml, described
from tlbench.errors import DataError
from tlbench.system.regular_file import TooLargeError, read_regular

_KEYS = {"train": "train", "valid": "val", "val": "val", "test": "test"}


def find_darknet(folder: Path) -> Path | None:
    """The `.data` file of a folder, if it is the only one."""
    found = sorted(file for file in folder.glob("*.data") if file.is_file())
    return found[0] if len(found) == 1 else None


def read_darknet(file: Path, limits: LimitsConfig, say: Callable[[str], None]) -> tuple[YoloYaml, Path]:
    """Read a description; and the file of its class names.

    Raises:
        DataError: It cannot be read, or what it names is not there.
    """
    try:
        lines = text_of(read_regular(file, limits.label.bytes)).splitlines()
    except TooLargeError:
        raise limits.label.refusal(file) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: cannot be read ({error}); wanted are lines key = value") from None
    content = {key.strip(): value.strip() for key, sign, value in (line.partition("=") for line in lines) if sign}
    if not content.get("names") or not content.get("train"):
        raise DataError(f"{file}: no names and train in it, as darknet's descriptions have them; add them")
    names = there(file, file.parent, None, "names", content["names"], say)[0]
    entries = {split: [content[key]] for key, split in _KEYS.items() if content.get(key)}
    return described(file, None, entries, read_class_file(names, limits), None, say), names

"""What a folder of images with boxes is that was given to the wrong reader."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tlbench.config import LimitsConfig
from tlbench.data.formats.coco.content import is_coco, load_json, other_kind_of_json
from tlbench.data.inventory import all_files
from tlbench.errors import DataError
from tlbench.system.folders import lies_hidden
from tlbench.system.regular_file import open_regular

YOLO = "a YOLO folder (rows in text files); use data=yolo"

_PEEKED = 3  # files of a kind
_BEGINNING = 4096  # bytes
_DESCRIBES = re.compile(r"^(names|train|nc)\s*:", re.MULTILINE)
_YOLO_ROW = re.compile(r"\d+(\s+-?\d*\.?\d+(e-?\d+)?){4,}")


def what_it_is(root: Path, files: Sequence[str], limits: LimitsConfig) -> str | None:
    """What a folder is and what reads it, for a message; None: that is not known.

    Args:
        root: The folder.
        files: All files below it.
        limits: Larger files are not looked into.
    """
    shown = [file for file in files if not lies_hidden(file)]

    def first(*endings: str) -> list[str]:
        return [file for file in shown if file.lower().endswith(endings)][:_PEEKED]

    descriptions = [file for file in first(".yaml", ".yml") if _DESCRIBES.search(_beginning(root / file))]
    if descriptions or any(_YOLO_ROW.match(_beginning(root / file).strip()) for file in first(".txt")):
        return YOLO
    for file in first(".json"):
        try:
            content = load_json(root / file, limits)
        except DataError:
            continue
        if is_coco(content):
            return "COCO annotations; use data=coco"
        if kind := other_kind_of_json(content):
            return f"{kind}; export the data set as COCO or YOLO"
    for file in first(".xml"):
        beginning = _beginning(root / file)
        if re.search(r"<annotation[\s>]", beginning):
            return "a Pascal VOC folder (an XML file an image); export or convert it to COCO or YOLO"
        if re.search(r"<annotations[\s/>]", beginning):
            return "CVAT's XML for images; export the task from CVAT as COCO 1.0, or as YOLO"
    if any(file.lower().endswith((".tfrecord", ".tfrecords", ".record")) for file in shown):
        return "TFRecord files; export the data set as COCO or YOLO"
    if rows := first(".csv"):
        header = _beginning(root / rows[0]).partition("\n")[0].lower()
        if "xmin" in header or "bbox" in header:
            return f"a table of boxes ({rows[0]}); export the data set as COCO or YOLO"
    return None


def instead_of_yolo(root: Path, limits: LimitsConfig) -> str | None:
    """What was given to the reader of YOLO, if that is something else; None: it is YOLO's, or not known."""
    if not root.is_dir():
        return None
    kind = what_it_is(root, list(all_files(root)), limits)
    return None if kind == YOLO else kind


def _beginning(file: Path) -> str:
    try:
        with open_regular(file) as opened:
            return opened.read(_BEGINNING).decode("utf-8", "replace")
    except OSError:
        return ""

"""Where the annotations and images of a COCO data set are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tlbench.data.detection.yolo_paths import split_of
from tlbench.errors import DataError

LAYOUTS = "annotations/instances_{train,val}*.json or {train,valid,test}/_annotations.coco.json"

_ROBOFLOW = "_annotations.coco.json"


@dataclass(frozen=True)
class CocoPart:
    """The annotations of one split.

    Args:
        file: The JSON file.
        folders: Folders that the names of its images may be relative to, the likeliest first.
    """

    file: Path
    folders: tuple[Path, ...]


def find_annotations(root: Path) -> dict[str, CocoPart]:
    """The annotations of each split in a folder; `train` always.

    Raises:
        DataError: None, or not of `train`, or two of one split.
    """
    found = _named_by_split(root) or _in_split_folders(root) or _alone(root)
    if not found:
        raise DataError(f"{root}: no annotations of COCO's kind; wanted is {LAYOUTS}")
    parts: dict[str, CocoPart] = {}
    for split, part in found:
        if split in parts:
            raise DataError(f"{root}: {parts[split].file.name} and {part.file.name} are both {split}; remove one")
        parts[split] = part
    if "train" not in parts:
        raise DataError(f"{root}: annotations of {' and '.join(parts)} but none of train; wanted is {LAYOUTS}")
    return {split: parts[split] for split in ("train", "val", "test") if split in parts}


def _named_by_split(root: Path) -> list[tuple[str, CocoPart]]:
    """`annotations/instances_train2017.json`, or `annotations/train.json` where none is called instances."""
    files = sorted((root / "annotations").glob("*.json"))
    for prefix in ("instances_", ""):
        found = []
        for file in files:
            tag = file.stem.removeprefix(prefix)
            split = split_of(re.split(r"[_.-]", tag)[0])
            if file.stem.startswith(prefix) and split:
                names = dict.fromkeys((tag, re.sub(r"\d+$", "", tag), split))
                folders = [place / name for place in (root, root / "images") for name in names]
                found.append((split, CocoPart(file, (*folders, root / "images", root))))
        if found:
            return found
    return []


def _in_split_folders(root: Path) -> list[tuple[str, CocoPart]]:
    """`train/_annotations.coco.json` beside the images, as Roboflow exports."""
    found = []
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        split = split_of(folder.name)
        if split and (folder / _ROBOFLOW).is_file():
            found.append((split, CocoPart(folder / _ROBOFLOW, (folder, folder / "images", root))))
    return found


def _alone(root: Path) -> list[tuple[str, CocoPart]]:
    """The only JSON file of the folder, or of its `annotations`: all images in one part."""
    for folder in (root, root / "annotations"):
        files = sorted(folder.glob("*.json"))
        if len(files) == 1:
            return [("train", CocoPart(files[0], (root, root / "images", folder)))]
    return []

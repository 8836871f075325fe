"""A COCO file's content, and what a file is that is none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tlbench.config import LimitsConfig
from tlbench.errors import DataError
from tlbench.system.regular_file import TooLargeError, read_regular

LISTS = ("images", "annotations", "categories")


def load_json(file: Path, limits: LimitsConfig) -> Any:
    """What is in a JSON file.

    Raises:
        DataError: It cannot be read, is too large, or no JSON.
    """
    try:
        return json.loads(read_regular(file, limits.annotations.bytes))
    except TooLargeError:
        raise limits.annotations.refusal(file) from None
    except OSError as error:
        raise DataError(f"{file}: {error.strerror}; give a file that can be read") from None
    except MemoryError:
        size = file.stat().st_size / 2**30
        raise DataError(f"{file}: not enough memory to read its {size:.1f} GB; use a machine with more") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file}: not JSON ({error}); mend it or export it again") from None


def is_coco(content: Any) -> bool:
    """Whether it has images and annotations of boxes, or of segmentations."""
    if not isinstance(content, dict) or not all(
        isinstance(content.get(key), list) for key in ("images", "annotations")
    ):
        return False
    entries = content["annotations"][:100]
    return bool(content["images"]) and all(
        isinstance(entry, dict) and ("bbox" in entry or "segmentation" in entry) for entry in entries
    )


def without_annotations(content: Any) -> bool:
    """Whether it lists images alone, as of a test set whose answers are kept back (`image_info_test2017.json`)."""
    return (
        isinstance(content, dict)
        and isinstance(content.get("images"), list)
        and bool(content["images"])
        and content.get("annotations", []) == []
    )


def is_predicted(content: Any) -> bool:
    """Whether all of its annotations have a score, as what a network finds does."""
    entries = content.get("annotations") if isinstance(content, dict) else None
    return (
        isinstance(entries, list)
        and bool(entries)
        and all(isinstance(entry, dict) and isinstance(entry.get("score"), (int, float)) for entry in entries)
    )


def check_lists(file: Path, content: Any) -> dict[str, Any]:
    """The content, if it has COCO's lists.

    Raises:
        DataError: It has not; with what it is, where that is known.
    """
    kind = other_kind_of_json(content)
    if kind is not None:
        raise DataError(f"{file}: {kind}, not COCO's; export the data set as COCO, or as YOLO for data=yolo")
    for key in LISTS:
        entries = content.get(key) if isinstance(content, dict) else None
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise DataError(f"{file}: no list {key!r} of objects; wanted are images, annotations and categories")
    for key, kind in (("caption", "captions of images"), ("segments_info", "panoptic segments")):
        entries = content["annotations"]
        if entries and all(key in entry and "bbox" not in entry for entry in entries[:100]):
            raise DataError(f"{file}: holds {kind}, without boxes; wanted are annotations with a bbox")
    return dict(content)


def other_kind_of_json(content: Any) -> str | None:
    """What wrote it, if that was a program with a format of its own; None: COCO's, or unknown."""
    if isinstance(content, dict):
        if "images" in content and ("annotations" in content or "categories" in content):
            return None
        return _kind_of_object(content)
    if isinstance(content, list) and content and isinstance(content[0], dict):
        return _kind_of_row(content)
    return None


def _kind_of_object(content: dict[str, Any]) -> str | None:
    if "shapes" in content and "imagePath" in content:
        return "labels of labelme (one JSON file an image)"
    if "_via_img_metadata" in content:
        return "a project of VIA"
    if "items" in content and "categories" in content:
        return "annotations of Datumaro"
    if "objects" in content and "size" in content:
        return "annotations of Supervisely (one JSON file an image)"
    if content and all(isinstance(entry, dict) and "regions" in entry for entry in content.values()):
        return "annotations of VIA"
    return None


def _kind_of_row(content: Sequence[Any]) -> str | None:
    first = content[0]
    if "image" in first and "annotations" in first:
        return "annotations of CreateML"
    if "data" in first and ("annotations" in first or "completions" in first):
        return "tasks of Label Studio (its own JSON)"
    if "Labeled Data" in first or "data_row" in first:
        return "annotations of Labelbox"
    if "image_id" in first and "bbox" in first:
        return "detections or annotations alone, without images and categories"
    return None

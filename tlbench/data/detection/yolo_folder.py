"""Which image files a YOLO data set has, in which split; nothing is opened but descriptions and lists."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlbench.config import STANDARD_LIMITS, LimitsConfig
from tlbench.data.decode import EXTENSIONS
from tlbench.data.detection.yolo_yaml import check_names, find_yaml, read_yaml
from tlbench.data.listing import list_images
from tlbench.data.split_names import SPLITS
from tlbench.errors import DataError, short
from tlbench.regular_file import TooLargeError, read_regular

LAYOUTS = "images/{train,val,test} with labels/{train,val,test}, {train,val,test}/images, or images with labels"


@dataclass(frozen=True)
class YoloImages:
    """The image files of a data set.

    Args:
        root: The folder that the names are relative to.
        class_names: C names.
        parts: Split → its files; `train` always.
    """

    root: Path
    class_names: tuple[str, ...]
    parts: Mapping[str, tuple[str, ...]]


def find_images(root: Path, warn: Callable[[str], None], limits: LimitsConfig = STANDARD_LIMITS) -> YoloImages:
    """List the images of a folder in any of YOLO's layouts, or of what a `data.yaml` names.

    Args:
        root: The folder, or the YAML file.
        warn: Shows the user a warning.
        limits: Up to which sizes files are read, and how many classes there may be.

    Raises:
        DataError: No images, no class names, splits without `train`, or images in two splits.
    """
    file = root if root.is_file() else find_yaml(root, limits)
    described = None if file is None else read_yaml(file, limits)
    base = root if described is None else described.root
    if described is not None and described.splits:
        found = {
            split: [path for entry in entries for path in _images_of(entry, base, limits)]
            for split, entries in described.splits.items()
        }
    else:
        found = {split: [str(folder / name) for name in list_images(folder)] for split, folder in _folders(base)}
    if not found.get("train"):
        raise DataError(f"{base}: no training images ({' '.join(EXTENSIONS)}); wanted is {LAYOUTS}")
    check_apart(base, found, warn)
    class_names = _class_file(base, limits) if described is None else described.class_names
    base, parts = relative_names(base, found)
    return YoloImages(base, class_names, parts)


def split_of(folder: str) -> str | None:
    """The split that a folder's name stands for: `train`, `val`, `valid`, `train2017`, …"""
    return SPLITS.get(folder.lower().rstrip("0123456789"))


def check_apart(root: Path, found: dict[str, list[str]], warn: Callable[[str], None]) -> None:
    """Refuse images in two splits; a `val` that is `train` itself, as small examples have it, is removed.

    Args:
        root: The data, for messages.
        found: Split → paths.
        warn: Shows the user a warning.

    Raises:
        DataError: An image is in two splits, or twice in one.
    """
    for split, paths in found.items():
        twice = [path for path, count in Counter(paths).items() if count > 1]
        if twice:
            raise DataError(f"{root}: {split} lists {twice[0]} twice; list it once")
    for split in ("val", "test"):
        if split in found and set(found[split]) == set(found["train"]):
            warn(
                f"{root}: {split} and train are the same images, so there is no {split}; where one is needed it is "
                "carved out of train"
            )
            del found[split]
    for first, second in (("train", "val"), ("train", "test"), ("val", "test")):
        common = set(found.get(first, ())) & set(found.get(second, ()))
        if common:
            raise DataError(
                f"{root}: {len(common)} images are in {first} and in {second} ({min(common)}, …); list each in one"
            )


def relative_names(root: Path, found: Mapping[str, Sequence[str]]) -> tuple[Path, dict[str, tuple[str, ...]]]:
    """The paths below the root, or below the deepest folder that holds them all where some are elsewhere."""
    absolute = {split: [os.path.abspath(path) for path in paths] for split, paths in found.items() if paths}  # noqa: PTH100
    folder = os.path.abspath(root)  # noqa: PTH100
    if not all(path.startswith(folder + os.sep) for paths in absolute.values() for path in paths):
        folder = os.path.commonpath([os.path.dirname(path) for paths in absolute.values() for path in paths])  # noqa: PTH120
        root = Path(folder)
    start = len(folder.rstrip(os.sep)) + 1
    names = {split: tuple(path[start:].replace(os.sep, "/") for path in paths) for split, paths in absolute.items()}
    return root, {split: names[split] for split in ("train", "val", "test") if split in names}


def _folders(root: Path) -> list[tuple[str, Path]]:
    """The splits of a folder without a description."""
    for holder in (root / "images", root):
        names = sorted(path.name for path in holder.iterdir() if path.is_dir()) if holder.is_dir() else []
        splits = {name: split for name in names if (split := split_of(name))}
        if not splits:
            continue
        if "train" not in splits.values():
            raise DataError(f"{holder}: holds {' and '.join(splits)} but no folder train; wanted is {LAYOUTS}")
        twice = [name for name, split in splits.items() if list(splits.values()).count(split) > 1]
        if twice:
            raise DataError(f"{holder}: {' and '.join(twice)} are one split; say in a data.yaml which folders count")
        others = [name for name in names if name not in splits and name not in ("images", "labels")]
        if others and holder != root:
            raise DataError(
                f"{holder}: holds {', '.join(splits)} and other folders ({', '.join(others[:4])}); say in a data.yaml "
                "which folders count"
            )
        return [(split, _inner(holder / name)) for name, split in splits.items()]
    return [("train", _inner(root))]


def _inner(folder: Path) -> Path:
    return folder / "images" if (folder / "images").is_dir() else folder


def _images_of(entry: Path, root: Path, limits: LimitsConfig) -> list[str]:
    """The image files in a folder, or those that a text file lists."""
    if entry.is_dir():
        return [str(entry / name) for name in list_images(entry)]
    try:
        lines = read_regular(entry, limits.annotations.bytes).decode("utf-8-sig").splitlines()
    except TooLargeError:
        raise limits.annotations.refusal(entry) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{entry}: neither a folder nor a list of image files ({reason})") from None
    found = []
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line:
            continue
        if not line.lower().endswith(EXTENSIONS):
            raise DataError(f"{entry}:{number}: {short(line)}: no image file's name; wanted is one a line")
        places = [entry.parent / line, root / line]
        there = next((place for place in places if os.path.exists(place)), places[0])  # noqa: PTH110 - as in yolo_yaml
        found.append(os.path.normpath(there))
    return found


def _class_file(root: Path, limits: LimitsConfig) -> tuple[str, ...]:
    """The names in `classes.txt`, as labelling tools write it."""
    for file in (root / "classes.txt", root / "labels" / "classes.txt"):
        if file.is_file():
            try:
                lines: Sequence[str] = read_regular(file, limits.label.bytes).decode("utf-8-sig").splitlines()
            except TooLargeError:
                raise limits.label.refusal(file) from None
            except (OSError, UnicodeDecodeError) as error:
                raise DataError(f"{file}: cannot be read ({error}); wanted is one class name a line") from None
            names = [line.strip() for line in lines if line.strip()]
            limits.check_classes(file, len(names))
            return check_names(str(file), names)
    raise DataError(
        f"{root}: no data.yaml and no classes.txt, so the classes have no names; add a data.yaml with names: [first, "
        "second, …], or a classes.txt with one name a line, in the order of the labels' classes"
    )

"""Which image files a YOLO data set has, in which split; nothing is opened but descriptions and lists."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tlbench.config import STANDARD_LIMITS, LimitsConfig
from tlbench.data.formats.yolo.class_names import find_class_names
from tlbench.data.formats.yolo.labels import KeyPoints
from tlbench.data.formats.yolo.splits import LAYOUTS, FoundSplits, find_description, unwrapping
from tlbench.data.image_opening import EXTENSIONS
from tlbench.data.inventory import all_files
from tlbench.data.label_names import warn_of_lookalikes
from tlbench.errors import DataError
from tlbench.system.voice import Voice


@dataclass(frozen=True)
class YoloImages:
    """The image files of a data set.

    Args:
        root: The folder that the names are relative to.
        class_names: C names.
        parts: Split → its files; `train` always.
        points: What a data.yaml says of key points; None: nothing.
        base: The folder in which the data set is, whether or not its images are.
        descriptions: Descriptions, lists and class names that were read.
        absent: Images that a list names and that are not there → where they are named.
    """

    root: Path
    class_names: tuple[str, ...]
    parts: Mapping[str, tuple[str, ...]]
    points: KeyPoints | None
    base: Path
    descriptions: tuple[Path, ...]
    absent: Mapping[str, str]


def find_images(root: Path, voice: Voice, limits: LimitsConfig = STANDARD_LIMITS) -> YoloImages:
    """List the images of a folder in any of YOLO's layouts, or of what a `data.yaml` or `obj.data` names.

    Args:
        root: The folder, or the YAML file.
        voice: Speaks to the user.
        limits: Up to which sizes files are read, and how many classes there may be.

    Raises:
        DataError: No images, no class names, splits without `train`, or images in two splits.
    """
    with _reading():
        folders = [root.parent] if root.is_file() else unwrapping(root, limits)
        described, read = find_description(root if root.is_file() else None, folders[-1], limits, voice)
        base = folders[-1] if described is None else described.root
        places = list(dict.fromkeys((base, *reversed(folders))))
        found = FoundSplits(base, limits, voice, read)
        lists = None if described is not None and described.splits else found.lists(places)
        if len(folders) > 1 and (lists is None or lists[0] in (base, folders[-1])):
            voice.say(f"{root}: holds one folder, and is read from {folders[-1]}")
        if described is not None and described.splits:
            found.take_described(described, places)
        elif lists is not None:
            found.take_listed(*lists, places)
        else:
            found.take_folders()
        if not found.parts.get("train") and found.absent:
            path, where = next(iter(found.absent.items()))
            raise DataError(f"{base}: none of the training images is there; the first, {path}, is named by {where}")
        if not found.parts.get("train"):
            texts = sum(name.lower().endswith(".txt") for name in all_files(base))
            beside = f", while {texts} .txt files are there: are they labels without their images?" if texts > 1 else ""
            raise DataError(
                f"{base}: no training images ({' '.join(EXTENSIONS)}, or what begins as one){beside}; wanted is "
                f"{LAYOUTS}"
            )
    for split in [split for split, paths in found.parts.items() if not paths]:
        voice.warn(
            f"{base}: {split} holds no image, so there is no {split}; where one is needed it is carved out of train"
        )
        del found.parts[split]
    check_apart(base, found.parts, voice)
    class_names, files = find_class_names(base, found.parts, described, limits, voice)
    found.descriptions += [file for file in files if file not in found.descriptions]
    warn_of_lookalikes(str(base), class_names, voice)
    names_root, parts = relative_names(base, found.parts)
    return YoloImages(
        names_root,
        class_names,
        parts,
        None if described is None else described.points,
        root if root.is_dir() else folders[0],
        tuple(found.descriptions),
        found.absent,
    )


def check_apart(root: Path, found: dict[str, list[str]], voice: Voice) -> None:
    """Refuse images in two splits; a `val` that is `train` itself, as small examples have it, is removed.

    Args:
        root: The data, for messages.
        found: Split → paths.
        voice: Speaks to the user.

    Raises:
        DataError: An image is in two splits, or twice in one.
    """
    for split, paths in found.items():
        twice = [path for path, count in Counter(paths).items() if count > 1]
        if twice:
            raise DataError(f"{root}: {split} lists {twice[0]} twice; list it once")
    for split in ("val", "test"):
        if split in found and set(found[split]) == set(found["train"]):
            voice.warn(
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


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(f"{error.filename}: {error.strerror}; wanted is {LAYOUTS}") from None

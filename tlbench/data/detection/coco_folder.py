"""Where the annotations and images of a COCO data set are."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlbench.data.split_names import split_name
from tlbench.errors import DataError, short
from tlbench.folders import lies_hidden

LAYOUTS = "annotations/instances_{train,val}*.json or {train,valid,test}/_annotations.coco.json"

SPLITS = ("train", "val", "test")

NO_SPLIT = "JSON that is called after no split"

ELSEWHERE = "annotations beside which their images are not, as they are beside others of the split"

_FEW = 0.5  # of the images of a file
_OTHER_KINDS = ("captions", "panoptic", "stuff", "keypoints", "image_info")
"""What else COCO annotates the same images with, by the names of the files."""


@dataclass(frozen=True)
class CocoPart:
    """The annotations of one split.

    Args:
        file: The JSON file, below the root.
        bases: Folders below the root that the names of its images may be relative to, the likeliest first; "" is the
            root.
    """

    file: str
    bases: tuple[str, ...]


def split_word(name: str, *, weak: bool = False) -> str | None:
    """The split that a folder or file is called after: `train2017`, `instances_Validation`, `train_coco`; or None.

    With `weak` also `dev` and the like, which are splits only beside a train.
    """
    found = split_name(name)
    return found.kind if found and found.kind in SPLITS and (weak or not found.weak) else None


def find_annotations(
    root: Path,
    files: Sequence[str],
    holds_boxes: Callable[[str], bool],
    share_beside: Callable[[str], float | None],
) -> tuple[dict[str, CocoPart], dict[str, str]]:
    """The annotations of each split in a folder; `train` always.

    A split is told by the name of a file, or else by a folder it is in. Where none is, the only file of COCO's kind is
    all there is.

    Args:
        root: The folder.
        files: All files below it.
        holds_boxes: Whether a file is of COCO's kind and annotates boxes; asked where names leave a choice.
        share_beside: Of the first images of such a file the share that is beside it, None where it names none; asked
            where several are left.

    Returns:
        Split → its annotations; and JSON file → why it was left out.

    Raises:
        DataError: None, or not of `train`, or two of one split.
    """
    found = [file for file in files if file.lower().endswith(".json") and not lies_hidden(file)]
    named = {file: split for file in found if (split := _split_of_file(file))}
    if "train" in named.values():
        named |= {file: split for file in found if file not in named and (split := _split_of_file(file, weak=True))}
        doubtful = [file for file in found if file not in named and _is_doubtful(file)]
        free = [split for split in ("test", "val") if split not in named.values()]
        if len(doubtful) == 1 and free:  # beside train alone it is the test, which an official val becomes too
            named[doubtful[0]] = free[0]
    if not named:
        only, elsewhere = _only(root, found, holds_boxes, share_beside)
        others = {file: "JSON without boxes of COCO's kind" for file in found if file != only}
        others |= dict.fromkeys(elsewhere, ELSEWHERE)
        return ({"train": CocoPart(only, _bases(only, "train", files))} if only else {}), others
    reasons = {file: NO_SPLIT for file in found if file not in named}
    parts: dict[str, CocoPart] = {}
    for split in SPLITS:
        own = [file for file in found if named.get(file) == split]
        kept, elsewhere = _likeliest(own, holds_boxes, share_beside)
        reasons |= {file: "annotations of another kind than boxes" for file in own if file not in kept}
        reasons |= dict.fromkeys(elsewhere, ELSEWHERE)
        if len(kept) > 1:
            names = " and ".join(_told_apart(kept[:2]))
            raise DataError(f"{root}: {names} are both {split}; remove one")
        if kept:
            parts[split] = CocoPart(kept[0], _bases(kept[0], split, files))
    if "train" not in parts:
        raise DataError(
            f"{root}: annotations of {' and '.join(parts)} but none of train; wanted is {LAYOUTS}, or a file alone: "
            "data.root=FILE.json"
        )
    return parts, reasons


def part_of_file(file: str, files: Sequence[str]) -> CocoPart:
    """The annotations in a file that is given by itself: all images there are."""
    return CocoPart(file, _bases(file, _split_of_file(file), files))


def wrapped(root: Path, files: Sequence[str]) -> str | None:
    """The only folder in a folder, where all of JSON is in it, as archives are unpacked; None: there is no such."""
    tops = {file.partition("/")[0] for file in files if "/" in file and not lies_hidden(file)}
    beside = [file for file in files if "/" not in file and file.lower().endswith(".json")]
    if len(tops) != 1 or beside:
        return None
    top = tops.pop()
    usual = split_word(top) or top.lower() in ("annotations", "images", "data", "labels")
    return None if usual or not (root / top).is_dir() else top


def _split_of_file(file: str, *, weak: bool = False) -> str | None:
    *folders, name = file.split("/")
    return next((split for part in (name[:-5], *reversed(folders)) if (split := split_word(part, weak=weak))), None)


def _is_doubtful(file: str) -> bool:
    """Whether it is called after what may be val or test: `eval.json`, `holdout/labels.json`."""
    *folders, name = file.split("/")
    return any((found := split_name(part)) and found.kind == "val or test" for part in (name[:-5], *folders))


def _likeliest(
    files: Sequence[str], holds_boxes: Callable[[str], bool], share_beside: Callable[[str], float | None]
) -> tuple[list[str], list[str]]:
    """Of several files of a split that of boxes which images are beside, if it is one; else those that names tell.

    Returns:
        They, and those whose images are elsewhere, as COCO's own beside a part of it (FiftyOne's zoo).
    """
    names = {file: posixpath.basename(file).lower() for file in files}
    named = [file for file in files if not any(kind in names[file] for kind in _OTHER_KINDS)]
    if len(named) > 1:
        boxes = [file for file in named if holds_boxes(file)]
        if beside := _only_beside(boxes, share_beside):
            return [beside], [file for file in boxes if file != beside]
    for wanted in ([file for file in files if names[file].startswith("instances")], named, list(files)):
        if wanted:
            kept = [file for file in wanted if holds_boxes(file)] if len(wanted) > 1 else wanted
            return kept or wanted, []
    return [], []


def _only(
    root: Path,
    files: Sequence[str],
    holds_boxes: Callable[[str], bool],
    share_beside: Callable[[str], float | None],
) -> tuple[str | None, list[str]]:
    """The only file of COCO's kind; and others of it whose images are not beside them, as its own are."""
    depth = min((file.count("/") for file in files), default=0)
    if len(files) == 1:
        return files[0], []
    instances = [file for file in files if posixpath.basename(file).lower().startswith("instances")]
    boxes = [file for file in instances or files if holds_boxes(file)]
    if len(boxes) > 1 and depth == 0:  # the folder's own before those of folders in it
        boxes = [file for file in boxes if "/" not in file] or boxes
    if beside := _only_beside(boxes, share_beside):
        return beside, [file for file in boxes if file != beside]
    if len(boxes) > 1:
        raise DataError(
            f"{root}: {len(boxes)} files of COCO's kind ({short(', '.join(boxes[:3]), 200)}) are called after no "
            "split; call them train.json, val.json and test.json, or give one: data.root=FILE.json"
        )
    return (boxes[0] if boxes else None), []


def _only_beside(files: Sequence[str], share_beside: Callable[[str], float | None]) -> str | None:
    """The one file whose images are all beside it, where those of each other are for the most part elsewhere."""
    if len(files) < 2:
        return None
    shares = {file: share_beside(file) for file in files}
    whole = [file for file, share in shares.items() if share == 1]
    others = [share for file, share in shares.items() if file not in whole]
    return whole[0] if len(whole) == 1 and all(share is not None and share <= _FEW for share in others) else None


def _bases(file: str, split: str | None, files: Sequence[str]) -> tuple[str, ...]:
    """Where the images of a file may be: the folders called after its split, then those around it."""
    folder, name = posixpath.split(file)
    above = posixpath.dirname(folder)
    tag = re.sub(r"^instances_", "", name[:-5])
    names = [tag, re.sub(r"\d+$", "", tag)]
    tops = {part for path in files if "/" in path for part in path.split("/")[:-1]} if split else set()
    names += [*([split] if split else []), *sorted(part for part in tops if split and split_word(part) == split)]
    own = split_word(posixpath.basename(folder)) is not None  # Roboflow's, FiftyOne's
    around = [folder, f"{folder}/images", f"{folder}/data"]
    places = ["", "images", "data", above, f"{above}/images"]
    within = [f"{place}/{name}" for place in places for name in dict.fromkeys(names)]
    ordered = [*around, *within] if own else [*within, *places[1:], *around, ""]
    if own:
        ordered += [f"{above}/images/{posixpath.basename(folder)}", "images", above, ""]
    return tuple(dict.fromkeys(place.strip("/") for place in ordered))


def _told_apart(files: Sequence[str]) -> list[str]:
    names = [posixpath.basename(file) for file in files]
    return names if len(set(names)) == len(names) else list(files)

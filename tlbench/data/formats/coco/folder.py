"""Where the annotations and images of a COCO data set are."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlbench.data.formats.coco.jsons import JsonFiles
from tlbench.data.label_names import some
from tlbench.data.split_names import split_name, words_of
from tlbench.errors import DataError, short
from tlbench.system.folders import lies_hidden
from tlbench.system.voice import Voice

LAYOUTS = "annotations/instances_{train,val}*.json or {train,valid,test}/_annotations.coco.json"

SPLITS = ("train", "val", "test")

NO_SPLIT = "JSON that is called after no split"
NO_BOXES = "JSON without boxes of COCO's kind"
ANOTHER_KIND = "annotations of another kind than boxes"
ELSEWHERE = "annotations whose images are elsewhere than they say, beside others of the split"
BESIDE = "annotations of images that others of the split list too"
PREDICTED = "predictions, with a score each"

_LOOKED_INTO = 20
"""JSON files called after no split that are looked into, to warn of annotations."""

_OTHER_KINDS = ("captions", "panoptic", "stuff", "keypoints", "image_info")
"""What else COCO annotates the same images with, by the names of the files."""

_USUAL = frozenset(
    ("instances", "annotations", "annotation", "coco", "labels", "label", "format", "default", "gt", "json")
)
"""Words in names of annotation files that say nothing more."""


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


def find_annotations(jsons: JsonFiles, voice: Voice) -> tuple[dict[str, CocoPart], dict[str, str]]:
    """The annotations of each split in a folder; `train` always.

    A split is told by the name of a file, or else by a folder it is in. Where none is, the only file of COCO's kind is
    all there is.

    Args:
        jsons: The JSON files below the folder, which are looked into where names leave a choice.
        voice: Speaks to the user.

    Returns:
        Split → its annotations; and JSON file → why it was left out.

    Raises:
        DataError: Not of `train`, or several of one split.
    """
    root, files = jsons.root, jsons.files
    found = [file for file in files if file.lower().endswith(".json") and not lies_hidden(file)]
    named, reasons = _named(found, jsons)
    parts: dict[str, CocoPart] = {}
    for split in SPLITS if named else ():
        own = [file for file in found if named.get(file) == split]
        likely = [file for file in own if not _of_another_kind(file)] or own
        reasons |= dict.fromkeys((file for file in own if file not in likely), ANOTHER_KIND)
        kept, others = _chosen(likely, split, jsons) if len(likely) > 1 else (likely, {})
        reasons |= others
        if len(kept) > 1:
            names = " and ".join(_told_apart(sorted(kept)[:2]))
            raise DataError(f"{root}: {names} are both {split}; remove one")
        if kept:
            parts[split] = CocoPart(kept[0], _bases(kept[0], split, files))
        elif own:
            voice.warn(
                f"{root}: none of {len(own)} JSON files of {split} ({some(own)}) is of COCO's kind; they are left out"
            )
    if not parts:
        only, others = _only([file for file in found if file not in reasons], jsons)
        reasons |= others
        parts = {"train": CocoPart(only, _bases(only, "train", files))} if only else {}
    elif "train" not in parts:
        raise DataError(
            f"{root}: annotations of {' and '.join(parts)} but none of train; wanted is {LAYOUTS}, or a file alone: "
            "data.root=FILE.json"
        )
    else:
        reasons |= {file: NO_SPLIT for file in found if file not in named and file not in reasons}
    reasons |= _warn_of_no_split([file for file, reason in reasons.items() if reason == NO_SPLIT], parts, jsons, voice)
    for file, reason in reasons.items():
        jsons.drop(file)
        part = parts.get(named.get(file, "train"))
        taken = part.file if part else ""
        if reason == ELSEWHERE:
            voice.say(f"{root / file}: left out: none of its images is where it names them, as those of {taken} are")
        elif reason == BESIDE:
            voice.warn(
                f"{root / file}: left out, as {taken} lists all of its images that are there; remove one of them"
            )
        elif reason == PREDICTED:
            voice.warn(
                f"{root / file}: left out, as all of its annotations have a score, which predictions have; remove the "
                "scores if they are what is true"
            )
    for file, split in named.items():
        if split in parts and file == parts[split].file and _is_doubtful(file):
            voice.say(f"{root / file}: read as {split}, after which no other file is called")
    return parts, reasons


def _named(found: Sequence[str], jsons: JsonFiles) -> tuple[dict[str, str], dict[str, str]]:
    """File → the split it is called after; and file that is none of it, though it is called so → why."""
    named = {file: split for file in found if (split := _split_of_file(file))}
    beside_train = "train" in named.values()
    if beside_train:
        named |= {file: split for file in found if file not in named and (split := _split_of_file(file, weak=True))}
    reasons: dict[str, str] = {}
    for file, split in list(named.items()):  # train_log.json, test_results.json
        if _words(file) and not _of_another_kind(file):
            kind = jsons.kind(file)
            if kind == "else" or (kind == "predictions" and split != "train"):
                reasons[file] = NO_BOXES if kind == "else" else PREDICTED
                del named[file]
    if not beside_train:
        return named, reasons
    usual = {word for file, split in named.items() if split == "train" for word in _words(file)}
    doubtful = [
        file
        for file in found
        if file not in named and file not in reasons and _is_doubtful(file) and _words(file) <= usual
    ]
    for file in doubtful:
        if jsons.kind(file) == "predictions":
            reasons[file] = PREDICTED
    true = [file for file in doubtful if jsons.holds_truth(file)]
    free = [split for split in ("test", "val") if split not in named.values()]
    if len(true) == 1 and free:  # beside train alone it is the test, which an official val becomes too
        named[true[0]] = free[0]
    return named, reasons


def _warn_of_no_split(
    files: Sequence[str], parts: Mapping[str, CocoPart], jsons: JsonFiles, voice: Voice
) -> dict[str, str]:
    """Warn of annotations that are called after no split; of many other files those beside the annotations first.

    Returns:
        Those that are predictions → that they are.
    """
    predicted = {}
    folders = {posixpath.dirname(part.file) for part in parts.values()}
    nearest = sorted(files, key=lambda file: (posixpath.dirname(file) not in folders, file.count("/")))
    for file in nearest[:_LOOKED_INTO]:
        kind = jsons.kind_at_sight(file)
        jsons.drop(file)
        if kind == "predictions":
            predicted[file] = PREDICTED
        elif kind == "boxes":
            voice.warn(
                f"{jsons.root / file}: annotations of boxes that are left out, as it is called after no split that "
                "is free; call it train, val or test, or remove it"
            )
    return predicted


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


def _words(file: str) -> set[str]:
    """What a path says beside splits and that it holds annotations: `fruit`, `results`, `predictions`."""
    words = {word for part in file[:-5].split("/") for word in words_of(part)} - _USUAL
    return {word for word in words if (split := split_name(word)) is None or split.kind == "unlabelled"}


def _of_another_kind(file: str) -> bool:
    name = posixpath.basename(file).lower()
    return not name.startswith("instances") and any(kind in name for kind in _OTHER_KINDS)


def _chosen(
    files: Sequence[str], split: str, jsons: JsonFiles, *, top: bool = False
) -> tuple[list[str], dict[str, str]]:
    """Of several files that may be a split's annotations the one to read; or those of which it is not known.

    None is left out that lists images which are there and the one that is read does not list.

    Args:
        files: The files.
        split: The split.
        jsons: What is in them.
        top: Whether one in the root comes before those in folders.

    Returns:
        They, and file → why it is left out.
    """
    reasons: dict[str, str] = {}
    for file in files:
        if not jsons.holds_boxes(file) and (kind := jsons.kind(file)) != "images alone":
            reasons[file] = NO_BOXES if kind == "else" else ANOTHER_KIND
    kept = [file for file in files if file not in reasons]
    if true := [file for file in kept if jsons.kind(file) != "predictions"]:
        reasons |= dict.fromkeys((file for file in kept if file not in true), PREDICTED)
        kept = true
    if len(kept) < 2:
        return kept, reasons
    reach = {file: jsons.reach(file, _bases(file, split, jsons.files)) for file in kept}
    whole = [file for file, (there, listed) in reach.items() if there == listed > 0]
    if len(whole) == 1 and all(there == 0 < listed for file, (there, listed) in reach.items() if file not in whole):
        likely, reason = whole, ELSEWHERE  # FiftyOne's zoo keeps COCO's own beside a part of it
    else:
        likely = [file for file in kept if posixpath.basename(file).lower().startswith("instances")] or kept
        likely, reason = ([file for file in likely if top and "/" not in file] or likely), BESIDE
    if len(likely) > 1:
        return likely, reasons
    others = [file for file in kept if file not in likely]
    if more := [file for file in others if jsons.adds(file, likely[0])]:
        return likely + more, reasons
    return likely, reasons | dict.fromkeys(others, reason)


def _only(files: Sequence[str], jsons: JsonFiles) -> tuple[str | None, dict[str, str]]:
    """The only file of COCO's kind; and why others are left out."""
    if len(files) < 2:
        return next(iter(files), None), {}
    kept, reasons = _chosen(files, "train", jsons, top=True)
    if len(kept) > 1:
        shown = short(", ".join(sorted(kept)[:3]), 200)
        raise DataError(
            f"{jsons.root}: {len(kept)} files of COCO's kind ({shown}) are called after no split; call "
            "them train.json, val.json and test.json, or give one: data.root=FILE.json"
        )
    return (kept[0] if kept else None), reasons


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

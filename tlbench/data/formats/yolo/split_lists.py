"""Lists of a YOLO data set's splits that no description names: `train.txt`, `val.txt`, … and which count."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tlbench.config import LimitsConfig
from tlbench.data.formats.folders.hints import images
from tlbench.data.formats.yolo.image_files import ImageNames
from tlbench.data.formats.yolo.label_texts import LABELS, looks_like_labels, stem
from tlbench.data.formats.yolo.lists import read_list, share_of_images
from tlbench.data.formats.yolo.texts import text_of
from tlbench.data.image_kind import kind_of_file
from tlbench.data.paths import folded
from tlbench.data.split_names import SPLITS, SplitName, SplitNames, split_name, split_names
from tlbench.errors import DataError, short
from tlbench.system.folders import entries_of, is_folder, walk
from tlbench.system.regular_file import read_regular
from tlbench.system.voice import SILENT, Voice

_MOST = 3  # files in a message
_TRAIN_AND_VAL = re.compile(r"train[\W_]*val", re.IGNORECASE)


@dataclass(frozen=True)
class SplitLists:
    """Lists in one folder.

    Args:
        splits: Split → its list; `train` always, unless there are none.
        more: Further lists of the same splits (`trainval.txt`).
        unread: Lists whose names do not say of what.
    """

    splits: Mapping[str, Path] = field(default_factory=dict)
    more: Sequence[Path] = ()
    unread: Sequence[Path] = ()


@dataclass(frozen=True)
class _Text:
    """A text with a split's word in its name.

    Args:
        file: The text.
        name: What its name says.
        kind: What is in it: a list of images, rows of a label file, nothing, or something else.
        what: That in words.
    """

    file: Path
    name: SplitName
    kind: Literal["list", "rows", "empty", "other"]
    what: str


def find_lists(folder: Path, images: ImageNames, limits: LimitsConfig, alone: bool = True) -> SplitLists:
    """The lists of splits in a folder, which are told by their names beside one another (`split_names`).

    Args:
        folder: The folder.
        images: Those of the data set.
        limits: How large a list may be.
        alone: Texts that are called after splits are refused even if none of them is a list.

    Raises:
        DataError: Some are called after splits and are no lists, may be val or test, are of one split, or none is to
            train on.
    """
    texts = _texts(folder, images, limits)
    lists = [text for text in texts if text.kind == "list"]
    plain = [text for text in texts if text.kind != "list" and not text.name.rest]
    if not lists:
        plain = [text for text in plain if text.kind == "other" and alone]
    names = split_names(list(dict.fromkeys(text.file.stem for text in [*lists, *plain]))) or SplitNames({})
    if len(set(names.splits.values())) == 1 and any(text.name.rest for text in lists if text.file.stem in names.splits):
        names = SplitNames({})  # `train_duplicates.txt` alone
    taken = [text for text in [*lists, *plain] if text.file.stem in (*names.splits, *names.doubtful)]
    for text in taken:
        if text.kind != "list" and (text.kind != "empty" or names.splits.get(text.file.stem) == "train"):
            raise DataError(
                f"{text.file}: called after a split, but no list of images ({text.what}); list its images, one a line, "
                "or rename it"
            )
    if names.doubtful:
        doubtful = " and ".join(sorted({text.file.name for text in taken if text.file.stem in names.doubtful}))
        raise DataError(f"{folder}: {doubtful} may list val or test; rename it to one of them")
    if names.lacks_train:
        held = " and ".join(text.file.name for text in taken)
        raise DataError(
            f"{folder}: {held} but no train.txt; add a list of the images to train on, or remove the others"
        )
    splits: dict[str, Path] = {}
    more = []
    for split in [split for split in ("train", "val", "test") if split in names.splits.values()]:
        files = [text.file for text in taken if names.splits[text.file.stem] == split]
        usual = [file for file in files if file.stem.lower() in SPLITS]
        if len(files) > 1 and len(usual) != 1:
            raise DataError(f"{folder}: {files[0].name} and {files[1].name} both list {split}; keep one of them")
        splits[split] = (usual or files)[0]
        more += [file for file in files if file != splits[split]]
    return SplitLists(splits, more, [text.file for text in lists if text not in taken])


def find_lists_below(folder: Path, images: ImageNames, limits: LimitsConfig) -> SplitLists:
    """Lists of splits in one folder below a folder, such as Pascal VOC's `ImageSets/Main`.

    Raises:
        DataError: Several folders hold some, or as `find_lists`.
    """
    found = {}
    for place in sorted(_folders_of_texts(folder), key=lambda place: not _is_main(place)):
        of_voc = any(part.lower() == "imagesets" for part in place.relative_to(folder).parts)
        lists = find_lists(place, images, limits, alone=of_voc)
        if lists.splits and _is_main(place):
            return lists  # beside it are those of other tasks than detection
        if lists.splits or lists.unread:
            found[place] = lists
    holding = [place.relative_to(folder) for place, lists in found.items() if lists.splits]
    if len(holding) > 1:
        raise DataError(
            f"{folder}: lists of splits are in {' and '.join(map(str, holding[:_MOST]))}; say in a data.yaml which of "
            f"them count (train: {holding[0] / 'train.txt'}, …)"
        )
    if holding:
        return found[folder / holding[0]]
    return SplitLists(unread=[file for lists in found.values() for file in lists.unread])


def lists_below(folder: Path, images: ImageNames, limits: LimitsConfig) -> list[Path]:
    """All lists below a folder that are called after a split alone, without those of VOC's other tasks."""
    places = [
        place for place in _folders_of_texts(folder) if place.parent.name.lower() != "imagesets" or _is_main(place)
    ]
    return [file for place in places for file in lists_in(place, images, limits)]


def lists_in(folder: Path, images: ImageNames, limits: LimitsConfig) -> list[Path]:
    """The lists in a folder that are called after a split alone."""
    return [text.file for text in _texts(folder, images, limits) if text.kind == "list" and not text.name.rest]


def check_unread(
    files: Sequence[Path],
    parts: Mapping[str, Collection[str]],
    told_by: str,
    image_names: ImageNames,
    limits: LimitsConfig,
    voice: Voice,
    whole: bool = False,
) -> None:
    """Compare lists that do not count with the splits that do.

    Args:
        files: The lists.
        parts: Split → paths of its images.
        told_by: What tells the splits, for messages.
        image_names: Those of the data set.
        limits: How large a list may be.
        voice: Warns the user of images that a list has alone.
        whole: A list that has images alone is refused.

    Raises:
        DataError: A list has an image as another split's, or alone.
    """
    known = {os.path.abspath(path): split for split, paths in parts.items() for path in paths}  # noqa: PTH100
    for file in files:
        name = split_name(file.stem)
        if name is None or name.kind == "unlabelled":
            continue
        kinds = {"train", "val"} if _TRAIN_AND_VAL.search(file.stem) else set(name.kind.split(" or "))
        try:
            paths = read_list(file, image_names.root, image_names, limits, SILENT).paths
        except DataError as error:
            voice.warn(f"{file}: not read, as {told_by} the splits ({error})")
            continue
        listed = [os.path.abspath(path) for path in paths]  # noqa: PTH100
        others = [path for path in listed if known.get(path, name.kind) not in kinds | {name.kind}]
        if others:
            raise DataError(
                f"{file}: lists {images(len(others))} as {name.kind} that {_be(others)} in {known[others[0]]}, as "
                f"{told_by} the splits ({others[0]}, …); make them agree, or remove the list"
            )
        alone = [path for path in listed if path not in known]
        if alone and whole:
            raise DataError(
                f"{file}: lists {images(len(alone))} that {_be(alone)} in no split, as {told_by} the splits "
                f"({alone[0]}, …); keep one list of a split"
            )
        if alone:
            voice.warn(
                f"{file}: not read, as {told_by} the splits; {images(len(alone))} of it {_be(alone)} in none of them "
                f"({alone[0]}, …)"
            )


def warn_of_unread(files: Sequence[Path], voice: Voice) -> None:
    """Warn of lists whose names do not say of what."""
    if files:
        shown = ", ".join(file.name for file in files[:_MOST])
        rest = f" and {len(files) - _MOST} more" if len(files) > _MOST else ""
        one = len(files) == 1
        voice.warn(
            f"{files[0].parent}: {shown}{rest} {'lists' if one else 'list'} images, but {_be(files)} not read, as "
            f"{'its name says' if one else 'their names say'} of no split that is used"
        )


def listing(files: Collection[Path]) -> str:
    """`train.txt and val.txt list`."""
    return f"{' and '.join(file.name for file in files)} {'lists' if len(files) == 1 else 'list'}"


def _be(things: Collection[object]) -> str:
    return "is" if len(things) == 1 else "are"


def _folders_of_texts(folder: Path) -> list[Path]:
    """The folders below a folder in which a text is called after a split alone."""
    return sorted(
        folder / below.rstrip("/")
        for below, files in walk(folder)
        if below and any(_named_split(entry.name, whole=True) for entry in files)
    )


def _is_main(folder: Path) -> bool:
    """Whether a folder is that of VOC's lists for detection."""
    return [part.lower() for part in folder.parts[-2:]] == ["imagesets", "main"]


def _named_split(name: str, whole: bool = False) -> SplitName | None:
    """What the name of a text says of a split; of one that is a split's as a `whole`, nothing but that."""
    found = split_name(stem(name)) if name.lower().endswith(LABELS) else None
    return None if found is None or (whole and found.rest) else found


def _texts(folder: Path, images: ImageNames, limits: LimitsConfig) -> list[_Text]:
    """The texts in a folder with a split's word in their names, but for label files of images there."""
    names = {entry.name: found for entry in entries_of(folder) if (found := _named_split(entry.name))}
    if not names:
        return []
    texts = []
    owned = {folded(stem(name)) for name in names}
    imaged = set()
    for entry in entries_of(folder):
        key = folded(stem(entry.name))
        if is_folder(entry):
            names.pop(entry.name, None)
        elif key in owned and entry.name not in names and kind_of_file(entry.path).read:
            imaged.add(key)
    for name in sorted(names):
        has_image = folded(stem(name)) in imaged
        if has_image and (names[name].rest or any(map(str.isdigit, name))):
            continue
        text = _Text(folder / name, names[name], *_content(folder / name, images, limits))
        if text.kind == "list" or not has_image:
            texts.append(text)
    return texts


def _content(
    file: Path, images: ImageNames, limits: LimitsConfig
) -> tuple[Literal["list", "rows", "empty", "other"], str]:
    try:
        lines = text_of(read_regular(file, limits.annotations.bytes)).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        return "other", f"cannot be read: {getattr(error, 'strerror', None) or error}"
    lines = [line.strip() for line in lines if line.strip()]
    if not lines:
        return "empty", "it is empty"
    what = f"its first line is {short(repr(lines[0]))}"
    if looks_like_labels(str(file)):
        return "rows", what
    return ("list" if 2 * share_of_images(lines, images) >= 1 else "other"), what

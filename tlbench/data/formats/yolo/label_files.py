"""Which label file belongs to which image of a YOLO data set."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlbench.data.formats.yolo.label_texts import (
    LABELS,
    NO_LABELS,
    Texts,
    file_name,
    looks_like_labels,
    stem,
    stems_in,
)
from tlbench.data.paths import alike, folded, labels_of, split_in
from tlbench.errors import DataError
from tlbench.system.voice import Voice

_NO_TRUTH = re.compile(
    "(run|pred|predict|predicted|prediction|inference|result|output|backup|bak|old|copy|trash|deleted)s?"
)
"""Words of folders whose texts are predictions, or were replaced."""

_WORD = re.compile(r"[^\W\d_]+")
_NEARLY_ALL = 0.95  # of a folder's images: so many have label files in another folder, or it is not theirs
_NAMED = 3  # files in a message
_MANY = 0.05  # of the images: so many of them without labels beside as many label files without images are refused


@dataclass(frozen=True, eq=False)
class LabelFiles:
    """The label files of N images.

    Args:
        paths: Of each image its label file; None: it has none.
        shown: Of each image its label file as messages name it, whether it is there or not.
        strays: Label files of which no image is there, not even one that no split lists.
        unlisted: Label files of images that no split lists.
    """

    paths: Sequence[str | None]
    shown: Sequence[str]
    strays: Sequence[str]
    unlisted: Sequence[str]


def find_label_files(
    root: Path,
    names: Sequence[str],
    texts: Iterable[str],
    others: Collection[str],
    voice: Voice,
) -> LabelFiles:
    """Match images and label files.

    The last `images` of an image's path becomes `labels`, or the label file is beside the image; its name is the
    image's with `.txt` for the ending. Where there is none so, one is taken that fits but for `.TXT`, for the image's
    ending left in it, for capitals, or for the way in which accents are composed; and where the folder has none at all,
    the only folder below the root that holds label files of (nearly) all the images' names, unless its name is another
    split's or that of predictions or copies, or it fits other images as well.

    Args:
        root: The folder that the names are relative to.
        names: N images.
        texts: All `.txt` files below the root that may be label files, as `names`.
        others: Whole paths of texts that are none, such as lists of images.
        voice: Speaks to the user.

    Raises:
        DataError: Two images share a label file, two label files fit one image, the names of images and label files
            differ, or a folder without label files has some elsewhere that may not be its own.
    """
    finder = _Finder(root, names)
    for folder in finder.images:
        finder.match(folder)
    finder.search(texts, voice)
    finder.check_shared()
    _tell_renamed(finder, voice)
    strays, unlisted = finder.left()
    strays = [path for path in strays if path not in others]
    if strays:
        _tell_strays(finder, strays, voice)
    return LabelFiles(
        finder.paths,
        [finder.shown(path or expected) for path, expected in zip(finder.paths, finder.expected, strict=True)],
        [finder.shown(path) for path in strays],
        [finder.shown(path) for path in unlisted],
    )


class _Finder:
    """Works on absolute paths: `images` may be a part of the root, and the labels beside it."""

    def __init__(self, root: Path, names: Sequence[str]) -> None:
        self.root = os.path.abspath(root).rstrip("/")  # noqa: PTH100 - Path.resolve follows links
        self.names = names
        self.paths: list[str | None] = [None] * len(names)
        self.expected = [""] * len(names)
        self.renamed: list[int] = []
        self.images: dict[str, list[int]] = {}
        for i, name in enumerate(names):
            folder = os.path.dirname(f"{self.root}/{name}")  # noqa: PTH120
            self.images.setdefault(folder, []).append(i)
        self.folders: dict[str, Texts] = {}
        self.labels = {folder: self._label_folder(folder) for folder in self.images}

    def match(self, folder: str) -> int:
        """Give the images of a folder their label files; how many have got one."""
        labels = self.labels[folder]
        there = self._folder(labels)
        rest = []
        for i in self.images[folder]:
            file = stem(file_name(self.names[i])) + LABELS
            self.expected[i] = f"{labels}/{file}"
            if file in there.files:
                self.paths[i] = self.expected[i]
            else:
                rest.append(i)
        taken = {self.paths[i] for i in self.images[folder]}
        for i in rest:
            image = file_name(self.names[i])
            keys = dict.fromkeys((folded(stem(image)), folded(image)))
            files = [f"{labels}/{file}" for key in keys for file in there.fitting.get(key, ())]
            files = [file for file in files if file not in taken]
            if len(files) > 1:
                raise DataError(
                    f"{self.names[i]}: {' and '.join(map(self.shown, files))} could each be its label file; name the "
                    f"right one {file_name(self.expected[i])}, and remove the other"
                )
            if files:
                self.paths[i] = files[0]
                self.renamed.append(i)
        return sum(self.paths[i] is not None for i in self.images[folder])

    def search(self, texts: Iterable[str], voice: Voice) -> None:
        """Look in all folders below the root for the label files of folders where none was found."""
        lacking = [f for f, images in self.images.items() if all(self.paths[i] is None for i in images)]
        if not lacking:
            return
        used = set(self.labels.values())
        holders: dict[str, list[str]] = {}
        for text in texts:
            folder, file = os.path.split(f"{self.root}/{text}")
            if folder not in used:
                holders.setdefault(file, []).append(folder)
        wanted = {f: {stem(file_name(self.names[i])) + LABELS for i in images} for f, images in self.images.items()}
        found: dict[str, list[str]] = {}
        for folder, files in wanted.items():
            counts = Counter(place for file in files for place in holders.get(file, ()))
            good = [p for p, n in counts.items() if n >= _NEARLY_ALL * len(files) and self._may_be_of(folder, p)]
            found[folder] = good
            if folder in lacking and counts and len(good) != 1:
                raise DataError(self._elsewhere(folder, list(counts)))
        taken = Counter(place for good in found.values() for place in good)
        for folder in lacking:
            for place in found[folder]:
                if taken[place] > 1:
                    raise DataError(self._elsewhere(folder, [place]))
                self.labels[folder] = place
                count = self.match(folder)
                voice.say(f"{self.shown(folder)}: the label files of {count} of its images are in {self.shown(place)}")

    def _may_be_of(self, images: str, place: str) -> bool:
        """Whether a folder's name allows that it holds the labels of a folder of images."""
        below = self.shown(place).split("/")
        splits = {split_in(self.shown(images).split("/")), split_in(below)} - {None}
        words = [word for part in below for word in _WORD.findall(part.casefold())]
        return len(splits) < 2 and not any(map(_NO_TRUTH.fullmatch, words))

    def _elsewhere(self, images: str, places: Sequence[str]) -> str:
        files = _some([self.shown(place) for place in places])
        labels = self.shown(self.labels[images])
        return (
            f"{self.shown(images)}: none of {len(self.images[images])} images has a label file in {labels}; texts of "
            f"such names are in {files}, but may be predictions, copies, or other images' labels, and are not read; "
            f"move the right ones to {labels}, or put empty label files there for images without objects"
        )

    def check_shared(self) -> None:
        """Refuse label files that serve several images."""
        owners: dict[str, list[int]] = {}
        for i, path in enumerate(self.paths):
            if path is not None:
                owners.setdefault(path, []).append(i)
        shared = {path: images for path, images in owners.items() if len(images) > 1}
        if shared:
            examples = "; ".join(
                f"{self.shown(path)} of {' and '.join(self.names[i] for i in images)}"
                for path, images in list(shared.items())[:_NAMED]
            )
            files = "1 label file belongs" if len(shared) == 1 else f"{len(shared)} label files belong"
            raise DataError(
                f"{self.root}: {files} to more than one image ({examples}{'; …' if len(shared) > _NAMED else ''}), so "
                "the boxes are right for one of them at most; keep one image of each name, or rename images and labels"
            )

    def left(self) -> tuple[list[str], list[str]]:
        """Label files that no image has: of which no image is there, and whose image no split lists."""
        used = {path for path in self.paths if path is not None}
        strays, unlisted = [], []
        for folder, labels in self.labels.items():
            files = [file for file in sorted(self._folder(labels).files) if f"{labels}/{file}" not in used]
            around = stems_in(folder) if files else set()
            for file in files:
                path = f"{labels}/{file}"
                if folded(stem(file)) in around:
                    unlisted.append(path)
                elif file.lower() not in NO_LABELS and (folder != labels or looks_like_labels(path)):
                    strays.append(path)
        return sorted(dict.fromkeys(strays)), sorted(dict.fromkeys(unlisted))

    def shown(self, path: str) -> str:
        """The path below the root, where it is below."""
        return path[len(self.root) + 1 :] or "." if f"{path}/".startswith(f"{self.root}/") else path

    def _folder(self, path: str) -> Texts:
        if path not in self.folders:
            self.folders[path] = Texts.of(path)
        return self.folders[path]

    def _label_folder(self, images: str) -> str:
        """Where the label files of a folder of images belong: in `labels` for its last `images`, or beside them."""
        labels = labels_of(images)
        if labels is None:
            return images
        there = alike(labels)
        if there is not None and os.path.isdir(there):  # noqa: PTH112 - Path.is_dir raises for a name too long
            labels = there
        return images if self._folder(images).files and not self._folder(labels).files else labels


def _tell_renamed(finder: _Finder, voice: Voice) -> None:
    if finder.renamed:
        shown = [f"{finder.shown(finder.paths[i] or '')} of {finder.names[i]}" for i in finder.renamed[:_NAMED]]
        files = "1 label file is" if len(finder.renamed) == 1 else f"{len(finder.renamed)} label files are"
        more = ", …" if len(finder.renamed) > _NAMED else ""
        voice.say(f"{files} named otherwise than the image with {LABELS}, and read ({', '.join(shown)}{more})")


def _tell_strays(finder: _Finder, strays: Sequence[str], voice: Voice) -> None:
    shown = f"{', '.join(map(finder.shown, strays[:_NAMED]))}{', …' if len(strays) > _NAMED else ''}"
    files = "1 label file has" if len(strays) == 1 else f"{len(strays)} label files have"
    missing = [i for i, path in enumerate(finder.paths) if path is None]
    both, images = min(len(strays), len(missing)), len(finder.names)
    if both and (len(missing) == images or both >= max(2, _MANY * images)):
        labels, file = os.path.split(strays[0])
        folder = next(images for images, found in finder.labels.items() if found == labels)
        wanted = finder.shown(f"{folder}/{stem(file)}.*")
        raise DataError(
            f"{finder.root}: {files} no image ({shown}), while {len(missing)} of {images} images have no label file: "
            f"{finder.shown(strays[0])} would need {wanted}, and {finder.names[missing[0]]} would need "
            f"{finder.shown(finder.expected[missing[0]])}; give both the same names, or remove such label files"
        )
    voice.warn(f"{files} no image and {'is' if len(strays) == 1 else 'are'} left out ({shown})")


def _some(names: Sequence[str]) -> str:
    return f"{', '.join(names[:_NAMED])}{', …' if len(names) > _NAMED else ''}"

"""Where the folders and lists are that a description of a YOLO data set names."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from tlbench.data.paths import alike, below, plain, whole
from tlbench.errors import DataError, short
from tlbench.system.voice import Voice


def find_root(file: Path, path: str | None, train: Sequence[str]) -> Path:
    """The first folder below which the training images lie, of those that `path` can mean.

    Where it is none of them, as the description was written on another machine, the description's own folder, if what
    `path` and `train` end in is there.

    Args:
        file: The description.
        path: Its `path`; None: it has none.
        train: Its entries of `train`.

    Raises:
        DataError: The training images are nowhere.
    """
    beside = file.parent
    folders = [beside]
    if path:
        named = Path(os.path.expanduser(path))  # noqa: PTH111 (Path.expanduser raises for an unknown user)
        folders = [beside / named, whole(beside).parent / named, named, beside]
    if not train:
        return beside
    for folder in folders:
        if all(_find(folder, entry) for entry in train):
            return plain(folder)
    if all(_elsewhere(beside, path, entry) for entry in train):
        return beside
    tried = list(dict.fromkeys(str(plain(folder / train[0])) for folder in folders))
    places = short(", ".join(tried), 400)
    raise DataError(f"{file}: train: {short(train[0])}: not at {places}; correct path or train")


def there(file: Path, root: Path, path: str | None, split: str, entry: str, voice: Voice) -> list[Path]:
    """What an entry of a split names: a folder, a list, or where it has wildcards any number of them.

    Raises:
        DataError: It is not there, or could be in several places.
    """
    if found := _find(root, entry):
        if found[0].name != Path(entry).name and glob.has_magic(entry):
            voice.say(
                f"{file}: {split}: {short(entry)} stands for {len(found)}: {short(', '.join(map(str, found)), 200)}"
            )
        return found
    places = _elsewhere(root, path, entry)
    if len(places) > 1:
        shown = " and ".join(map(str, places[:3]))
        raise DataError(f"{file}: {split}: {short(entry)} is not there, but could be {shown}; correct it")
    if not places:
        place = short(str(plain(root / entry)), 400)
        raise DataError(f"{file}: {split}: {short(entry)}: not at {place}; correct it, or remove the key {split}")
    voice.say(f"{file}: {split}: {short(entry)} is not there as written; {places[0]} is read")
    return places


def _find(root: Path, entry: str) -> list[Path]:
    """A folder or file of an entry; Roboflow writes `../train/images` where `train/images` is meant."""
    names = (entry, entry.removeprefix("../"))
    for name in names:
        if os.path.exists(root / name):  # noqa: PTH110 - Path.exists raises for a name too long
            return [plain(root / name)]
    if glob.has_magic(entry):
        for name in names:
            if found := sorted(glob.glob(str(Path(glob.escape(str(root))) / name))):  # noqa: PTH207
                return [plain(path) for path in found]
    return []


def _elsewhere(root: Path, path: str | None, entry: str) -> list[Path]:
    """What an entry can mean that was written on another machine, or with other capitals."""
    as_written = alike(os.path.join(root, entry.replace("\\", "/")))  # noqa: PTH118
    if as_written is not None:
        return [plain(as_written)]
    return below(root, entry) or below(root, f"{path}/{entry}" if path else entry)

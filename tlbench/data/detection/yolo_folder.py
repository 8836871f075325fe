"""Which image files a YOLO data set has, in which split; nothing is opened but descriptions and lists."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tlbench.config import STANDARD_LIMITS, LimitsConfig
from tlbench.data.decode import EXTENSIONS
from tlbench.data.detection.yolo_darknet import find_darknet, read_darknet
from tlbench.data.detection.yolo_labels import KeyPoints
from tlbench.data.detection.yolo_lists import names_images, read_list
from tlbench.data.detection.yolo_paths import split_in, split_of
from tlbench.data.detection.yolo_texts import CLASS_FILES, read_class_file
from tlbench.data.detection.yolo_yaml import YoloYaml, find_yaml, read_yaml
from tlbench.data.image_kind import kind_of_file
from tlbench.data.inventory import all_files
from tlbench.data.label_names import warn_of_lookalikes
from tlbench.data.listing import natural_order
from tlbench.data.split_names import split_names
from tlbench.errors import DataError
from tlbench.folders import entries_of, is_folder, walk

LAYOUTS = "images/{train,val,test} with labels/{train,val,test}, {train,val,test}/images, or images with labels"


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


@dataclass(eq=False)
class _Found:
    """What was found so far: split → paths, as in `YoloImages`."""

    parts: dict[str, list[str]] = field(default_factory=dict)
    descriptions: list[Path] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)


def find_images(
    root: Path,
    warn: Callable[[str], None],
    limits: LimitsConfig = STANDARD_LIMITS,
    say: Callable[[str], None] = print,
) -> YoloImages:
    """List the images of a folder in any of YOLO's layouts, or of what a `data.yaml` or `obj.data` names.

    Args:
        root: The folder, or the YAML file.
        warn: Shows the user a warning.
        limits: Up to which sizes files are read, and how many classes there may be.
        say: Shows the user a line.

    Raises:
        DataError: No images, no class names, splits without `train`, or images in two splits.
    """
    with _reading():
        folder = root.parent if root.is_file() else _unwrapped(root, limits, say)
        found = _Found()
        described = _description(root if root.is_file() else None, folder, limits, found, say)
        base = folder if described is None else described.root
        if described is not None and described.splits:
            for split, entries in described.splits.items():
                found.parts[split] = [path for entry in entries for path in _images_of(entry, base, limits, found, say)]
        elif lists := _lists(base, limits):
            say(f"{base}: the splits are as {' and '.join(file.name for file in lists.values())} list them")
            for split, file in lists.items():
                found.parts[split] = _images_of(file, base, limits, found, say)
        else:
            found.parts = {split: _images_below(place) for split, place in _folders(base, say)}
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
        warn(f"{base}: {split} holds no image, so there is no {split}; where one is needed it is carved out of train")
        del found.parts[split]
    check_apart(base, found.parts, warn)
    class_names = _class_names(base, found, described, limits, warn)
    names_root, parts = relative_names(base, found.parts)
    return YoloImages(
        names_root,
        class_names,
        parts,
        None if described is None else described.points,
        root if root.is_dir() else folder,
        tuple(found.descriptions),
        found.absent,
    )


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


def _unwrapped(root: Path, limits: LimitsConfig, say: Callable[[str], None]) -> Path:
    """The folder in which the data are: that, or the only one in it if nothing else there belongs to a data set."""
    folder = root
    while find_yaml(folder, limits) is None and find_darknet(folder) is None:
        entries = entries_of(folder)
        inner = [entry.name for entry in entries if is_folder(entry)]
        if len(inner) != 1 or inner[0].lower() in ("images", "labels") or split_of(inner[0]):
            break
        files = [entry.path for entry in entries if not is_folder(entry)]
        if any(os.path.basename(file).lower() in CLASS_FILES or kind_of_file(file).read for file in files):  # noqa: PTH119
            break
        folder = folder / inner[0]
    if folder != root:
        say(f"{root}: holds one folder alone, and is read from {folder}")
    return folder


def _description(
    file: Path | None, folder: Path, limits: LimitsConfig, found: _Found, say: Callable[[str], None]
) -> YoloYaml | None:
    file = file or find_yaml(folder, limits)
    if file is not None:
        found.descriptions.append(file)
        return read_yaml(file, limits, say)
    file = find_darknet(folder)
    if file is None:
        return None
    described, names = read_darknet(file, limits, say)
    found.descriptions += [file, names]
    return described


def _images_below(folder: Path) -> list[str]:
    """The image files below a folder, at any depth, in natural order; hidden ones are ignored."""
    found = [
        f"{below}{entry.name}" for below, files in walk(folder) for entry in files if kind_of_file(entry.path).read
    ]
    return [str(folder / name) for name in sorted(found, key=natural_order)]


def _images_of(entry: Path, root: Path, limits: LimitsConfig, found: _Found, say: Callable[[str], None]) -> list[str]:
    """The image files in a folder, or those that a text file lists."""
    if entry.is_dir():
        return _images_below(entry)
    if entry.suffix.lower() in EXTENSIONS:
        return [str(entry)]
    listed = read_list(entry, root, limits, say)
    found.descriptions.append(entry)
    found.absent |= listed.absent
    paths = list(dict.fromkeys(listed.paths))
    if len(paths) < len(listed.paths):
        say(f"{entry}: {len(listed.paths) - len(paths)} lines repeat an image, and each image is taken once")
    return paths


def _lists(root: Path, limits: LimitsConfig) -> dict[str, Path]:
    """`train.txt`, `test.txt`, … of a folder without a description, that list images.

    Raises:
        DataError: Two are of one split, or none is to train on.
    """
    found: dict[str, Path] = {}
    for file in sorted(Path(entry.path) for entry in entries_of(root)):
        split = split_in([file.stem]) if file.suffix.lower() == ".txt" and file.is_file() else None
        if split and names_images(file, limits):
            if split in found:
                raise DataError(f"{root}: {found[split].name} and {file.name} both list {split}; keep one of them")
            found[split] = file
    if found and "train" not in found:
        held = " and ".join(file.name for file in found.values())
        raise DataError(f"{root}: {held} but no train.txt; add a list of the images to train on, or remove the others")
    return found


def _folders(root: Path, say: Callable[[str], None]) -> list[tuple[str, Path]]:
    """The splits of a folder without a description."""
    for holder in (_called(root, "images"), root):
        names = sorted(entry.name for entry in entries_of(holder) if is_folder(entry)) if holder else []
        names = [name for name in names if name.lower() not in ("images", "labels")]
        found = split_names(names)
        if found is None or holder is None:
            continue
        if found.lacks_train:
            held = " and ".join(found.splits)
            raise DataError(f"{holder}: holds {held} but no folder train; wanted is {LAYOUTS}")
        if found.doubtful:
            doubtful = " and ".join(found.doubtful)
            raise DataError(f"{holder}: {doubtful} may be val or test; say in a data.yaml which folders count")
        splits = found.splits
        twice = [name for name, split in splits.items() if list(splits.values()).count(split) > 1]
        if twice:
            raise DataError(f"{holder}: {' and '.join(twice)} are one split; say in a data.yaml which folders count")
        others = [name for name in names if name not in splits and name not in found.unlabelled]
        if others and holder != root:
            raise DataError(
                f"{holder}: holds {', '.join(splits)} and other folders ({', '.join(others[:4])}); say in a data.yaml "
                "which folders count"
            )
        otherwise = [f"{name} as {split}" for name, split in splits.items() if split_of(name) != split]
        if otherwise:
            say(f"{holder}: read as splits: {', '.join(otherwise)}")
        return [(split, _called(holder / name, "images") or holder / name) for name, split in splits.items()]
    return [("train", _called(root, "images") or root)]


def _called(folder: Path, name: str) -> Path | None:
    """The folder of a name in a folder, in any capitals."""
    if (folder / name).is_dir():
        return folder / name
    found = [entry.name for entry in entries_of(folder) if entry.name.lower() == name and is_folder(entry)]
    return folder / found[0] if len(found) == 1 else None


def _class_names(
    root: Path, found: _Found, described: YoloYaml | None, limits: LimitsConfig, warn: Callable[[str], None]
) -> tuple[str, ...]:
    """The names of a description, or in `classes.txt`, as labelling tools write it: beside folders, labels or images.

    Raises:
        DataError: There are none, or two files contradict each other.
    """
    known: dict[Path, tuple[str, ...]] = {}
    if described is not None and described.class_names != tuple(
        f"class_{i}" for i in range(len(described.class_names))
    ):
        known[described.file] = described.class_names
    for file in (Path(folder, name) for folder in _beside(root, found) for name in CLASS_FILES):
        if file.is_file():
            if file not in found.descriptions:
                found.descriptions.append(file)
            known[file] = read_class_file(file, limits)
    if not known and described is None:
        raise DataError(
            f"{root}: no data.yaml and no classes.txt, so the classes have no names; add a data.yaml with names: "
            "[first, second, …], or a classes.txt with one name a line, in the order of the labels' classes"
        )
    longest = max(known, key=lambda file: len(known[file]), default=None)
    for file, names in known.items():  # labelling tools append
        if (
            longest is not None
            and (other := next((i for i, n in enumerate(names) if n != known[longest][i]), None)) is not None
        ):
            raise DataError(
                f"{file}: class {other} is {names[other]!r}, but {known[longest][other]!r} in {longest}; labels mean "
                "one of them; correct or remove a file, or renumber the labels"
            )
    names = described.class_names if described is not None else known[longest] if longest else ()
    warn_of_lookalikes(str(root), names, warn)
    return names


def _beside(root: Path, found: _Found) -> list[str]:
    """Folders in which class names may lie: those of images, of their labels, and all between them and the root."""
    top = os.path.abspath(root)  # noqa: PTH100
    folders = {top: None, f"{top}/labels": None}
    images = dict.fromkeys(os.path.dirname(os.path.abspath(p)) for paths in found.parts.values() for p in paths)  # noqa: PTH100, PTH120
    for folder in images:
        below = folder.removeprefix(f"{top}/")
        parts = below.split("/") if below != folder else []
        between = [folder, *(f"{top}/{'/'.join(parts[:i])}" for i in range(1, len(parts)))]
        for path in between:
            cells = path.split("/")
            at = max((i for i, cell in enumerate(cells) if cell.lower() == "images"), default=None)
            folders[path] = None
            if at is not None:
                folders["/".join([*cells[:at], "labels", *cells[at + 1 :]])] = None
    given = str(root)
    return [given + path.removeprefix(top) if path.startswith(top) else path for path in folders]


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(f"{error.filename}: {error.strerror}; wanted is {LAYOUTS}") from None

"""A YOLO data set: images with one label file each, in folders or as a `data.yaml` says."""

from __future__ import annotations

import os
from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import torch

from tlbench.annotations.instances.assemble import Mended, assemble
from tlbench.annotations.instances.instances import Instances
from tlbench.config import DataConfig, LimitsConfig
from tlbench.data.formats.yolo.folder import YoloImages, find_images
from tlbench.data.formats.yolo.inventory import take_yolo_inventory
from tlbench.data.formats.yolo.label_files import LabelFiles, find_label_files
from tlbench.data.formats.yolo.label_texts import LABELS, looks_like_labels
from tlbench.data.formats.yolo.labels import HIGHEST, LabelRows, fault
from tlbench.data.formats.yolo.reading import Decided, check_plausible, decide
from tlbench.data.formats.yolo.shapes import shapes_of
from tlbench.data.image_sizes import image_sizes
from tlbench.data.inventory import all_files
from tlbench.data.listing import Listed, divided
from tlbench.data.unreadable import check_unreadable
from tlbench.errors import DataError
from tlbench.system.folders import lies_hidden
from tlbench.system.regular_file import TooLargeError, read_regular
from tlbench.system.voice import Voice

DUPLICATES = "duplicate label rows left out"

_NAMED = 3  # bad rows in a message
_NEARLY_ALL = 0.9


def read_yolo(root: Path, data: DataConfig, voice: Voice, *, shapes: bool = False) -> Listed[Instances]:
    """Read labels and image sizes of each split that the data have.

    Args:
        root: The folder, or its `data.yaml`.
        data: The target's config.
        voice: Speaks to the user.
        shapes: Whether polygons and the key points that `kpt_shape` tells of are kept beside the boxes.

    Raises:
        DataError: The files cannot be used; more than `data.max_unreadable` images cannot be read.
    """
    found = find_images(root, voice, data.limits)
    names = [name for part in found.parts.values() for name in part]
    sizes = image_sizes(found.root, names, data.limits.image)
    unreadable = _absent(found)
    unreadable |= {names[i]: _reason(found.root / names[i], reason) for i, reason in sizes.unreadable.items()}
    check_unreadable(found.root, unreadable, data.max_unreadable)
    if len(sizes.unreadable) == len(names):
        first = names[0]
        raise DataError(f"{found.root / first}: {unreadable[first]}; none of {len(names)} images can be read")
    files = list(all_files(found.base))
    known = {os.path.abspath(file) for file in found.descriptions}  # noqa: PTH100
    texts = list(_texts_of(found, files, known))
    labels = find_label_files(found.root, names, texts, known, voice)
    mended = Mended()
    rows = LabelRows(rests=array("d") if shapes else None)
    _read_rows(rows, found, labels, sizes.unreadable, data.limits, texts, voice)
    decided = decide(found.root, rows, found.points, voice)
    _refuse_bad(found, labels, rows, decided)
    check_plausible(found.root, rows, decided, voice)
    for image, line in rows.duplicates:
        mended.add(DUPLICATES, names[image], f"{labels.shown[image]}:{line}")
    images = torch.tensor(rows.images, dtype=torch.int64)
    whole = assemble(
        found.root,
        names,
        sizes.sizes,
        decided.corners * sizes.sizes.flip(1).repeat(1, 2)[images],
        torch.tensor(rows.classes, dtype=torch.int64),
        images,
        found.class_names,
        lambda row: f"{labels.shown[rows.images[row]]}:{rows.lines[row]}",
        mended,
        shapes=shapes_of(rows, decided, found.points, sizes.sizes) if shapes else None,
    )
    mended.tell(voice)
    inventory = take_yolo_inventory(found, files, names, labels, unreadable, voice)
    return Listed(
        divided(whole, found.parts, sizes.unreadable),
        inventory,
        unreadable=unreadable,
        unlabelled=frozenset(name for name, path in zip(names, labels.paths, strict=True) if path is None),
    )


def _absent(found: YoloImages) -> dict[str, str]:
    """Name of each image that a list names and that is not there → that."""
    root = f"{os.path.abspath(found.root)}/"  # noqa: PTH100
    paths = {os.path.abspath(path): where for path, where in found.absent.items()}  # noqa: PTH100
    return {path.removeprefix(root): f"no such file, though {where} names it" for path, where in paths.items()}


def _reason(path: Path, reason: str) -> str:
    return "a link that leads nowhere" if path.is_symlink() and not os.path.exists(path) else reason  # noqa: PTH110


def _texts_of(found: YoloImages, files: Sequence[str], known: Collection[str]) -> Iterator[str]:
    """The texts below the data set's folder that may be label files, relative to the images' root; `known` are none."""
    base, root = os.path.abspath(found.base), os.path.abspath(found.root)  # noqa: PTH100
    for name in files:
        path = f"{base}/{name}"
        if name.lower().endswith(LABELS) and path not in known and not lies_hidden(name):
            yield os.path.relpath(path, root)


def _others(root: Path, texts: Sequence[str]) -> str:
    """Texts that may be the labels, as their first lines are rows."""
    rows = [text for text in texts if looks_like_labels(str(root / text))]
    if not rows:
        return ""
    count = "1 text that begins as label files do is" if len(rows) == 1 else f"{len(rows)} texts that begin so are"
    return f" of its name, while {count} there, such as {rows[0]}"


def _read_rows(
    rows: LabelRows,
    found: YoloImages,
    labels: LabelFiles,
    unreadable: Mapping[int, str],
    limits: LimitsConfig,
    texts: Sequence[str],
    voice: Voice,
) -> None:
    """Add the rows of all images.

    Raises:
        DataError: A label file cannot be read, or none has a row.
    """
    points = found.points if found.points and found.points.count else None
    missing = empty = with_rows = 0
    for image, path in enumerate(labels.paths):
        if image in unreadable:
            continue
        if path is None:
            missing += 1
            continue
        try:
            count = rows.read(image, read_regular(path, limits.label.bytes), found.class_names, points)
        except TooLargeError:
            raise limits.label.refusal(path) from None
        except OSError as error:
            raise DataError(f"{path}: {error.strerror}; mend the label file") from None
        except UnicodeDecodeError:
            raise DataError(f"{path}: not text in UTF-8; wanted are rows class cx cy w h") from None
        empty += not count
        with_rows += bool(count)
    images = missing + empty + with_rows
    if not with_rows:
        lacking = (
            f"none of {images} images has a label file{_others(found.root, texts)}"
            if not empty
            else f"no objects in the label files of {empty} images"
            + (f", and {missing} images have none" if missing else "")
        )
        raise DataError(
            f"{found.root}: {lacking} (the first would be {found.root / labels.shown[0]}); wanted are rows class cx cy "
            "w h"
        )
    if missing or empty:
        kinds = [f"{empty} with an empty label file"] * bool(empty) + [f"{missing} without a label file"] * bool(
            missing
        )
        voice.say(f"{missing + empty} of {images} images have no objects: background ({', '.join(kinds)})")


def _refuse_bad(found: YoloImages, labels: LabelFiles, rows: LabelRows, decided: Decided) -> None:
    """Refuse rows that are no objects.

    Raises:
        DataError: There are some.
    """
    bad = [(image, line, text, reason) for image, line, text, reason in rows.bad]
    positions = torch.nonzero(decided.bad).flatten().tolist()
    count = len(bad) + len(positions)
    if not count:
        return
    for row in positions[:_NAMED]:
        image, line = rows.images[row], rows.lines[row]
        text = _line(labels.paths[image] or "", line)
        points = found.points if found.points and found.points.count else None
        reason = fault(text.split(), found.class_names, points, decided.reading == "boxes")
        bad.append((image, line, text, reason))
    named = [
        f"{labels.paths[image]}:{line}: {text.strip()[:80]!r}: {reason}" for image, line, text, reason in sorted(bad)
    ]
    rest = count - _NAMED
    which = "1 label row is" if count == 1 else f"{count} label rows are"
    raise DataError(
        f"{which} wrong: {'; '.join(named[:_NAMED])}{f'; and {rest} more' if rest > 0 else ''}"
        f"{_pixels(rows)}; wanted is class cx cy w h, the class from 0 to {len(found.class_names) - 1}, the "
        "others as fractions of the image's width and height from 0 to 1; correct or remove such rows"
    )


def _pixels(rows: LabelRows) -> str:
    """What is said of rows of which nearly all are beyond 1."""
    largest = torch.tensor(rows.firsts, dtype=torch.float64).view(-1, 4).amax(1)
    if len(rows) < _NAMED or float((largest > HIGHEST).double().mean()) < _NEARLY_ALL:
        return ""
    most = float(largest.max())
    unit = "per cent or pixels" if most <= 100 else "pixels"
    return f"; {int((largest > HIGHEST).sum())} of {len(rows)} rows hold numbers up to {most:g}, as if in {unit}"


def _line(path: str, line: int) -> str:
    return read_regular(path).decode("utf-8-sig").splitlines()[line - 1]

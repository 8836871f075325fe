"""Drawn documents, whatever is known of them: drawn once, kept in the cache for other runs, and divided."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import torch
from filelock import FileLock

from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.annotations.maps.class_maps import ClassMaps
from tlbench.annotations.maps.config import MapDataConfig
from tlbench.config.size import Size, as_written
from tlbench.data.listing import A
from tlbench.data.samples import MemorySamples
from tlbench.data.target import Target
from tlbench.data.thumbnails import thumbnails_of
from tlbench.data.workers import in_chunks
from tlbench.embedded.documents import label_spaces
from tlbench.embedded.documents.label_spaces import SOURCE_CLASSES, TARGET_CLASSES, Space, labelled, mapped
from tlbench.embedded.documents.page import draw_page
from tlbench.geometry.fits import GREY
from tlbench.seeds import permutation
from tlbench.system.atomic import publish_folder, scratch_folder
from tlbench.system.cache_folder import cache_folder
from tlbench.system.voice import Voice

PAGE_SEEDS = {"target": 0, "source": 1}
"""The two label spaces have pages of their own: what is learnt on one has not seen the other's."""

Columns = Mapping[str, np.ndarray[Any, Any]]
Drawn = tuple[np.ndarray[Any, Any], Columns]

_ROWS = {"inside": 2, "digests": 2}
_ROWS |= {"boxes": 2, "labels": 1, "starts": 1}  # as of `Instances`
_ROWS |= {"packed": 1, "map_starts": 1, "map_counts": 2, "map_digests": 2}  # as of `ClassMaps`
"""What is kept beside the pixels, and how many dimensions it has."""

BACKGROUND = "background"
"""The first class of class maps."""


def open_drawn(
    data: InstanceDataConfig | MapDataConfig,
    split_seed: int,
    voice: Voice,
    annotations: Callable[[Columns], A],
    check: Callable[[str, Mapping[str, MemorySamples[A]], Collection[str]], None],
    counted: Callable[[Mapping[str, MemorySamples[A]]], Mapping[str, Any]],
) -> Target[A]:
    """Draw the pages, or read what is kept of them, and divide them into train, val and test at random.

    Args:
        data: The target's config; both fractions are of all pages.
        split_seed: Seed of the splits and of the subset.
        voice: Speaks to the user.
        annotations: What is known of all pages, of what is kept of them beside their pixels.
        check: Refuses splits in which there is nothing to find: what they are called, they, those that are carved out.
        counted: What the rule says of how much is in each split.

    Raises:
        DataError: A class does not exist, or as `check` says.
    """
    assert data.pages is not None
    assert data.label_space is not None
    assert data.test_fraction is not None
    pixels, rest = _kept(data.pages, data.input_size, data.label_space, voice)
    images, found = torch.from_numpy(pixels), annotations(rest)
    names = tuple(f"page {i}" for i in range(data.pages))
    pages = MemorySamples(images, found, names, rest["digests"], thumbnails_of(images, found.thumbnail))
    if data.classes is not None:
        pages = pages.chosen(data.classes)
    order = permutation(data.pages, split_seed)
    test, val = (round(data.pages * fraction) for fraction in (data.test_fraction, data.val_fraction))
    train = order[test + val :]
    index = {"train": train[: max(round(len(train) * data.fraction), 1)], "val": order[test : test + val]}
    index["test"] = order[:test]
    rule: dict[str, Any] = {
        "train": "the rest of the pages",
        "val": "carved out of all pages at random",
        "test": "carved out of all pages at random",
        "val_fraction": data.val_fraction,
        "test_fraction": data.test_fraction,
        "fraction": data.fraction,
        "split_seed": split_seed,
    }
    splits = {split: pages.take(rows.sort().values) for split, rows in index.items()}
    check(f"{data.pages} drawn documents", splits, ("val", "test"))
    return Target(data.name, splits, {**rule, **counted(splits)})


def classes_of(space: str) -> tuple[str, ...]:
    """The classes of a label space, `source` or `target`, without the background."""
    return SOURCE_CLASSES if space == "source" else TARGET_CLASSES


def _kept(count: int, size: Size, space: str, voice: Voice) -> Drawn:
    folder = cache_folder() / "documents" / _key(count, size, space)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            found = _read(folder, count, size)
            if found is None:
                _write(folder, _draw(count, size, space))
                megabytes = count * 3 * math.prod(size) / 2**20
                voice.say(f"drew {count} documents once, kept in {folder.parent.parent} ({megabytes:.0f} MB)")
            return found or _load(folder)
    except OSError as error:
        voice.warn(
            f"drawn documents are not kept: {error.filename or folder.parent}: {error.strerror or error}; every run "
            "draws them again (TLBENCH_CACHE names another folder)"
        )
        return _draw(count, size, space)


def _draw(count: int, size: Size, space: str) -> Drawn:
    """All pages."""
    parts = in_chunks(_Pages(size, space), count, "drawing documents")
    joined = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    for starts, counts in (("starts", "counts"), ("map_starts", "lengths")):
        joined[starts] = np.concatenate([[0], np.cumsum(joined.pop(counts))]).astype(np.int64)
    return joined.pop("pixels"), joined


def _load(folder: Path) -> Drawn:
    return np.load(folder / "pixels.npy", mmap_mode="c"), dict(np.load(folder / "pages.npz"))


def _read(folder: Path, count: int, size: Size) -> Drawn | None:
    """What an earlier run has kept; None where there is nothing, or only a damaged file."""
    try:
        pixels, rest = _load(folder)
    except PermissionError:
        raise
    except Exception:  # none there, or damaged bytes, which surface as almost any error
        return None
    whole = pixels.dtype == np.uint8 and pixels.shape == (count, 3, *size) and rest.keys() == _ROWS.keys()
    counted = whole and all(rest[name].ndim == ndim for name, ndim in _ROWS.items())
    fits = counted and all(
        len(rest[name]) == rows
        for name, rows in (
            *(("inside", count), ("digests", count), ("map_counts", count), ("map_digests", count)),
            *(("starts", count + 1), ("map_starts", count + 1)),
            *(("boxes", rest["starts"][-1]), ("labels", rest["starts"][-1]), ("packed", rest["map_starts"][-1])),
        )
    )
    return (pixels, rest) if fits else None


def _write(folder: Path, drawn: Drawn) -> None:
    """Into a folder of another name, which then takes the cache's place as a whole."""
    with scratch_folder(folder.parent, ".drawing-") as scratch:
        np.save(scratch / "pixels.npy", drawn[0])
        np.savez(scratch / "pages.npz", **drawn[1])  # type: ignore[arg-type]
        for name in ("pixels.npy", "pages.npz"):
            with (scratch / name).open("rb") as file:
                os.fsync(file.fileno())
        count, _, height, width = drawn[0].shape
        publish_folder(scratch, folder, lambda: _read(folder, count, (height, width)) is not None, replace=True)


def _key(count: int, size: Size, space: str) -> str:
    """Of all that the pages depend on, the drawing code included."""
    sources = sorted(Path(label_spaces.__file__).parent.glob("*.py"))
    code = [hashlib.sha256(path.read_bytes()).hexdigest() for path in sources]
    depends_on = [code, PIL.__version__, np.__version__, count, as_written(size), space]
    return hashlib.sha256(json.dumps(depends_on).encode()).hexdigest()[:32]


class _Pages:
    """Draws a range of pages."""

    def __init__(self, size: Size, space: str) -> None:
        self._size, self._space = size, space

    def __len__(self) -> int:
        return 1

    def __getitems__(self, chunk: range) -> dict[str, np.ndarray[Any, Any]]:
        pixels = np.full((len(chunk), 3, *self._size), GREY, np.uint8)
        inside, counts, boxes, labels, digests, maps = [], [], [], [], [], []
        space: Space = "source" if self._space == "source" else "signature"
        for row, i in enumerate(chunk):
            page = draw_page(PAGE_SEEDS[self._space], i, self._size)
            height, width = page.pixels.shape[:2]
            pixels[row, :, :height, :width] = page.pixels.transpose(2, 0, 1)
            own_boxes, own_labels = labelled(page, space)
            inside.append((height, width))
            counts.append(len(own_labels))
            boxes.append(own_boxes)
            labels.append(own_labels)
            digests.append(np.frombuffer(hashlib.blake2b(page.pixels.tobytes(), digest_size=16).digest(), np.uint8))
            maps.append(mapped(page, space))
        packed = ClassMaps.of(maps, (BACKGROUND, *classes_of(self._space)))
        return {
            "pixels": pixels,
            "inside": np.array(inside, np.int64),
            "counts": np.array(counts, np.int64),
            "boxes": np.concatenate(boxes).astype(np.float32).reshape(-1, 4),
            "labels": np.concatenate(labels).astype(np.int64),
            "digests": np.stack(digests),
            "packed": packed.packed.numpy(),
            "lengths": packed.starts.diff().numpy(),
            "map_counts": packed.counts.numpy(),
            "map_digests": packed.digests.numpy(),
        }

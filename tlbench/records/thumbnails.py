"""Small images of a split that a run keeps beside its record, for reports that are made when data and weights are gone.

In `thumbnails_<split>.npz` are `image` (K,) int64, positions in the split, ascending; `jpeg` uint8, the K files one
after another, with `length` (K,) int64 bytes each; `name` and `label` (K,) text; `drawn` () bool; `legend` () text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tlbench.errors import DataError
from tlbench.records.arrays import read_arrays, write_arrays
from tlbench.system.names import printable

if TYPE_CHECKING:
    from tlbench.pictures.sheet import Tile

FIXED, EXAMPLES = 24, 12
"""Images of the test split that every run keeps, whatever its seed and arm; and of the training split."""
_PLAIN_SIDE, _DRAWN_SIDE = 96, 320
"""Pixels of the longer side at most: of images as they are, and of those on which something is drawn."""
_MOST_BYTES = {False: 280_000, True: 1_150_000}
"""Of the JPEG files of a split together, by whether something is drawn on them."""
_QUALITIES = (88, 75, 60, 45)
_JPEG = b"\xff\xd8"


@dataclass(frozen=True, eq=False)
class Thumbnails:
    """Small images of a split.

    Args:
        positions: (K,) int64 in the split, ascending.
        names: What each image is called; empty where the data have no names.
        labels: The class of each; empty where it was not asked for, or is drawn.
        jpegs: Each as the content of a JPEG file.
        drawn: Whether what is known of the images, and what a run found in them, is drawn on them.
        legend: What the drawing means; empty where nothing is drawn.
    """

    positions: NDArray[np.int64]
    names: tuple[str, ...]
    labels: tuple[str, ...]
    jpegs: tuple[bytes, ...]
    drawn: bool
    legend: str


def fixed_order(names: Sequence[str] | None, count: int) -> list[int]:
    """The positions of a split's images in an order that follows from what these are called, else from the positions.

    It is the same in every run of the split, so that its first images can be compared.

    Args:
        names: Of all images; None: they have none.
        count: Images in the split.
    """
    called = map(str, range(count)) if names is None else names

    def key(name: str) -> bytes:
        return blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest()

    keys = [(key(name), i) for i, name in enumerate(called)]
    return [i for _, i in sorted(keys)]


def write_thumbnails(
    folder: Path,
    split: str,
    tiles: Mapping[int, Tile],
    names: Sequence[str] | None,
    *,
    drawn: bool,
    labels: Mapping[int, str] | None = None,
    legend: str = "",
) -> str:
    """Keep images of a split in small; in lower quality, then fewer of them, where they would take too much room.

    Args:
        folder: The run's.
        split: What it is called.
        tiles: Position in the split → image with what is drawn on it, the most important first.
        names: Of all of the split's images; None: they have none.
        drawn: Whether anything may be drawn on them: such images are kept larger.
        labels: Position → class, where it is to be named.
        legend: What the drawing means.

    Returns:
        The file's name.

    Raises:
        OutputError: The disk refuses.
    """
    jpegs = _fitting(tiles, drawn)
    kept = sorted(jpegs)
    contents = [jpegs[i] for i in kept]
    file = f"thumbnails_{split}.npz"
    write_arrays(
        folder / file,
        {
            "image": np.array(kept, dtype=np.int64),
            "jpeg": np.frombuffer(b"".join(contents), np.uint8),
            "length": np.array([len(each) for each in contents], dtype=np.int64),
            "name": _texts(["" if names is None else printable(names[i]) for i in kept]),
            "label": _texts(["" if labels is None else labels[i] for i in kept]),
            "drawn": np.array(drawn),
            "legend": np.array(legend, dtype=np.str_),
        },
    )
    return file


def read_thumbnails(path: Path) -> Thumbnails:
    """Read what `write_thumbnails` wrote.

    Raises:
        DataError: The file cannot be read, or holds something else.
    """
    arrays = read_arrays(path)
    try:
        positions, lengths = (arrays[key].astype(np.int64, casting="safe") for key in ("image", "length"))
        if positions.ndim != 1 or lengths.ndim != 1:
            raise ValueError(f"positions of shape {positions.shape}, lengths of shape {lengths.shape}")
        content = arrays["jpeg"].astype(np.uint8, casting="safe").tobytes()
        ends = np.cumsum(lengths).tolist()
        jpegs = tuple(content[end - length : end] for end, length in zip(ends, lengths.tolist(), strict=True))
        found = Thumbnails(
            positions=positions,
            names=tuple(map(str, arrays["name"].tolist())),
            labels=tuple(map(str, arrays["label"].tolist())),
            jpegs=jpegs,
            drawn=bool(arrays["drawn"]),
            legend=str(arrays["legend"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: no thumbnails of a run ({error}); test the run again with rerun=true") from None
    fits = len(positions) == len(jpegs) == len(found.names) == len(found.labels) and sum(lengths) == len(content)
    if (
        not fits
        or (lengths < 0).any()
        or (np.diff(positions) <= 0).any()
        or not all(j.startswith(_JPEG) for j in jpegs)
    ):
        raise DataError(f"{path}: its thumbnails are damaged; test the run again with rerun=true")
    return found


def _fitting(tiles: Mapping[int, Tile], drawn: bool) -> dict[int, bytes]:
    """Position → JPEG, within the room there is."""
    from tlbench.pictures.files import jpeg  # so that reading needs none of the libraries that draw
    from tlbench.pictures.sheet import rendered

    side, most = _DRAWN_SIDE if drawn else _PLAIN_SIDE, _MOST_BYTES[drawn]
    pixels = {i: rendered(tile, side, enlarge=drawn) for i, tile in tiles.items()}
    jpegs: dict[int, bytes] = {}
    for quality in _QUALITIES:
        jpegs = {i: jpeg(each, quality) for i, each in pixels.items()}
        if sum(map(len, jpegs.values())) <= most:
            return jpegs
    room = np.cumsum([len(each) for each in jpegs.values()]) <= most
    return {i: each for (i, each), fits in zip(jpegs.items(), room.tolist(), strict=True) if fits}


def _texts(texts: Sequence[str]) -> NDArray[np.str_]:
    return np.array(texts, dtype=np.str_)

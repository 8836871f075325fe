"""Images on a page: those that runs left beside their records, as many as it may weigh."""

from __future__ import annotations

import base64
import contextlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlbench.data.image_opening import open_image, read_image_file
from tlbench.errors import DataError
from tlbench.metrics.per_image import Details
from tlbench.records.record import Record
from tlbench.records.thumbnails import Thumbnails, read_thumbnails
from tlbench.reporting.looked_at import Disagreement, Key
from tlbench.study.comparisons import Difference

MOST_BYTES = 1_500_000
"""Of all images of a page, before they are written as text."""
_SHOWN = 12  # images on which one arm did better
_WIDEST, _QUALITY = 1200, 80  # pixels, of a picture that is drawn anew
_SEEDS = 3  # whose findings are told below an image
_BATCH = "training_batch"
_NO_BREAK = "\N{NO-BREAK SPACE}"


class Weight:
    """What the images of a page may still weigh."""

    def __init__(self, left: int = MOST_BYTES) -> None:
        self.left = left

    def source(self, jpeg: bytes) -> str | None:
        """An image as the address of itself, or None where it is too much."""
        if len(jpeg) > self.left:
            return None
        self.left -= len(jpeg)
        return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


@dataclass(frozen=True)
class Shown:
    """An image with what is said below it.

    Attributes:
        sources: Addresses of the image, or of what each arm found on it, with whose it is.
        name: What the image is called.
        lines: Below it.
    """

    sources: tuple[tuple[str, str], ...]
    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Apart:
    """The images on which an arm and its baseline differ.

    Attributes:
        arm: Its name.
        baseline: Of the other.
        said: How many images there are, in words.
        legend: What is drawn on them; may be empty.
        better: On which the arm did better.
        worse: On which the baseline did.
    """

    arm: str
    baseline: str
    said: str
    legend: str
    better: tuple[Shown, ...]
    worse: tuple[Shown, ...]


@dataclass(frozen=True)
class Kept:
    """The images of a split that a run left.

    Attributes:
        all: What was read.
        at: Position in the split → which of them.
    """

    all: Thumbnails
    at: Mapping[int, int]

    def name(self, position: int) -> str:
        """What the image is called, and if it is only by its number."""
        return self.all.names[self.at[position]] or f"image {position}"

    def jpeg(self, position: int) -> bytes:
        """The image as a file."""
        return self.all.jpegs[self.at[position]]


def kept_images(records: Iterable[Record], split: str = "test") -> dict[Key, Kept]:
    """Of each run that left some; those of a file that is gone, leads elsewhere or cannot be read count as none."""
    found: dict[Key, Kept] = {}
    for record in records:
        name = record.sidecars.get(f"thumbnails_{split}")
        if name is not None and record.folder is not None and not (record.folder / name).is_symlink():
            with contextlib.suppress(DataError):
                read = read_thumbnails(record.folder / name)
                positions = {position: k for k, position in enumerate(read.positions.tolist())}
                found[record.arm, record.seed] = Kept(read, positions)
    return found


@dataclass(frozen=True)
class Examples:
    """Training images with what is known of them; `legend` says what is drawn on them."""

    images: tuple[Shown, ...]
    legend: str


def examples(records: Sequence[Record], weight: Weight) -> Examples | None:
    """Those of the first run that left some."""
    for record in records:
        for kept in kept_images([record], "train").values():
            images = [
                Shown(((source, ""),), kept.name(position), (label,) if label else ())
                for position, label in zip(kept.at, kept.all.labels, strict=True)
                if (source := weight.source(kept.jpeg(position))) is not None
            ]
            return Examples(tuple(images), kept.all.legend) if images else None
    return None


def batch(records: Sequence[Record], weight: Weight) -> str | None:
    """The picture of a training batch that the first run left, as it is."""
    for record in records:
        name = record.sidecars.get(_BATCH)
        if name is not None and record.folder is not None and not (record.folder / name).is_symlink():
            jpeg = _smaller(record.folder / name)
            if jpeg is not None:
                return weight.source(jpeg)
    return None


def _smaller(path: Path) -> bytes | None:
    try:
        shown = open_image(read_image_file(path)).convert("RGB")
    except Exception:  # it is gone, damaged or another's, and Pillow's readers raise anything
        return None
    shown.thumbnail((_WIDEST, _WIDEST))
    written = io.BytesIO()
    shown.save(written, "JPEG", quality=_QUALITY)
    return written.getvalue()


def apart(
    found: Disagreement,
    compared: Difference,
    details: Mapping[Key, Details],
    kept: Mapping[Key, Kept],
    weight: Weight,
) -> Apart:
    """Images on which two arms differ, as far as runs left them.

    Args:
        found: On which they differ.
        compared: The arms.
        details: What their runs found.
        kept: Images that runs left.
        weight: What they may weigh.
    """
    arms = (compared.arm, compared.baseline)
    better, worse = found.order

    def shown(order: Sequence[int], weight: Weight) -> tuple[Shown, ...]:
        images: list[Shown] = []
        for image in order:
            if len(images) == _SHOWN:
                break
            one = _shown(image, arms, found.seeds, details, kept, weight)
            if one is not None:
                images.append(one)
        return tuple(images)

    seeds = "that seed" if len(found.seeds) == 1 else f"{len(found.seeds)} seeds"
    said = (
        f"Of {found.images:,} test images {arms[0]} did better on {len(better):,} and {arms[1]} on {len(worse):,}, "
        f"on average over {seeds}; on the others they did equally well."
    )
    legend = next((each.all.legend for each in kept.values()), "")
    first = Weight(weight.left // 2)  # the other half is for the other arm's
    of_better, of_worse = shown(better, first), shown(worse, Weight(weight.left - weight.left // 2))
    if better or worse:
        said += f" Shown are {len(of_better)} and {len(of_worse)} of them, of those that runs kept."
    return Apart(*arms, said, legend, of_better, of_worse)


def _shown(
    image: int,
    arms: tuple[str, str],
    seeds: Sequence[int],
    details: Mapping[Key, Details],
    kept: Mapping[Key, Kept],
    weight: Weight,
) -> Shown | None:
    """One image: once where it is plain, else as a run of each arm drew on it; None where no run left it."""
    of_arms = [[(arm, seed) for seed in seeds if (arm, seed) in kept and image in kept[arm, seed].at] for arm in arms]
    there = [kept[key] for of in of_arms for key in of]
    if not there:
        return None
    first = there[0]
    if first.all.drawn:
        if not all(of_arms):
            return None
        pairs = [(kept[of[0]].jpeg(image), f"{of[0][0]}, seed {of[0][1]}") for of in of_arms]
    else:
        pairs = [(first.jpeg(image), "")]
    if sum(len(jpeg) for jpeg, _ in pairs) > weight.left:
        return None
    sources = tuple((source, whose) for jpeg, whose in pairs if (source := weight.source(jpeg)) is not None)
    truth = details[arms[0], seeds[0]].truth(image)
    lines = [f"true: {truth}"] if truth else []
    for arm in arms:
        said = [details[arm, seed].said(image).replace(" ", _NO_BREAK) for seed in seeds[:_SEEDS]]
        more = ", …" if len(seeds) > _SEEDS else ""
        lines.append(f"{arm}: {', '.join(said)}{more}")
    return Shown(sources, first.name(image), tuple(lines))

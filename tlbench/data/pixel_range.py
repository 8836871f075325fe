"""Which pixel values of images of more than 8 bits are black and white: as given, or found from the training images.

What is found is the largest value that training images of a container have, before `data.fraction` and `data.shots` are
drawn, rounded up to 2ⁿ − 1: 8, 12 or 16 bits, and 1 or 255 of floating-point numbers. The other splits are brought to
the range with their values clipped, which is counted and said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tlbench.config import DataConfig
from tlbench.data.decode import Decoding
from tlbench.data.deep import Ranges
from tlbench.data.facts import DEEP, DeepContainer, ImageFacts
from tlbench.errors import DataError
from tlbench.system.voice import Voice

_SLACK = 1e-3
"""So much of the range floating-point numbers may lie beyond it: what was resampled does by rounding."""

_DARK = 1 / 8
"""Where half of the training images reach no further into their range, at most 32 of 256 grey levels are left."""

GIVEN = "as given"
FOUND = "the training images' largest value, rounded up to 2ⁿ − 1"
OF_RUN = "as the run was trained"

ALL = "all parts"
"""In place of a split: every image there is."""

_REMEDY = "give both ends as data.pixel_range=[low,high], such as {example}"


def decoding_of(data: DataConfig, ranges: Ranges | None) -> Decoding:
    """How the files of data are decoded, once their ranges are known; see `Decoding`."""
    return Decoding(data.limits.image, data.decode == "fast", ranges)


def given_ranges(data: DataConfig) -> dict[DeepContainer, tuple[float, float]]:
    """`data.pixel_range`, which holds for all containers; empty where it is null."""
    if data.pixel_range is None:
        return {}
    low, high = data.pixel_range
    return dict.fromkeys(DEEP, (low, high))


def origin_of(data: DataConfig, how: Decoding | None) -> str:
    """Where ranges come from; `how` is that of a run, or None."""
    return FOUND if how is None and data.pixel_range is None else GIVEN if data.pixel_range is not None else OF_RUN


def find_ranges(root: Path, names: Sequence[str], facts: ImageFacts, training: NDArray[np.bool_]) -> Ranges:
    """The range of each container that there is.

    Args:
        root: Where the files are, for messages.
        names: N files below it.
        facts: Of these.
        training: (N,), which files are of the training images.

    Raises:
        DataError: Some values are negative, or no training image has a container that others have.
    """
    found: dict[DeepContainer, tuple[float, float]] = {}
    for container in DEEP:
        of_it = facts.stored_as(container)
        if not of_it.any():
            continue
        highest = facts.high[of_it].max()
        lowest = np.flatnonzero(of_it)[facts.low[of_it].argmin()]
        slack = _SLACK if container == "float32" else 0
        if facts.low[lowest] < -slack * max(highest, 0):
            low = facts.low[lowest]
            raise DataError(
                f"{root / names[lowest]}: pixel values from {low:g} on ({container}); a range that begins below 0 is "
                f"not guessed: {_REMEDY.format(example=_example(low, highest))}"
            )
        if not (of_it & training).any():
            first = names[int(np.flatnonzero(of_it)[0])]
            raise DataError(
                f"{root / first}: its pixels have more than 8 bits ({container}), and no training image has such, "
                f"whose largest value would say which is white: {_REMEDY.format(example=_example(0, highest))}"
            )
        found[container] = (0.0, rounded_up(facts.high[of_it & training].max(), slack))
    return found


def rounded_up(value: float, slack: float = 0) -> float:
    """The least 2ⁿ − 1, at least 1, that a value does not exceed by more than this share of it."""
    bits = 1
    while value > (2**bits - 1) * (1 + slack):
        bits += 1
    return float(2**bits - 1)


def check_ranges(root: Path, names: Sequence[str], facts: ImageFacts, ranges: Ranges | None) -> None:
    """Refuse images of more than 8 bits whose range a run does not know.

    Raises:
        DataError: There are some.
    """
    if ranges is None:
        return
    for container in DEEP:
        of_it = np.flatnonzero(facts.stored_as(container))
        if len(of_it) and container not in ranges:
            first = of_it[0]
            raise DataError(
                f"{root / names[first]}: pixel values from {facts.low[first]:g} to {facts.high[first]:g} in "
                f"{container}, and the run was trained on no such images, so that nothing says which value is white; "
                "convert them to 8 bits"
            )


def check_given(data: DataConfig, facts: ImageFacts) -> None:
    """Refuse `data.pixel_range` where it would mean nothing.

    Raises:
        DataError: No image has more than 8 bits.
    """
    if data.pixel_range is not None and not facts.deep.any():
        low, high = data.pixel_range
        raise DataError(
            f"data.pixel_range=[{low:g}, {high:g}]: none of {len(facts)} images has more than 8 bits, to which alone "
            "it applies; use null"
        )


def tell_ranges(ranges: Ranges, origin: str, facts: Mapping[str, ImageFacts], voice: Voice) -> None:
    """Say which values become black and white, and how many images have others.

    Args:
        ranges: Of each container.
        origin: Where they come from: `GIVEN`, `FOUND` or `OF_RUN`.
        facts: `train`, `val` and `test`, or `ALL` → its images.
        voice: Speaks to the user.
    """
    for container, (low, high) in ranges.items():
        of_it = {split: each.take(np.flatnonzero(each.stored_as(container))) for split, each in facts.items()}
        counts = {split: len(each) for split, each in of_it.items() if len(each)}
        if not counts:
            continue
        voice.say(
            f"{sum(counts.values())} images have pixels of more than 8 bits ({container}): {low:g} becomes black, "
            f"{high:g} white ({origin})"
        )
        beyond = {split: int(((each.low < low) | (each.high > high)).sum()) for split, each in of_it.items()}
        if any(beyond.values()):
            order = sorted(beyond, key=lambda split: ("train", "val", "test").index(split) if split != ALL else 0)
            where = ", ".join(f"{split} ({beyond[split]})" for split in order if beyond[split])
            lowest = min(each.low.min() for each in of_it.values() if len(each))
            highest = max(each.high.max() for each in of_it.values() if len(each))
            voice.warn(
                f"pixel values beyond {low:g} … {high:g} ({container}) are clipped in images of {where}, which reach "
                f"from {lowest:g} to {highest:g}; data.pixel_range=[low,high] sets another range"
            )
        if "train" in counts and (problem := _nearly_black(of_it["train"].high, container, low, high)):
            voice.warn(problem)


def _nearly_black(highest: NDArray[np.float64], container: DeepContainer, low: float, high: float) -> str | None:
    """What to warn of where a range leaves little of most training images, of which these are the highest values."""
    median = float(np.median(highest))
    share = max(median - low, 0) / (high - low)
    if share >= _DARK:
        return None
    white = rounded_up(median)
    if white - low > _DARK * (high - low):  # of floating-point numbers below 1
        white = float(f"{median:.2g}")
    example = f", such as [{low:g},{white:g}]" if white > low else ""
    return (
        f"half of {len(highest)} training images ({container}) have no pixel value above {median:g}, and the range is "
        f"{low:g} … {high:g}: they become nearly black, in {int(share * 255) + 1} of 256 grey levels at most (the "
        f"highest value of all is {highest.max():g}); data.pixel_range=[low,high] sets another range{example}"
    )


def for_fingerprint(how: Decoding, facts: ImageFacts) -> Decoding:
    """With the ranges of those containers alone that some images have: others say nothing of these."""
    if how.ranges is None:
        return how
    return replace(how, ranges={c: ends for c, ends in how.ranges.items() if facts.stored_as(c).any()})


def _example(low: float, high: float) -> str:
    """A range that holds both, of plain numbers."""
    if high <= 1 and low >= -1:
        return "[-1,1]" if low < 0 else "[0,1]"
    if low < 0:
        return "[-1024,3071]" if low >= -1100 else f"[{np.floor(low):.0f},{np.ceil(high):.0f}]"
    return f"[0,{rounded_up(high):g}]"

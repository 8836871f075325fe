"""What runs left of each test image beside their records: what was found on it, and on which the arms disagree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tlbench.metrics.per_image import Details
from tlbench.records.record import Record
from tlbench.study.comparisons import Difference
from tlbench.study.scored_images import Looked, ScoredImages

Key = tuple[str, int]
"""Of a run: arm and seed."""
_ROUNDING = 1e-9  # equal scores of several seeds, in another order, differ by so much


def details_of(records: Iterable[Record], look: Looked) -> tuple[dict[Key, Details], Mapping[Key, str]]:
    """Of each run that kept its test images: what is known of them, and the fingerprint of the test split.

    Args:
        records: Of complete runs.
        look: Reads what a run kept.
    """
    found: dict[Key, Details] = {}
    fingerprints: dict[Key, str] = {}
    for record in records:
        scored = look(record)
        if isinstance(scored, ScoredImages) and scored.per_image.details is not None and record.data is not None:
            key = record.arm, record.seed
            found[key] = scored.per_image.details(record.data.class_names)
            fingerprints[key] = scored.fingerprint
    return found, fingerprints


@dataclass(frozen=True, eq=False)
class Disagreement:
    """Test images on which an arm and its baseline differ, over all seeds that both kept.

    Attributes:
        seeds: That were looked at.
        images: Test images.
        ahead: (N,) how much better the arm did on each on average, in [−1, 1].
    """

    seeds: tuple[int, ...]
    images: int
    ahead: NDArray[np.float64]

    @property
    def order(self) -> tuple[list[int], list[int]]:
        """Images on which the arm did better, and those on which the baseline did, the largest difference first."""
        order = np.argsort(-np.abs(self.ahead), kind="stable").tolist()
        return [i for i in order if self.ahead[i] > 0], [i for i in order if self.ahead[i] < 0]


def disagreement(
    details: Mapping[Key, Details], fingerprints: Mapping[Key, str], compared: Difference
) -> Disagreement | None:
    """Where two arms differ, or None: no seed of both was tested on the same images and kept what it found."""
    arm, baseline = ({seed for name, seed in details if name == of} for of in (compared.arm, compared.baseline))
    seeds = sorted(arm & baseline)
    prints = {fingerprints[name, seed] for name in (compared.arm, compared.baseline) for seed in seeds}
    if len(prints) != 1:
        return None
    scored = [[details[name, seed].each for seed in seeds] for name in (compared.arm, compared.baseline)]
    counts = {len(each) for side in scored for each in side}
    if len(counts) != 1 or counts == {0}:  # a file may not be what its record says
        return None
    apart = np.array(scored[0]) - np.array(scored[1])
    defined = ~np.isnan(apart)
    ahead = np.where(defined, apart, 0).sum(0) / np.maximum(defined.sum(0), 1)
    ahead[np.abs(ahead) < _ROUNDING] = 0
    return Disagreement(tuple(seeds), counts.pop(), ahead)


def confusions(details: Mapping[Key, Details], arm: str, seeds: Sequence[int]) -> NDArray[np.float64] | None:
    """(C, C) counts of an arm, a mean over its seeds; None where none was kept."""
    kept = [c for seed in seeds if (arm, seed) in details and (c := details[arm, seed].confusion) is not None]
    total: NDArray[np.float64] | None = None
    for count in kept:  # one at a time: of 1,000 classes each takes 8 MB
        counts = count().astype(float)
        if total is not None and total.shape != counts.shape:
            return None
        total = counts if total is None else total + counts
    return None if total is None else total / len(kept)

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
    sides = [np.stack([details[name, seed].each for seed in seeds]) for name in (compared.arm, compared.baseline)]
    if sides[0].shape[1] == 0:
        return None
    ahead = np.nan_to_num((sides[0] - sides[1]).mean(0))
    return Disagreement(tuple(seeds), sides[0].shape[1], ahead)


def confusions(details: Mapping[Key, Details], arm: str, seeds: Sequence[int]) -> NDArray[np.float64] | None:
    """(C, C) counts of an arm, a mean over its seeds; None where none was kept."""
    kept = [c for seed in seeds if (arm, seed) in details and (c := details[arm, seed].confusion) is not None]
    if not kept or len({c.shape for c in kept}) > 1:
        return None
    mean: NDArray[np.float64] = np.mean(kept, axis=0)
    return mean

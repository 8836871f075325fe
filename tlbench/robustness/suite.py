"""Running a suite of corruptions: one evaluation of the images for each corruption and severity."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from torch import Tensor

from tlbench.config.size import ImageSize
from tlbench.records.corruptions import CorruptionResult, mean
from tlbench.robustness.corruptions import COMMON, DIFFERENCES, VERSION, corrupt
from tlbench.robustness.partial import PartialScores, Scores
from tlbench.robustness.severities import SEVERITIES

Transform = Callable[[Tensor, Tensor], Tensor]
"""Images (B, 3, H, W) uint8 of the network's input size and sample indices (B,) int64 → such images."""

ScoresOf = Callable[[Transform | None], Scores]
"""Runs the network over all images, each batch changed by the transform → `oa` and `ece`."""

_CLEAN = "clean"


def run_suite(
    scores_of: ScoresOf,
    names: Sequence[str] = COMMON,
    severities: Sequence[int] = SEVERITIES,
    seed: int = 0,
    progress: Callable[[str], None] = print,
    *,
    image_size: ImageSize | None = None,
    temperature: float = 1.0,
    kept_in: Path | None = None,
    identity: Mapping[str, Any] | None = None,
) -> CorruptionResult:
    """Evaluate on clean and on corrupted images.

    Args:
        scores_of: Runs the network.
        names: Corruptions, of `COMMON`.
        severities: Of 1–5.
        seed: What the corruptions are drawn with.
        progress: Shows a line, one a corruption.
        image_size: Height and width of the images that the transforms are given, pixels, for the result.
        temperature: What logits are divided by in `scores_of`, for the result.
        kept_in: A file that keeps what is done after each evaluation; a suite that was stopped goes on from it. It
            stays until the caller has written the result and removes it.
        identity: What the scores depend on besides the arguments here: weights and images, as JSON values.

    Raises:
        OutputError: The disk refuses the file; what is in it stays.
    """
    settings = {"seed": seed, "temperature": temperature, "version": VERSION}
    scores = PartialScores(kept_in, {**settings, **(identity or {})})
    wanted = 1 + len(names) * len(severities)
    if scores.count:
        progress(f"corruptions: goes on after {scores.count} of {wanted} evaluations")
    elif scores.unusable:
        progress("corruptions: an earlier start was with other weights, images or settings, or is damaged; begins anew")
    clock = _Clock(wanted)

    def evaluated(key: str, transform: Transform | None) -> Scores:
        found = scores.get(key)
        if found is None:
            clock.start()
            found = scores_of(transform)
            if None not in found.values():  # undefined ones are found again, so that whoever counts them does
                scores.put(key, found)
        clock.done()
        return found

    clean = evaluated(_CLEAN, None)
    table: dict[str, list[Scores]] = {}
    for number, name in enumerate(names, start=1):
        table[name] = [
            evaluated(f"{name}/{severity}", partial(corrupt, name=name, severity=severity, seed=seed))
            for severity in severities
        ]
        shown = " ".join(_shown(row["oa"]) for row in table[name])
        progress(f"corruption {number}/{len(names)}  {name}  test/oa {shown}{clock.left()}")
    return _result(clean, table, severities, image_size, seed, temperature)


class _Clock:
    """How long the rest takes, from the evaluations made so far."""

    def __init__(self, wanted: int) -> None:
        self._left = wanted
        self._made = 0
        self._began: float | None = None

    def start(self) -> None:
        if self._began is None:
            self._began = monotonic()
        self._made += 1

    def done(self) -> None:
        self._left -= 1

    def left(self) -> str:
        if self._began is None or not self._left:
            return ""
        seconds = (monotonic() - self._began) / self._made * self._left
        return f"  about {seconds / 60:.0f} min left" if seconds >= 90 else f"  about {seconds:.0f} s left"


def _result(
    clean: Scores,
    table: Mapping[str, list[Scores]],
    severities: Sequence[int],
    image_size: ImageSize | None,
    seed: int,
    temperature: float,
) -> CorruptionResult:
    of = {key: {name: [row[key] for row in rows] for name, rows in table.items()} for key in ("oa", "ece")}
    total = mean([mean(values) for values in of["oa"].values()])
    clean_oa = clean["oa"]
    return CorruptionResult(
        suite="common",
        version=VERSION,
        differences=DIFFERENCES,
        names=list(table),
        severities=list(severities),
        image_size=image_size,
        seed=seed,
        temperature=temperature,
        clean_oa=clean_oa,
        clean_ece=clean["ece"],
        oa=of["oa"],
        ece=of["ece"],
        mean_corrupted_oa=total,
        relative_oa=total / clean_oa if total is not None and clean_oa else None,
        mean_corrupted_ece=mean([mean(values) for values in of["ece"].values()]),
        oa_by_severity=[mean([values[k] for values in of["oa"].values()]) for k in range(len(severities))],
        ece_by_severity=[mean([values[k] for values in of["ece"].values()]) for k in range(len(severities))],
    )


def _shown(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"

"""What a detection run's validation chose."""

from __future__ import annotations

from tlbench.errors import ConfigError
from tlbench.tools.complete_run import CompleteRun


def chosen_confidence(run: CompleteRun) -> float:
    """From which confidence on a detection run's detections count, as its validation chose.

    Raises:
        ConfigError: Its record does not say.
    """
    best = run.record.best
    chosen = None if best is None else best.chosen.get("confidence")
    if chosen is None:
        raise ConfigError(
            f"run={str(run.folder)!r}: its record has no best.chosen.confidence; repeat the run with rerun=true"
        )
    return chosen

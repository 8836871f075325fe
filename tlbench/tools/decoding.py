"""How files are decoded for a finished run: as the run decoded its own."""

from __future__ import annotations

from dataclasses import replace

from tlbench.config import ImageLimit, TrainConfig
from tlbench.data.decode import Decoding
from tlbench.data.pixel_range import decoding_of, given_ranges
from tlbench.errors import ConfigError
from tlbench.tools.complete_run import CompleteRun


def decoding_of_run(run: CompleteRun, limit: ImageLimit | None = None) -> Decoding:
    """As the run decoded its files, with the ranges of pixel values in its record.

    Args:
        run: The run.
        limit: Up to which size images are read; None: the run's.
    """
    assert run.record.data is not None
    data = run.record.data
    known = data.own_values or not data.pixel_ranges  # without ranges such images are refused, whatever their values
    own = replace(decoding_of(run.config.data, data.pixel_ranges), own_values=known)
    return own if limit is None else replace(own, limit=limit)


def decoding_to_evaluate(run: CompleteRun, config: TrainConfig) -> Decoding:
    """As `decoding_of_run`, for other data.

    Args:
        run: The run.
        config: Its configuration with the data to evaluate on. Their `pixel_range` counts where the run saw no images
            of more than 8 bits.

    Raises:
        ConfigError: A range is given, and the run has its own.
    """
    own, given = decoding_of_run(run, config.data.limits.image), config.data.pixel_range
    if given is None or given == run.config.data.pixel_range:
        return own
    if own.ranges is None or own.ranges:
        raise ConfigError("data.pixel_range: the network was trained with the run's own range; drop it")
    return replace(own, ranges=given_ranges(config.data))

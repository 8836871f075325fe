"""What a study's statistics are asked for."""

from __future__ import annotations

from pydantic import Field, PositiveFloat

from tlbench.config.schema import Schema


class StatisticsConfig(Schema):
    """Of the comparisons of a study; nothing that a run does depends on it."""

    margin: PositiveFloat | None = Field(
        description="differences of the first metric up to it do not matter, in its own unit: 0.01 is one point of 100"
    )

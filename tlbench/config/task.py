"""What is learnt."""

from __future__ import annotations

from pydantic import Field

from tlbench.config.schema import Schema


class TaskConfig(Schema):
    """What all tasks have; each adds its own (`tlbench.tasks`)."""

    name: str = Field(description="set by task=…")

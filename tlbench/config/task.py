"""What is learnt."""

from __future__ import annotations

from tlbench.config.schema import Schema


class TaskConfig(Schema):
    """What all tasks have; each adds its own (`tlbench.tasks`)."""

    name: str

"""What the weights of a run went through before it, oldest first: the published file, then run after run.

The chain is made of names and hashes alone; it names no folder, so that it is the same on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from tlbench.config import Schema


class WeightsLink(Schema):
    """A file of weights that no run of tlbench made, or none that is known."""

    kind: Literal["weights"] = "weights"
    source: str
    title: str | None
    file: str
    sha256: str
    licence: str | None

    def short(self) -> str:
        """A few words for a terminal."""
        return {"checkpoint": self.file, "timm": self.title or self.file}.get(self.source, self.source)


class RunLink(Schema):
    """A run of tlbench that trained the weights."""

    kind: Literal["run"] = "run"
    study: str
    arm: str
    seed: int
    data: str = Field(description="the target's name")
    classes: int = Field(description="how many it had")
    fingerprints: dict[str, str] = Field(description="split → SHA-256 of its images and labels")
    model: str
    config_hash: str
    file: str
    sha256: str = Field(description="of the checkpoint; empty until it is read")
    verified: bool = Field(default=False, description="whether the run's record says that this is its checkpoint")
    metrics: dict[str, float | None] = Field(description="test/oa or test/map50_95, where the run read its test split")
    stand_ins: list[str] = Field(description="what was used for what could not be reached")

    def short(self) -> str:
        """A few words for a terminal."""
        return f"{self.study}/{self.arm}/seed_{self.seed}"


Link = Annotated[WeightsLink | RunLink, Field(discriminator="kind")]
Chain = list[Link]

_CHAIN: TypeAdapter[list[WeightsLink | RunLink]] = TypeAdapter(Chain)


def earlier_chain(weights: dict[str, Any] | None) -> list[WeightsLink | RunLink]:
    """The chain in a record's `weights`; of a record from before chains were kept, what its report says.

    Raises:
        ValueError: If it is not a chain that this version knows.
    """
    if weights is None:
        return []
    if "chain" in weights:
        return _CHAIN.validate_python(weights["chain"])
    if weights.get("file") is None:
        return []
    known = {key: weights.get(key) for key in ("source", "file", "sha256", "licence")}
    return _CHAIN.validate_python([{"kind": "weights", "title": None, **known}])


def shown_chain(chain: Sequence[WeightsLink | RunLink]) -> str:
    """The chain in one line, oldest first."""
    return " → ".join(link.short() for link in chain)

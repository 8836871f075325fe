"""What became of every tensor of a source: for the terminal and for the run record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from tlbench.config import Schema
from tlbench.networks.norms import BATCH_NORM_BUFFERS
from tlbench.sources.chain import Link, RunLink, shown_chain

_USUAL = ("", "state_dict", "model")
"""Entries that nobody needs to hear of."""


class LoadReport(Schema):
    """What became of every tensor; for the run record (names no folder, so that it is the same on every machine)."""

    source: str
    model: str
    file: str | None = Field(description="the file's name; null for source=random")
    title: str | None = Field(default=None, description="what the weights are called; of a run study/arm/seed_n")
    holds: str | None = Field(default=None, description="what a network of ultralytics says that it is")
    sha256: str | None
    licence: str | None
    entry: str = Field(default="", description="the keys in the file that lead to the tensors, joined by dots")
    prefix: str = Field(default="", description="what stood before the network's names there")
    loaded: Annotated[int, Field(ge=0)] = Field(description="tensors taken from the file")
    reinitialised: list[str] = Field(description="kept at the network's random start")
    decoder: list[str] = Field(default=[], description="of those, what lies between the encoder and the head")
    ignored: list[str] = Field(
        description="in the file but not taken: its own head, BatchNorm statistics if norm=group, other networks"
    )
    absent: list[str] = Field(description="BatchNorm counters that the file lacks, left at 0")
    notes: list[str] = Field(default=[], description="what was read otherwise than it stands in the file")
    warnings: list[str] = Field(description="what the source recommends otherwise")
    chain: list[Link] = Field(default=[], description="what the weights went through before, oldest first")

    def line(self) -> str:
        """The report in one line, long lists of names cut."""
        if self.file is None:
            return f"{self.source}: 0 tensors loaded, all {len(self.reinitialised)} start at random"
        places = [f"from {self.entry!r}"] if self.entry not in _USUAL else []
        places += [f"from under {self.prefix!r}"] if self.prefix else []
        whose = f" of {self.holds}" if self.holds else ""
        text = (
            f"{self.source}: {self.loaded} tensors{whose} loaded{''.join(f' {place}' for place in places)}, "
            f"{len(self.reinitialised)} re-initialised ({self._new()}), "
            f"{len(self.ignored)} ignored{f' ({_without_statistics(self.ignored)})' if self.ignored else ''}"
        )
        if self.absent:
            text += f", {len(self.absent)} BatchNorm counters absent ({shortened(self.absent)})"
        text += "".join(f"; {note}" for note in self.notes)
        if any(isinstance(link, RunLink) for link in self.chain):
            text += f"; chain: {shown_chain(self.chain)}"
        return text

    def _new(self) -> str:
        """What starts at random: the head, and a decoder where it does too."""
        known = set(self.decoder)
        head = f"head: {shortened([name for name in self.reinitialised if name not in known])}"
        return f"decoder: {shortened(self.decoder)}; {head}" if self.decoder else head


def shortened(names: Sequence[str], limit: int = 4) -> str:
    """The first few of some names, and how many more there are."""
    rest = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {rest} more" if rest > 0 else "")


def _without_statistics(names: Sequence[str]) -> str:
    """The names, BatchNorm's statistics only counted: they would hide the head."""
    others = [name for name in names if name.rpartition(".")[2] not in BATCH_NORM_BUFFERS]
    statistics = len(names) - len(others)
    parts = [shortened(others)] if others else []
    return "; ".join([*parts, f"{statistics} BatchNorm statistics"] if statistics else parts)

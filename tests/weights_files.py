"""Files of weights in tests: what is in one, and one that was never written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from tlbench.sources.entries import Entry
from tlbench.sources.read import WeightsFile, checked_tensors, read_weights


def state_dict_of(path: Path) -> dict[str, Tensor]:
    """The tensors of the file's outermost entry that has most of them, as they are loaded."""
    entries = read_weights(path).entries
    return checked_tensors(path, max(entries, key=lambda entry: len(entry.tensors)).tensors)


def holding(entries: Mapping[str, Mapping[str, Tensor]], path: Path = Path("w.ckpt")) -> WeightsFile:
    """A file with these tensors in these entries; "" is the file itself."""
    return WeightsFile(path, "", [Entry(name, dict(tensors)) for name, tensors in entries.items()], dict(entries), {})

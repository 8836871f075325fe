"""Loading a source's weights over a network: the whole backbone or an error, never the head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from tlbench.config import Normalisation, Schema, SourceConfig
from tlbench.errors import WeightsError
from tlbench.models.network import Network, lies_under
from tlbench.models.norms import BATCH_NORM_BUFFERS
from tlbench.sources.catalog import recommendation_mismatch
from tlbench.sources.read import read_state_dict
from tlbench.sources.resolve import ResolvedWeights, find_weights

BATCH_NORM_COUNTER = "num_batches_tracked"
"""Absent in files older than PyTorch 0.4.1; without effect at BatchNorm's default momentum."""


class LoadReport(Schema):
    """What became of every tensor; for the run record (names no folder, so that it is the same on every machine)."""

    source: str
    model: str
    file: str | None = Field(description="the file's name; null for source=random")
    sha256: str | None
    licence: str | None
    loaded: Annotated[int, Field(ge=0)] = Field(description="tensors taken from the file")
    reinitialised: list[str] = Field(description="kept at the network's random start")
    ignored: list[str] = Field(
        description="in the file but not taken: its own head, BatchNorm statistics if norm=group"
    )
    absent: list[str] = Field(description="BatchNorm counters that the file lacks, left at 0")
    warnings: list[str] = Field(description="what the source recommends otherwise")

    def line(self) -> str:
        """The report in one line, long lists of names cut."""
        if self.file is None:
            return f"{self.source}: 0 tensors loaded, all {len(self.reinitialised)} start at random"
        text = (
            f"{self.source}: {self.loaded} tensors loaded, "
            f"{len(self.reinitialised)} re-initialised (head: {_shortened(self.reinitialised)}), "
            f"{len(self.ignored)} ignored{f' ({_without_statistics(self.ignored)})' if self.ignored else ''}"
        )
        if self.absent:
            text += f", {len(self.absent)} BatchNorm counters absent ({_shortened(self.absent)})"
        return text


def apply_source(
    network: Network, source: SourceConfig, model: str, normalisation: Normalisation | None = None
) -> LoadReport:
    """Find, read and load a source's weights; for source=random the network stays as built.

    Args:
        network: As built from the seed; its backbone is overwritten.
        source: Where the weights come from.
        model: The network's name in the catalog of weights.
        normalisation: The experiment's; the report warns where the source recommends another. None: not compared.

    Raises:
        WeightsError: See `find_weights`, `read_state_dict` and `load_weights`.
    """
    resolved = find_weights(source, model)
    if resolved is not None:
        report = load_weights(network, resolved)
        if resolved.entry is None or normalisation is None:
            return report
        warning = recommendation_mismatch(resolved.entry, normalisation)
        return report.model_copy(update={"warnings": [warning] if warning else []})
    return LoadReport(
        source=source.name,
        model=model,
        file=None,
        sha256=None,
        licence=None,
        loaded=0,
        reinitialised=list(network.module.state_dict()),
        ignored=[],
        absent=[],
        warnings=[],
    )


def load_weights(network: Network, resolved: ResolvedWeights) -> LoadReport:
    """Copy all backbone tensors of a file into the network; the head keeps its random start, also where shapes agree.

    What the network dropped (`Network.dropped`) is ignored if the file has it.

    Raises:
        WeightsError: If the file's backbone is not exactly the network's; nothing has then been written.
    """
    given, sha256 = read_state_dict(resolved.path)
    heads = network.groups[network.head] if resolved.entry is None else (resolved.entry.head,)
    ignored = [name for name in given if name in network.dropped or any(lies_under(name, head) for head in heads)]
    given = {name: tensor for name, tensor in given.items() if name not in ignored}
    own = network.module.state_dict()
    backbone = {name: tensor for name, tensor in own.items() if network.group_of(name) != network.head}
    absent = [name for name in backbone if name not in given and name.endswith("." + BATCH_NORM_COUNTER)]
    wanted = {name: tensor for name, tensor in backbone.items() if name not in absent}
    _check(resolved, wanted, given)
    with torch.no_grad():
        for name, tensor in wanted.items():
            tensor.copy_(given[name])
    return LoadReport(
        source=resolved.source,
        model=resolved.model,
        file=resolved.path.name,
        sha256=sha256,
        licence=resolved.entry.licence if resolved.entry else None,
        loaded=len(wanted),
        reinitialised=[name for name in own if name not in backbone],
        ignored=ignored,
        absent=absent,
        warnings=[],
    )


def _check(resolved: ResolvedWeights, wanted: dict[str, Tensor], given: dict[str, Tensor]) -> None:
    missing = [name for name in wanted if name not in given]
    unlike = [name for name in wanted if name in given and _kind(wanted[name]) != _kind(given[name])]
    extra = [name for name in given if name not in wanted]
    if not missing and not unlike and not extra:
        return
    statistics = [name for name in wanted if name.rpartition(".")[2] in BATCH_NORM_BUFFERS]
    if missing == statistics and not unlike and not extra:
        raise WeightsError(
            f"{resolved.path}: lacks all {len(missing)} running statistics of BatchNorm ({_shortened(missing)}), as if "
            "written with model.norm=group; give model.norm=group, or weights of a BatchNorm network"
        )
    first = next((name for name in wanted if name in missing or name in unlike), extra[0] if extra else "")
    raise WeightsError(
        f"{resolved.path}: looks like another architecture than model={resolved.model}: of {len(wanted)} backbone "
        f"tensors {len(missing)} are missing and {len(unlike)} have another shape, {len(extra)} are extra; first: "
        f"{first} is {_described(first, given)} in the file, {_described(first, wanted)} in the network; give weights "
        f"of {resolved.model}"
    )


def _kind(tensor: Tensor) -> tuple[torch.Size, bool]:
    return tensor.shape, tensor.is_floating_point()


def _described(name: str, tensors: dict[str, Tensor]) -> str:
    if name not in tensors:
        return "absent"
    return f"{tuple(tensors[name].shape)} {str(tensors[name].dtype).removeprefix('torch.')}"


def _without_statistics(names: Sequence[str]) -> str:
    """The names, BatchNorm's statistics only counted: they would hide the head."""
    others = [name for name in names if name.rpartition(".")[2] not in BATCH_NORM_BUFFERS]
    statistics = len(names) - len(others)
    parts = [_shortened(others)] if others else []
    return "; ".join([*parts, f"{statistics} BatchNorm statistics"] if statistics else parts)


def _shortened(names: Sequence[str], limit: int = 4) -> str:
    rest = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {rest} more" if rest > 0 else "")

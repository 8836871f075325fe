"""Loading a source's weights over a network: all but what is new for the labels, or an error."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from tlbench.config import DataConfig, ModelConfig, SourceConfig
from tlbench.errors import WeightsError
from tlbench.models.network import Network, lies_under
from tlbench.models.norms import BATCH_NORM_BUFFERS
from tlbench.sources.catalog import recommendation_mismatch
from tlbench.sources.chain import RunLink, WeightsLink
from tlbench.sources.found import FoundWeights
from tlbench.sources.naming import BATCH_NORM_COUNTER, Named, backbone_of, by_position, by_prefix, kind
from tlbench.sources.read import read_state_dict
from tlbench.sources.report import LoadReport, shortened
from tlbench.sources.resolve import find_weights
from tlbench.sources.ultralytics_file import NetworkFile, holds_network, read_network
from tlbench.sources.yolo_parts import NOTHING_ELSE, check_network, class_branch_layers, yolo_parts


def apply_source(network: Network, source: SourceConfig, model: ModelConfig, data: DataConfig) -> LoadReport:
    """Find, read and load a source's weights; for source=random the network stays as built.

    Args:
        network: As built from the seed; its backbone is overwritten.
        source: Where the weights come from.
        model: What the network was built from.
        data: The experiment's; the report warns where the source recommends another normalisation.

    Raises:
        ConfigError: See `find_weights`.
        WeightsError: See `find_weights`, `read_state_dict` and `load_weights`.
    """
    found = find_weights(source, model)
    if found is not None:
        return load_weights(network, found, model, data)
    return LoadReport(
        source=source.name,
        model=model.name,
        file=None,
        title=None,
        sha256=None,
        licence=None,
        prefix="",
        loaded=0,
        reinitialised=list(network.module.state_dict()),
        ignored=[],
        absent=[],
        warnings=[],
        chain=[],
    )


def load_weights(network: Network, found: FoundWeights, model: ModelConfig, data: DataConfig) -> LoadReport:
    """Copy a file's tensors into the network, but for what is new for the labels, also where its shapes agree.

    That keeps its random start. What the network dropped (`Network.dropped`) is ignored if the file has it.

    Raises:
        WeightsError: If the file's tensors are not exactly the network's; nothing has then been written.
    """
    content, sha256, about = _read(found.path, model)
    if found.sha256 is not None and found.sha256 != sha256:
        raise WeightsError(
            f"{found.path}: not the checkpoint of the run {found.title}: its record says sha256 {found.sha256[:12]}…, "
            f"found {sha256[:12]}…; put the run's own back, or copy the file elsewhere to use it as it is"
        )
    named = _named(network, found, content, model, data)
    parts = NOTHING_ELSE
    if model.library == "ultralytics":
        parts = yolo_parts(network, named.tensors)
        check_network(found.path, about, named.tensors, network, model.name, parts)
    heads = (*network.new, *found.heads, *parts.new, *parts.other_heads)
    ignored = [n for n in named.tensors if n in network.dropped or any(lies_under(n, head) for head in heads)]
    given = {name: tensor for name, tensor in named.tensors.items() if name not in ignored}
    backbone = {n: t for n, t in backbone_of(network).items() if not any(lies_under(n, part) for part in parts.new)}
    absent = [name for name in backbone if name not in given and name.endswith("." + BATCH_NORM_COUNTER)]
    wanted = {name: tensor for name, tensor in backbone.items() if name not in absent}
    _check(found, wanted, given)
    with torch.no_grad():
        for name, tensor in wanted.items():
            tensor.copy_(given[name])
    return LoadReport(
        source=found.source,
        model=found.model,
        file=found.path.name,
        title=found.title,
        holds=about.shown() if about else None,
        sha256=sha256,
        licence=found.licence,
        prefix=named.prefix,
        loaded=len(wanted),
        reinitialised=[name for name in network.module.state_dict() if name not in backbone],
        ignored=[*ignored, *named.outside],
        absent=absent,
        warnings=[*_warnings(found, data), *parts.warnings(found.path.name, about)],
        chain=_chain(found, sha256),
    )


def _read(path: Path, model: ModelConfig) -> tuple[dict[str, Tensor], str, NetworkFile | None]:
    if model.library == "ultralytics" and holds_network(path):
        return read_network(path)
    return *read_state_dict(path), None


def _named(
    network: Network, found: FoundWeights, content: dict[str, Tensor], model: ModelConfig, data: DataConfig
) -> Named:
    if found.names == "by_position":
        return by_position(found.path, content, network, found.model)
    if found.names == "timm":
        from tlbench.sources.timm_names import by_timm  # timm takes seconds to import

        return Named(by_timm(found.path, content, model, found.title or model.name, data.image_size))
    may_differ = class_branch_layers(network) if model.library == "ultralytics" else frozenset()
    return by_prefix(found.path, content, network, may_differ)


def _warnings(found: FoundWeights, data: DataConfig) -> list[str]:
    whose = f"source={found.source}" if found.run is None else f"the run {found.title}"
    warnings = [f"{whose}: {unverified}" for unverified in _unverified(found)]
    if found.normalisation is not None:
        mismatch = recommendation_mismatch(whose, found.normalisation, data.normalisation)
        warnings += [] if mismatch is None else [mismatch]
    return warnings


def _unverified(found: FoundWeights) -> list[str]:
    """What of a run's chain rests on nothing but the files' names."""
    if found.run is None:
        return []
    here = (
        [] if found.sha256 else [f"nothing says that {found.path.name} is its checkpoint; its record has no hash of it"]
    )
    before = [link.short() for link in found.earlier if isinstance(link, RunLink) and not link.verified]
    return here + [f"in its chain, nothing says that the weights are those of {name}" for name in before]


def _chain(found: FoundWeights, sha256: str) -> list[WeightsLink | RunLink]:
    if found.run is not None:
        known = {"sha256": sha256, "verified": found.sha256 == sha256}
        return [*found.earlier, found.run.model_copy(update=known)]
    link = WeightsLink(
        source=found.source, title=found.title, file=found.path.name, sha256=sha256, licence=found.licence
    )
    return [link]


def _check(found: FoundWeights, wanted: dict[str, Tensor], given: dict[str, Tensor]) -> None:
    missing = [name for name in wanted if name not in given]
    unlike = [name for name in wanted if name in given and kind(wanted[name]) != kind(given[name])]
    extra = [name for name in given if name not in wanted]
    if not missing and not unlike and not extra:
        return
    statistics = [name for name in wanted if name.rpartition(".")[2] in BATCH_NORM_BUFFERS]
    if missing == statistics and not unlike and not extra:
        raise WeightsError(
            f"{found.path}: lacks all {len(missing)} running statistics of BatchNorm ({shortened(missing)}), as if "
            "written with model.norm=group; give model.norm=group, or weights of a BatchNorm network"
        )
    first = next((name for name in wanted if name in missing or name in unlike), extra[0] if extra else "")
    raise WeightsError(
        f"{found.path}: looks like another architecture than model={found.model}: of {len(wanted)} backbone "
        f"tensors {len(missing)} are missing and {len(unlike)} have another shape, {len(extra)} are extra; first: "
        f"{first} is {_described(first, given)} in the file, {_described(first, wanted)} in the network; give weights "
        f"of {found.model}"
    )


def _described(name: str, tensors: dict[str, Tensor]) -> str:
    if name not in tensors:
        return "absent"
    return f"{tuple(tensors[name].shape)} {str(tensors[name].dtype).removeprefix('torch.')}"

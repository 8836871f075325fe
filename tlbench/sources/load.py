"""Loading a source's weights over a network: all but what is new for the labels, or an error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from tlbench.config import DataConfig, ModelConfig, SourceConfig
from tlbench.config.size import is_square
from tlbench.errors import WeightsError
from tlbench.networks.layer_groups import DECODER, as_classifier
from tlbench.networks.network import Network, lies_under
from tlbench.sources.catalog import recommendation_mismatch
from tlbench.sources.chain import RunLink, WeightsLink
from tlbench.sources.found import FoundWeights
from tlbench.sources.mismatch import check_whole
from tlbench.sources.naming import Named, as_in_classifier, backbone_of, by_position, is_counter, parts_of
from tlbench.sources.positions import grid, is_positional, may_be_resampled, resampled
from tlbench.sources.read import WeightsFile, checked_tensors, read_weights
from tlbench.sources.readings import find_backbone, fullest_entry, is_averaged
from tlbench.sources.report import LoadReport, shortened
from tlbench.sources.resolve import find_weights
from tlbench.sources.ultralytics_file import network_in
from tlbench.sources.yolo_parts import NOTHING_ELSE, check_network, class_branch_layers, yolo_parts

_PLAIN = (
    "numpy",
    "ultralytics.",
    "pathlib.",
    "_codecs.",
    "__builtin__.",
    "builtins.",
    "torch.",
    "collections.",
    "copyreg.",
)
"""Objects that nobody needs to hear of."""


def apply_source(network: Network, source: SourceConfig, model: ModelConfig, data: DataConfig) -> LoadReport:
    """Find, read and load a source's weights; for source=random the network stays as built.

    Args:
        network: As built from the seed; its backbone is overwritten.
        source: Where the weights come from.
        model: What the network was built from.
        data: The experiment's; the report warns where the source recommends another normalisation.

    Raises:
        ConfigError: See `find_weights`.
        WeightsError: See `find_weights`, `read_weights` and `load_weights`.
    """
    found = find_weights(source, model)
    if found is not None:
        return load_weights(network, replace(found, entry=source.entry, prefix=source.prefix), model, data)
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
        decoder=[name for name in network.module.state_dict() if network.group_of(name) == DECODER],
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
    file = read_weights(found.path)
    if found.sha256 is not None and found.sha256 != file.sha256:
        raise WeightsError(
            f"{found.path}: not the checkpoint of the run {found.title}: its record says sha256 {found.sha256[:12]}…, "
            f"found {file.sha256[:12]}…; put the run's own back, or copy the file elsewhere to use it as it is"
        )
    about, parts = None, NOTHING_ELSE
    if model.library == "ultralytics":
        about = network_in(file.content)
        if about is not None and found.entry is None:
            found = replace(found, entry=about.entry)
    named = _named(network, found, file, model, data)
    if model.library == "ultralytics":
        parts = yolo_parts(network, named.tensors)
        check_network(found.path, about, named.tensors, network, model.name, parts)
    part = named.part or parts_of(network)[0]
    backbone = {n: t for n, t in part.tensors.items() if not any(lies_under(n, other) for other in parts.new)}
    heads = (*part.heads, *found.heads, *parts.new, *parts.other_heads)
    ignored = [
        n for n in named.tensors if n not in backbone and (n in part.dropped or any(lies_under(n, h) for h in heads))
    ]
    given = checked_tensors(found.path, {n: t for n, t in named.tensors.items() if n in backbone or n in ignored})
    absent = [name for name in backbone if is_counter(name) and (name not in given or given[name].numel() != 1)]
    wanted = {name: tensor for name, tensor in backbone.items() if name not in absent}
    extra = [name for name in named.tensors if name not in backbone and name not in ignored]
    spare = extra if named.whole and not any(_is_of_the_network(name, named) for name in extra) else []
    notes = _notes(file, named, spare)
    for name, tensor in wanted.items():
        if name in given and given[name].shape != tensor.shape and is_positional(name):
            if _has_square_grid(network, data) and may_be_resampled(given[name].shape, tensor.shape):
                before, now = given[name].shape[1], tensor.shape[1]
                given[name] = resampled(given[name], tensor.shape)
                notes.append(f"{name} resampled from {grid(before, now)} to {grid(now, before)} patches, as timm does")
        elif name in given and is_counter(name):
            given[name] = given[name].reshape(tensor.shape).to(tensor.dtype)
    extra = [name for name in extra if name not in spare]
    check_whole(found, wanted, {**named.tensors, **given}, extra, model, named.prefix)
    with torch.no_grad():
        for name, tensor in wanted.items():
            tensor.copy_(given[name])
    known = {part.ours.get(name, name) for name in backbone}
    random = [name for name in network.module.state_dict() if name not in known]
    return LoadReport(
        source=found.source,
        model=model.name,
        file=found.path.name,
        title=found.title,
        holds=about.shown() if about else None,
        sha256=file.sha256,
        licence=found.licence,
        entry=named.entry,
        prefix=named.prefix,
        loaded=len(wanted),
        reinitialised=random,
        decoder=[name for name in random if network.group_of(name) == DECODER],
        ignored=[*ignored, *spare, *named.outside],
        absent=absent,
        notes=notes,
        warnings=[*_warnings(found, data), *parts.warnings(found.path.name)],
        chain=_chain(found, file.sha256),
    )


def _named(network: Network, found: FoundWeights, file: WeightsFile, model: ModelConfig, data: DataConfig) -> Named:
    library, name = as_classifier(model.library, model.name)
    if found.names == "own":
        may_differ = class_branch_layers(network) if model.library == "ultralytics" else frozenset[str]()
        named = find_backbone(file, network, found.entry, found.prefix, may_differ)
        # the shapes of embeddings say how many positions there are, and are taken for those of squares
        plain = _has_square_grid(network, data) or not any(is_positional(name) for name in backbone_of(network))
        if (named.whole and plain) or library != "timm":
            return named
        from tlbench.sources.timm_names import by_filter  # timm takes seconds to import

        return by_filter(file, network, found.entry, found.prefix) or named
    entry = fullest_entry(file, found.entry)
    if found.names == "by_position":
        return by_position(found.path, entry.tensors, network, found.model)
    from tlbench.networks.libraries.timm import creation_arguments
    from tlbench.sources.timm_names import by_timm

    tensors = checked_tensors(found.path, entry.tensors)
    arguments = network.backbone.arguments if network.backbone else creation_arguments(model, data.input_size)
    renamed = by_timm(found.path, tensors, arguments, found.title or name, model.name)
    containers = frozenset(name.split(".")[0] for name in renamed)
    return Named(renamed, entry=entry.path, containers=containers, part=as_in_classifier(network))


def _has_square_grid(network: Network, data: DataConfig) -> bool:
    """Whether embeddings of positions are of a square: of square images, or of the size they are published with."""
    keeps = network.backbone is not None and network.backbone.arguments.get("dynamic_img_size") is True
    return keeps or is_square(data.input_size)


def _is_of_the_network(name: str, named: Named) -> bool:
    """Whether a tensor that the network has not lies in one of its parts, as a further layer would."""
    first, _, below = name.partition(".")
    return bool(below) and first in named.containers and named.tensors[name].numel() > 1


def _notes(file: WeightsFile, named: Named, spare: Sequence[str]) -> list[str]:
    notes = [f"named as {named.whose}"] if named.whose else []
    if spare:
        notes.append(f"no part of the network and left out: {shortened(spare)}")
    averaged = [entry.path for entry in file.entries if is_averaged(entry.path) and entry.tensors]
    if is_averaged(named.entry):
        notes.append(f"{named.entry!r} is taken, the averaged weights")
    elif averaged and len(file.entries) > 1:
        notes.append(f"not the averaged weights {averaged[0]!r}, which source.entry={averaged[0]} takes")
    objects = [name for name in file.built if not name.startswith(_PLAIN)]
    if objects:
        notes.append(f"objects in the file that were not built: {shortened(objects)}")
    return notes


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

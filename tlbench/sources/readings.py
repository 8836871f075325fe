"""Where in a file of weights a network's backbone is, and under which names.

A reading is an entry of the file, a prefix within it and a way of naming that together give the backbone whole. One
such reading is taken; of several, the user chooses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from tlbench.errors import WeightsError
from tlbench.networks.network import Network
from tlbench.sources.entries import Entry
from tlbench.sources.foreign_names import Parts, known_names
from tlbench.sources.naming import Named, Part, is_counter, parts_of
from tlbench.sources.positions import is_positional, may_be_resampled
from tlbench.sources.read import WeightsFile

_SHOWN = 8


@dataclass(frozen=True)
class _Place:
    """A tensor in a file: the entry that holds it, its name there, and both together."""

    entry: str
    name: str
    tensor: Tensor

    @property
    def full(self) -> str:
        return f"{self.entry}.{self.name}" if self.entry else self.name


@dataclass(frozen=True)
class _Reading:
    """What stands before the network's names in the full names of a file, and whose names they are."""

    before: str
    whose: str
    parts: Parts
    found: Mapping[str, _Place]

    def tensors(self) -> dict[str, Tensor]:
        """By the network's names."""
        joined = {}
        for own, parts in self.parts.items():
            if all(part in self.found for part in parts):
                tensors = [self.found[part].tensor for part in parts]
                joined[own] = tensors[0] if len(tensors) == 1 else torch.cat(tensors)
        return joined


def find_backbone(
    file: WeightsFile,
    network: Network,
    entry: str | None,
    prefix: str | None,
    may_differ: frozenset[str] = frozenset(),
) -> Named:
    """The tensors of a network in a file, of all of it or of its backbone (see `parts_of`).

    Where no reading gives all of a part, those of the one that gives most.

    Args:
        file: What was read.
        network: What they are for.
        entry: Of several mappings in the file, the one meant, by the keys that lead to it; None: any.
        prefix: What stands before the network's names in it; None: whatever does.
        may_differ: Tensors without which the backbone counts as whole all the same.

    Raises:
        WeightsError: If the file has no tensors or no such entry or prefix, or several readings give the whole
            backbone, and not the same.
    """
    places = [_Place(e.path, name, tensor) for e in file.entries for name, tensor in e.tensors.items()]
    if not places:
        raise _not_dense(file) or _without_tensors(file)
    chosen = [place for place in places if entry is None or _lies_in(place.entry, entry)]
    if not chosen:
        raise _no_entry(file, entry or "")
    best: _Reading | None = None
    wanted = parts_of(network)
    part = wanted[-1]
    for each, (whose, names) in ((p, way) for p in wanted for way in known_names(p.module, p.tensors)):
        readings = [
            r for r in _readings(chosen, whose, names, each.tensors) if prefix is None or _split(r, places)[1] == prefix
        ]
        whole = _distinct([reading for reading in readings if _is_whole(reading, may_differ)])
        if len(whole) > 1:
            raise _ambiguous(file, whole, places)
        if whole:
            return _named(whole[0], chosen, each, whole=True)
        most = max(readings, key=lambda r: (len(r.found), -len(r.before)), default=None)
        if most is not None and (best is None or len(most.found) > len(best.found)):
            best, part = most, each
    if prefix is not None and best is None:
        raise WeightsError(
            f"source.prefix={prefix!r}: {file.path} has no tensors of the network under it; its first are "
            f"{', '.join(place.name for place in chosen[:4])}"
        )
    sparse = _not_dense(file)
    if sparse is not None:
        raise sparse
    return _named(best or _Reading(_common(chosen), "", {}, {}), chosen, part)


def fullest_entry(file: WeightsFile, path: str | None) -> Entry:
    """The entry of a published file: the one asked for; of several, timm's choice, the averaged weights; else the
    one with most tensors.

    Raises:
        WeightsError: If there is none.
    """
    found = [e for e in file.entries if e.tensors and (path is None or e.path == path)]
    if not found:
        raise _without_tensors(file) if path is None else _no_entry(file, path)
    averaged = [entry for entry in found if is_averaged(entry.path)]
    return max(averaged or found, key=lambda entry: len(entry.tensors))


def is_averaged(path: str) -> bool:
    """Whether an entry of this name holds averaged weights, as timm and others call them."""
    return path in ("state_dict_ema", "model_ema", "ema_state_dict", "ema", "model_ema.module", "ema_model")


def _readings(places: Iterable[_Place], whose: str, parts: Parts, wanted: Mapping[str, Tensor]) -> list[_Reading]:
    """All prefixes under which at least one tensor of the network is."""
    kinds = {}
    for own, names in parts.items():
        first, *rest = wanted[own].shape or (1,)
        for name in names:
            shape = (first // len(names), *rest) if wanted[own].ndim else ()
            kinds[name] = own, torch.Size(shape), wanted[own].is_floating_point()
    found: dict[str, dict[str, _Place]] = defaultdict(dict)
    for place in places:
        components = place.full.split(".")
        for cut in range(len(components)):
            name = ".".join(components[cut:])
            if name in kinds and _alike(name, place.tensor, *kinds[name]):
                found[".".join(components[:cut])].setdefault(name, place)
    return [_Reading(before, whose, parts, names) for before, names in found.items()]


def _alike(name: str, tensor: Tensor, own: str, shape: torch.Size, floating: bool) -> bool:
    if is_counter(name):
        return tensor.numel() == 1
    if tensor.is_floating_point() != floating:
        return False
    return tensor.shape == shape or (is_positional(own) and may_be_resampled(tensor.shape, shape))


def _is_whole(reading: _Reading, may_differ: frozenset[str]) -> bool:
    parts = {own: names for own, names in reading.parts.items() if own not in may_differ}
    needed = {name for names in parts.values() for name in names if not is_counter(name)}
    return bool(needed) and needed <= reading.found.keys()


def _distinct(readings: list[_Reading]) -> list[_Reading]:
    """Those that give other tensors than the ones before."""
    kept: list[_Reading] = []
    for reading in readings:
        if not any(_same(reading, other) for other in kept):
            kept.append(reading)
    return kept


def _same(one: _Reading, other: _Reading) -> bool:
    return all(
        part in other.found and torch.equal(place.tensor, other.found[part].tensor)
        for part, place in one.found.items()
        if not is_counter(part)
    )


def _named(reading: _Reading, places: list[_Place], part: Part, *, whole: bool = False) -> Named:
    entry, prefix = _split(reading, places)
    before = f"{reading.before}." if reading.before else ""
    tensors, taken = reading.tensors(), {place.full for place in reading.found.values()}
    others = [place for place in places if _lies_in(place.entry, entry) and place.full not in taken]
    inside = {place.full.removeprefix(before): place.tensor for place in others if place.full.startswith(before)}
    order = list(tensors)
    if not reading.whose:  # in the file's order
        order = [p.full.removeprefix(before) for p in places if p.full in taken]
    return Named(
        {name: tensors[name] for name in order if name in tensors}
        | {name: tensor for name, tensor in inside.items() if name not in tensors},
        prefix,
        tuple(place.name for place in others if not place.full.startswith(before)),
        entry=entry,
        whose=reading.whose,
        containers=frozenset(name.split(".")[0] for names in reading.parts.values() for name in names if "." in name),
        whole=whole,
        part=part,
    )


def _split(reading: _Reading, places: Iterable[_Place]) -> tuple[str, str]:
    """The entry of a reading and the prefix in it."""
    before = reading.before
    paths = {place.entry for place in places}
    holding = [path for path in paths if not path or _lies_in(before, path)]
    inside = {place.entry for place in reading.found.values()}
    if inside and not any(path in holding for path in inside):
        return before, ""  # each part of the network is a mapping of its own
    entry = max((path for path in holding if path in inside), key=len, default="")
    return entry, before.removeprefix(entry).removeprefix(".")


def _ambiguous(file: WeightsFile, readings: list[_Reading], places: list[_Place]) -> WeightsError:
    ways = []
    for reading in readings[:_SHOWN]:
        entry, prefix = _split(reading, places)
        shown = [f"source.entry={entry}"] if entry else []
        ways.append(
            " ".join([*shown, f"source.prefix={prefix}" if prefix else "" if shown else "source.prefix=''"]).strip()
        )
    more = f" and {len(readings) - _SHOWN} more" if len(readings) > _SHOWN else ""
    return WeightsError(
        f"{file.path}: holds the backbone {len(readings)} times, with other values each; choose one: "
        f"{' | '.join(ways)}{more}"
    )


def _no_entry(file: WeightsFile, entry: str) -> WeightsError:
    known = ", ".join(repr(e.path) for e in file.entries if e.tensors)
    return WeightsError(f"source.entry={entry!r}: {file.path} has no such entry with tensors; it has {known}")


def _not_dense(file: WeightsFile) -> WeightsError | None:
    unread = [f"{e.path}.{name}" if e.path else name for e in file.entries for name in e.unread]
    if not unread:
        return None
    return WeightsError(f"{file.path}: tensor {unread[0]} is sparse, quantised or without values; give dense tensors")


def _without_tensors(file: WeightsFile) -> WeightsError:
    if isinstance(file.content, dict) and file.content:
        what = f"entries that are no tensors ({', '.join(map(str, list(file.content)[:4]))})"
    elif isinstance(file.content, dict):
        what = "no entries"
    else:
        what = f"a {getattr(file.content, 'name', type(file.content).__name__)}"
    return WeightsError(
        f"{file.path}: holds {what}; allowed are tensors by their names, in any entry of the file; save them with "
        "safetensors or torch.save(model.state_dict(), FILE)"
    )


def _lies_in(path: str, entry: str) -> bool:
    return not entry or path == entry or path.startswith(f"{entry}.")


def _common(places: list[_Place]) -> str:
    """The entry with most tensors, where nothing in the file is of the network."""
    count: dict[str, int] = defaultdict(int)
    for place in places:
        count[place.entry] += 1
    return max(count, key=lambda entry: count[entry])

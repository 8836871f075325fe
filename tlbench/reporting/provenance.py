"""Where a study's results come from: configuration, weights with their licences, data, code and versions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tlbench.config.hash import affecting_results
from tlbench.config.parse import SEED_KEYS
from tlbench.records.record import Record

Pairs = list[tuple[str, str]]


def weights_of(records: Iterable[Record]) -> list[Pairs]:
    """Of each file of weights that runs began with: title, file, hash, licence, and the runs that it came from."""
    found: dict[str, Pairs] = {}
    for record in records:
        given = record.weights or {}
        if not given.get("sha256"):
            continue
        pairs = [
            ("arms", ""),
            ("weights", str(given.get("title") or given.get("source"))),
            ("file", str(given.get("file"))),
            ("SHA-256", str(given["sha256"])),
            ("licence", str(given.get("licence") or "not stated")),
            *(("came from", _link(link)) for link in given.get("chain") or ()),
        ]
        known = found.setdefault(str(given["sha256"]), pairs)
        arms = [part for part in known[0][1].split(", ") if part]
        known[0] = ("arms", ", ".join(dict.fromkeys([*arms, record.arm])))
    return list(found.values())


def _link(link: Any) -> str:
    if isinstance(link, Mapping):
        return ", ".join(f"{key} {value}" for key, value in link.items() if isinstance(value, str | int | float))
    return str(link)


def data_of(records: Sequence[Record]) -> Pairs:
    """The data's name, where splits come from, and their fingerprints."""
    data = records[0].data
    if data is None:
        return []
    rule = data.split_rule
    pairs = [("data", data.name)]
    pairs += [(split, str(rule[split])) for split in ("train", "val", "test") if split in rule]
    for split in ("train", "val", "test"):
        prints = {record.data.fingerprints.get(split) for record in records if record.data}
        shown = [each for each in prints if each]
        if shown:
            text = shown[0] if len(shown) == 1 else f"{len(shown)} of them: arms or seeds have splits of their own"
            pairs.append((f"fingerprint of {split}", text))
    return pairs


def machines_of(records: Iterable[Record]) -> Pairs:
    """Versions and machines, all values where runs differ."""
    pairs: dict[str, dict[str, None]] = {}
    for record in records:
        about = {"machine": record.volatile.host, "device": record.volatile.device}
        for name, value in {**about, **record.versions}.items():
            if value is not None:
                pairs.setdefault(name, {})[str(value)] = None
    return [(name, ", ".join(values)) for name, values in pairs.items()]


def settings_of(records: Sequence[Record]) -> Pairs:
    """Each key that affects results, and its value, or those by arm where these differ; of seeds what they follow."""
    first = {record.arm: record for record in reversed(records)}
    flat = {arm: affecting_results(record.config) for arm, record in first.items()}
    keys = sorted({key for config in flat.values() for key in config if key.split(".")[0] not in SEED_KEYS})
    pairs = []
    for key in keys:
        by_arm = {arm: _plain(flat[arm].get(key)) for arm in dict.fromkeys(record.arm for record in records)}
        pairs.append((key, _joined(by_arm)))
    streams = dict.fromkeys(stream for record in records for stream in record.config.get("seeds", {}))
    for stream in streams:
        of_arms: dict[str, list[tuple[int, int]]] = {}
        for record in records:
            of_arms.setdefault(record.arm, []).append((record.seed, record.config.get("seeds", {}).get(stream)))
        pairs.append((f"seeds.{stream}", _joined({arm: _followed(found) for arm, found in of_arms.items()})))
    return pairs


def _followed(found: Sequence[tuple[int, int]]) -> str:
    if all(seed == value for seed, value in found):
        return "seed"
    return ", ".join(dict.fromkeys(str(value) for _, value in found))


def _joined(by_arm: Mapping[str, str]) -> str:
    values = list(dict.fromkeys(by_arm.values()))
    return values[0] if len(values) == 1 else "; ".join(f"{arm}: {value}" for arm, value in by_arm.items())


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

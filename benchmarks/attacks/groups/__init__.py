"""The groups of attacks, in the order of the table."""

from __future__ import annotations

import importlib

from benchmarks.attacks.attack import Attack

GROUPS = {
    "strangers' run folders": ("sent_code", "sent_names", "links"),
    "weights": ("pickles", "tensors"),
    "a run's files": ("records", "checkpoints", "other_files"),
    "data": ("image_files", "annotations", "names", "changed_data", "archives"),
    "streams and environment": ("streams", "environment"),
    "numbers": ("numbers",),
    "races": ("races",),
    "servers": ("servers",),
}
"""Group → modules of this package, each with `attacks()`."""


def all_attacks() -> list[Attack]:
    """Every attack, in its group."""
    found = []
    for group, modules in GROUPS.items():
        for name in modules:
            module = importlib.import_module(f"{__name__}.{name}")
            found += [attack.within(group) for attack in module.attacks()]
    names = [attack.full_name for attack in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"attacks of one name: {sorted(twice)}")
    return found

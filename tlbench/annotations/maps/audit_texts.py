"""What an audit of images with class maps warns of, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlbench.annotations.maps.config import MapDataConfig
from tlbench.data.audit_texts import NAMED, across, alike, conflicts, copies, lines_of, more, number, unreadable

_MUCH = 0.5
"""Share of ignored pixels: where a split has more, it is warned of."""


def warnings_of(section: Mapping[str, Any], data: MapDataConfig) -> list[str]:
    """The warnings about what the audit found, the weightiest first."""
    totals = {split: counts["images"] for split, counts in section["counts"].items()}
    duplicates = section["duplicates"]
    return lines_of(
        copies(duplicates, totals),
        _leak(section, totals),
        conflicts(duplicates, "other_map", "equal images with different masks", "the mask of one is wrong"),
        alike(duplicates, totals),
        _absent(section),
        _small(section, data.min_images_per_class),
        _ignored(section),
        unreadable(section["unreadable"]),
    )


def _leak(section: Mapping[str, Any], totals: Mapping[str, int]) -> str | None:
    found = across(section["map_leak"], totals, "have the very mask of one in", "=")
    return found and (
        f"equal masks across splits: {found}: shots of one scene, or a mask that belongs to another image; remove or "
        "mend one of each pair"
    )


def _absent(section: Mapping[str, Any]) -> str | None:
    counts = section["counts"]
    absent = {
        name: missing
        for name in counts["train"]["pixels"]
        if (missing := [split for split in counts if counts[split]["pixels"][name] == 0])
    }
    if not absent:
        return None
    named = "; ".join(f"{name}: {', '.join(missing)}" for name, missing in list(absent.items())[:NAMED])
    return (
        f"{len(absent)} of {number(len(counts['train']['pixels']), 'class', 'classes')} without a pixel in a split "
        f"({named}{more(len(absent))}): what is not in train cannot be learned, what is not in val or test is not "
        "measured; add images, or leave classes out with data.classes"
    )


def _small(section: Mapping[str, Any], wanted: int) -> str | None:
    small = {name: count for name, count in section["small_classes"].items() if count}  # others are absent
    if not small:
        return None
    total = len(section["counts"]["train"]["pixels"])
    named = ", ".join(f"{name} {count}" for name, count in list(small.items())[:NAMED])
    return (
        f"{len(small)} of {number(total, 'class', 'classes')} in fewer than {wanted} training images "
        f"({named}{more(len(small))}): their metrics will vary; add images, or lower data.min_images_per_class"
    )


def _ignored(section: Mapping[str, Any]) -> str | None:
    shares = {}
    for split, counts in section["counts"].items():
        labelled = sum(counts["pixels"].values())
        shares[split] = counts["ignored"] / max(counts["ignored"] + labelled, 1)
    much = {split: share for split, share in shares.items() if share > _MUCH}
    if not much:
        return None
    named = ", ".join(f"{share:.0%} of {split}" for split, share in much.items())
    return f"most pixels are ignored ({named}): they are neither learned nor measured; see that this is meant"

"""What an audit of images with one label each warns of, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlbench.data.audit_texts import NAMED, alike, conflicts, copies, lines_of, more, unreadable


def warnings_of(section: Mapping[str, Any], min_images_per_class: int) -> list[str]:
    """The warnings about what the audit found, the weightiest first."""
    totals = {split: sum(counts.values()) for split, counts in section["counts"].items()}
    duplicates = section["duplicates"]
    return lines_of(
        copies(duplicates, totals),
        conflicts(duplicates, "other_label", "equal images with different labels", "one label of each pair is wrong"),
        alike(duplicates, totals),
        _small(section, min_images_per_class),
        unreadable(section["unreadable"]),
    )


def _small(section: Mapping[str, Any], wanted: int) -> str | None:
    small = section["small_classes"]
    if not small:
        return None
    named = ", ".join(f"{name} {count}" for name, count in list(small.items())[:NAMED])
    total, have = len(section["counts"]["train"]), "has" if len(small) == 1 else "have"
    return (
        f"{len(small)} of {total} classes {have} fewer than {wanted} training images ({named}{more(len(small))}): "
        "their metrics will vary; add images, or lower data.min_images_per_class"
    )

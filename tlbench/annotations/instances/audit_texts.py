"""What an audit of images with boxes warns of, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.config.size import size_text
from tlbench.data.audit_texts import NAMED, across, alike, conflicts, copies, lines_of, more, number, unreadable

TINY = 8
"""Pixels of the network's input, the side of its smallest cells: an object whose longer side is below is tiny."""

MUCH_TINY = 0.05
"""Share of the images with objects: where more have tiny objects only, it is warned of."""


def warnings_of(section: Mapping[str, Any], data: InstanceDataConfig) -> list[str]:
    """The warnings about what the audit found, the weightiest first."""
    totals = {split: counts["images"] for split, counts in section["counts"].items()}
    duplicates = section["duplicates"]
    instead = "use data.split=blocked if they are frames of videos, else " if _may_be_blocked(data) else ""
    return lines_of(
        copies(duplicates, totals),
        _leak(section, totals, data),
        conflicts(duplicates, "other_boxes", "equal images with different boxes", "the labels of one are wrong"),
        alike(duplicates, totals, f"{instead}remove one of each pair"),
        _absent(section),
        _mended(section),
        _small(section, data.min_images_per_class),
        _tiny(section, size_text(data.input_size)),
        unreadable(section["unreadable"]),
    )


def _leak(section: Mapping[str, Any], totals: Mapping[str, int], data: InstanceDataConfig) -> str | None:
    found = across(section["label_leak"], totals, "have the very labels of one in", "=")
    if not found:
        return None
    if data.split == "blocked":
        remedy = "no blocks of these frames are independent; test on another video"
    else:
        remedy = "use data.split=blocked" if _may_be_blocked(data) else "divide the images by video"
    return (
        f"label rows shared across splits: {found}: neighbouring video frames on both sides flatter the results; "
        f"{remedy}"
    )


def _may_be_blocked(data: InstanceDataConfig) -> bool:
    return data.split == "official" and data.name in ("signature", "yolo")


def _absent(section: Mapping[str, Any]) -> str | None:
    counts = section["counts"]
    absent = {
        name: missing
        for name in counts["train"]["objects"]
        if (missing := [split for split in counts if counts[split]["objects"][name] == 0])
    }
    if not absent:
        return None
    named = "; ".join(f"{name}: {', '.join(missing)}" for name, missing in list(absent.items())[:NAMED])
    return (
        f"{len(absent)} of {number(len(counts['train']['objects']), 'class', 'classes')} without an object in a split "
        f"({named}{more(len(absent))}): what is not in train cannot be learned, what is not in val or test is not "
        "measured; add images, or leave classes out with data.classes"
    )


def _mended(section: Mapping[str, Any]) -> str | None:
    parts = []
    for what, found in section["mended"].items():
        parts.append(f"{found['count']:,} {what} ({', '.join(found['places'][:NAMED])}{more(found['count'])})")
    return f"labels were mended: {', '.join(parts)}: see whether these are meant so" if parts else None


def _small(section: Mapping[str, Any], wanted: int) -> str | None:
    small = {name: count for name, count in section["small_classes"].items() if count}  # others are absent
    if not small:
        return None
    total = len(section["counts"]["train"]["objects"])
    named = ", ".join(f"{name} {count}" for name, count in list(small.items())[:NAMED])
    return (
        f"{len(small)} of {number(total, 'class', 'classes')} in fewer than {wanted} training images "
        f"({named}{more(len(small))}): their metrics will vary; add images, or lower data.min_images_per_class"
    )


def _tiny(section: Mapping[str, Any], image_size: str) -> str | None:
    counts = section["counts"].values()
    tiny = sum(part["tiny"] for part in counts)
    total = sum(part["images"] - part["background"] for part in counts)
    if tiny <= MUCH_TINY * total:
        return None
    return (
        f"{tiny:,} of {total:,} images with objects have only such as are below {TINY} pixels at the network's input: "
        f"too small to be found well; raise data.image_size (now {image_size}), or cut the images into tiles"
    )

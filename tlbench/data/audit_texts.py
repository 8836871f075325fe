"""What an audit warns of, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NAMED = 3  # classes, files or pairs in a line


def warnings_of(section: Mapping[str, Any], min_images_per_class: int) -> list[str]:
    """The warnings about what `tlbench.data.audit.audit` found, the weightiest first."""
    lines = (
        _copies(section),
        _conflicts(section),
        _alike(section),
        _small(section, min_images_per_class),
        _unreadable(section),
    )
    return [f"audit: {line}" for line in lines if line]


def _copies(section: Mapping[str, Any]) -> str | None:
    found = _across(section, section["duplicates"]["exact"], "are in", "=")
    return found and f"exact copies across splits: {found}: the results are flattered; remove one of each pair"


def _alike(section: Mapping[str, Any]) -> str | None:
    found = _across(section, section["duplicates"]["near"] or {}, "look like one in", "~")
    return found and (
        f"near-duplicates across splits: {found}: if they are copies or shots of one scene, and not merely alike, "
        "the results are flattered; remove one of each pair"
    )


def _conflicts(section: Mapping[str, Any]) -> str | None:
    """Equal images with different labels, wherever they are."""
    duplicates = section["duplicates"]
    found = [*duplicates["within"].values(), *duplicates["exact"].values()]
    count = sum(part["other_label"] for part in found)
    pairs = [pair for part in found for pair in part["other_label_examples"]]
    named = ", ".join(" = ".join(pair) for pair in pairs[:_NAMED])
    return (
        f"equal images with different labels: {_number(count, 'pair')} ({named}{_more(count)}): one label of "
        "each pair is wrong; mend or remove it"
        if count
        else None
    )


def _small(section: Mapping[str, Any], wanted: int) -> str | None:
    small = section["small_classes"]
    if not small:
        return None
    named = ", ".join(f"{name} {count}" for name, count in list(small.items())[:_NAMED])
    total, have = len(section["counts"]["train"]), "has" if len(small) == 1 else "have"
    return (
        f"{len(small)} of {total} classes {have} fewer than {wanted} training images ({named}{_more(len(small))}): "
        "their metrics will vary; add images, or lower data.min_images_per_class"
    )


def _unreadable(section: Mapping[str, Any]) -> str | None:
    count = section["unreadable"]["count"]
    if not count:
        return None
    named = "; ".join(f"{name}: {reason}" for name, reason in list(section["unreadable"]["files"].items())[:_NAMED])
    return f"left out, as unreadable: {_number(count, 'file')} ({named}{_more(count)})"


def _across(section: Mapping[str, Any], found: Mapping[str, Any], what: str, sign: str) -> str | None:
    parts = []
    for pair, part in found.items():
        if part["images"]:
            first, second = pair.split("-")
            total = sum(section["counts"][second].values())
            example = f" {sign} ".join(part["examples"][0]) + (", …" if part["images"] > 1 else "")
            parts.append(f"{part['images']:,} of {total:,} {second} images {what} {first} ({example})")
    return ", ".join(parts) or None


def _more(count: int) -> str:
    return ", …" if count > _NAMED else ""


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")

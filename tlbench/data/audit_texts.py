"""What an audit warns of, one line each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

NAMED = 3
"""Classes, files or pairs in a line, at most."""


def lines_of(*lines: str | None) -> list[str]:
    """The warnings among these, as they are shown."""
    return [f"audit: {line}" for line in lines if line]


def copies(duplicates: Mapping[str, Any], totals: Mapping[str, int]) -> str | None:
    """Exact copies across splits; `totals` are the images of each split."""
    found = across(duplicates["exact"], totals, "are in", "=")
    return found and f"exact copies across splits: {found}: the results are flattered; remove one of each pair"


def alike(
    duplicates: Mapping[str, Any], totals: Mapping[str, int], remedy: str = "remove one of each pair"
) -> str | None:
    """Near-duplicates across splits."""
    found = across(duplicates["near"] or {}, totals, "look like one in", "~")
    return found and (
        f"near-duplicates across splits: {found}: if they are copies or shots of one scene, and not merely alike, "
        f"the results are flattered; {remedy}"
    )


def alike_in_test(groups: Mapping[str, Any] | None) -> str | None:
    """Groups of test images that look alike, as `duplicates.test_groups` of an audit has them."""
    if not groups or not groups["groups"]:
        return None
    first = groups["examples"][0]
    named = f"({' ~ '.join(first[:NAMED])}{', …' if groups['images'] > len(first[:NAMED]) else ''})"
    return (
        f"near-duplicates within test: {groups['images']:,} of {groups['of']:,} test images look like another of them "
        f"{named}, in {number(groups['groups'], 'group')}, the largest of {groups['largest']:,}: a study's intervals "
        f"count {groups['units']:,} groups (each other image is one), not {groups['of']:,} images; if they are merely "
        "alike, say by data.group what belongs together"
    )


def conflicts(duplicates: Mapping[str, Any], conflict: str, what: str, why: str) -> str | None:
    """Equal images with unequal labels, wherever they are; `conflict` is the key that counts them."""
    found = [*duplicates["within"].values(), *duplicates["exact"].values()]
    count = sum(part[conflict] for part in found)
    pairs = [pair for part in found for pair in part[f"{conflict}_examples"]]
    named = ", ".join(" = ".join(pair) for pair in pairs[:NAMED])
    return f"{what}: {number(count, 'pair')} ({named}{more(count)}): {why}; mend or remove it" if count else None


def unreadable(part: Mapping[str, Any]) -> str | None:
    """Files that were left out."""
    if not part["count"]:
        return None
    named = "; ".join(f"{name}: {reason}" for name, reason in list(part["files"].items())[:NAMED])
    return f"left out, as unreadable: {number(part['count'], 'file')} ({named}{more(part['count'])})"


def across(found: Mapping[str, Any], totals: Mapping[str, int], what: str, sign: str) -> str | None:
    """How many images of a split are one in another, for all pairs of splits."""
    parts = []
    for pair, part in found.items():
        if part["images"]:
            first, second = pair.split("-")
            named = _example(part["examples"], part["images"], sign)
            changed = "".join(_changed(part, change, sign) for change in ("mirrored", "cropped") if part.get(change))
            parts.append(f"{part['images']:,} of {totals[second]:,} {second} images {what} {first} {named}{changed}")
    return ", ".join(parts) or None


def _example(pairs: Sequence[Sequence[str]], count: int, sign: str) -> str:
    return f"({f' {sign} '.join(pairs[0])}{', …' if count > 1 else ''})"


def _changed(part: Mapping[str, Any], change: str, sign: str) -> str:
    """How many of them look like it after a change."""
    named = _example(part[f"{change}_examples"], part[change], sign)
    return f", {part[change]:,} of them when {change} {named}"


def more(count: int) -> str:
    """What follows the first `NAMED` of so many."""
    return ", …" if count > NAMED else ""


def number(count: int, noun: str, plural: str | None = None) -> str:
    """`1 file`, `2 files`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"

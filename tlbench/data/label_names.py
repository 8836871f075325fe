"""Names of classes that differ in how they were typed: what is one label, and what only looks like another."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from tlbench.errors import short
from tlbench.system.voice import Voice

_WHOLE = re.compile(r"([+-]?\d+)\.0+")


def typed(name: str) -> str:
    """The name with composed accents (NFC), without characters that are not seen, blanks at its ends or several."""
    seen = "".join(c for c in unicodedata.normalize("NFC", name) if unicodedata.category(c) != "Cf" or c == "\u200d")
    return " ".join(seen.split())


def merged_labels(counts: Mapping[str, int]) -> dict[str, str]:
    """Label → the label that it is one with, which may be itself.

    Labels are one where they differ only in blanks, in what is not seen and in how accents are composed, or as `1` and
    `1.0`. What they are called then is the form without such oddities, if one has it, else that of most rows.

    Args:
        counts: Label → how often it occurs.
    """
    groups: dict[str, list[str]] = {}
    whole = {typed(name) for name in counts}
    for name in counts:
        plain = typed(name)
        number = _WHOLE.fullmatch(plain)
        groups.setdefault(number[1] if number and number[1] in whole else plain, []).append(name)
    return {
        name: plain if plain in names else max(sorted(names), key=lambda name: counts[name])
        for plain, names in groups.items()
        for name in names
    }


def say_merged(where: str, merged: Mapping[str, str], voice: Voice) -> None:
    """Tell which labels were taken for one."""
    pairs = [f"'{shown(name, to)}' as {short(repr(to))}" for name, to in merged.items() if name != to]
    if pairs:
        voice.say(f"{where}: labels read otherwise than they are written: {some(pairs)}")


def warn_of_lookalikes(where: str, names: Iterable[str], voice: Voice) -> None:
    """Tell which classes differ only in case or in leading zeros: they stay two, as `A` and `a` may be letters."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(re.sub(r"^0+(?=\d)", "", typed(name).casefold()), []).append(name)
    alike = [" and ".join(map(repr, group)) for group in groups.values() if len(group) > 1]
    if alike:
        voice.warn(
            f"{where}: classes that differ only in case or leading zeros are taken for different ones ({some(alike)}); "
            "where they are one, write them alike"
        )


def shown(name: str, other: str) -> str:
    """A name, by its code points where it would look like the other."""
    alike = not name.isprintable() or unicodedata.normalize("NFC", name) == unicodedata.normalize("NFC", other)
    return short(ascii(name)[1:-1] if alike else name)


def chosen(names: Iterable[str]) -> str:
    """`data.classes=[…]` with these names."""
    return f"data.classes=[{short(','.join(sorted(names)), 200)}]"


def some(texts: list[str], most: int = 4) -> str:
    """The first few of them."""
    rest = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {rest} more" if rest > 0 else "")

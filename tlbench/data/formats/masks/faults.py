"""What is told of masks whose numbers or colours are of no class: the value, the file, how many, and the remedy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tlbench.annotations.maps.config import TABLES, MapDataConfig
from tlbench.data.audit_texts import number
from tlbench.data.formats.masks.palettes import Palette, fitting, named_palette
from tlbench.data.formats.masks.stored import StoredMask
from tlbench.data.formats.masks.values import Values, soft_edges

_SEVERAL = 3  # colours beside those of a palette, that somebody may have forgotten


@dataclass(frozen=True)
class Told:
    """What messages call the data.

    Args:
        root: All of them.
        between: Between that and the name of a mask.
        names: What class names may stand in.
        naming: How they stand there.
    """

    root: str
    between: str = "/"
    names: str = "a classes.txt"
    naming: str = "in a classes.txt with a name a line, from that of 0 on, or in a data.yaml with names: {number: name}"

    def at(self, text: str) -> str:
        """A message that begins with the name of a mask."""
        return f"{self.root}{self.between}{text}"


def without_palette(colours: Values) -> str:
    """Of colours, where nothing says which classes they are."""
    first = next(iter(colours.held.values())).first
    tables = fitting(list(colours.held))
    which = f"data.palette={tables[0]} has all of them" if tables else f"none of {', '.join(TABLES)} has all of them"
    held = f"{number(colours.masks, 'mask holds', 'masks hold')} {len(colours.held)} colours ({colours.listed()})"
    return (
        f"{first}: a mask in colours, and no palette says which classes they are; {held}: {which}; give "
        "data.palette=…, which may be a file with a line red green blue name for each class"
    )


def unknown_colours(colours: Values, unknown: Sequence[int], palette: Palette) -> str:
    """Of colours that a palette has not, or has for two classes."""
    held, twice = colours.held[unknown[0]], palette.unclear.get(unknown[0])
    why = f"of {' and '.join(twice)}" if twice else f"not in the palette {palette.where}"
    tables = [] if twice else [name for name in fitting(list(colours.held)) if name != palette.where]
    hint = f"data.palette={tables[0]} has all" if tables else "add them to a palette of your own, or mend the masks"
    if len(unknown) > len(palette.colours) + _SEVERAL:
        hint = "so many are of soft edges or of a lossy file: save masks without them"
    return (
        f"{held.first}: {colours.text(unknown[0])} is {why} ({number(held.pixels, 'pixel')}, in {held.masks} of "
        f"{colours.masks} masks{_more(colours, unknown)}); {hint}"
    )


def unknown_numbers(
    numbers: Values,
    unknown: Sequence[int],
    known: Mapping[int, str | None],
    ignore: int | None,
    masks: Sequence[StoredMask],
    data: MapDataConfig,
) -> str:
    """Of numbers that are of no class.

    Args:
        numbers: All that masks hold.
        unknown: Those.
        known: Number → class; None: none.
        ignore: `data.ignore_index`, where it counts.
        masks: All masks.
        data: The target's config.
    """
    held = numbers.held[unknown[0]]
    also = f", and {ignore} for none (data.ignore_index)" if ignore is not None else ""
    return (
        f"{held.first}: value {unknown[0]} is of no class ({number(held.pixels, 'pixel')}, in {held.masks} of "
        f"{numbers.masks} masks{_more(numbers, unknown)}); there are "
        f"{_ranges([value for value in known if value != ignore])}{also}; "
        f"{_remedy(numbers, unknown, known, masks, data)}"
    )


def softened(mask: StoredMask, between: Sequence[int], names: str) -> str:
    """Of a mask with soft edges; class names may stand in `names`."""
    share = int(mask.counts[np.isin(mask.values, between)].sum()) / int(mask.counts.sum())
    return (
        f"{len(between)} values from {min(between)} to {max(between)} in {share:.1%} of its pixels, between two that "
        "most have: soft edges of a mask that was resized or drawn anti-aliased; save masks without them (resize by "
        f"nearest, or divide at a threshold), or name the classes in {names} if all these are some"
    )


def _remedy(
    numbers: Values,
    unknown: Sequence[int],
    known: Mapping[int, str | None],
    masks: Sequence[StoredMask],
    data: MapDataConfig,
) -> str:
    soft = next((found for mask in masks if (found := soft_edges(mask))), [])
    if soft and len(set(soft) & set(unknown)) >= len(unknown) / 2:
        return "so many between two others are of soft edges: save masks without them, or resize them by nearest"
    highest = max((value for value, name in known.items() if name is not None), default=0)
    if list(unknown) == [highest + 1] and not data.reduce_zero_label and data.palette is None:
        return (
            f"if 0 is no class and 1 the first, use data.reduce_zero_label=true; if {unknown[0]} is none, "
            f"data.ignore_index={unknown[0]}"
        )
    if len(unknown) == 1:
        return f"if it is no class, use data.ignore_index={unknown[0]}"
    tables = [name for name in TABLES if set(numbers.held) <= {*named_palette(name).numbers, 255}]
    tables = tables if data.name == "masks" else []  # others have no palette
    return f"data.palette={tables[0]} has all" if tables else "add names for them, or mend the masks"


def _more(values: Values, unknown: Sequence[int]) -> str:
    return f"; likewise {values.listed(unknown[1:])}" if len(unknown) > 1 else ""


def _ranges(values: Sequence[int]) -> str:
    """`0 to 10, 19`."""
    runs: list[list[int]] = []
    for value in sorted(values):
        if runs and value == runs[-1][1] + 1:
            runs[-1][1] = value
        else:
            runs.append([value, value])
    return ", ".join(str(low) if low == high else f"{low} to {high}" for low, high in runs)

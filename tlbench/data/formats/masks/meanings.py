"""What the numbers and colours of masks mean: decided once, from all masks of a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tlbench.annotations.maps.class_maps import VOID
from tlbench.annotations.maps.config import MapDataConfig
from tlbench.annotations.maps.ignored import counted_classes
from tlbench.data.formats.masks.faults import Told, softened, unknown_colours, unknown_numbers, without_palette
from tlbench.data.formats.masks.names import Names
from tlbench.data.formats.masks.palettes import Palette, given_palette, named_palette
from tlbench.data.formats.masks.stored import StoredMask
from tlbench.data.formats.masks.values import Values, differing_palettes, soft_edges, values_of
from tlbench.errors import DataError
from tlbench.system.voice import Voice

BACKGROUND, FOREGROUND = "background", "foreground"
"""What two classes without names are called."""

_MOST_UNNAMED = 64  # classes that are numbered; more have names somewhere
_WHITE = 255
_HIGHEST_TRAIN_ID, _HIGHEST_ID = 18, 33  # of Cityscapes


@dataclass(frozen=True, eq=False)
class Meanings:
    """What masks hold.

    Args:
        class_names: C names.
        numbers: Number → class; `VOID`: none.
        colours: Colour → class, as in `palettes.code_of`; likewise.
    """

    class_names: tuple[str, ...]
    numbers: Mapping[int, int]
    colours: Mapping[int, int]

    def of(self, mask: StoredMask) -> NDArray[np.uint8]:
        """(K,): what the values of a mask mean."""
        there = self.colours if mask.coloured else self.numbers
        return np.array([there[value] for value in mask.values.tolist()], np.uint8)


def meanings_of(
    told: Told,
    names: Sequence[str],
    masks: Sequence[StoredMask],
    named: Names | None,
    forms: frozenset[str],
    data: MapDataConfig,
    voice: Voice,
) -> tuple[Meanings, list[StoredMask]]:
    """Say what the masks of a data set hold.

    Args:
        told: What messages call the data.
        names: What they call each of N masks.
        masks: N masks.
        named: The class names that the folder has.
        forms: In which of Cityscapes' forms the masks are.
        data: The target's config.
        voice: Speaks to the user.

    Returns:
        What they hold, and the masks: those of grey in three channels as numbers.

    Raises:
        DataError: Values are of no class, or it cannot be known what they mean.
    """
    return _Reader(told, names, named, forms, data, voice).read(list(masks))


@dataclass
class _Reader:
    told: Told
    names: Sequence[str]
    named: Names | None
    forms: frozenset[str]
    data: MapDataConfig
    voice: Voice

    @property
    def root(self) -> str:
        """What messages call the data."""
        return self.told.root

    def read(self, masks: list[StoredMask]) -> tuple[Meanings, list[StoredMask]]:
        self._check_files(masks)
        palette = self._palette()
        masks = self._grey_as_numbers(masks, palette)
        numbers, colours = (values_of(self.names, masks, coloured) for coloured in (False, True))
        of_numbers: dict[int, str | None]
        of_colours: dict[int, str | None] = {}
        if palette is not None:
            of_colours = dict(palette.colours)
            self._check_colours(colours, palette)
            of_numbers = dict(self._numbers_of(palette, numbers))
        elif colours.held:
            raise DataError(self.told.at(without_palette(colours)))
        else:
            of_numbers = self._named_numbers(numbers, masks)
        self._check_numbers(numbers, of_numbers, masks)
        class_names = list(dict.fromkeys(name for _, name in sorted(of_numbers.items()) if name is not None))
        kept = counted_classes(
            self.root, class_names, self.data, self.voice, "the masks have", void_is_none=palette is not None
        )
        if len(kept) > VOID:
            raise DataError(f"{self.root}: {len(kept)} classes; a class map tells at most {VOID} apart")
        position = {name: i for i, name in enumerate(kept)}

        def numbered(found: Mapping[int, str | None]) -> dict[int, int]:
            return {value: VOID if name is None else position.get(name, VOID) for value, name in found.items()}

        return Meanings(kept, numbered(of_numbers), numbered(of_colours)), masks

    # ---- files that cannot be masks of classes

    def _check_files(self, masks: Sequence[StoredMask]) -> None:
        for name, mask in zip(self.names, masks, strict=True):
            if mask.lossy:
                found = values_of([name], [mask], mask.coloured)
                raise DataError(
                    f"{self.told.at(name)}: a JPEG, which does not keep the numbers of classes: it holds "
                    f"{len(mask.values)} values ({found.listed()}); save masks as PNG, from their source, not from "
                    "the JPEG"
                )
        if differing := differing_palettes(self.names, masks):
            value, first, one, second, other = differing
            colours = Values(coloured=True)
            self.voice.warn(
                f"{self.root}: the palettes of masks differ: {value} is {colours.text(one)} in {first} and "
                f"{colours.text(other)} in {second}; masks are read by their numbers, so if a program has sorted the "
                "palettes, they are wrong"
            )

    # ---- colours

    def _palette(self) -> Palette | None:
        """The given one, or what the folder's own names or files say."""
        if self.data.palette is not None:
            if self.named is not None:
                self.voice.say(f"{self.named.file}: not read, as data.palette={self.data.palette} says what masks hold")
            return given_palette(self.data.palette, self.data.limits)
        if self.named is not None:
            if self.named.palette is not None:
                self.voice.say(f"{self.named.file}: says which colours are which classes")
            return self.named.palette
        if self.forms:
            self.voice.say(f"{self.root}: masks are called as those of Cityscapes, and read by its table")
            return named_palette("cityscapes")
        return None

    def _grey_as_numbers(self, masks: list[StoredMask], palette: Palette | None) -> list[StoredMask]:
        """Masks of three equal channels hold numbers, unless a palette may say otherwise."""
        coloured = [mask for mask in masks if mask.coloured]
        if palette is not None or not coloured or not all(mask.grey for mask in coloured):
            return masks
        self.voice.say(f"{self.root}: {len(coloured)} masks have three equal channels, and are read as numbers")
        return [mask.as_numbers() if mask.coloured else mask for mask in masks]

    def _check_colours(self, colours: Values, palette: Palette) -> None:
        unknown = [code for code in colours.held if code not in palette.colours]
        if unknown:
            raise DataError(self.told.at(unknown_colours(colours, unknown, palette)))

    # ---- numbers

    def _numbers_of(self, palette: Palette, numbers: Values) -> Mapping[int, str | None]:
        if palette.ids is None or not numbers.held:
            return palette.numbers
        highest = max((v for v in numbers.held if v != self.data.ignore_index), default=0)
        forms = {form.casefold() for form in self.forms}
        ids = "labelids" in forms or (not forms and _HIGHEST_TRAIN_ID < highest <= _HIGHEST_ID)
        if not forms:
            kind = "labelIds" if ids else "trainIds"
            self.voice.say(f"{self.root}: masks hold {palette.where}' {kind}, as their highest number is {highest}")
        return palette.ids if ids else palette.numbers

    def _named_numbers(self, numbers: Values, masks: Sequence[StoredMask]) -> dict[int, str | None]:
        """Number → name, from the folder's names or without any."""
        data, named = self.data, None if self.named is None else dict(self.named.numbers)
        if data.reduce_zero_label and named is not None:
            named = {number + 1: name for number, name in named.items()}
        black_and_white = set(numbers.held) <= {0, _WHITE} and _WHITE in numbers.held
        free = data.ignore_index in (None, _WHITE) and not data.reduce_zero_label
        if black_and_white and free and (named is None or (len(named) <= 2 and set(named) <= {0, 1})):
            if named is not None and len(named) == 2 and data.ignore_index == _WHITE:
                raise DataError(
                    f"{self.root}: masks hold {numbers.listed()}, and two classes are named; if {_WHITE} is "
                    f"{named[1]!r}, say so by data.ignore_index=null; if it is no class (data.ignore_index={_WHITE}), "
                    f"{named[1]!r} is in no mask: add some that show it"
                )
            return self._two(named, _WHITE)
        if named is not None and len(named) == 1 and set(named) == {0} and not data.reduce_zero_label:
            return self._two(named, 1)
        if named is None:
            return self._unnamed(numbers, masks)
        if data.reduce_zero_label:
            return {0: None, **named}
        return dict(named)

    def _two(self, named: Mapping[int, str] | None, high: int) -> dict[int, str | None]:
        """Of masks with one class: 0 is none of it."""
        names = [BACKGROUND, FOREGROUND] if named is None else [name for _, name in sorted(named.items())]
        if len(names) == 1:
            names.insert(0, BACKGROUND)
        self.voice.say(f"{self.root}: in masks 0 is {names[0]}, {high} is {names[1]}")
        return {0: names[0], high: names[1]}

    def _unnamed(self, numbers: Values, masks: Sequence[StoredMask]) -> dict[int, str | None]:
        for name, mask in zip(self.names, masks, strict=True):
            if soft := soft_edges(mask):
                raise DataError(f"{self.told.at(name)}: {softened(mask, soft, self.told.names)}")
        shift = int(self.data.reduce_zero_label)
        found = sorted(value for value in numbers.held if value != self.data.ignore_index and value >= shift)
        if not shift and set(found) <= {0, 1} and 1 in found:
            return self._two(None, 1)
        highest = max(found, default=0)
        classes = highest + 1 - shift
        if not 2 <= classes <= min(_MOST_UNNAMED, 2 * len(found)):
            ignored = f", and {self.data.ignore_index} is ignored" if self.data.ignore_index in numbers.held else ""
            raise DataError(
                f"{self.root}: no class names, and masks hold {numbers.listed()}{ignored}; say what these are: "
                f"{self.told.naming}"
            )
        self.voice.say(f"{self.root}: no class names in it; classes are called by their numbers in masks")
        return {**dict.fromkeys(range(shift), None), **{i: str(i) for i in range(shift, highest + 1)}}

    def _check_numbers(self, numbers: Values, known: dict[int, str | None], masks: Sequence[StoredMask]) -> None:
        """Refuse numbers that are of no class; what is ignored becomes known."""
        ignore = self.data.ignore_index
        if set(known) == {0, _WHITE}:  # where 255 is a class
            ignore = None
        if ignore is not None:
            if known.get(ignore) is not None:
                self.voice.say(f"{self.root}: {ignore} in masks is {known[ignore]!r}, and ignored (data.ignore_index)")
            elif ignore not in known and (held := numbers.held.get(ignore)):
                of = f"{held.masks} of {numbers.masks} masks"
                self.voice.say(f"{self.root}: {ignore} in {of} is no class, and ignored (data.ignore_index)")
            known[ignore] = None
        unknown = [value for value in sorted(numbers.held) if value not in known]
        if not unknown:
            return
        raise DataError(self.told.at(unknown_numbers(numbers, unknown, known, ignore, masks, self.data)))

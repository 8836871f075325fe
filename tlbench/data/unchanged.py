"""Files whose content must stay what it was: their part of a fingerprint, and what is said where one has changed."""

from __future__ import annotations

from typing import Any

from tlbench.data.decode import Decoding, UnreadableError
from tlbench.data.listing import Files
from tlbench.errors import DataError


def ranges_of(how: Decoding) -> list[Any]:
    """The ranges as a part of a fingerprint's header; nothing where no image has more than 8 bits."""
    return [sorted((container, *ends) for container, ends in how.ranges.items())] if how.ranges else []


def no_more_readable(listing: Files, position: int, error: UnreadableError) -> DataError:
    """What to tell the user about a file that is not what it was when the run began."""
    path = listing.root / listing.names[position]
    return DataError(f"{path}: {error}; put it back as it was when the run began, and the same command goes on")

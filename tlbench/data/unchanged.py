"""Files whose content must stay what it was: what is said where one has changed."""

from __future__ import annotations

from tlbench.data.decode import UnreadableError
from tlbench.data.listing import Files
from tlbench.errors import DataError


def no_more_readable(listing: Files, position: int, error: UnreadableError) -> DataError:
    """What to tell the user about a file that is not what it was when the run began."""
    path = listing.root / listing.names[position]
    return DataError(f"{path}: {error}; put it back as it was when the run began, and the same command goes on")

"""Scans of files of which some have more than 8 bits: looked at first, decoded once their range is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from tlbench.config.data import Fit
from tlbench.config.size import Size
from tlbench.data.decode import Decoding
from tlbench.data.facts import ImageFacts
from tlbench.data.listing import Files, Listing
from tlbench.data.notes import told
from tlbench.data.scan import Scan, scan
from tlbench.system.voice import Voice


def look(listing: Files, size: Size, fit: Fit, voice: Voice, how: Decoding) -> Scan:
    """As `scan`, but what has more than 8 bits is only looked at, unless `how` is that of a run that took it as it was.

    What is to be said of single files is warned of.
    """
    found = scan(listing, size, fit, voice, how if how.ranges is None else replace(how, ranges={}))
    for line in told(listing.names, found.notes):
        voice.warn(line)
    return found


def in_range(
    listing: Listing[Any],
    looked: Scan,
    size: Size,
    fit: Fit,
    voice: Voice,
    how: Decoding,
) -> Scan:
    """What `look` gave, and the files of more than 8 bits decoded: their ranges are known now.

    Args:
        listing: The files.
        looked: What was found in them; its pixels are written to.
        size: As in `scan`.
        fit: Likewise.
        voice: Likewise.
        how: Likewise.
    """
    deep = np.flatnonzero(looked.facts.deep)
    if not len(deep) or how.ranges is None:
        return looked
    rows = torch.from_numpy(deep)
    decoded = scan(listing.take(rows), size, fit, voice, how)
    if len(deep) == len(looked.facts):
        return decoded
    looked.pixels[rows] = decoded.pixels
    looked.digests[deep] = decoded.digests
    unreadable = {int(deep[i]): reason for i, reason in decoded.unreadable.items()}
    table = looked.facts.table()
    table[deep] = decoded.facts.table()
    facts = ImageFacts.of_table(table)
    return Scan(looked.pixels, looked.digests, {**looked.unreadable, **unreadable}, facts, looked.notes)

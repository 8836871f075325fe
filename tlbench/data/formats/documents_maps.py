"""Drawn documents as a target with class maps."""

from __future__ import annotations

import torch

from tlbench.annotations.maps.carve import check_labelled, counted
from tlbench.annotations.maps.class_maps import ClassMaps
from tlbench.annotations.maps.config import MapDataConfig
from tlbench.annotations.maps.ignored import counted_classes
from tlbench.data.formats.documents import BACKGROUND, Columns, classes_of, open_drawn
from tlbench.data.target import Target
from tlbench.system.voice import Voice


def open_document_maps(data: MapDataConfig, split_seed: int, voice: Voice, *_: object) -> Target[ClassMaps]:
    """Draw the pages and divide them into train, val and test at random.

    A pixel is of the topmost element whose ink can be seen in it, whether or not the element is large enough for a box;
    all else is background: paper, desk, printed lines that are part of no element, a pen and the hand that holds it.

    Args:
        data: The target's config; both fractions are of all pages.
        split_seed: Seed of the splits and of the subset.
        voice: Speaks to the user.

    Raises:
        DataError: A class does not exist, fewer than two are left, or a split would be empty or without labelled
            pixels.
    """
    assert data.label_space is not None
    kinds = classes_of(data.label_space)
    names = kinds if data.background is None else (data.background, *kinds)
    wanted = counted_classes(f"{data.pages} drawn documents", names, data, voice)

    def maps(pages: Columns) -> ClassMaps:
        inside = torch.from_numpy(pages["inside"])
        whole = ClassMaps(
            packed=torch.from_numpy(pages["packed"]),
            starts=torch.from_numpy(pages["map_starts"]),
            sizes=inside,
            inside=inside,
            counts=torch.from_numpy(pages["map_counts"]),
            digests=torch.from_numpy(pages["map_digests"]),
            class_names=(data.background or BACKGROUND, *kinds),
        )
        return whole if wanted == whole.class_names else whole.chosen(wanted)[1]

    return open_drawn(data, split_seed, voice, maps, check_labelled, counted)

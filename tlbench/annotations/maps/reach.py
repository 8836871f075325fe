"""Where data with class maps are; imports nothing heavy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tlbench.data.own_root import COCO, YOLO, Layout, given_root

if TYPE_CHECKING:
    from tlbench.annotations.maps.config import MapDataConfig

_LAYOUTS = {"masks": Layout("a folder with images/ and masks/"), "yolo": YOLO, "coco": COCO}


def reach_camvid(data: MapDataConfig) -> None:
    """Return once a copy of CamVid is here.

    Raises:
        DataError: `unreachable=True` where there is no copy and the download fails.
    """
    from tlbench.data.formats.camvid.copy import ensure_camvid

    ensure_camvid(data.root)


def own_root(data: MapDataConfig) -> Path:
    """The folder of the user's own images with masks or polygons, or the file that describes them.

    Raises:
        DataError: It is not there, or is something else.
    """
    return given_root(data, _LAYOUTS[data.name])

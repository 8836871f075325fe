"""The data with class maps; nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Mapping

from tlbench.annotations.maps.config import TABLES, MapDataConfig
from tlbench.config.added import Added
from tlbench.config.data_option import DataOption
from tlbench.config.drawn import DOCUMENTS, carving_problems, drawn_problems

_REACH = "tlbench.annotations.maps.reach"
_TARGET = "tlbench.annotations.maps.target"
_OPEN, _OPEN_ALL = f"{_TARGET}:open_maps", f"{_TARGET}:open_all_maps"
_MASKS = ("masks", "camvid", "module")
"""Data that say of each pixel what it is, by numbers or colours."""

_OWN = DataOption(MapDataConfig, open=_OPEN, open_all=_OPEN_ALL, reach=f"{_REACH}:own_root")

DATA: Mapping[str, DataOption] = {
    "camvid": DataOption(MapDataConfig, open=_OPEN, open_all=_OPEN_ALL, reach=f"{_REACH}:reach_camvid"),
    "documents": DataOption(
        MapDataConfig,
        open="tlbench.data.formats.documents_maps:open_document_maps",
        without_root="are drawn; a folder of your own is read by data=masks, data=yolo or data=coco",
        deep=False,
        as_stand_in={"data.cache": "memory", "data.test_fraction": "0.2", "data.group": "null"},
    ),
    "masks": _OWN,
    "coco": _OWN,
    "yolo": _OWN,
    "module": DataOption(
        MapDataConfig,
        open="tlbench.annotations.maps.by_code:open_by_code",
        without_root="are what data.import_path gives; give a folder to it in data.arguments",
        by_code=True,
    ),
}
"""By the name in the config."""


def problems(data: MapDataConfig, tile: float | None) -> list[str]:
    """What of data with maps contradicts itself, one line each; for the `problems` of each task that has them.

    Args:
        data: The target's.
        tile: The task's; None: images are placed whole.
    """
    drawn = data.name == DOCUMENTS
    found = [*drawn_problems(data), *carving_problems(data, always_carved=drawn)]
    if data.background is not None and data.name in _MASKS:
        found.append(
            f"data.background={data.background}: masks say of each pixel what it is; use null, or name the class among "
            "the masks' classes"
        )
    if data.palette is not None and data.name != "masks":
        found.append(f"data.palette={data.palette}: {data.name} says itself what its classes are; use null")
    if data.reduce_zero_label and data.name not in ("masks", "module"):
        found.append(f"data.reduce_zero_label=true: only masks of your own may have it; use false for {data.name}")
    if data.reduce_zero_label and data.palette in TABLES:
        found.append(
            f"data.reduce_zero_label=true: the palette {data.palette} says itself which value is no class; use false"
        )
    return [*found, *_native_problems(data, tile)]


def _native_problems(data: MapDataConfig, tile: float | None) -> list[str]:
    if (tile is None) is bool(data.native):
        given = "true" if data.native else "null"
        return [f"data.native={given}: it follows task.tile, which is {tile or 'null'}; leave it out"]
    if tile is None:
        return []
    if data.decode == "fast":
        return [f"data.decode=fast with task.tile={tile}: images keep their own sizes; use data.decode=whole"]
    return []


ADDED: tuple[Added, ...] = (Added("data.native", None),)
"""Keys that came after the first records."""

"""The data with class maps; nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Mapping

from tlbench.annotations.maps.config import TABLES, MapDataConfig
from tlbench.config.added import Added
from tlbench.config.data_option import DataOption

_REACH = "tlbench.annotations.maps.reach"
_TARGET = "tlbench.annotations.maps.target"
_OPEN, _OPEN_ALL = f"{_TARGET}:open_maps", f"{_TARGET}:open_all_maps"
_OWN = DataOption(MapDataConfig, open=_OPEN, open_all=_OPEN_ALL, reach=f"{_REACH}:own_root")

DATA: Mapping[str, DataOption] = {
    "camvid": DataOption(MapDataConfig, open=_OPEN, open_all=_OPEN_ALL, reach=f"{_REACH}:reach_camvid"),
    "documents": DataOption(
        MapDataConfig,
        open="tlbench.data.formats.documents_maps:open_document_maps",
        without_root="are drawn; a folder of your own is read by data=masks, data=yolo or data=coco",
        deep=False,
        as_stand_in={"data.cache": "memory", "data.test_fraction": "0.2"},
    ),
    "masks": _OWN,
    "coco": _OWN,
    "yolo": _OWN,
}
"""By the name in the config."""


def problems(data: MapDataConfig) -> list[str]:
    """What of data with maps contradicts itself, one line each; for the `problems` of each task that has them."""
    drawn, found = data.name == "documents", []
    for key, value, example in (("label_space", data.label_space, "target"), ("pages", data.pages, 300)):
        if drawn != (value is not None):
            what = f"documents are drawn; give one, such as {example}" if drawn else "only documents have it; use null"
            found.append(f"data.{key}={'null' if value is None else value}: {what}")
    if drawn and data.cache == "none":
        found.append("data.cache=none: documents are drawn, there are no files to decode; use memory")
    if drawn and data.test_fraction is None:
        found.append("data.test_fraction=null: test is carved out here; give a fraction in (0, 1)")
    if data.test_fraction is not None and data.test_fraction + data.val_fraction >= 1:
        found.append(
            f"data.val_fraction={data.val_fraction:g} and data.test_fraction={data.test_fraction:g}: nothing is left "
            "to train on; their sum must be below 1"
        )
    if data.background is not None and data.name in ("masks", "camvid"):
        found.append(
            f"data.background={data.background}: masks say of each pixel what it is; use null, or name the class among "
            "the masks' classes"
        )
    if data.palette is not None and data.name != "masks":
        found.append(f"data.palette={data.palette}: {data.name} says itself what its classes are; use null")
    if data.reduce_zero_label and data.name != "masks":
        found.append(f"data.reduce_zero_label=true: only masks of your own may have it; use false for {data.name}")
    if data.reduce_zero_label and data.palette in TABLES:
        found.append(
            f"data.reduce_zero_label=true: the palette {data.palette} says itself which value is no class; use false"
        )
    return found


ADDED: tuple[Added, ...] = ()
"""Keys that came after the first records."""

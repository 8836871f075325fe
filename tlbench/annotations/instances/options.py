"""The data with instances; nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Mapping

from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.config.added import Added
from tlbench.config.data_option import DataOption
from tlbench.config.drawn import DOCUMENTS, carving_problems, drawn_problems

_REACH = "tlbench.annotations.instances.reach"
_TARGET = "tlbench.annotations.instances.target"
_OPEN, _OPEN_ALL = f"{_TARGET}:open_boxes", f"{_TARGET}:open_all_boxes"

DATA: Mapping[str, DataOption] = {
    "signature": DataOption(InstanceDataConfig, open=_OPEN, open_all=_OPEN_ALL, reach=f"{_REACH}:reach_signature"),
    "documents": DataOption(
        InstanceDataConfig,
        open="tlbench.data.formats.documents_boxes:open_documents",
        without_root="are drawn; a folder of your own is read by data=yolo or data=coco",
        deep=False,
        as_stand_in={
            "data.split": "official",
            "data.cache": "memory",
            "data.test_fraction": "0.2",
            "data.group": "null",
        },
    ),
    "yolo": DataOption(InstanceDataConfig, open=_OPEN, open_all=_OPEN_ALL, reach=f"{_REACH}:own_root"),
    "coco": DataOption(InstanceDataConfig, open=_OPEN, open_all=_OPEN_ALL, reach=f"{_REACH}:own_root"),
    "box_module": DataOption(
        InstanceDataConfig,
        open="tlbench.annotations.instances.by_code:open_by_code",
        without_root="are what data.import_path gives; give a folder to it in data.arguments",
        by_code=True,
    ),
}
"""By the name in the config."""


def problems(data: InstanceDataConfig) -> list[str]:
    """What of data with boxes contradicts itself, one line each; for the `problems` of each task that has them."""
    drawn, found = data.name == DOCUMENTS, drawn_problems(data)
    if data.split == "blocked" and data.name in (DOCUMENTS, "coco"):
        found.append(f"data.split=blocked: {data.name} has no frames of videos; use official")
    return [*found, *carving_problems(data, always_carved=drawn or data.split == "blocked")]


ADDED: tuple[Added, ...] = (Added("data.antialias", True),)
"""Keys that came while the record's format was 1."""

"""The data with one label an image; nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Mapping

from tlbench.annotations.labels.config import OWN_SIDES, LabelDataConfig
from tlbench.config.added import Added
from tlbench.config.data_option import DataOption

_REACH = "tlbench.annotations.labels.reach"
_FILES = DataOption(
    LabelDataConfig,
    open="tlbench.annotations.labels.target:open_image_files",
    open_all="tlbench.annotations.labels.target:open_all_files",
    reach=f"{_REACH}:own_root",
    own=True,
)

DATA: Mapping[str, DataOption] = {
    "cifar10": DataOption(
        LabelDataConfig,
        open="tlbench.data.formats.cifar10.target:open_cifar10",
        reach=f"{_REACH}:reach_cifar10",
        deep=False,
    ),
    "digits": DataOption(
        LabelDataConfig,
        open="tlbench.data.formats.digits:open_digits",
        reach=f"{_REACH}:reach_digits",
        without_root="come with scikit-learn; a folder of your own is read by data=image_folder, a table by "
        "data=image_csv",
        deep=False,
        as_stand_in={
            "data.shots": "null",
            "data.stored_size": "null",
            "data.group": "null",
        },  # they are too few for 1,000 a class
    ),
    "image_folder": _FILES,
    "image_csv": _FILES,
    "module": DataOption(
        LabelDataConfig,
        open="tlbench.annotations.labels.by_code:open_by_code",
        without_root="are what data.import_path gives; give a folder to it in data.arguments",
        by_code=True,
    ),
}
"""By the name in the config."""


def problems(data: LabelDataConfig) -> list[str]:
    """What of data with labels contradicts itself, one line each; for the `problems` of each task that has them."""
    found = []
    if data.stored_size is not None and data.name in OWN_SIDES:
        found.append(f"data.stored_size={data.stored_size}: {data.name} keeps its images as they are; use null")
    if data.shots is not None and data.fraction < 1:
        found.append(
            f"data.shots={data.shots} and data.fraction={data.fraction}: both choose the training images; give "
            "data.shots=null or data.fraction=1.0"
        )
    return found


ADDED: tuple[Added, ...] = (
    Added("data.fit", "crop"),
    Added("data.stored_size", None),
    Added("augmentation.resized_crop", None),
    Added("augmentation.rand_augment", None),
    Added("augmentation.mixup", 0.0),
    Added("augmentation.cutmix", 0.0),
)
"""Keys that came while the record's format was 1."""

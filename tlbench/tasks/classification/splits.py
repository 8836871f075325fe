"""The images to evaluate on, under the run's classes, in batches."""

from __future__ import annotations

from collections.abc import Sequence

from tlbench.annotations.labels.carve import choose_classes
from tlbench.annotations.labels.config import LabelDataConfig
from tlbench.annotations.labels.image_files import list_files
from tlbench.annotations.labels.images import Images
from tlbench.annotations.labels.reach import own_root
from tlbench.annotations.labels.reading import read_listings
from tlbench.config import TrainConfig
from tlbench.data.decode import WHOLE_FILES, Decoding
from tlbench.data.open import open_target
from tlbench.data.pixel_range import ALL, origin_of, tell_ranges
from tlbench.system.voice import PRINTING, Voice
from tlbench.tools.classes import check_classes

Parts = tuple[Images, ...]
"""Images of one or several splits, evaluated one after another."""


def open_split(
    config: TrainConfig,
    split: str,
    class_names: Sequence[str],
    how: Decoding = WHOLE_FILES,
    voice: Voice = PRINTING,
) -> Parts:
    """The images of a split, never augmented.

    Args:
        config: Its data and its split seed are used.
        split: `train` (as subset by `data.fraction` or `data.shots`), `val`, `test`, or `all`: every image there is,
            nothing carved out.
        class_names: The run's classes, whose order numbers the labels.
        how: As the run decodes its files.
        voice: Speaks to the user.

    Raises:
        DataError: As `open_target`; or the classes are not the run's.
    """
    data = config.data
    assert isinstance(data, LabelDataConfig)
    if split == "all" and data.name in ("image_folder", "image_csv"):
        listed = list_files(own_root(data), data, voice)
        read = read_listings(listed.parts, data, voice, how)
        tell_ranges(read.ranges, origin_of(data, how), {ALL: read.facts}, voice)
        found = tuple(read.parts.values())
        if data.classes is not None:
            found = tuple(choose_classes(images, data.classes) for images in found)
    else:
        whole = data.model_copy(update={"fraction": 1.0, "shots": None}) if split == "all" else data
        splits = open_target(whole, config.seeds.split, voice, how).splits
        found = tuple(splits[part] for part in (("train", "val", "test") if split == "all" else (split,)))
    check_classes(found[0].class_names, class_names)
    if found[0].class_names == tuple(class_names):
        return found
    return tuple(choose_classes(images, list(class_names)) for images in found)

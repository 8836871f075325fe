"""Images with boxes to evaluate on, under the run's classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.annotations.instances.images import BoxSplit
from tlbench.annotations.instances.target import open_uncarved
from tlbench.config import TrainConfig
from tlbench.data.carve_options import class_numbers
from tlbench.data.decode import WHOLE_FILES, Decoding
from tlbench.data.open import open_target
from tlbench.system.voice import PRINTING, Voice
from tlbench.tools.classes import check_classes

BoxParts = tuple[BoxSplit, ...]
"""Images of one or several splits, evaluated one after another."""


def open_box_split(
    config: TrainConfig,
    split: str,
    class_names: Sequence[str],
    how: Decoding = WHOLE_FILES,
    voice: Voice = PRINTING,
) -> BoxParts:
    """The images of a split, never augmented.

    Args:
        config: Its data and its split seed are used.
        split: `train` (as subset by `data.fraction`), `val`, `test`, or `all`: every image there is, nothing
            carved out.
        class_names: The run's classes, whose order numbers the labels.
        how: As the run decodes its files.
        voice: Speaks to the user.

    Raises:
        DataError: As `open_target`; or the classes are not the run's.
    """
    data = config.data
    assert isinstance(data, InstanceDataConfig)
    if split != "all":
        found: BoxParts = (open_target(data, config.seeds.split, voice, how).splits[split],)
    elif data.name == "documents":
        whole = data.model_copy(update={"fraction": 1.0})
        found = tuple(open_target(whole, config.seeds.split, voice).splits.values())
    else:
        found = tuple(open_uncarved(data, how, voice).values())
    check_classes(found[0].class_names, class_names)
    return tuple(_renumbered(images, class_names) for images in found)


def _renumbered(images: BoxSplit, class_names: Sequence[str]) -> BoxSplit:
    """The same images with their classes, equal but for the order, in the order given."""
    if images.class_names == tuple(class_names):
        return images
    numbers = class_numbers(images.class_names, class_names)
    crowds = None if images.crowds is None else images.crowds.renumbered(numbers)
    return replace(images, labels=numbers[images.labels], class_names=tuple(class_names), crowds=crowds)

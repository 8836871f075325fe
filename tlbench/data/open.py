"""The target, found and opened by its name in the config; nothing heavy is imported before it is opened."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tlbench.config import DataConfig, TrainConfig
from tlbench.data.classes import check_classes
from tlbench.errors import DataError
from tlbench.system.voice import PRINTING, Voice
from tlbench.tasks.registry import data_option

if TYPE_CHECKING:
    from tlbench.data.decode import Decoding
    from tlbench.data.samples import Samples
    from tlbench.data.target import Target


def open_target(data: DataConfig, split_seed: int, voice: Voice = PRINTING, how: Decoding | None = None) -> Target[Any]:
    """Find images with their annotations, decide which are train, val and test, and decode them or only look at them.

    Args:
        data: The target's config; `fraction` and the like apply to training images only.
        split_seed: Seed of the splits and of the subset.
        voice: Speaks to the user.
        how: As a run decodes its files; None: as the config says, and the ranges of pixel values are found.

    Raises:
        ConfigError: `data.test_fraction` does not fit the data set.
        DataError: No copy, a broken copy, annotations at fault, unreadable files, too few images of a class, or pixel
            values whose range cannot be found.
    """
    ensure_reachable(data)
    target: Target[Any] = _imported(data_option(data).open)(data, split_seed, voice, how)
    return target


def open_split(
    config: TrainConfig, split: str, class_names: Sequence[str], how: Decoding, voice: Voice = PRINTING
) -> tuple[Samples[Any], ...]:
    """The images of a split under the classes of a run, never augmented.

    Args:
        config: Its data and its split seed are used.
        split: `train` (as subset by `data.fraction` or the like), `val`, `test`, or `all`: every image there is,
            nothing carved out.
        class_names: The run's classes, whose order numbers the labels.
        how: As the run decodes its files.
        voice: Speaks to the user.

    Returns:
        One part; of `all` perhaps several.

    Raises:
        ConfigError, DataError: As `open_target`; or the classes are not the run's.
    """
    data, option, seed = config.data, data_option(config.data), config.seeds.split
    found: tuple[Samples[Any], ...]
    if split != "all":
        found = (open_target(data, seed, voice, how).splits[split],)
    elif option.open_all is None:
        splits = open_target(data.untrimmed(), seed, voice, how).splits
        found = tuple(splits[part] for part in ("train", "val", "test"))
    else:
        ensure_reachable(data)
        found = _imported(option.open_all)(data, how, voice)
    check_classes(found[0].class_names, class_names)
    wanted = tuple(class_names)
    return tuple(part if part.class_names == wanted else part.chosen(wanted) for part in found)


def ensure_reachable(data: DataConfig) -> None:
    """Return where the data are here, or once they are downloaded; imports nothing heavy unless it downloads.

    Raises:
        ConfigError: `data.test_fraction` does not fit the data set.
        DataError: `data.root` is missing, not there, or ignored by these data; `unreachable=True` where there is no
            copy and the download fails.
    """
    option = data_option(data)
    if option.without_root is not None and data.root is not None:
        raise DataError(f"data.root={data.root!r}: {data.name} {option.without_root}; or use null")
    if option.reach is not None:
        _imported(option.reach)(data)


def _imported(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)

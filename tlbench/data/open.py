"""The target, found and opened by its name in the config; nothing heavy is imported before it is opened."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tlbench.config import DataConfig
from tlbench.errors import DataError
from tlbench.system.voice import PRINTING, Voice
from tlbench.tasks.registry import data_option

if TYPE_CHECKING:
    from tlbench.data.decode import Decoding
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

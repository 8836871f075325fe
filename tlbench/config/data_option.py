"""What `data=NAME` may name, known before anything heavy is imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tlbench.config.data import DataConfig


@dataclass(frozen=True)
class DataOption:
    """A published data set, or a layout that a user's own data may have.

    Args:
        schema: Its configuration.
        open: `package.module:function` that reads it: `(data, split_seed, voice, how) → Target`.
        open_all: `package.module:function` that reads every image, nothing carved out: `(data, how, voice) → Samples`
            of each part; None: all splits of `open` are every image.
        reach: `package.module:function` that sees to it that it is here: `(data) → None`, light unless it downloads;
            None: it always is.
        without_root: Why there is no `data.root`, for the message where one is given; None: there may be one.
        by_code: Whether `data.import_path` says what they are.
        own: Whether `data.root` says what the data are, not only where they are.
        deep: Whether images may have more than 8 bits; where not, nothing about decoding files decides a result.
        as_stand_in: Key → value: where they stand in for others, what takes back wishes that they cannot meet.
    """

    schema: type[DataConfig]
    open: str
    open_all: str | None = None
    reach: str | None = None
    without_root: str | None = None
    by_code: bool = False
    own: bool = False
    deep: bool = True
    as_stand_in: Mapping[str, str] = field(default_factory=dict)

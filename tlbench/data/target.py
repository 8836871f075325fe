"""The target: a data set with its three splits, opened by its name in the config."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from tlbench.config import DataConfig, DetectionDataConfig, ImageDataConfig
from tlbench.data.inventory import Inventory
from tlbench.errors import ConfigError, DataError

if TYPE_CHECKING:
    from tlbench.data.decode import Decoding
    from tlbench.data.deep import Ranges
    from tlbench.data.facts import ImageFacts
    from tlbench.data.images import Images


class Split(Protocol):
    """What every kind of split has: N samples with labels."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """One name a class, in the order of the labels."""

    def __len__(self) -> int:
        """N."""

    def fingerprint(self) -> str:
        """SHA-256 (hex) over images, labels and class names."""


S_co = TypeVar("S_co", bound=Split, covariant=True)


@dataclass(frozen=True, eq=False)
class Target(Generic[S_co]):
    """A data set and its three splits.

    Args:
        name: As in the config.
        splits: `train` (after `data.fraction` or `data.shots`), `val` and `test`.
        split_rule: How the splits came about (official or carved out, fractions, seed, counts); JSON types only.
        unreadable: Files left out, with the reason, where `data.max_unreadable` allows it.
        inventory: What became of each file below the root; None where data are not the user's files.
        facts: Split → what its files hold; None where data are not the user's files.
        pixel_ranges: Container → the lowest and the highest value of what has more than 8 bits: black and white.
        unlabelled: Names of images that no label file and no entry of annotations belongs to.
    """

    name: str
    splits: Mapping[str, S_co]
    split_rule: Mapping[str, Any]
    unreadable: Mapping[str, str] = field(default_factory=dict)
    inventory: Inventory | None = None
    facts: Mapping[str, ImageFacts] | None = None
    pixel_ranges: Ranges = field(default_factory=dict)
    unlabelled: frozenset[str] = frozenset()

    @property
    def class_names(self) -> tuple[str, ...]:
        """One name a class, in the order of the labels."""
        return self.splits["train"].class_names


def open_target(
    data: ImageDataConfig,
    split_seed: int,
    say: Callable[[str], None] = print,
    warn: Callable[[str], None] = print,
    how: Decoding | None = None,
) -> Target[Images]:
    """Find and decode images with one label each, and decide which images are train, val and test.

    Args:
        data: The target's config; `fraction` and `shots` apply to training images only.
        split_seed: Seed of the splits and of the subset.
        say: Shows the user a line.
        warn: Shows the user a warning.
        how: As a run decodes its files; None: as the config says, and the ranges of pixel values are found.

    Raises:
        ConfigError: `data.test_fraction` does not fit the data set.
        DataError: No copy, a broken copy, unreadable files, too few images of a class, or pixel values whose range
            cannot be found.
    """
    _check_test_fraction(data)
    if data.name == "cifar10":
        from tlbench.data.formats.cifar10.target import open_cifar10

        return open_cifar10(data, split_seed, say, warn)
    if data.name == "digits":
        from tlbench.data.formats.digits import open_digits

        return open_digits(data, split_seed)
    from tlbench.data.image_files import open_image_files

    return open_image_files(data, split_seed, say, warn, how)


def ensure_reachable(data: DataConfig) -> None:
    """Return where the data are here, or once they are downloaded; imports nothing heavy unless it downloads.

    Raises:
        ConfigError: `data.test_fraction` does not fit the data set, or `data.root` is missing.
        DataError: `unreachable=True` where there is no copy and the download fails.
    """
    _check_root(data)
    if isinstance(data, DetectionDataConfig):
        from tlbench.annotations.instances.root import ensure_detection_root

        ensure_detection_root(data)
        return
    assert isinstance(data, ImageDataConfig)
    _check_test_fraction(data)
    if data.name == "cifar10":
        from tlbench.data.formats.cifar10.copy import ensure_copy

        ensure_copy(data.root)
    elif data.name == "digits":
        if importlib.util.find_spec("sklearn") is None:
            raise DataError(
                "data=digits: they come with scikit-learn, which is not installed; pip install scikit-learn"
            )
    else:
        own_root(data)


_WITHOUT_FILES = {
    "digits": "come with scikit-learn; a folder of your own is read by data=image_folder, a table by data=image_csv",
    "documents": "are drawn; a folder of your own is read by data=yolo or data=coco",
}
"""Data without files → what to say where a folder is given, which would be ignored, and other data be trained on."""


def _check_root(data: DataConfig) -> None:
    why = _WITHOUT_FILES.get(data.name)
    if why and data.root is not None:
        raise DataError(f"data.root={data.root!r}: {data.name} {why}; or use null")


def own_root(data: ImageDataConfig) -> Path:
    """The folder or CSV file of the user's own images.

    Raises:
        DataError: It is not there.
    """
    wanted = "a folder with one folder of images a class" if data.name == "image_folder" else "a CSV file path,label"
    if data.root is None:
        raise DataError(f"data.root=null: data={data.name} needs {wanted}; give data.root=…")
    root = Path(os.path.expanduser(data.root))  # noqa: PTH111 (Path.expanduser raises for an unknown user)
    there = root.is_dir() if data.name == "image_folder" else root.is_file()
    if not there:
        if not root.exists():
            what = "no such folder" if data.name == "image_folder" else "no such file"
        else:
            what = "not a folder" if data.name == "image_folder" else "not a file"
        raise DataError(f"data.root={data.root!r}: {what}; wanted is {wanted}")
    return root


def _check_test_fraction(data: ImageDataConfig) -> None:
    if data.name == "cifar10" and data.test_fraction is not None:
        raise ConfigError(f"data.test_fraction={data.test_fraction}: cifar10 has an official test set; use null")
    if data.name == "digits" and data.test_fraction is None:
        raise ConfigError("data.test_fraction=null: digits have no official test set; give a fraction in (0, 1)")

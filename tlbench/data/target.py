"""The target: a data set with its three splits, opened by its name in the config."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any, Protocol

from tlbench.config import DataConfig
from tlbench.errors import ConfigError, DataError

if TYPE_CHECKING:
    from tlbench.data.images import ImageSet


class Target(Protocol):
    """A data set whose splits are decoded when asked for: test only at the end.

    Attributes:
        name: As in the config.
        class_names: One name a class, in the order of the labels.
        split_rule: How the splits came about (official or carved out, fractions, seed, counts); JSON types only.
    """

    name: str
    class_names: tuple[str, ...]
    split_rule: dict[str, Any]

    def train(self) -> ImageSet:
        """Training images, after `data.fraction` or `data.shots`."""

    def val(self) -> ImageSet:
        """Validation images."""

    def test(self) -> ImageSet:
        """Test images."""


def open_target(data: DataConfig, split_seed: int) -> Target:
    """Find the data and decide which images are train, val and test; decodes little or nothing yet.

    Args:
        data: The target's config; `fraction` and `shots` apply to training images only.
        split_seed: Seed of the splits and of the subset.

    Raises:
        ConfigError: `data.test_fraction` does not fit the data set.
        DataError: No copy, a broken copy, or too few images of a class.
    """
    _check_test_fraction(data)
    if data.name == "cifar10":
        from tlbench.data.cifar10 import Cifar10

        return Cifar10(data, split_seed)
    from tlbench.data.digits import Digits

    return Digits(data, split_seed)


def ensure_reachable(data: DataConfig) -> None:
    """Return where the data are here, or once they are downloaded; imports nothing heavy unless it downloads.

    Raises:
        ConfigError: `data.test_fraction` does not fit the data set.
        DataError: `unreachable=True` where there is no copy and the download fails.
    """
    _check_test_fraction(data)
    if data.name == "cifar10":
        from tlbench.data.cifar10_copy import ensure_copy

        ensure_copy(data.root)
    elif importlib.util.find_spec("sklearn") is None:
        raise DataError("data=digits: they come with scikit-learn, which is not installed; pip install scikit-learn")


def _check_test_fraction(data: DataConfig) -> None:
    if data.name == "cifar10" and data.test_fraction is not None:
        raise ConfigError(f"data.test_fraction={data.test_fraction}: cifar10 has an official test set; use null")
    if data.name == "digits" and data.test_fraction is None:
        raise ConfigError("data.test_fraction=null: digits have no official test set; give a fraction in (0, 1)")

"""Whether data with one label an image are here; nothing heavy is imported unless something is downloaded."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from tlbench.annotations.labels.config import LabelDataConfig
from tlbench.errors import ConfigError, DataError


def reach_cifar10(data: LabelDataConfig) -> None:
    """Return once a copy of CIFAR-10 is here.

    Raises:
        ConfigError: `data.test_fraction` is given.
        DataError: `unreachable=True` where there is no copy and the download fails.
    """
    if data.test_fraction is not None:
        raise ConfigError(f"data.test_fraction={data.test_fraction}: cifar10 has an official test set; use null")
    from tlbench.data.formats.cifar10.copy import ensure_cifar10

    ensure_cifar10(data.root)


def reach_digits(data: LabelDataConfig) -> None:
    """Return if scikit-learn's digits are here.

    Raises:
        ConfigError: `data.test_fraction` is missing.
        DataError: scikit-learn is not installed.
    """
    if data.test_fraction is None and data.folds is None:
        raise ConfigError("data.test_fraction=null: digits have no official test set; give a fraction in (0, 1)")
    if importlib.util.find_spec("sklearn") is None:
        raise DataError("data=digits: they come with scikit-learn, which is not installed; pip install scikit-learn")


def own_root(data: LabelDataConfig) -> Path:
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

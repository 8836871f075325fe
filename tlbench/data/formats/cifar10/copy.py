"""Where a copy of CIFAR-10 is, and how the official one is fetched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tlbench.data.published import PublishedData, ensure_copy
from tlbench.errors import DataError

BATCHES = "cifar-10-batches-py"
BATCH_FILES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta")


@dataclass(frozen=True)
class Copy:
    """Where the images are.

    Args:
        kind: `folder`: `path/{train,test}/<class>/*`; `batches`: `path/cifar-10-batches-py`, the official pickles.
        path: That folder.
    """

    kind: Literal["folder", "batches"]
    path: Path


def ensure_cifar10(root: str | None) -> Copy:
    """A copy in `data.root` (None: in `./data`), fetched where there is none; raises as `ensure_copy`."""
    return ensure_copy(CIFAR10, root)


def _find(folder: Path) -> Copy | None:
    for path in (folder / "cifar10", folder):
        present = [split for split in ("train", "test") if (path / split).is_dir()]
        if len(present) == 2:
            return Copy("folder", path)
        if present and path.name == "cifar10":
            raise DataError(f"{path}: only {present[0]} in it; wanted are train/<class>/* and test/<class>/*")
    complete = all((folder / BATCHES / name).is_file() for name in BATCH_FILES)
    return Copy("batches", folder) if complete else None


CIFAR10 = PublishedData(
    name="cifar10",
    title="CIFAR-10",
    of="CIFAR-10",
    # as in torchvision.datasets.CIFAR10, repeated here because importing torchvision takes seconds
    url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    archive="cifar-10-python.tar.gz",
    known_hash="md5:c58f30108f718f92721af3b95e74349a",
    folder=BATCHES,
    wanted=tuple(f"{BATCHES}/{name}" for name in BATCH_FILES),
    find=_find,
    roots="an existing folder that holds cifar10/{train,test}, or null for ./data",
    mend="remove it, and it is downloaded again",
    otherwise="free space, or name another folder as data.root",
    places="{folder}/cifar10/{{train,test}}, {folder}/{{train,test}}, {copy} or {archive}",
    advice="unpack a folder-per-class copy to {folder}/cifar10/train/<class>/ and {folder}/cifar10/test/<class>/, or "
    "put cifar-10-python.tar.gz at {archive}, or name the folder that has either as data.root",
)

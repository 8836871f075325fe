"""Where data with instances are; imports nothing heavy."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tlbench.errors import DataError

if TYPE_CHECKING:
    from tlbench.annotations.instances.config import InstanceDataConfig
    from tlbench.config import DataConfig

_WANTED = {
    "yolo": "a folder with images/ and labels/, or its data.yaml",
    "coco": "a folder with annotations/instances_train*.json, or with train/_annotations.coco.json, or the JSON file",
}
_FILES = {"yolo": (".yaml", ".yml"), "coco": (".json",)}


def reach_signature(data: InstanceDataConfig) -> None:
    """Return once a copy of Signature is here.

    Raises:
        DataError: `unreachable=True` where there is no copy and the download fails.
    """
    from tlbench.data.formats.signature.copy import ensure_signature

    ensure_signature(data.root)


def own_root(data: DataConfig) -> Path:
    """The folder of the user's own images with boxes, or their `data.yaml`.

    Raises:
        DataError: It is not there.
    """
    wanted = _WANTED[data.name]
    if data.root is None:
        raise DataError(f"data.root=null: data={data.name} needs {wanted}; give data.root=…")
    root = Path(os.path.expanduser(data.root))  # noqa: PTH111 (Path.expanduser raises for an unknown user)
    if not root.exists():
        raise DataError(f"data.root={data.root!r}: no such folder; wanted is {wanted}")
    if root.exists() and not root.is_dir() and not root.is_file():
        raise DataError(f"data.root={data.root!r}: neither a folder nor a regular file; wanted is {wanted}")
    if not root.is_dir() and root.suffix.lower() not in _FILES[data.name]:
        raise DataError(f"data.root={data.root!r}: not a folder; wanted is {wanted}")
    return root

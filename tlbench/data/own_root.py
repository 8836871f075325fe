"""Where a user's own data lie, in layouts that annotations of several kinds have; imports nothing heavy."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tlbench.errors import DataError

if TYPE_CHECKING:
    from tlbench.config import DataConfig


@dataclass(frozen=True)
class Layout:
    """What `data.root` may be.

    Args:
        what: In words.
        files: Endings of a file that may stand for the folder.
    """

    what: str
    files: tuple[str, ...] = ()


YOLO = Layout("a folder with images/ and labels/, or its data.yaml", (".yaml", ".yml"))
COCO = Layout(
    "a folder with annotations/instances_train*.json, or with train/_annotations.coco.json, or the JSON file",
    (".json",),
)


def given_root(data: DataConfig, layout: Layout) -> Path:
    """The folder that `data.root` names, or the file that describes it.

    Raises:
        DataError: It is not there, or is something else.
    """
    if data.root is None:
        raise DataError(f"data.root=null: data={data.name} needs {layout.what}; give data.root=…")
    root = Path(os.path.expanduser(data.root))  # noqa: PTH111 (Path.expanduser raises for an unknown user)
    if not root.exists():
        raise DataError(f"data.root={data.root!r}: no such folder; wanted is {layout.what}")
    if not root.is_dir() and not root.is_file():
        raise DataError(f"data.root={data.root!r}: neither a folder nor a regular file; wanted is {layout.what}")
    if not root.is_dir() and root.suffix.lower() not in layout.files:
        raise DataError(f"data.root={data.root!r}: not a folder; wanted is {layout.what}")
    return root

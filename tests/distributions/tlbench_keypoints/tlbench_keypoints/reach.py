"""Whether data with key points are here; nothing heavy is imported."""

from __future__ import annotations

from pathlib import Path

from tlbench.errors import DataError
from tlbench_keypoints.config import PointDataConfig

_WANTED = "a CSV file with the columns path, NAME_x and NAME_y of each point"


def own_root(data: PointDataConfig) -> Path:
    """The CSV file of the user's own images.

    Raises:
        DataError: It is not there.
    """
    if data.root is None:
        raise DataError(f"data.root=null: data={data.name} needs {_WANTED}; give data.root=…")
    root = Path(data.root).expanduser()
    if not root.is_file():
        what = "not a file" if root.exists() else "no such file"
        raise DataError(f"data.root={data.root!r}: {what}; wanted is {_WANTED}")
    return root

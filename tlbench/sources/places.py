"""The places in which files of weights are looked for. Nothing heavy is imported."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from tlbench.system.regular_file import read_regular

WEIGHTS_FOLDER = "TLBENCH_WEIGHTS"
"""Environment variable: a folder with files of weights."""

PACKAGE_FOLDER = Path(__file__).with_name("weights")
"""The weights that come with tlbench."""


def user_places(*, of_ultralytics: bool = False) -> Iterator[tuple[str, Path | None]]:
    """Where the user's own files lie, in the order of the search: name, and folder (None: not set).

    Args:
        of_ultralytics: Whether also where ultralytics looks for its weights.
    """
    folder = os.getenv(WEIGHTS_FOLDER)
    yield WEIGHTS_FOLDER, expanded(folder) if folder else None
    if of_ultralytics:
        yield "working folder", Path()
        yield from (("ultralytics' weights", place) for place in ultralytics_folders())
    yield "torch hub cache", hub_folder()


def hub_folder() -> Path:
    """Where torch.hub keeps weights, by its rules: $TORCH_HOME, else $XDG_CACHE_HOME/torch, else ~/.cache/torch."""
    cache = os.getenv("XDG_CACHE_HOME", "~/.cache")
    home = os.getenv("TORCH_HOME", os.path.join(cache, "torch"))  # noqa: PTH118 (as torch.hub joins them)
    return expanded(home) / "hub" / "checkpoints"


def ultralytics_folders() -> list[Path]:
    """Where ultralytics keeps weights: `weights_dir` of its settings, and its default, `weights` in the working folder.

    Its settings lie in $YOLO_CONFIG_DIR, else in the system's folder for settings.
    """
    given = os.getenv("YOLO_CONFIG_DIR")
    if given:
        base = expanded(given)
    elif sys.platform == "win32":
        base = expanded("~/AppData/Roaming")
    elif sys.platform == "darwin":
        base = expanded("~/Library/Application Support")
    else:
        base = expanded(os.getenv("XDG_CONFIG_HOME") or "~/.config")
    try:
        settings = json.loads(read_regular(base / "Ultralytics" / "settings.json"))
        folders = [expanded(settings["weights_dir"])]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):  # none there, or not as ultralytics writes them
        folders = []
    return [*folders, Path("weights")] if Path("weights") not in folders else folders


def distribution_file(distribution: str, path: str) -> Path | None:
    """A file of an installed package, found without importing the package; None where the package is not installed.

    Args:
        distribution: The package's name at the registry.
        path: The file, relative to the folder into which packages are installed.
    """
    try:
        return Path(str(metadata.distribution(distribution).locate_file(path)))
    except metadata.PackageNotFoundError:
        return None


def expanded(path: str) -> Path:
    """A path with `~` expanded; that of an unknown user stays as it is."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 (Path.expanduser raises for an unknown user)


def is_file(path: Path) -> bool:
    """Whether a file is there; a folder that may not be entered or a name too long is no file."""
    try:
        return path.is_file()
    except OSError:
        return False

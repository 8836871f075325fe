from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tlbench
from tests.composed import model, source_of
from tlbench.config import SourceConfig
from tlbench.errors import WeightsError
from tlbench.sources import resolve
from tlbench.sources.catalog import find_entry
from tlbench.sources.catalog_entry import CatalogEntry
from tlbench.sources.places import PACKAGE_FOLDER, hub_folder
from tlbench.sources.resolve import find_weights

CONTENT = b"not really weights"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def entry(monkeypatch: pytest.MonkeyPatch) -> CatalogEntry:
    """The imagenet entry, with the hash of CONTENT and an address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/w.pth"
    update = {"url": url, "sha256": hashlib.sha256(CONTENT).hexdigest()[:8]}
    changed = find_entry("imagenet", model()).model_copy(update=update)
    monkeypatch.setattr(resolve, "find_entry", lambda *_: changed)
    return changed


def named(name: str, path: Path | str | None = None) -> SourceConfig:
    return source_of(name, path)


def put(folder: Path, name: str, content: bytes = CONTENT) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


def test_random_needs_no_file() -> None:
    assert find_weights(named("random"), model()) is None


def test_tin200_comes_with_the_package() -> None:
    found = find_weights(named("tin200"), model())
    assert found is not None
    assert (found.path, found.found) == (PACKAGE_FOLDER / "resnet18-tin200.safetensors", "package")


def test_places_are_searched_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: CatalogEntry) -> None:
    monkeypatch.setenv("TLBENCH_WEIGHTS", str(tmp_path / "mine"))
    monkeypatch.setattr(resolve, "PACKAGE_FOLDER", tmp_path / "package")
    for place, folder in [
        ("package", tmp_path / "package"),
        ("torch hub cache", hub_folder()),
        ("TLBENCH_WEIGHTS", tmp_path / "mine"),
    ]:
        file = put(folder, entry.file)
        found = find_weights(named("imagenet"), model())
        assert found is not None
        assert (found.found, found.path) == (place, file)


def test_a_wrong_hash_is_an_error_wherever_the_file_lies(tmp_path: Path, entry: CatalogEntry) -> None:
    file = put(hub_folder(), entry.file, b"another")
    with pytest.raises(WeightsError) as caught:
        find_weights(named("imagenet"), model())
    assert not caught.value.unreachable
    for part in (str(file), entry.sha256, hashlib.sha256(b"another").hexdigest(), "remove the file"):
        assert part in str(caught.value)


def test_an_explicit_path_is_taken_whatever_its_hash(tmp_path: Path, entry: CatalogEntry) -> None:
    put(hub_folder(), entry.file)
    file = put(tmp_path, "mine.pth", b"another")
    found = find_weights(named("imagenet", file), model())
    assert found is not None
    assert (found.path, found.found, found.licence) == (file, "source.path", entry.licence)


def test_a_folder_stands_for_its_file(tmp_path: Path) -> None:
    put(tmp_path, "best.ckpt")
    with pytest.raises(WeightsError, match=r"the folder holds no resnet18-f37072fd\.pth; .*source=checkpoint"):
        find_weights(named("imagenet", tmp_path), model())
    catalogued = put(tmp_path, "resnet18-f37072fd.pth")
    imagenet = find_weights(named("imagenet", tmp_path), model())
    assert imagenet is not None
    assert imagenet.path == catalogued


@pytest.mark.parametrize("name", ["checkpoint", "imagenet", "timm"])
def test_a_missing_path_is_the_users_fault(name: str, tmp_path: Path) -> None:
    path = tmp_path / "gone.pth"
    with pytest.raises(WeightsError, match="no such file or folder") as caught:
        find_weights(named(name, path), model(library="timm"))
    assert not caught.value.unreachable
    assert repr(str(path)) in str(caught.value)


@pytest.mark.promise("unreachable is explained")
def test_a_network_that_refuses_is_unreachable(tmp_path: Path, entry: CatalogEntry) -> None:
    start = time.perf_counter()
    with pytest.raises(WeightsError) as caught:
        find_weights(named("imagenet"), model())
    assert time.perf_counter() - start < 5
    assert caught.value.unreachable
    message = str(caught.value)
    assert "\n" not in message
    for part in ("TLBENCH_WEIGHTS (not set)", str(hub_folder()), str(entry.url), "refused", f"put {entry.file}"):
        assert part in message


def test_an_incomplete_installation_has_no_stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "PACKAGE_FOLDER", tmp_path)
    with pytest.raises(WeightsError, match="missing from this installation") as caught:
        find_weights(named("tin200"), model())
    assert not caught.value.unreachable


def test_torch_is_not_imported_to_find_what_is_here() -> None:
    code = (
        "import sys; from tests.composed import config; from tlbench.sources.resolve import find_weights; "
        "c = config('source=tin200'); assert find_weights(c.source, c.model); "
        "assert 'torch' not in sys.modules and 'timm' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(tlbench.__file__).parents[1])

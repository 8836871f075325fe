"""Every test runs in a folder of its own, with caches of its own, and without a network."""

from __future__ import annotations

import gc
import multiprocessing.process
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.fits import Fit

os.environ.setdefault("OMP_NUM_THREADS", "1")  # there is a test process on each core

LOOPBACK = ("127.", "::1", "localhost")


def isolate(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Make a folder the working folder, with caches and home below it."""
    monkeypatch.chdir(folder)
    for name in ("HOME", "TORCH_HOME", "XDG_CACHE_HOME", "YOLO_CONFIG_DIR"):
        monkeypatch.setenv(name, str(folder / f".{name.lower()}"))
    monkeypatch.delenv("TLBENCH_WEIGHTS", raising=False)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What can be computed again, and the key of the one user that all tests are, lie in a folder for all tests, never
    in the user's; commands inherit it.
    """
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("TLBENCH_CACHE", str(folder))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        monkeypatch.setenv("MPLCONFIGDIR", str(folder / "matplotlib"))  # its list of fonts takes seconds to make
        yield folder


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fast", action="store_true", help="skip what trains, exports, starts a process or is a whole command"
    )


def pytest_collection_finish() -> None:
    """Look for garbage less often, which took a tenth of the time."""
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(scope="session", autouse=True)
def fast(request: pytest.FixtureRequest) -> Iterator[None]:
    """With `--fast`, what comes to train, to export, to start a process or to be a whole command is skipped there."""
    if not request.config.getoption("--fast"):
        yield
        return
    import torch
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from lightning.pytorch import Trainer

    from tests.composed import composing

    def skips(reason: str) -> Callable[..., None]:
        return lambda *_, **__: pytest.skip(f"{reason}: not with --fast")

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(Trainer, "fit", skips("trains"))
        monkeypatch.setattr(subprocess.Popen, "__init__", skips("starts a process"))
        monkeypatch.setattr(multiprocessing.process.BaseProcess, "start", skips("starts a process"))
        monkeypatch.setattr(torch.onnx, "export", skips("exports"))
        compose, whole_command = ConfigLoaderImpl.load_configuration, skips("is a whole command")
        monkeypatch.setattr(
            ConfigLoaderImpl, "load_configuration", lambda *a, **k: (compose if composing else whole_command)(*a, **k)
        )
        yield


@pytest.fixture(scope="session", autouse=True)
def blank_figures() -> Iterator[Callable[..., None]]:
    """Figures have their size and stay white, as drawing a run's takes longer than all else in it; those of a module
    that asks for `drawn_figures` are drawn.
    """
    from matplotlib.figure import Figure

    draw = Figure.draw
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(Figure, "draw", lambda *_, **__: None)
        yield draw


@pytest.fixture(scope="module")
def drawn_figures(blank_figures: Callable[..., None]) -> Iterator[None]:
    """See `blank_figures`."""
    from matplotlib.figure import Figure

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(Figure, "draw", blank_figures)
        yield


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working folder, the caches and the home of the test are empty folders below `tmp_path`."""
    isolate(monkeypatch, tmp_path)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse names and addresses outside this machine, as a machine without network does."""
    resolve, connect = socket.getaddrinfo, socket.socket.connect

    def getaddrinfo(host, *args, **kwargs):
        if host is not None and not str(host).startswith(LOOPBACK):
            raise socket.gaierror(socket.EAI_AGAIN, "no network in tests")
        return resolve(host, *args, **kwargs)

    def guarded(self, address):
        if isinstance(address, tuple) and not str(address[0]).startswith(LOOPBACK):
            raise ConnectionRefusedError(111, "no network in tests")
        return connect(self, address)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def tiny_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """`model=resnet18` builds a network of a few hundred weights."""
    use_tiny_network(monkeypatch)


@pytest.fixture(scope="module")
def final_state() -> Iterator[None]:
    """Complete runs keep their last checkpoint, see `tests.final_state`."""
    from tests.final_state import keep_final_state

    with pytest.MonkeyPatch.context() as monkeypatch:
        keep_final_state(monkeypatch)
        yield


def use_tiny_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """See `tiny_network`; for fixtures of a wider scope."""
    from tests.tiny_network import tiny_network
    from tlbench.networks.build import NETWORKS

    monkeypatch.setitem(NETWORKS, "resnet18", tiny_network)


@pytest.fixture(scope="session")
def fits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Fit]]:
    """ResNet-18 fitted on digits from `tin200` and from `random`; do not write into their folders."""
    from tests.final_state import keep_final_state
    from tests.fits import fit_both

    folder = tmp_path_factory.mktemp("fits")
    with pytest.MonkeyPatch.context() as monkeypatch:
        isolate(monkeypatch, folder)
        keep_final_state(monkeypatch)
        fitted = fit_both(folder)
    yield fitted
    shutil.rmtree(folder)  # some hundred megabytes of checkpoints

"""Every test runs in a folder of its own, with caches of its own, and without a network."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two test processes share two cores

LOOPBACK = ("127.", "::1", "localhost")


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working folder, the caches and the home of the test are empty folders below `tmp_path`."""
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "TORCH_HOME", "XDG_CACHE_HOME", "YOLO_CONFIG_DIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, str(tmp_path / f".{name.lower()}"))
    monkeypatch.delenv("TLBENCH_WEIGHTS", raising=False)


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

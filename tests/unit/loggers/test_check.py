"""What loggers need is found out before anything is loaded; nothing waits for a network that is not there."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.composed import config
from tlbench.errors import ConfigError
from tlbench.loggers import check
from tlbench.loggers.check import check_loggers

ONLINE = "logger.wandb={project: p, mode: online}"
OFFLINE = "logger.wandb={project: p, mode: offline}"


@pytest.fixture(autouse=True)
def no_login(monkeypatch):
    for name in ("API_KEY", "BASE_URL", "IDENTITY_TOKEN_FILE", "CONFIG_DIR"):
        monkeypatch.delenv(f"WANDB_{name}", raising=False)
    for name in ("NETRC", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def listening():
    """The address of something on this machine that accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def asked(monkeypatch):
    """The addresses that are connected to."""
    addresses, connect = [], socket.create_connection

    def spied(address, timeout):
        addresses.append(address)
        return connect(address, timeout)

    monkeypatch.setattr(socket, "create_connection", spied)
    return addresses


def checked(*overrides):
    check_loggers(config(*overrides).logger)


def store(uri):
    return f"logger.mlflow={{experiment: e, tracking_uri: '{uri}'}}"


@pytest.mark.parametrize(("package", "override"), [("wandb", OFFLINE), ("mlflow", store("file:x"))])
def test_a_package_that_is_not_installed(monkeypatch, package, override):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == package else find(name, *a))
    with pytest.raises(ConfigError, match=rf"logger\.{package}: .*pip install 'tlbench\[{package}\]'"):
        checked(override)


def test_online_without_a_key():
    with pytest.raises(ConfigError, match=r"no API key for api\.wandb\.ai; .*logger\.wandb\.mode=offline"):
        checked(ONLINE)


def test_offline_needs_neither_key_nor_network(asked):
    checked(OFFLINE)
    assert asked == []


@pytest.mark.slow
def test_online_without_a_network(monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    with pytest.raises(ConfigError, match=r"api\.wandb\.ai does not answer .*logger\.wandb\.mode=offline"):
        checked(ONLINE)


def test_a_server_that_never_answers_is_not_waited_for(monkeypatch):
    asked = []

    def connect(address, timeout):
        asked.append((address, timeout))
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    with pytest.raises(ConfigError, match="timed out"):
        checked(ONLINE)
    assert asked == [(("api.wandb.ai", 443), check.ANSWERS_WITHIN_S)]
    assert check.ANSWERS_WITHIN_S <= 10


def test_a_login_in_netrc_and_a_server_of_ones_own(monkeypatch, tmp_path, listening):
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path))
    (tmp_path / "settings").write_text(f"[default]\nbase_url = {listening}\n")
    with pytest.raises(ConfigError, match=r"no API key for 127\.0\.0\.1"):
        checked(ONLINE)
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password secret\n")
    checked(ONLINE)


def test_through_a_proxy(monkeypatch, listening, asked):
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setenv("https_proxy", listening)
    checked(ONLINE)
    assert [f"http://{host}:{port}" for host, port in asked] == [listening]


def test_an_mlflow_server(listening):
    checked(store(listening))
    with pytest.raises(ConfigError, match=r"tracking_uri=.http://127\.0\.0\.1:9.: no MLflow server answers there"):
        checked(store("http://127.0.0.1:9"))
    with pytest.raises(ConfigError, match="no MLflow server answers"):
        checked(store("http://127.0.0.1:port"))


def test_a_local_store_is_not_looked_for(asked):
    checked(store("file:nowhere/mlruns"))
    assert asked == []
    assert not Path("nowhere").exists()


def test_nothing_heavy_is_imported():
    heavy = ("torch", "lightning", "wandb", "mlflow")
    script = f"import sys, tlbench.loggers.check; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"

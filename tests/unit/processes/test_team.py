"""The first process of a run, with the others drawn as small programs or as threads of the test."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest
from torch.distributed import TCPStore

from tests.composed import config
from tlbench.errors import ConfigError, DataError
from tlbench.processes import team as team_module
from tlbench.processes.rank import STORE_PORT
from tlbench.processes.store import LOOPBACK, await_order, dismiss, tell
from tlbench.processes.team import ProcessLost, Team

TWO = ("trainer=ddp", "trainer.accelerator=cpu")
STAYS, FAILS = "import sys; sys.stdin.read()", "import sys; sys.exit(3)"
BROKEN = RuntimeError("[gloo/transport/tcp/pair.cc:538] Connection closed by peer [127.0.0.1]:4711")


@pytest.fixture(autouse=True)
def launched_by_nobody(monkeypatch):
    for name in ("TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT", STORE_PORT, "RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    monkeypatch.setattr(team_module, "_TELLS_WITHIN_S", 0.2)


@contextmanager
def as_second(monkeypatch, port):
    with monkeypatch.context() as patch:
        patch.setenv(STORE_PORT, str(port))
        patch.setenv("RANK", "1")
        yield


def drawn(monkeypatch, tmp_path, program, ready=True):
    """A first process whose other is the program; whether it says that it is ready."""
    children = []

    def start(self, rank, port):
        if ready:
            TCPStore(LOOPBACK, port, is_master=False).set(f"ready/{rank}", "")
        children.append(subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE))
        self.port = port
        return children[-1]

    monkeypatch.setattr(Team, "_start", start)
    return Team(config(*TWO), tmp_path), children


def test_one_process_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", None)
    team = Team(config(), tmp_path)
    assert not team.starts_its_processes
    team.assemble()
    team.connect("gloo")
    assert team.cause(BROKEN) is BROKEN
    team.leave(orderly=True)


def test_torchrun_must_have_started_as_many_processes_as_devices_are_wanted(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "drawn")
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(ConfigError, match=r"trainer\.devices=2: torchrun started 4 processes; use trainer\.devices=4"):
        Team(config(*TWO), tmp_path)
    with pytest.raises(ConfigError, match=r"trainer\.devices=1"):
        Team(config(), tmp_path)
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert not Team(config(*TWO), tmp_path).starts_its_processes


def test_a_process_that_ends_before_it_is_ready_is_not_waited_for(tmp_path, monkeypatch):
    team, _ = drawn(monkeypatch, tmp_path, FAILS, ready=False)
    with pytest.raises(ProcessLost, match="process 1 ended with exit code 3"):
        team.assemble()
    team.leave(orderly=False)


def test_what_another_process_told_is_the_cause_of_a_broken_connection(tmp_path, monkeypatch):
    team, children = drawn(monkeypatch, tmp_path, STAYS)
    team.assemble()
    (child,) = children
    assert team.cause(BROKEN) is BROKEN
    with as_second(monkeypatch, team.port):
        assert tell("MemoryError: drawn")
    assert str(team.cause(BROKEN)) == "process 1 failed: MemoryError: drawn"
    for own in (DataError("connection closed by peer"), ValueError("of its own")):
        assert team.cause(own) is own
    team.leave(orderly=False)
    assert child.returncode == -9
    assert child.stdin.closed


def test_who_waits_for_ever_for_a_failed_process_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(team_module, "_NOTICES_WITHIN_S", 0.0)
    codes, ended, losses = [], threading.Event(), []

    def end(code):
        codes.append(code)
        ended.set()

    monkeypatch.setattr(team_module.os, "_exit", end)
    team, _ = drawn(monkeypatch, tmp_path, FAILS)
    team.on_loss = losses.append
    team.assemble()
    assert ended.wait(20)
    team.leave(orderly=False)
    assert codes[0] == 1
    assert losses[0] == "process 1 ended with exit code 3"


def test_a_process_that_ends_in_order_is_no_loss(tmp_path, monkeypatch):
    team, _ = drawn(monkeypatch, tmp_path, "")
    losses = []
    team.on_loss = losses.append
    team.assemble()
    team.leave(orderly=True)
    assert team.cause(BROKEN) is BROKEN
    assert losses == []


@pytest.fixture
def torchrun(monkeypatch):
    store = TCPStore(LOOPBACK, 0, is_master=True, wait_for_workers=False)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "drawn")
    monkeypatch.setenv("MASTER_ADDR", LOOPBACK)
    monkeypatch.setenv("MASTER_PORT", str(store.port))
    monkeypatch.setenv("WORLD_SIZE", "2")
    return store


@pytest.mark.usefixtures("torchrun")
def test_those_that_torchrun_started_wait_for_the_first_ones_word(tmp_path, monkeypatch):
    wanted = config(*TWO, "seed=3")
    first = threading.Thread(target=Team(wanted, tmp_path / "run").assemble, daemon=True)
    first.start()
    assert await_order() == (wanted.model_dump(mode="json"), tmp_path / "run")
    monkeypatch.setenv("RANK", "1")
    Team(wanted, tmp_path / "run").assemble()
    first.join(20)
    assert not first.is_alive()
    dismiss()
    assert await_order() is not None  # it was called for already
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    dismiss()
    assert await_order() is None  # torchrun's next attempt begins anew

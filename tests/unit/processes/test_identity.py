"""Whether a process lives, where the system says less than Linux does."""

from __future__ import annotations

import os
import subprocess

import pytest

from tlbench.processes import identity
from tlbench.processes.identity import ProcessIdentity


@pytest.fixture
def gone() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.fixture
def without_proc(monkeypatch):
    monkeypatch.setattr(identity, "_read", lambda _: None)
    monkeypatch.setattr(identity, "_stat", lambda _: (None, None))
    monkeypatch.setattr(identity.Path, "readlink", lambda _: (_ for _ in ()).throw(FileNotFoundError()))


@pytest.mark.usefixtures("without_proc")
def test_without_proc_only_its_absence_is_certain(gone):
    own = ProcessIdentity.own()
    assert (own.boot, own.namespace, own.started) == (None, None, None)
    assert own.lives() is None  # it may be another of this id
    assert own.model_copy(update={"pid": gone}).lives() is False
    assert own.model_copy(update={"pid": gone, "host": "elsewhere"}).lives() is None


def test_a_process_that_proc_hides_may_live(monkeypatch, gone):
    """As one of another user, where /proc is mounted so."""
    own = ProcessIdentity.own()
    monkeypatch.setattr(identity, "_stat", lambda _: (None, None))

    def refuse(pid: int, _: int) -> None:
        raise ProcessLookupError if pid == gone else PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    assert own.lives() is None
    assert own.model_copy(update={"pid": gone}).lives() is False


def test_names_of_machines_are_not_all_that_tells_them_apart(monkeypatch):
    own = ProcessIdentity.own().model_copy(update={"boot": "a"})
    assert own.model_copy(update={"boot": "b"}).lives() is False  # this machine was started anew
    assert own.model_copy(update={"boot": "b", "machine": "other"}).lives() is None

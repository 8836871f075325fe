"""The command of a process of tlbench's own, with a working folder full of modules that leave a trace when they run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.own_code import TRACE
from tlbench.processes.child import command_of
from tlbench.system import search_path
from tlbench.system.search_path import add_working_folder

SHOW = "import sys; print(__name__, sys.argv[1:], sys.path)\n"


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`shown.inner` where modules are installed; `runpy` and `os` in the working folder, which Python needs at once."""
    installed = tmp_path / "installed"
    (installed / "shown").mkdir(parents=True)
    (installed / "shown" / "inner.py").write_text(SHOW)
    monkeypatch.setenv("PYTHONPATH", str(installed))
    here = tmp_path / "here"
    here.mkdir()
    for name in ("runpy", "os", "encodings", "shown"):
        (here / f"{name}.py").write_text(TRACE.format(trace=str(tmp_path / "RAN")))
    monkeypatch.chdir(here)
    monkeypatch.setattr(search_path, "_added", set())
    return installed


def run(*arguments: str) -> str:
    command = command_of("shown.inner", *arguments)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.promise("children of console scripts")
def test_the_child_of_a_console_script_never_looks_into_the_working_folder(packages, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "path", [str(packages), *(place for place in sys.path if place)])
    out = run("seed=0", "a b", "-m")
    assert out.startswith("__main__ ['seed=0', 'a b', '-m'] ")
    assert str(tmp_path / "here") not in out
    assert "''" not in out
    assert not (tmp_path / "RAN").exists()
    assert "shown.inner" in " ".join(command_of("shown.inner"))


def test_not_even_after_consent_to_a_module_in_it(packages, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "path", [str(packages), *(place for place in sys.path if place)])
    add_working_folder()
    assert sys.path[0] == str(tmp_path / "here")
    run()
    assert not (tmp_path / "RAN").exists()


def test_the_child_of_python_m_looks_there_as_its_parent_does(packages, monkeypatch) -> None:
    for place in ("", str(Path.cwd())):
        monkeypatch.setattr(sys, "path", [place, *sys.path])
        assert command_of("tlbench.train", "a=b") == [sys.executable, "-m", "tlbench.train", "a=b"]

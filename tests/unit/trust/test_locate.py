from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.own_code import TRACE
from tlbench.trust.locate import locate, origin


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Modules that leave a trace when they run, in the working folder, which is not on Python's search path."""
    trace = tmp_path / "RAN"
    for name in ("plain.py", "pkg/__init__.py", "pkg/inner/__init__.py", "pkg/inner/nets.py", "space/a/nets.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(TRACE.format(trace=str(trace)))
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    return trace


@pytest.mark.parametrize(
    ("module", "file"),
    [
        ("plain", "plain.py"),
        ("pkg", "pkg/__init__.py"),
        ("pkg.inner", "pkg/inner/__init__.py"),
        ("pkg.inner.nets", "pkg/inner/nets.py"),
        ("space.a.nets", "space/a/nets.py"),
        ("space", None),
        ("plain.nets", None),
        ("pkg.absent", None),
        ("absent.nets", None),
        ("hubconf.py", None),
        ("", None),
        ("pkg..nets", None),
    ],
)
def test_a_file_is_found_and_nothing_runs(tmp_path, modules, module, file) -> None:
    before = set(sys.modules)
    assert locate(module) == (None if file is None else tmp_path / file)
    assert not modules.exists()
    assert set(sys.modules) == before
    assert str(tmp_path) not in sys.path


def test_what_is_installed_or_imported_is_where_it_is(tmp_path) -> None:
    assert locate("os") == Path(os.__file__)
    hub = locate("torch.hub")
    assert hub is not None
    assert hub.parts[-2:] == ("torch", "hub.py")
    assert origin("sys") == "built in"
    assert origin("space") == f"folder {tmp_path / 'space'}"


def test_the_working_folder_comes_first_as_it_does_when_it_is_imported(tmp_path, monkeypatch) -> None:
    other = tmp_path / "earlier"
    other.mkdir()
    (other / "plain.py").write_text("")
    monkeypatch.syspath_prepend(str(other))
    assert locate("plain") == tmp_path / "plain.py"
    monkeypatch.setattr(sys, "path", [str(other), str(tmp_path), *sys.path])
    assert locate("plain") == other / "plain.py"

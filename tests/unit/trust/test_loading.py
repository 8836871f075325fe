"""Which files run, and which are noted; modules of the working folder, not on Python's search path at the start."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import marshal
import sys
from importlib.machinery import SourceFileLoader, SourcelessFileLoader
from pathlib import Path

import pytest

from tests.own_code import HELPER, NETS, TRACE, forget, write_nets
from tlbench.system.search_path import add_working_folder
from tlbench.trust.loading import NotKnown, guarding, noting
from tlbench.trust.names import CodeName

NAMES = [CodeName("model", "sent_nets:Small")]


def sha256(text: str | bytes) -> str:
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


KNOWN = {"sent_helper": sha256(HELPER), "sent_nets": sha256(NETS)}


@pytest.fixture(autouse=True)
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_nets(tmp_path)
    forget(monkeypatch)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])


def load(module: str = "sent_nets") -> None:
    add_working_folder()
    importlib.import_module(module)


def test_the_module_and_what_it_imports_are_noted() -> None:
    with noting(NAMES) as files:
        load()
    assert files == KNOWN
    assert list(files) == sorted(files)
    assert vars(SourceFileLoader).get("get_code") is None  # as it was
    assert "get_code" in vars(SourcelessFileLoader)


def test_so_they_are_where_they_were_imported_before(tmp_path) -> None:
    load()
    with noting(NAMES) as files:
        pass
    assert files == KNOWN
    (tmp_path / "sent_nets.py").write_text("changed since")
    (tmp_path / "sent_helper.py").write_text("changed since")
    with noting(NAMES) as files:
        pass
    assert files == {name: sha256("changed since") for name in KNOWN}


def test_and_where_this_process_noted_them_earlier_it_is_as_what_ran(tmp_path) -> None:
    with noting(NAMES):
        load()
    (tmp_path / "sent_nets.py").write_text("changed since")
    with noting(NAMES) as files:
        pass
    assert files == KNOWN


def test_nothing_is_noted_where_nothing_is_named() -> None:
    with noting([]) as files:
        load()
    assert files == {}


def test_packages_and_namespaces(tmp_path) -> None:
    for package, init in (("sent_pkg", "x = 1\n"), ("sent_space", None)):
        (tmp_path / package).mkdir()
        (tmp_path / package / "nets.py").write_text("import sent_helper\n")
        if init is not None:
            (tmp_path / package / "__init__.py").write_text(init)
    with noting([CodeName("model", "sent_pkg.nets:x"), CodeName("loss", "sent_space.nets:x")]) as files:
        load("sent_pkg.nets")
        load("sent_space.nets")
    nets = sha256("import sent_helper\n")
    assert files == {
        "sent_helper": sha256(HELPER),
        "sent_pkg": sha256("x = 1\n"),
        "sent_pkg.nets": nets,
        "sent_space.nets": nets,
    }


def test_known_files_may_run() -> None:
    with guarding(NAMES, KNOWN) as refused:
        load()
    assert refused == []
    assert "sent_nets" in sys.modules


def test_the_working_folder_is_searched_no_longer_than_they_are_guarded() -> None:
    before = list(sys.path)
    with guarding(NAMES, KNOWN):
        load()
        assert str(Path.cwd()) in sys.path
    assert sys.path == before


def traced(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + TRACE.format(trace=str(Path.cwd() / "RAN")))
    return path


@pytest.mark.parametrize("module", ["sent_nets", "sent_helper"])
def test_a_file_that_changed_does_not_run(module, tmp_path) -> None:
    file = traced(tmp_path / f"{module}.py", NETS if module == "sent_nets" else HELPER)
    with guarding(NAMES, KNOWN) as refused, pytest.raises(NotKnown):
        load()
    assert refused == [str(file)]
    assert not Path("RAN").exists()


def test_another_module_of_that_name_earlier_in_the_search_path(tmp_path, monkeypatch) -> None:
    file = traced(tmp_path / "earlier" / "sent_nets.py")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "earlier"), str(tmp_path), *sys.path])
    with guarding(NAMES, KNOWN) as refused, pytest.raises(NotKnown):
        load()
    assert refused == [str(file)]
    assert not Path("RAN").exists()


def test_a_module_that_was_not_there_before_does_not_run_even_if_it_can_be_done_without(tmp_path) -> None:
    text = "try:\n    import sent_optional\nexcept ImportError:\n    pass\n"
    (tmp_path / "sent_nets.py").write_text(text)
    file = traced(tmp_path / "sent_optional.py")
    with guarding(NAMES, {"sent_nets": sha256(text)}) as refused:
        load()
    assert refused == [str(file)]
    assert not Path("RAN").exists()


def test_a_package_that_hides_an_installed_one(tmp_path, monkeypatch) -> None:
    (tmp_path / "sent_nets.py").write_text("import tabnanny\n")
    file = traced(tmp_path / "tabnanny" / "__init__.py")
    monkeypatch.delitem(sys.modules, "tabnanny", raising=False)
    with guarding(NAMES, {"sent_nets": sha256("import tabnanny\n")}) as refused, pytest.raises(NotKnown):
        load()
    assert refused == [str(file)]
    assert not Path("RAN").exists()


def _compiled(tmp_path: Path) -> bytes:
    """Byte code of other source, marked as not to be compared with any source."""
    code = compile(TRACE.format(trace=str(tmp_path / "RAN")) + HELPER, "sent_helper.py", "exec")
    return importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + b"\0" * 8 + marshal.dumps(code)


@pytest.mark.promise("byte code")
def test_byte_code_beside_a_known_file_does_not_run(tmp_path) -> None:
    cached = Path(importlib.util.cache_from_source(str(tmp_path / "sent_helper.py")))
    cached.parent.mkdir(exist_ok=True)
    cached.write_bytes(_compiled(tmp_path))
    with guarding(NAMES, KNOWN) as refused:
        load()
    assert refused == []
    assert not Path("RAN").exists()
    sys.modules.pop("sent_helper")
    load("sent_helper")  # unguarded, it runs
    assert Path("RAN").exists()


def test_byte_code_without_source_is_a_file_like_others(tmp_path) -> None:
    (tmp_path / "sent_helper.py").unlink()
    file = tmp_path / "sent_helper.pyc"
    file.write_bytes(_compiled(tmp_path))
    with guarding(NAMES, KNOWN) as refused, pytest.raises(NotKnown):
        load()
    assert refused == [str(file)]
    assert not Path("RAN").exists()
    with noting(NAMES) as files:
        load()
    assert files["sent_helper"] == sha256(_compiled(tmp_path))


def test_a_compiled_extension_does_not_run(tmp_path) -> None:
    (tmp_path / "sent_helper.py").unlink()
    file = tmp_path / f"sent_helper{importlib.machinery.EXTENSION_SUFFIXES[0]}"
    file.write_bytes(b"\x7fELF, or so it says")
    with guarding(NAMES, KNOWN) as refused, pytest.raises(NotKnown):
        load()
    assert refused == [str(file)]


def test_a_module_that_this_process_imported_from_elsewhere(tmp_path, monkeypatch) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "sent_nets.py").write_text("import os\n")
    monkeypatch.syspath_prepend(str(other))
    importlib.import_module("sent_nets")
    with guarding(NAMES, KNOWN) as refused:
        assert refused == [str(other / "sent_nets.py")]


def test_files_that_are_loaded_without_pythons_search_are_seen_too(tmp_path) -> None:
    """As torch.hub loads `hubconf.py`."""
    file = traced(tmp_path / "hubconf.py")

    def like_hub() -> None:
        spec = importlib.util.spec_from_file_location("hubconf.py", file)
        spec.loader.exec_module(importlib.util.module_from_spec(spec))

    with guarding([CodeName("model", "torch.hub:load")], {}) as refused, pytest.raises(NotKnown):
        like_hub()
    assert refused == [str(file)]
    assert not Path("RAN").exists()
    with noting([CodeName("model", "torch.hub:load")]) as files:
        like_hub()
    assert files == {"hubconf.py": sha256(file.read_bytes())}
    with guarding([CodeName("model", "torch.hub:load")], files) as refused:
        like_hub()
    assert refused == []

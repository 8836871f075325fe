from __future__ import annotations

from pathlib import Path

import pytest

from tlbench.system.cache_folder import cache_folder


def test_tlbenchs_own_variable_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    assert cache_folder() == tmp_path / "cache"
    assert not cache_folder().exists()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TLBENCH_CACHE", "~/cache")
    assert cache_folder() == tmp_path / "cache"


@pytest.mark.parametrize("own", [None, ""])
def test_without_it_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own: str | None):
    if own is None:
        monkeypatch.delenv("TLBENCH_CACHE")
    else:
        monkeypatch.setenv("TLBENCH_CACHE", own)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "tlbench"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == tmp_path / ".cache" / "tlbench"


def test_tests_have_a_cache_of_their_own(tmp_path_factory: pytest.TempPathFactory):
    assert cache_folder().is_relative_to(tmp_path_factory.getbasetemp())

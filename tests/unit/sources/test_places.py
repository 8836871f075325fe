from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import torch.hub

from tlbench.sources.places import distribution_file, expanded, hub_folder, is_file, user_places


@pytest.mark.parametrize("variables", [{"TORCH_HOME": "/a"}, {"XDG_CACHE_HOME": "~/b"}, {}])
def test_the_hub_cache_is_torchs(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TORCH_HOME", "XDG_CACHE_HOME", "TORCH_HUB"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert hub_folder() == Path(torch.hub.get_dir()) / "checkpoints"


def test_the_users_folder_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(user_places()) == [("TLBENCH_WEIGHTS", None), ("torch hub cache", hub_folder())]
    monkeypatch.setenv("TLBENCH_WEIGHTS", "~/mine")
    assert next(user_places()) == ("TLBENCH_WEIGHTS", Path(os.environ["HOME"]) / "mine")


def test_a_file_of_a_package_is_found_without_importing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "site" / "some_weights-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: some-weights\nVersion: 1.0\n")
    (tmp_path / "site" / "some_weights").mkdir()
    (tmp_path / "site" / "some_weights" / "__init__.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    found = distribution_file("some-weights", "some_weights/models/w.pth")
    assert found == tmp_path / "site" / "some_weights" / "models" / "w.pth"
    assert "some_weights" not in sys.modules
    assert distribution_file("weights-that-nobody-installed", "w.pth") is None


def test_names_that_no_file_can_have_are_no_files() -> None:
    assert not is_file(Path("a" * 5000))
    assert expanded("~nobody-of-this-name/w") == Path("~nobody-of-this-name/w")

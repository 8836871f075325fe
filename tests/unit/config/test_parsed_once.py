"""Files of configurations are parsed once in a process, and no composition sees what became of another."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from tlbench.config.compose import Composer


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own").mkdir()
    path = tmp_path / "own" / "mine.yaml"
    path.write_text("rate: 1\nsteps: [1, 2]\n")
    return path


def composed(own: Path, *overrides: str):
    return Composer([str(own.parents[1])]).compose(["+own=mine", *overrides])


def test_a_file_is_parsed_once(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    composed(own)
    parsed = []
    load = OmegaConf.load
    monkeypatch.setattr(OmegaConf, "load", lambda file: parsed.append(file) or load(file))
    assert composed(own, "seed=3").seed == 3
    assert parsed == []


def test_a_file_that_says_something_else_counts_at_once(own: Path) -> None:
    assert composed(own).own.rate == 1
    own.write_text(own.read_text().replace("1\n", "2\n"))  # as long, and at nearly the same time
    assert composed(own).own.rate == 2


def test_what_is_made_of_one_composition_is_not_in_the_next(own: Path) -> None:
    first = composed(own, "own.steps.0=7")
    assert first.own.steps == [7, 2]
    OmegaConf.set_struct(first, False)
    first.own.steps.append(9)
    first.own.rate = first.optimizer.lr = 5
    first.hydra.run.dir = "elsewhere"
    second = composed(own)
    assert second.own == {"rate": 1, "steps": [1, 2]}
    assert second.optimizer.lr != 5
    assert second.hydra.run.dir != "elsewhere"


def test_of_two_folders_with_a_file_of_one_name_each_has_its_own(own: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "own" / "mine.yaml"
    other.parent.mkdir(parents=True)
    other.write_text("rate: 4\n")
    assert (composed(own).own.rate, composed(other).own.rate, composed(own).own.rate) == (1, 4, 1)

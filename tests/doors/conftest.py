"""Runs that user's code takes part in: `mine/` lies in the working folder, as a user's own package would."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.commands import TINY_RANDOM, train
from tests.conftest import isolate, use_tiny_network
from tests.unit.conftest import boxes_config, data_config, draw_tree, maps_config  # noqa: F401 - fixtures
from tlbench.records.record import Record, read_record

MINE = Path(__file__).parent / "mine"


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process of its own: nothing of `mine` was imported, and its folder is not on Python's path."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "mine"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place])


def bring(folder: Path) -> None:
    shutil.copytree(MINE, folder / "mine", ignore=shutil.ignore_patterns("__pycache__"))


@pytest.fixture(autouse=True)
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The user's package, in the working folder."""
    bring(tmp_path)
    forget(monkeypatch)
    yield tmp_path / "mine"
    for name in [name for name in sys.modules if name.partition(".")[0] == "mine"]:
        del sys.modules[name]


class Ran:
    """A complete run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        record = read_record(folder)
        assert record is not None
        assert record.status == "complete"
        self.record: Record = record

    @property
    def curves(self) -> str:
        return (self.folder / "curves.csv").read_text()

    def column(self, name: str) -> list[str]:
        """A curve's values, as written."""
        return [row[name] for row in csv.DictReader(self.curves.splitlines()) if row[name]]

    @property
    def weights(self) -> dict[str, torch.Tensor]:
        return torch.load(self.folder / "best.ckpt", weights_only=True)["state_dict"]

    def lines(self, name: str) -> list[Any]:
        return [json.loads(line) for line in (self.folder / name).read_text().splitlines()]


def same_weights(a: Ran, b: Ran) -> bool:
    one, other = a.weights, b.weights
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def without_times(curves: str) -> list[list[str]]:
    """The cells of curves.csv but for measured times."""
    rows = [line.split(",") for line in curves.splitlines()]
    kept = [i for i, name in enumerate(rows[0]) if not name.endswith(("_s", "per_second"))]
    return [[row[i] for i in kept] for row in rows]


@pytest.fixture
def fit(tmp_path: Path, tiny_network: None) -> Callable[..., Ran]:
    """`fit("name", *overrides)`: a run of a tiny network on a few digits, into a folder of that name."""

    def run(name: str, *overrides: str) -> Ran:
        outcome = train(*TINY_RANDOM, *overrides, f"hydra.run.dir={tmp_path / name}")
        assert outcome.code == 0, outcome.err
        return Ran(tmp_path / name)

    return run


@pytest.fixture
def refused(tiny_network: None) -> Callable[..., str]:
    """The one line that such a run ends with, by exit code 2."""

    def run(*overrides: str) -> str:
        outcome = train(*TINY_RANDOM, *overrides)
        assert outcome.code == 2, outcome.out + outcome.err
        return outcome.one_line()

    return run


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """That run with nothing of the user's own; do not write into its folder."""
    folder = tmp_path_factory.mktemp("plain")
    with pytest.MonkeyPatch.context() as monkeypatch:
        isolate(monkeypatch, folder)
        use_tiny_network(monkeypatch)
        outcome = train(*TINY_RANDOM, f"hydra.run.dir={folder / 'run'}")
        assert outcome.code == 0, outcome.err
    return Ran(folder / "run")

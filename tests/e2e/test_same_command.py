"""The same command again, in a folder that holds a run already."""

from __future__ import annotations

import json

import pytest

import tlbench.runs.run
from tests.commands import TINY_RANDOM, snapshot, train
from tests.slow import thinned

pytestmark = pytest.mark.usefixtures("tiny_network")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "run"
    assert train(*TINY_RANDOM, f"hydra.run.dir={folder}").code == 0
    return folder


def record(folder):
    return json.loads((folder / "record.json").read_text())


def mtimes(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


@pytest.mark.promise("nothing is trained twice")
def test_after_success_it_trains_nothing(folder, monkeypatch):
    files, times = snapshot(folder), mtimes(folder)
    monkeypatch.setattr(tlbench.runs.run, "run", lambda *_, **__: pytest.fail("trained again"))
    again = train(*TINY_RANDOM, f"hydra.run.dir={folder}")
    assert (again.code, again.err) == (0, "")
    assert "complete since" in again.out
    assert f"{record(folder)['metrics']['test/oa']:.4f}" in again.out
    assert (snapshot(folder), mtimes(folder)) == (files, times)


def test_keys_that_do_not_affect_results_are_no_other_configuration(folder):
    again = train(*TINY_RANDOM, f"hydra.run.dir={folder}", "study=renamed", "logger.mistakes=3")
    assert again.code == 0
    assert "complete since" in again.out


@pytest.mark.promise("nothing is trained twice")
def test_rerun_keeps_the_earlier_run_and_repeats_it_bit_for_bit(folder):
    files, first = snapshot(folder), record(folder)
    again = train(*TINY_RANDOM, f"hydra.run.dir={folder}", "rerun=true")
    assert again.code == 0
    assert "previous_1" in again.out
    assert snapshot(folder / "previous_1") == files
    second = record(folder)
    assert second.pop("volatile") != first.pop("volatile")
    assert second["config"].pop("rerun") is True
    assert first["config"].pop("rerun") is False
    assert second == first
    assert train(*TINY_RANDOM, f"hydra.run.dir={folder}", "rerun=true").code == 0
    assert (folder / "previous_2" / "record.json").exists()
    assert snapshot(folder / "previous_1") == files


@pytest.mark.promise("another config in the folder")
@pytest.mark.parametrize("rerun", thinned(["false", "true"], 2))
def test_another_configuration_is_an_error_that_shows_the_difference(folder, rerun):
    files = snapshot(folder)
    other = train(*TINY_RANDOM, f"hydra.run.dir={folder}", "optimizer.lr=0.5", "seed=3", f"rerun={rerun}")
    assert other.code == 2
    line = other.one_line()
    assert "optimizer.lr: 0.001 → 0.5" in line
    assert "seed: 0 → 3" in line
    assert str(folder) in line
    assert snapshot(folder) == files


def test_a_damaged_record_is_named_and_left_alone(folder):
    (folder / "record.json").write_text('{"status": "complete"')
    files = snapshot(folder)
    outcome = train(*TINY_RANDOM, f"hydra.run.dir={folder}")
    assert outcome.code == 2
    assert "record.json" in outcome.one_line()
    assert snapshot(folder) == files

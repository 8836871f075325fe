"""The ids of a run elsewhere, kept in its folder."""

from __future__ import annotations

import json

import pytest

from tests.composed import config
from tlbench.loggers.identity import Identity, KnownRuns


def test_an_id_is_found_again_at_its_address_only(tmp_path):
    KnownRuns(tmp_path, "hash").note("mlflow", "7", experiment="e", tracking_uri="file:a")
    known = KnownRuns(tmp_path, "hash")
    assert known.find("mlflow", experiment="e", tracking_uri="file:a") == "7"
    assert known.find("mlflow", experiment="e", tracking_uri="file:b") is None
    assert known.find("wandb", project="p") is None


def test_two_places_are_kept_together(tmp_path):
    known = KnownRuns(tmp_path, "hash")
    known.note("mlflow", "7", experiment="e")
    known.note("wandb", "8", project="p")
    again = KnownRuns(tmp_path, "hash")
    assert (again.find("mlflow", experiment="e"), again.find("wandb", project="p")) == ("7", "8")


def test_ids_of_another_configuration_count_for_nothing(tmp_path):
    KnownRuns(tmp_path, "hash").note("wandb", "8", project="p")
    assert KnownRuns(tmp_path, "other").find("wandb", project="p") is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"config_hash": "hash", "wandb": 3}', "\x80"])
def test_a_damaged_file_counts_for_nothing(tmp_path, content):
    (tmp_path / "loggers.json").write_bytes(content.encode("latin-1"))
    known = KnownRuns(tmp_path, "hash")
    assert known.find("wandb", project="p") is None
    known.note("wandb", "8", project="p")
    assert json.loads((tmp_path / "loggers.json").read_text())["wandb"] == {"project": "p", "id": "8"}


def test_a_run_is_called_as_its_folder():
    identity = Identity.of(config("study=s", "source=random", "seed=3"))
    assert identity.name == "s/random/seed_3"
    assert identity.parameters["optimizer.lr"] == 0.001

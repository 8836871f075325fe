from __future__ import annotations

import json
import math

import pytest

from tests.records import record
from tests.slow import thinned
from tlbench.config.compose import compose_config
from tlbench.errors import ConfigError
from tlbench.records.folder import begin, earlier_record, set_aside
from tlbench.records.record import read_record, write_record


def config(*overrides: str) -> dict:
    return compose_config(overrides).model_dump(mode="json")


def test_a_record_survives_writing_and_undefined_values_become_null(tmp_path):
    written = record(metrics={"test/oa": 0.5, "test/kappa": math.nan})
    path = write_record(tmp_path, written)
    assert json.loads(path.read_text())["metrics"] == {"test/oa": 0.5, "test/kappa": None}
    read = read_record(tmp_path)
    assert read.metrics["test/kappa"] is None
    assert read.model_copy(update={"metrics": {}}) == written.model_copy(update={"metrics": {}})


def test_a_broken_record_is_named(tmp_path):
    (tmp_path / "record.json").write_text('{"format": 1, "status": ')
    with pytest.raises(ConfigError, match=r"record\.json: no JSON: "):
        read_record(tmp_path)


def test_a_complete_run_of_another_configuration_is_refused_with_the_difference(tmp_path):
    write_record(tmp_path, record(config=config("optimizer.lr=0.01")))
    with pytest.raises(ConfigError, match=r"optimizer\.lr: 0\.01 → 0\.001"):
        earlier_record(tmp_path, config())
    assert earlier_record(tmp_path, config("optimizer.lr=0.01", "study=other")).status == "complete"


@pytest.mark.parametrize("name", thinned(["last.ckpt", "previous.ckpt", "best.ckpt"], 3))
def test_an_unfinished_run_is_guarded_from_its_first_checkpoint_on(tmp_path, name):
    begin(tmp_path, config("optimizer.lr=0.01"))
    assert earlier_record(tmp_path, config()) is None
    (tmp_path / name).write_bytes(b"weights")
    with pytest.raises(ConfigError, match="holds a run of another configuration"):
        earlier_record(tmp_path, config())
    assert earlier_record(tmp_path, config("optimizer.lr=0.01")) is None


def test_setting_aside_loses_nothing_and_can_be_repeated(tmp_path):
    for number in (1, 2):
        (tmp_path / "record.json").write_text(str(number))
        (tmp_path / "last.ckpt").write_text(str(number))
        assert set_aside(tmp_path) == tmp_path / f"previous_{number}"
    assert (tmp_path / "previous_1" / "record.json").read_text() == "1"
    assert (tmp_path / "previous_2" / "last.ckpt").read_text() == "2"
    assert set_aside(tmp_path) is None


def test_setting_aside_never_meets_an_earlier_folder(tmp_path):
    (tmp_path / "previous_2").mkdir()
    (tmp_path / "record.json").write_text("now")
    (tmp_path / "console.log").write_text("being written")
    assert set_aside(tmp_path) == tmp_path / "previous_3"
    assert (tmp_path / "console.log").read_text() == "being written"


def test_a_checkpoint_of_unknown_configuration_is_not_taken_up(tmp_path):
    (tmp_path / "last.ckpt").write_bytes(b"weights")
    with pytest.raises(ConfigError, match=r"holds a checkpoint but neither record\.json nor config\.yaml"):
        earlier_record(tmp_path, config())


def test_beginning_tidies_after_a_killed_run(tmp_path):
    (tmp_path / ".last.ckpt.abc").write_bytes(b"half")
    (tmp_path / "last.ckpt").write_bytes(b"whole")
    begin(tmp_path, config())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.yaml", "last.ckpt"]

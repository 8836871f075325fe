from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.composed import config
from tests.records import record
from tlbench.errors import ConfigError
from tlbench.records.record import DataRecord, write_record
from tlbench.tools.complete_run import open_run

DATA = DataRecord(name="digits", class_names=["a", "b"], split_rule={}, fingerprints={})


def draw(folder, **changed):
    write_record(folder, record(**{"config": config().model_dump(mode="json"), "data": DATA, **changed}))
    (folder / "best.ckpt").touch()


def test_a_complete_run(tmp_path):
    draw(tmp_path / "run")
    for given in ("run", Path("run"), tmp_path / "run"):
        run = open_run(given)
        assert run.class_names == ("a", "b")
        assert run.config == config()
        assert run.checkpoint.samefile(tmp_path / "run" / "best.ckpt")


def test_what_is_no_complete_run_is_named_with_what_to_do(tmp_path):
    draw(tmp_path / "study" / "tin200" / "seed_0")
    draw(tmp_path / "study" / "tin200" / "seed_1")
    draw(tmp_path / "failed", status="failed")
    draw(tmp_path / "bare")
    (tmp_path / "bare" / "best.ckpt").unlink()
    (tmp_path / "empty").mkdir()
    for given, fragments in {
        "study/tin200/seed_2": ["no such folder", "study/tin200/seed_1"],
        "nowhere/at/all": ["no such folder", "outputs/<study>/<arm>/seed_<n>"],
        "study/tin200": ["no record.json", "study/tin200/seed_0, study/tin200/seed_1"],
        "study": ["no record.json", "study/tin200/seed_0"],
        "empty": ["no record.json", "outputs/<study>"],
        "failed": ["not complete", "status failed"],
        "bare": ["best.ckpt", "rerun=true"],
        "bare/record.json": ["a file", "'bare'"],
    }.items():
        with pytest.raises(ConfigError) as error:
            open_run(given)
        assert [f for f in [f"run={given!r}", *fragments] if f not in str(error.value)] == []


def test_a_record_of_another_version_is_upgraded_or_says_so(tmp_path):
    values = config().model_dump(mode="json")
    del values["data"]["fit"]
    draw(tmp_path, config=values, versions={"tlbench": "0.0.9"})
    assert open_run(tmp_path).config.data.fit == "crop"
    del values["data"]["image_size"]
    draw(tmp_path, config=values, versions={"tlbench": "0.0.9"})
    with pytest.raises(ConfigError, match=r"another version of tlbench \(0\.0\.9\).*'data\.image_size'.*train again"):
        open_run(tmp_path)
    text = json.loads((tmp_path / "record.json").read_text())
    (tmp_path / "record.json").write_text(json.dumps({**text, "format": 99}))
    with pytest.raises(ConfigError, match="of format 99, written by a newer tlbench; this one reads up to 2"):
        open_run(tmp_path)

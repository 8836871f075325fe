from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.unit.study.test_render import printed
from tlbench.records.record import Record
from tlbench.study.findings import findings
from tlbench.study.planning import ConfiguredRun
from tlbench.study.post_hoc import seeds_named, spans
from tlbench.study.preregistration import (
    REGISTRATION_FILE,
    Registered,
    arm_hash,
    read_registration,
    register,
    registered_now,
)
from tlbench.study.summary import StudySummary, summarise_study

Make = Callable[..., Record]
ARMS = ("tin200", "random")


def plan(record: Make, seeds: Sequence[int] = (0, 1), arms: Sequence[str] = ARMS, **changes) -> Registered:
    runs = [ConfiguredRun(r.arm, r.seed, r.config) for arm in arms for seed in seeds for r in [record(arm, seed)]]
    settled = {"study": "s", "factors": ["source"], "primary": "test/oa", "margin": None, "confidence": 0.95, **changes}
    return registered_now(runs, **settled).model_copy(update={"registered": "2026-11-28T00:00:00+00:00"})


def written(study: Path, settled: Registered) -> tuple[Registered, str]:
    register(study, settled, [study / "tin200" / "seed_0"])
    found = read_registration(study)
    assert not isinstance(found, str)
    return found


def summary(record: Make, found, seeds: Sequence[int] = (0, 1), arms: Sequence[str] = ARMS, **more) -> StudySummary:
    runs = [
        record(arm, seed, 0.9 + seed / 100, volatile__started=f"2026-11-28T00:0{seed}:00+00:00")
        for arm in arms
        for seed in seeds
    ]
    return summarise_study(runs, ["source"], registered=found, **more)


@pytest.mark.promise("preregistration")
def test_what_is_settled_is_written_before_the_first_run_and_its_hash_is_in_the_summary(record: Make, tmp_path) -> None:
    found = written(tmp_path, plan(record))
    content = (tmp_path / REGISTRATION_FILE).read_bytes()
    assert json.loads(content)["arms"]["tin200"] == {"seeds": [0, 1], "config_hash": arm_hash(record().config)}
    study = summary(record, found)
    assert study.registration.sha256 == hashlib.sha256(content).hexdigest()
    assert study.registration.registered == json.loads(content)
    assert (study.registration.post_hoc, study.registration.added, study.registration.missing) == ((), {}, {})
    lines = [line for line, _ in findings(study)]
    assert lines[-1] == "Preregistered 2026-11-28T00:00:00+00:00; nothing was added since."
    assert json.loads(json.dumps(study.to_dict()))["registration"]["sha256"] == study.registration.sha256


@pytest.mark.promise("preregistration")
def test_it_is_written_once_whoever_comes_later(record: Make, tmp_path) -> None:
    first = written(tmp_path, plan(record))
    register(tmp_path, plan(record, seeds=range(9)), [tmp_path / "tin200" / "seed_0"])  # nothing has begun
    (tmp_path / "tin200" / "seed_0").mkdir(parents=True)
    register(tmp_path, plan(record, seeds=range(9)), [tmp_path / "tin200" / "seed_0"])
    assert read_registration(tmp_path) == first


@pytest.mark.promise("preregistration")
@pytest.mark.parametrize("place", ["random/seed_3/last.ckpt", "tin200/tuning/result.json"])
def test_where_runs_or_trials_have_begun_nothing_is_written(record: Make, tmp_path, place: str) -> None:
    (tmp_path / place).parent.mkdir(parents=True)
    (tmp_path / place).touch()
    register(tmp_path, plan(record), [tmp_path / "tin200" / "seed_0"])
    assert not (tmp_path / REGISTRATION_FILE).exists()
    reason = read_registration(tmp_path)
    study = summary(record, reason)
    assert study.notes[-1] == f"Not preregistered: its first runs began before there was a {REGISTRATION_FILE}."


def test_empty_folders_and_notes_are_no_runs(record: Make, tmp_path) -> None:
    (tmp_path / "tin200" / "seed_0").mkdir(parents=True)
    (tmp_path / "multirun.yaml").touch()
    assert written(tmp_path, plan(record))[0] == plan(record)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"format": 2}'])
def test_a_damaged_file_is_no_registration_and_stays(record: Make, tmp_path, content: bytes) -> None:
    (tmp_path / REGISTRATION_FILE).write_bytes(content)
    register(tmp_path, plan(record), [tmp_path / "tin200" / "seed_0"])
    assert (tmp_path / REGISTRATION_FILE).read_bytes() == content
    assert "cannot be read" in summary(record, read_registration(tmp_path)).notes[-1]


@pytest.mark.promise("preregistration")
def test_seeds_and_arms_that_came_later_are_post_hoc_in_table_and_notes(record: Make, tmp_path) -> None:
    found = written(tmp_path, plan(record))
    study = summary(record, found, seeds=range(4))
    said = (
        "Post hoc: not registered: seeds 2-3 of tin200, random, the first begun 2026-11-28T00:02:00+00:00 "
        "(preregistration of 2026-11-28T00:00:00+00:00)."
    )
    assert said in study.notes
    assert dict(study.registration.added) == {"tin200": (2, 3), "random": (2, 3)}
    rows = {" ".join(line.split()) for line in printed(study).splitlines()}
    assert "post hoc seeds 2-3 seeds 2-3" in rows
    assert not any("nothing was added" in line for line, _ in findings(study))

    study = summary(record, found, arms=("tin200", "imagenet", "random"))
    assert (
        "Post hoc: not registered: arm imagenet, its first run begun 2026-11-28T00:00:00+00:00 "
        "(preregistration of 2026-11-28T00:00:00+00:00)." in study.notes
    )
    assert dict(study.registration.added) == {"imagenet": (0, 1)}


@pytest.mark.promise("preregistration")
def test_another_metric_margin_or_configuration_is_post_hoc(record: Make, tmp_path) -> None:
    found = written(tmp_path, plan(record))
    study = summary(record, found, primary="test/f1", margin=0.01)
    assert [note.partition(" (")[0] for note in study.registration.post_hoc] == [
        "Post hoc: the metric that arms are compared by is test/f1; registered was test/oa",
        "Post hoc: the margin is 0.01; registered was None",
    ]
    runs = [record(arm, seed, config__optimizer__lr=0.5) for arm in ARMS for seed in (0, 1)]
    later = summarise_study(runs, ["source"], registered=found).registration
    assert [note.partition(" (")[0] for note in later.post_hoc] == [
        f"Post hoc: the configuration of {arm} is not the one that was registered" for arm in ARMS
    ]


def test_registered_seeds_that_did_not_complete_are_named(record: Make, tmp_path) -> None:
    study = summary(record, written(tmp_path, plan(record, seeds=range(3))))
    assert "Registered, but without a complete run: seed 2 of tin200, random." in study.notes


def test_the_hash_of_an_arm_knows_no_seed_and_no_tuned_value(record: Make) -> None:
    def of(seed: int, lr: float, **changes) -> str:
        tuned = {"config__tune": ["optimizer.lr"], "config__optimizer": {"lr": lr, "weight_decay": 0.1}}
        return arm_hash(record("tin200", seed, **tuned, **changes).config)

    assert of(0, 0.1) == of(1, 0.2)
    assert of(0, 0.1) != of(0, 0.1, config__data__shots=5)


def test_spans() -> None:
    assert [seeds_named(seeds) for seeds in ((2,), (2, 3))] == ["seed 2", "seeds 2-3"]
    assert spans([0, 1, 2, 5, 7, 8]) == "0-2, 5, 7-8"

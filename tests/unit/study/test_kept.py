"""A study repeated more narrowly, in another order, or beside other runs: nothing is lost, nothing is mixed in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.locks import fabricate
from tlbench.records.record import Record, read_record, write_record
from tlbench.study.kept import arms_in_order, declared_before, kept_runs
from tlbench.study.planning import ConfiguredRun
from tlbench.study.summary import LeftOut, joined_warnings, summarise_study

Make = Callable[..., Record]


def write(study: Path, record: Record, place: str | None = None) -> Path:
    folder = study / (place or f"{record.arm}/seed_{record.seed}")
    folder.mkdir(parents=True)
    write_record(folder, record)
    return folder


def kept_beside(study: Path, *own: str) -> tuple[list[tuple[str, int]], list[LeftOut]]:
    """What is kept and left out where a command made these runs of those in the folder."""
    folders = [study / name for name in own]
    made = [r for r in map(read_record, folders) if r]
    found = kept_runs(study, folders, made, [ConfiguredRun(r.arm, r.seed, r.config) for r in made], ["source"])
    return [(r.arm, r.seed) for r in found.records], list(found.left_out)


@pytest.fixture
def study(record: Make, tmp_path: Path) -> Path:
    """Two arms of twelve and of five seeds."""
    for seed in range(12):
        write(tmp_path, record("tin200", seed, oa=0.9 + 0.001 * seed))
    for seed in range(5):
        write(tmp_path, record("random", seed, oa=0.8 - 0.002 * seed))
    return tmp_path


def test_the_other_seeds_and_arms_are_kept_in_order(study: Path, record: Make) -> None:
    kept, left_out = kept_beside(study, "tin200/seed_0", "tin200/seed_1")
    assert kept == [*(("random", seed) for seed in range(5)), *(("tin200", seed) for seed in range(2, 12))]
    assert left_out == []


@pytest.mark.promise("a narrower repeat")
def test_a_narrower_repeat_says_what_the_whole_study_said(study: Path, record: Make) -> None:
    """With its two seeds alone the interval would be another; which seeds were there before is told."""
    seeds = range(5)
    whole = [
        record(arm, s, oa=oa)
        for arm, base in (("tin200", 0.9), ("random", 0.8))
        for s in seeds
        for oa in [base + s % 3 / 50]
    ]
    own = [r for r in whole if r.seed < 2]
    before = summarise_study(whole, ["source"])
    alone = summarise_study(own, ["source"])
    after = summarise_study(own, ["source"], kept=[r for r in whole if r.seed >= 2], order=["tin200", "random"])
    assert after.differences == before.differences != alone.differences
    assert [(arm.seeds, arm.kept) for arm in after.arms] == [((0, 1, 2, 3, 4), (2, 3, 4))] * 2
    assert [arm.kept for arm in before.arms] == [(), ()]


@pytest.mark.promise("what cannot stand beside a study")
@pytest.mark.parametrize(
    ("place", "changes", "reason"),
    [
        ("tin200/seed_20", {"config__optimizer__lr": 0.5}, "another configuration (optimizer.lr: 0.01 and 0.5)"),
        ("tin200/seed_20", {"factors": ["source", "optimizer.lr"]}, "declares factors=[source,optimizer.lr]"),
        ("tin200/seed_20", {"config__source__path": "b.pt"}, "another configuration (source.path: None and 'b.pt')"),
        (
            "tin200/seed_20",
            {"data__fingerprints": {"train": "other", "test": "b"}},
            "differs from tin200/seed_0 in data.fingerprints.train: 'a' and 'other'",
        ),
        (
            "tin200/seed_20",
            {"weights": {"sha256": "0" * 64}},
            "differs from tin200/seed_0 in the source's weights: sha256 none and 000000000000…",
        ),
        ("tin200/seed_20", {"status": "interrupted"}, "interrupted, not complete"),
        ("elsewhere/seed_0", {"arm": "tin200"}, "there is another run of tin200/seed_0"),
        (
            "other/seed_0",
            {"arm": "other", "task": "detection", "config__task": {"name": "detection"}},
            "another configuration (",
        ),
    ],
)
def test_what_cannot_stand_beside_them_is_named_and_left_out(
    study: Path, record: Make, place: str, changes: dict[str, Any], reason: str
) -> None:
    seed = int(place.rpartition("_")[2])
    write(study, record(**{"arm": "tin200", "seed": seed, **changes}), place)
    kept, left_out = kept_beside(study, "tin200/seed_0", "random/seed_0")
    assert len(kept) == 15
    assert [found.run for found in left_out] == [place]
    assert left_out[0].reason.startswith(reason)


def test_a_record_that_cannot_be_read_and_a_run_at_work_are_named(study: Path, record: Make) -> None:
    (study / "random/seed_3/record.json").write_text("{")
    fabricate(write(study, record("random", 20, status="interrupted")))
    kept, left_out = kept_beside(study, "tin200/seed_0")
    assert len(kept) == 15
    assert left_out[0] == LeftOut("random/seed_3", "its record.json cannot be read")
    assert left_out[1].run == "random/seed_20"
    assert left_out[1].reason.startswith("interrupted, and process ")


def test_trials_and_repeated_runs_are_no_runs_of_the_study(study: Path, record: Make) -> None:
    write(study, record("tin200", 0), "tin200/tuning/trial_1")
    write(study, record("tin200", 0), "tin200/seed_0/previous_1")
    write_record(study / "tin200/tuning", record("tin200", 30))
    write(study, record("tin200", 31), "previous_3/seed_31")
    kept, left_out = kept_beside(study, "tin200/seed_0")
    assert (len(kept), left_out) == (16, [])


def test_the_arm_that_others_are_compared_with_stays_the_same(record: Make, tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"

    def own(*arms: str) -> list[Record]:
        return [record(arm, 0) for arm in arms]

    kept = [record(arm, 0, volatile__started=f"2026-01-0{day}") for day, arm in ((3, "b"), (1, "a"), (2, "c"))]
    assert arms_in_order(own("c", "a", "b"), kept, summary) == ["c", "a", "b"]  # all of them: as declared now
    assert arms_in_order(own("b"), kept[1:], summary) == ["a", "b", "c"]
    summary.write_text(json.dumps({"arms": [{"name": "c"}, {"name": "b"}, {"name": "a"}]}))
    assert arms_in_order(own("b"), kept, summary) == ["c", "b", "a"]
    assert arms_in_order(own("d"), kept, summary) == ["c", "b", "d", "a"]
    summary.write_text("{")
    assert arms_in_order(own("d"), kept, summary) == ["a", "c", "d", "b"]


def test_wider_factors_are_those_that_all_runs_declare(record: Make, tmp_path: Path) -> None:
    assert declared_before(tmp_path, ["source"]) is None
    wide = ["source", "optimizer.lr"]
    for lr in (0.1, 0.01):
        write(tmp_path, record(f"tin200-{lr}", 0, factors=wide, config__optimizer__lr=lr))
    write(tmp_path, record("tin200-0.5", 0, factors=["source", "seeds"], status="interrupted"))
    assert declared_before(tmp_path, ["source"]) == wide
    assert declared_before(tmp_path, wide) is None
    assert declared_before(tmp_path, ["data"]) is None
    write(tmp_path, record("tin200", 0))
    assert declared_before(tmp_path, ["source"]) is None


def test_equal_warnings_of_several_runs_are_one(record: Make) -> None:
    runs = [
        record("random", 1, warnings=["a", "b"]),
        record("tin200", 0, warnings=["a"]),
        record("random", 0, warnings=["a"]),
    ]
    assert joined_warnings(runs, ["tin200", "random"]) == {
        "a": {"tin200": (0,), "random": (0, 1)},
        "b": {"random": (1,)},
    }


@pytest.mark.promise("failures count")
def test_runs_of_other_commands_that_failed_count_by_arm(study: Path, record: Make, failed: Make) -> None:
    write(study, failed("tin200", 20, "loss is nan"))
    write(study, failed("tin200", 21).model_copy(update={"factors": ["strategy"]}))
    folders = [study / f"{arm}/seed_0" for arm in ("tin200", "random")]
    made = [r for r in map(read_record, folders) if r]
    found = kept_runs(study, folders, made, [ConfiguredRun(r.arm, r.seed, r.config) for r in made], ["source"])
    assert [(f.arm, f.seed, f.reason) for f in found.failed] == [("tin200", 20, "RuntimeError: loss is nan")]
    assert [left.run for left in found.left_out] == ["tin200/seed_21"]
    summary = summarise_study(made, ["source"], found.failed, kept=found.records)
    assert any(note.startswith("tin200: 1 of 13 runs did not complete") for note in summary.notes)

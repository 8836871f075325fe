from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tlbench.errors import ConfigError
from tlbench.records.record import Record, write_record
from tlbench.study.collect import check_comparable, collect, collect_study, seedless_differences

Make = Callable[..., Record]

ROOT = Path(__file__).parents[3]


def test_no_module_of_the_study_imports_torch() -> None:
    code = (
        "import importlib, pkgutil, sys, tlbench.study as s\n"
        "names = [m.name for m in pkgutil.walk_packages(s.__path__, 'tlbench.study.')]\n"
        "assert len(names) >= 4, names\n"
        "for name in names: importlib.import_module(name)\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0


def test_collects_in_the_given_order_and_a_study_by_arm_and_seed(record: Make, tmp_path: Path) -> None:
    runs = [("tin200", 10), ("tin200", 9), ("random", 9)]
    folders = [tmp_path / arm / f"seed_{seed}" for arm, seed in runs]
    for (arm, seed), folder in zip(runs, folders, strict=True):
        folder.mkdir(parents=True)
        write_record(folder, record(arm, seed))
    assert [(r.arm, r.seed) for r in collect(folders)] == runs
    assert [(r.arm, r.seed) for r in collect_study(tmp_path)] == [("random", 9), ("tin200", 9), ("tin200", 10)]


@pytest.mark.parametrize("content", [None, b"{", b"\xff", b"[]", b'{"format": 2}'])
def test_what_is_no_record_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "record.json").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        collect([tmp_path])
    assert str(tmp_path / "record.json") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_study_without_records_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no"):
        collect_study(tmp_path)


@pytest.mark.parametrize(
    ("factors", "changes"),
    [
        (["source"], {"config__data__root": "/elsewhere", "config__study": "quickstart-standin"}),
        (["source"], {"config__source__path": "a.safetensors"}),
        (["source", "optimizer.lr"], {"config__optimizer__lr": 0.1}),
        (["source", "data.shots"], {"config__data__shots": 5, "data__fingerprints": {"train": "c", "test": "b"}}),
        (["source", "data"], {"config__data__name": "cifar10", "data__fingerprints": {"train": "c", "test": "d"}}),
    ],
)
def test_declared_factors_and_places_may_differ(record: Make, factors: list[str], changes: dict[str, Any]) -> None:
    runs = [record("random", 0), record("random", 1)]
    check_comparable([*runs, record("tin200", 1, **changes)], factors)
    with pytest.raises(ConfigError, match=r"seeds\.augment"):
        check_comparable([*runs, record("tin200", 1, **changes, config__seeds__augment=7)], factors)


@pytest.mark.promise("runs that differ are not compared")
@pytest.mark.parametrize(
    ("factors", "changes", "differing"),
    [
        (["source"], {"config__optimizer__lr": 0.1}, "optimizer.lr: 0.01 and 0.1"),
        (["optimizer.lr"], {}, "source.name: 'random' and 'tin200'"),
        (["source"], {"config__data__extra": 1}, "data.extra: '(absent)' and 1"),
        (["source"], {"config__seeds__augment": 7}, "seeds.augment: 1 and 7"),
        (["source"], {"data__fingerprints": {"train": "c", "test": "b"}}, "data.fingerprints.train: 'a' and 'c'"),
        (["source", "data.shots"], {"data__fingerprints": {"train": "a", "test": "d"}}, "data.fingerprints.test"),
    ],
)
def test_refuses_to_compare_what_differs_otherwise(
    record: Make, factors: list[str], changes: dict[str, Any], differing: str
) -> None:
    runs = [record("random", 1), record("tin200", 1, **changes)]
    with pytest.raises(ConfigError) as caught:
        check_comparable(runs, factors)
    assert "refuses to compare random/seed_1 and tin200/seed_1" in str(caught.value)
    assert differing in str(caught.value)


def test_all_differing_keys_are_named(record: Make) -> None:
    other = record("tin200", 0, config__optimizer__lr=0.1, config__data__shots=5)
    with pytest.raises(ConfigError, match=r"data\.shots: 30 and 5; optimizer\.lr: 0\.01 and 0\.1"):
        check_comparable([record("random", 1), other], ["source"])


def test_data_are_compared_between_runs_of_one_split_only(record: Make) -> None:
    def run(arm: str, seed: int, split: int, train: str) -> Any:
        return record(
            arm, seed, config__seeds__split=split, data__fingerprints={"train": train, "val": train, "test": "b"}
        )

    check_comparable([run("random", 0, 0, "a"), run("random", 1, 1, "c"), run("tin200", 1, 1, "c")], ["source"])
    with pytest.raises(ConfigError, match="random/seed_1 and tin200/seed_2"):
        check_comparable([run("random", 0, 0, "a"), run("random", 1, 1, "c"), run("tin200", 2, 1, "a")], ["source"])


def test_a_run_counts_once_and_failed_runs_not(record: Make, failed: Make) -> None:
    check_comparable([], ["source"])
    check_comparable([record("random", 0), failed("random", 0), failed("tin200", 0)], ["source"])
    with pytest.raises(ConfigError, match="random/seed_0 occurs 2 times"):
        check_comparable([record("random", 0), record("random", 0)], ["source"])


TUNED = {"config__tune": ["optimizer.lr"], "config__tuning": {"trials": 3, "seed": 0}}


def test_arms_may_differ_in_what_the_same_search_chose_for_each(record: Make) -> None:
    random = [record("random", seed, config__optimizer__lr=0.01, **TUNED) for seed in (0, 1)]
    tin200 = [record("tin200", seed, config__optimizer__lr=0.001, **TUNED) for seed in (0, 1)]
    check_comparable([*random, *tin200], ["source"])
    untuned = [record("tin200", seed, config__optimizer__lr=0.001) for seed in (0, 1)]
    with pytest.raises(ConfigError):
        check_comparable([*random, *untuned], ["source"])


@pytest.mark.promise("tuned arms")
@pytest.mark.parametrize(
    ("seed", "changes", "differing"),
    [
        (
            1,
            {"config__optimizer__lr": 0.1},
            "random/seed_0 and random/seed_1, which differ in optimizer.lr: 0.01 and 0.1",
        ),
        (0, {"config__optimizer__momentum": 0.9}, "optimizer.momentum: '(absent)' and 0.9"),
        (0, {"config__tuning": {"trials": 4, "seed": 0}}, "tuning.trials: 3 and 4"),
        (0, {"config__tune": None}, "tune: ['optimizer.lr'] and '(absent)'"),
    ],
)
def test_tuning_excuses_nothing_else(record: Make, seed: int, changes: dict[str, Any], differing: str) -> None:
    arm = "tin200" if seed == 0 else "random"
    with pytest.raises(ConfigError) as caught:
        check_comparable([record("random", 0, **TUNED), record(arm, seed, **{**TUNED, **changes})], ["source"])
    assert differing in str(caught.value)


@pytest.mark.promise("runs of different code")
def test_a_module_of_ones_own_code_must_be_the_same_in_all_runs(record):
    one, same, other = (
        record("tin200", seed, code={"files": {"nets": sha * 64, **more}})
        for seed, (sha, more) in enumerate((("a", {}), ("a", {"optional": "c" * 64}), ("b", {})))
    )
    check_comparable([one, same], ["source"])
    with pytest.raises(
        ConfigError, match=r"differ in the code of nets: sha256 aaaaaaaaaaaa… and bbbbbbbbbbbb…; only declared"
    ):
        check_comparable([one, other], ["source"])
    assert list(seedless_differences(one, other)) == ["nets"]

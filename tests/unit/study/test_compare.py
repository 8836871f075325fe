"""`python -m tlbench.compare` on drawn records."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Outcome
from tlbench.cli.compare import main
from tlbench.records.record import Record, write_record

Make = Callable[..., Record]


def compared(*arguments: str) -> Outcome:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(list(arguments))
    return Outcome(code, out.getvalue(), err.getvalue())


@pytest.fixture
def arm(record: Make) -> Callable[..., Path]:
    """Writes an arm of seeds 0, 1, … with these overall accuracies."""

    def write(folder: str, source: str, *oa: float, first_seed: int = 0, **changes: Any) -> Path:
        for seed, value in enumerate(oa, start=first_seed):
            run = Path(folder) / f"seed_{seed}"
            run.mkdir(parents=True, exist_ok=True)
            write_record(run, record(source, seed, value, **changes))
        return Path(folder)

    return write


@pytest.mark.promise("compare")
def test_arms_of_different_studies_are_paired_by_seed_and_what_differs_is_said(arm):
    arm("x/tin200", "tin200", 0.94, 0.95, 0.96, study="x", config__optimizer__lr=0.1)
    arm("y/random", "random", 0.90, 0.90, 0.90, study="y")
    outcome = compared("x/tin200", "y/random", "output=made/c.json")
    assert (outcome.code, outcome.err) == (0, "")
    lines = [" ".join(line.split()) for line in outcome.out.splitlines()]
    assert lines[:5] == [
        "tin200: x/tin200 (3 runs)",
        "random: y/random (3 runs)",
        "they differ in optimizer.lr, source:",
        "optimizer.lr: 0.1 and 0.01",
        "source.name: 'tin200' and 'random'",
    ]
    assert "test/oa % 95.0 ± 1.0 90.0 ± 0.0" in lines
    assert "tin200 − random: +5.00 points test/oa, 95% interval [+2.52, +7.48] over 3 seeds" in outcome.out
    assert "tin200 is better than random: p = 0.013; ahead in 100% of the seeds, Hedges' g 2.9, " in outcome.out
    content = json.loads(Path("made/c.json").read_text())
    assert content["sides"]["random"] == [f"y/random/seed_{n}" for n in range(3)]
    assert content["differing"] == ["optimizer.lr: 0.1 and 0.01", "source.name: 'tin200' and 'random'"]
    (difference,) = (d for d in content["differences"] if d["metric"] == "test/oa")
    assert (difference["arm"], difference["baseline"], difference["paired"]["n"]) == ("tin200", "random", 3)


def test_the_second_is_what_the_first_is_compared_with(arm):
    arm("random", "random", 0.90, 0.90)
    arm("tin200", "tin200", 0.94, 0.95)
    assert "random − tin200: −4.50 points" in compared("random", "tin200").out
    assert "tin200 − random: +4.50 points" in compared("tin200", "random").out


def test_single_runs_patterns_and_seeds_without_partner(arm):
    arm("tin200", "tin200", 0.94, 0.95, 0.97)
    arm("random", "random", 0.90, 0.91, 0.92)
    one = compared("tin200/seed_1", "random")
    assert "tin200 − random: +4.00 points test/oa over 1 seed" in one.out
    assert "No interval: it takes two seeds that both arms have." in one.out
    assert "leaves out seeds 0, 2 of random: no partner." in one.out
    two = compared("tin200/seed_[12]", "ran*")
    assert "tin200: tin200/seed_[12] (2 runs)" in two.out
    assert "random: ran* (3 runs)" in two.out
    assert "over 2 seeds" in two.out
    none = compared("tin200/seed_0", "random/seed_1")
    assert (none.code, "no seed in common" in none.out) == (0, True)


def test_arms_of_one_name_are_told_apart(arm):
    arm("x/tin200", "tin200", 0.94, 0.95, study="x")
    arm("y/tin200", "tin200", 0.90, 0.91, study="y", config__optimizer__lr=0.1)
    arm("copy/tin200", "tin200", 0.90, 0.90, study="x")
    assert "x/tin200 − y/tin200: +4.00 points" in compared("x/tin200", "y/tin200").out
    repeated = compared("x/tin200/", "copy/tin200")
    assert "they differ in no key that affects results" in repeated.out
    assert "x/tin200 − copy/tin200: +4.50 points" in repeated.out


def test_another_metric_comes_first(arm):
    arm("a", "tin200", 0.94, 0.95, metrics={"test/kappa": 0.75, "test/oa": 0.9, "test/recall/cat": 0.5})
    arm("b", "random", 0.90, 0.90, metrics={"test/kappa": 0.5, "test/oa": 0.8, "test/recall/cat": 0.25})
    assert "tin200 − random: +0.250 test/kappa" in compared("a", "b", "metric=test/kappa").out
    assert "+0.250 test/recall/cat" in compared("a", "b", "metric=test/recall/cat").out


def test_failed_runs_are_named_and_left_out(arm, failed):
    arm("a", "tin200", 0.94, 0.95)
    arm("b", "random", 0.90)
    Path("b/seed_1").mkdir()
    write_record(Path("b/seed_1"), failed("random", 1))
    outcome = compared("a", "b")
    assert outcome.code == 0
    assert "failed: random/seed_1: RuntimeError: boom" in outcome.out


def test_what_the_configuration_does_not_say_is_listed_too(arm):
    arm("a", "tin200", 0.94, versions={"torch": "2.6", "numpy": "2"})
    changed = {"data__fingerprints": {"train": "c", "test": "b"}, "versions": {"torch": "2.8", "numpy": "2"}}
    arm("b", "tin200", 0.90, study="y", config__seeds__init=5, **changed)
    out = compared("a", "b").out
    assert "torch 2.6 and 2.8" in out
    assert "seeds.init in seed 0: 0 and 5" in out
    assert "train images (data.fingerprints.train) in seed 0" in out
    assert "numpy" not in out


def test_declared_factors_are_the_only_differences_allowed(arm):
    arm("a", "tin200", 0.94, 0.95)
    arm("b", "random", 0.90, 0.90)
    arm("c", "random", 0.90, 0.90, config__optimizer__lr=0.1)
    assert compared("a", "b", "factors=[source]").code == 0
    assert compared("a", "c", "factors=source, optimizer.lr").code == 0
    refused = compared("a", "c", "factors=[source]")
    assert (refused.code, "optimizer.lr: 0.01 and 0.1; only declared factors" in refused.one_line()) == (2, True)


def test_arms_tuned_by_one_search_differ_in_the_values_without_that_being_a_factor(arm):
    tuned = {"config__tune": ["optimizer.lr"], "config__tuning": {"trials": 3}}
    arm("a", "tin200", 0.94, 0.95, config__optimizer__lr=0.1, **tuned)
    arm("b", "random", 0.90, 0.90, **tuned)
    out = compared("a", "b", "factors=[source]").out
    assert "optimizer.lr: 0.1 and 0.01" in out
    assert "they differ in source:" in compared("a", "b").out


@pytest.mark.promise("compare")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"data__class_names": ["x", "z"]}, "their classes differ ('y' and 'z')"),
        ({"data__class_names": ["y", "x"]}, "their classes differ (in their order)"),
        ({"data__class_names": ["x", "y", "z"]}, "their classes differ (2 and 3)"),
        ({"config__seeds__split": 7}, "their splits differ (seeds.split: 0 and 7)"),
        ({"data__fingerprints": {"train": "a", "test": "z"}}, "they were tested on different images"),
    ],
)
def test_a_senseless_pairing_is_refused_with_the_reason(arm, changes, reason):
    arm("a", "tin200", 0.94, 0.95, data__class_names=["x", "y"])
    arm("b", "random", 0.90, 0.90, **{"data__class_names": ["x", "y"], **changes})
    for factors in ([], ["factors=[source,data,seeds]"]):
        refused = compared("a", "b", *factors)
        assert refused.code == 2
        assert "refuses to pair tin200 and random" in refused.one_line()
        assert reason in refused.one_line()


@pytest.mark.promise("other decoding is declared")
@pytest.mark.parametrize(
    ("changes", "key", "said"),
    [
        ({"config__data__image_size": 64}, "data.image_size", "data.image_size: 32 and 64"),
        ({"data__storage": "workers"}, "data.cache", "data.cache: 'memory' and 'workers'"),
        ({"config__data__fit": "pad"}, "data.fit", "data.fit: 'crop' and 'pad'"),
        ({"config__data__native": True}, "data.native", "data.native: None and True"),
    ],
)
def test_images_that_were_decoded_otherwise_are_compared_only_where_that_is_declared(arm, changes, key, said):
    alike = {"config__data__image_size": 32, "config__data__fit": "crop"}
    arm("a", "tin200", 0.94, **alike)
    arm("b", "tin200", 0.90, **{**alike, **changes})
    assert compared("a", "b").code == 0  # the fingerprints are equal
    arm("b", "tin200", 0.90, **{**alike, **changes, "data__fingerprints": {"train": "y", "test": "z"}})
    line = compared("a", "b").one_line()
    assert f"cannot be told, as those were decoded otherwise ({said})" in line
    assert f"factors=[{key}]" in line
    assert "tested on different images" not in line
    outcome = compared("a", "b", f"factors=[{key}]")
    assert outcome.code == 0, outcome.err


def test_a_factor_declares_what_follows_it_too(arm):
    arm("a", "tin200", 0.94, config__task={"tile": None}, config__data__native=None)
    other = {
        "config__task": {"tile": 0.5},
        "config__data__native": True,
        "data__fingerprints": {"train": "y", "test": "z"},
    }
    arm("b", "tin200", 0.90, **other)
    assert compared("a", "b").code == 2
    outcome = compared("a", "b", "factors=[task.tile]")
    assert outcome.code == 0, outcome.err


def test_wrong_input_is_one_line(arm, failed, tmp_path):
    arm("study/tin200", "tin200", 0.94, 0.95)
    arm("study/random", "random", 0.90, 0.90)
    arm("mixed", "tin200", 0.90)
    arm("mixed", "tin200", 0.90, first_seed=1, config__optimizer__lr=0.1)
    arm("untested", "random", 0.90, metrics={}, data__fingerprints={"train": "a"})
    note = {
        "data": "digits",
        "split": "test",
        "checkpoint_sha256": "0" * 64,
        "metrics": {"test/mean_corrupted_oa": 0.5},
    }
    arm("corrupted", "random", 0.90, evaluations={"evaluation_common.json": note})
    Path("broken/seed_0").mkdir(parents=True)
    write_record(Path("broken/seed_0"), failed("random", 0))
    Path("garbage").mkdir()
    Path("garbage/record.json").write_text("{")
    Path("file").touch()
    a, b = "study/tin200", "study/random"
    for arguments, said in (
        ((), "two sides are needed, 0 given (none)"),
        ((a,), "two sides are needed, 1 given"),
        ((a, b, "study"), "two sides are needed, 3 given"),
        ((a, "nowhere"), "'nowhere': no such folder"),
        ((a, "no*"), "'no*': no such folder"),
        ((a, "file"), "'file': not a folder"),
        ((a, "study"), "it is a study, name one of its arms: study/random, study/tin200"),
        ((a, "study/*"), "study/*: study/random/seed_0 and study/tin200/seed_0 both have the seed 0"),
        ((a, "mixed"), "mixed: is not one arm, mixed/seed_0 and mixed/seed_1 differ in optimizer.lr: 0.01 and 0.1"),
        ((a, "broken"), "broken: no complete run (failed)"),
        ((a, "garbage"), "garbage/record.json: no JSON: "),
        ((a, f"{a}/seed_1"), "study/tin200/seed_1: is on both sides"),
        ((a, "untested"), "metric=test/oa: random has no such metric; both sides have: none in common"),
        (("corrupted", a, "metric=test/mean_corrupted_oa"), "test/mean_corrupted_oa: random has it from evaluations"),
        ((a, b, "metric=test/map"), "both sides have: test/aa, test/ece, test/f1, test/kappa, test/oa"),
        ((a, b, "metrik=test/oa"), "unknown key 'metrik' (did you mean 'metric'?)"),
        ((a, b, "--fast"), "'--fast': write key=value"),
        ((a, b, "factors=[]"), "factors="),
        ((a, b, "output=file/c.json"), "name another file with output=…"),
    ):
        outcome = compared(*arguments)
        assert outcome.code == 2, arguments
        assert said in outcome.one_line(), arguments


def test_help_and_comparing_import_nothing_heavy(arm):
    arm("a", "tin200", 0.94)
    arm("b", "random", 0.90)
    code = (
        "import sys; from tlbench.compare import main; codes = [main(['--help']), main(['a', 'b'])];"
        "sys.exit(codes != [0, 0] or 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "python -m tlbench.compare outputs/cifar/tin200 outputs/cifar/random" in done.stdout


class _Closed(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(errno.EBADF, "closed")


def test_a_table_onto_a_closed_standard_output_is_lost_and_said_unless_a_file_keeps_it(arm, monkeypatch):
    sides = (str(arm("a", "tin200", 0.94, 0.95)), str(arm("b", "random", 0.90, 0.91)))
    for more, code in (((), 1), (("output=c.json",), 0)):
        err = io.StringIO()
        monkeypatch.setattr(sys, "stdout", _Closed())
        monkeypatch.setattr(sys, "stderr", err)
        assert main([*sides, *more]) == code
        said = "standard output is closed, where the result would go; give output=FILE" in err.getvalue()
        assert said is (code == 1)

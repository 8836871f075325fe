"""`tlbench.compare` says of a study's arms what the study does, and writes the same report."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

import pytest

from tlbench.cli.compare import main
from tlbench.reporting.write import write_report
from tlbench.study.summary import SUMMARY_FILE, summarise_study
from tlbench.system.names import json_bytes

FILES = ["comparison.json", "figures", "report.html", "results.csv", "table.md", "table.tex"]


def numbers(path: Path, *without: str) -> dict[str, Any]:
    content = json.loads(path.read_text())
    return {key: value for key, value in content.items() if key not in ("command", "sides", "differing", *without)}


@pytest.mark.promise("compare reports as a study does")
@pytest.mark.parametrize("margin", [None, 0.05])
def test_the_arms_of_a_study_compared_give_its_numbers_and_its_files(study, margin):
    summary, records = study(config__statistics={"margin": margin})
    summary = summarise_study(records, ["source"], margin=margin)
    Path("study", SUMMARY_FILE).write_bytes(json_bytes(summary.to_dict()))
    assert main(["study/tin200", "study/random", "factors=[source]", "output=out"]) == 0
    assert sorted(path.name for path in Path("out").iterdir()) == FILES
    assert numbers(Path("out/comparison.json")) == numbers(Path("study", SUMMARY_FILE))
    (primary,) = (d for d in summary.differences if d.metric == "test/oa")
    assert primary.paired.verdict == "better"
    assert (primary.paired.equivalence is None) is (margin is None)
    Path("own").mkdir()
    write_report(Path("own"), summary, records)
    figures = [f"figures/{path.name}" for path in Path("own/figures").iterdir()]
    assert figures
    for name in (*FILES[3:], *figures):
        assert Path("out", name).read_bytes() == Path("own", name).read_bytes(), name


def test_of_three_arms_all_but_the_correction_for_their_number_is_the_same(study):
    arms = ("tin200", "imagenet", "random")
    summary, _ = study(arms=arms)
    assert main(["study/tin200", "study/random", "output=out"]) == 0
    (alone,) = (
        d for d in json.loads(Path("out/comparison.json").read_text())["differences"] if d["metric"] == "test/oa"
    )
    (among,) = (d for d in summary.differences if (d.arm, d.baseline, d.metric) == ("tin200", "random", "test/oa"))
    for key in ("mean", "std", "n", "low", "high", "p", "error", "df", "effect", "ahead"):
        assert alone["paired"][key] == getattr(among.paired, key), key
    assert alone["paired"]["holm"] == pytest.approx(alone["paired"]["p"])
    assert among.paired.holm > among.paired.p


@pytest.mark.promise("compare reports as a study does")
def test_the_page_says_what_differs_and_how_it_was_made(study, capsys):
    study(config__optimizer={"name": "adamw", "lr": 0.5})
    assert main(["study/tin200", "study/random", "output=made/out"]) == 0
    assert "report: made/out/report.html" in capsys.readouterr().out.splitlines()
    shown = html.unescape(Path("made/out/report.html").read_text())
    assert "tin200 is better than random by 19.00 points test/oa" in shown
    assert "tin200 and random differ in source.name: 'tin200' and 'random'." in shown
    assert "python -m tlbench.compare study/tin200 study/random output=made/out" in shown


def test_a_margin_is_the_runs_own_or_the_one_given(study, capsys):
    study(config__statistics={"margin": 0.5})
    for path in Path("study/random").glob("*/record.json"):
        content = json.loads(path.read_text())
        content["config"]["statistics"]["margin"] = None
        path.write_text(json.dumps(content))
    sides = ["study/tin200", "study/random"]
    for more, margin, said in (
        ([], None, True),
        (["margin=0.25"], 0.25, False),
        (["metric=test/aa"], None, False),
        (["metric=test/aa", "margin=0.25"], 0.25, False),
    ):
        capsys.readouterr()
        assert main([*sides, *more, "output=c.json"]) == 0
        differences = json.loads(Path("c.json").read_text())["differences"]
        assert differences[0]["paired"]["margin"] == margin
        assert ("statistics.margin: 0.5 and None; none is used" in capsys.readouterr().out) is said
    assert not Path("report.html").exists()
    assert main([*sides, "margin=-1"]) == 2
    assert main([*sides, "margin=inf"]) == 2


def test_runs_that_were_not_tested_are_compared_by_what_chose_their_best_epochs(study):
    study(config__test=False, metrics={})
    assert main(["study/tin200", "study/random", "output=c.json"]) == 0
    found = json.loads(Path("c.json").read_text())
    assert (found["primary"], found["metrics"]) == ("val/oa", ["val/oa"])
    assert found["differences"][0]["paired"]["mean"] == pytest.approx(0.19)


@pytest.mark.promise("what is read is not written over")
@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("study", "output='study': the folder of a study, with files of its own; name another folder"),
        ("study/tin200/seed_0", "output='study/tin200/seed_0': the folder of a run, with files of its own"),
        ("study/summary", "no folder; name a folder, or a file that ends in .json"),
        ("study/tin200/seed_0/record.json", "the command reads this file"),
    ],
)
def test_files_of_runs_and_studies_stay(study, capsys, output, said):
    study()
    Path("study/summary").touch()
    before = {p: p.read_bytes() for p in Path().rglob("*") if p.is_file()}
    assert main(["study/tin200", "study/random", f"output={output}"]) == 2
    assert said in capsys.readouterr().err
    assert {p: p.read_bytes() for p in Path().rglob("*") if p.is_file()} == before

"""The report as a page: what it shows, and that nothing in a name runs or reaches out."""

from __future__ import annotations

import html.parser
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tlbench.cli.report import main
from tlbench.reporting.answer import answer
from tlbench.reporting.methods import Methods
from tlbench.reporting.page import page
from tlbench.reporting.per_class import class_differences, metrics_of_classes
from tlbench.reporting.write import report_study
from tlbench.statistics.paired import over_folds
from tlbench.study.summary import SUMMARY_FILE, summarise_study
from tlbench.system.names import json_bytes

HARMFUL = ("<script>alert(1)</script>", '"><img src=x onerror=alert(2)>')
VOID = {"meta", "link", "img", "br", "line", "polyline", "polygon"}


class Page(html.parser.HTMLParser):
    """Elements with their attributes, and all text by the element that it stands in."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def text(self, *tags):
        return [" ".join(data.split()) for tag, data in self.texts if tag in tags and data.strip()]

    def count(self, tag, **attributes):
        return sum(t == tag and attributes.items() <= a.items() for t, a in self.elements)


@pytest.mark.promise("a study's report")
def test_the_answer_comes_first_and_every_part_has_its_heading(study):
    summary, records = study()
    shown = Page(page(summary, records))
    assert shown.text("h1") == ["quickstart"]
    assert shown.text("h2") == [
        *("The answer", "Every seed", "Curves", "Arms", "The budget, and what limits this", "Class by class"),
        *("Cost", "Provenance", "For a paper"),
    ]
    paragraphs = shown.text("p")
    assert paragraphs[1] == answer(summary.differences[0], 1, percent=True)
    assert paragraphs[2].startswith("Ahead in 100% of the seeds, Hedges' g ")
    assert summary.recommendations[0].sentence in paragraphs


def test_every_seed_is_a_dot_and_each_chart_says_what_it_shows(study):
    shown = Page(page(*study()))
    dots = [a["class"] for t, a in shown.elements if t == "circle"]
    assert dots.count("dot c0") == 3 + 3  # of tin200, and of its differences
    assert dots.count("dot c1") == 3
    titles = shown.text("title")
    assert "tin200, seed 2: 92.00" in titles
    assert "seed 2: +18.00" in titles
    charts = [a for t, a in shown.elements if t == "svg"]
    assert len(charts) == 4
    assert all(a["role"] == "img" and a["aria-label"] for a in charts)
    assert charts[0]["aria-label"] == (
        "test/oa of every seed by arm, with the mean: tin200 91.0 ± 1.0; random 72.0 ± 2.0."
    )
    assert shown.count("line", **{"class": "zero"}) == 1
    assert shown.count("polygon") == 4  # a band an arm, of val/oa and of train/loss


@pytest.mark.promise("nothing in a report runs")
def test_names_are_shown_as_they_are_and_nothing_reaches_out(study):
    text = page(*study(names=HARMFUL, warnings=[HARMFUL[0]], study="<b>mine</b>"))
    shown = Page(text)
    assert {tag for tag, _ in shown.elements}.isdisjoint({"script", "img", "link", "iframe", "b", "a", "object"})
    assert not any(name.startswith("on") or name in ("src", "href") for _, a in shown.elements for name in a)
    assert shown.text("h1") == ["<b>mine</b>"]
    assert set(HARMFUL) <= set(shown.text("th"))
    assert not re.search(r"url\(|@import|https?://", text)
    policy = next(a["content"] for t, a in shown.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_classes_have_their_own_correction_and_come_by_difference(study):
    _, records = study()
    metric, classes = next(iter(metrics_of_classes(records).items()))
    assert (metric, list(classes)) == ("test/recall", ["ant", "bee"])
    for number, record in enumerate(records[:3]):
        record.metrics["test/recall/bee"] = 0.1 * number
    found = class_differences(records[:3], records[3:], metric, classes, 0.95)
    assert [each.name for each in found] == ["bee", "ant"]
    assert found[1].arm - found[1].baseline == pytest.approx(found[1].paired.mean)
    p = sorted(each.paired.p for each in found)
    assert sorted(each.paired.holm for each in found) == pytest.approx([2 * p[0], max(2 * p[0], p[1])])


def test_one_class_has_no_table(study):
    assert metrics_of_classes(study(names=("ant",))[1]) == {}


def test_methods_say_what_was_done_and_cite_what_was_used(study):
    summary, records = study()
    methods = Methods(summary, records)
    assert methods.text.startswith(
        "We trained resnet18 on digits (300 training, 179 validation and 900 test images, 2 classes), in 2 arms that "
        "differ in source (tin200, random). Each run took 3 epochs with adamw at a learning rate "
        "of 0.01 and batches of 32, with the strategy full; each arm was run with the seeds 0, 1, 2. The weights of "
        "the epoch with the best val/oa were tested once. Arms are compared by test/oa, paired by seed, with 95% "
        "intervals over 3 seeds: Student's t over the seeds [1]."
    )
    assert methods.text.endswith("Software: tlbench 0.1.0, torch 2.6.0 [2].")
    assert [source.split(".")[0] for source in methods.sources] == ["Student", "A"]
    assert r"over the seeds~\cite{student}." in methods.latex
    assert methods.latex.count(r"\bibitem") == 2


def test_folds_are_said_and_their_correction_holds_for_classes_too(study):
    def fold(seed):
        counts = {"train": 600, "val": 100, "test": 300}
        return {"fold": "test", "folds": 3, "split_seed": seed, "counts": counts}

    summary, records = study()
    for record in records:
        record.data.split_rule.clear()
        record.data.split_rule.update(fold(record.seed))
    methods = Methods(summary, records)
    assert "the corrected t for runs whose training images overlap [1]." in methods.text
    assert methods.sources[0].startswith("C. Nadeau and Y. Bengio")
    (ant, _) = class_differences(records[:3], records[3:], "test/recall", ["ant", "bee"], 0.95)
    values = [records[i].metrics["test/recall/ant"] - records[3 + i].metrics["test/recall/ant"] for i in range(3)]
    estimate = over_folds(np.array(values), 0.5)
    assert (ant.paired.low, ant.paired.high) == pytest.approx(estimate.interval(0.95))


def test_an_arm_has_one_colour_whoever_has_curves(study):
    _, records = study(arms=("a", "b", "random"))
    without = [record.model_copy(update={"curves": []}) if record.arm == "a" else record for record in records]
    shown = page(summarise_study(without, ["source"]), without)
    assert 'class="thick c0"' not in shown
    assert shown.count('class="thick c1"') == shown.count('class="thick c2"') == 2


def test_many_arms_have_colours_of_their_own_and_no_bands(study):
    names = [f"arm{number}" for number in range(9)]
    shown = Page(page(*study(arms=names)))
    assert shown.count("polygon") == 0
    assert shown.count("polyline", **{"class": "thick c0 dashed"}) == 2
    assert shown.count("polyline", **{"class": "thick c0"}) == 2


def test_a_long_name_and_its_numbers_stand_below_each_other(study):
    shown = Page(page(*study(arms=("tin200-gradual_unfreezing-192x256", "random-feature_extractor-192x256"))))
    texts = [a for t, a in shown.elements if t == "text" and a.get("class") != "tick"]
    assert [a["y"] for a in texts[-2:]] == ["19", "37"]


@pytest.mark.parametrize("margin", [None, 0.05])
def test_the_margin_is_the_one_that_the_study_was_asked_for_last(study, margin):
    _, records = study()
    summary = summarise_study(records, ["source"], margin=margin)
    Path("study", SUMMARY_FILE).write_bytes(json_bytes(summary.to_dict()))
    shown = report_study(Path("study")).read_text()
    assert ("two one-sided tests" in shown) == (margin is not None)


@pytest.mark.promise("a study's report")
def test_the_command_writes_all_files_and_statistics_are_computed_anew(study, capsys):
    study()
    path = Path("study", SUMMARY_FILE)
    stored = json.loads(path.read_text())
    for each in stored["differences"]:  # as an older version wrote it
        for key in ("holm", "verdict", "simultaneous"):
            each["paired"].pop(key)
    path.write_text(json.dumps(stored))
    before = {p: p.read_bytes() for p in Path("study").rglob("*") if p.is_file()}
    assert main(["study=study", "output=out"]) == 0
    assert "report: out/report.html" in "".join(capsys.readouterr()).splitlines()
    written = ["figures", "report.html", "results.csv", "table.md", "table.tex"]
    assert sorted(p.name for p in Path("out").iterdir()) == written
    assert "tin200 is better than random by " in Path("out/report.html").read_text()
    assert {p: p.read_bytes() for p in Path("study").rglob("*") if p.is_file()} == before
    assert report_study(Path("study")) == Path("study/report.html")
    assert Path("study/report.html").read_bytes() == Path("out/report.html").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["study=nowhere"],
            "ConfigError: nowhere: no summary.json in it; give the folder of a study, such as outputs/STUDY",
        ),
        ([], "study"),
        (["study=study", "output=study/summary.json"], "summary.json"),
    ],
)
def test_what_cannot_be_reported_is_one_line(study, capsys, arguments, line):
    study()
    assert main(arguments) in (1, 2)
    error = capsys.readouterr().err.splitlines()[-1]
    assert line in error
    assert "Traceback" not in error


def test_a_study_whose_runs_all_failed_has_a_report(study):
    records = study()[1]
    shutil.rmtree("study/tin200")
    shutil.rmtree("study/random")
    assert len(records) == 6
    assert "No arms" not in report_study(Path("study")).read_text()


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here")
@pytest.mark.slow
def test_a_browser_opens_it(study, tmp_path):
    study(names=HARMFUL)
    path = report_study(Path("study")).absolute()
    quiet = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--window-size=360,800")
    command = ["chromium", *quiet, f"--user-data-dir={tmp_path / 'browser'}", "--dump-dom", path.as_uri()]
    shown = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    assert '<h2 id="answer">The answer</h2>' in shown
    assert "&lt;script&gt;alert(1)" in shown


def test_figures_are_not_written_through_a_link(study):
    study()
    Path("elsewhere").mkdir()
    Path("study", "figures").symlink_to(Path("elsewhere").absolute())
    assert main(["study=study"]) == 2
    assert list(Path("elsewhere").iterdir()) == []

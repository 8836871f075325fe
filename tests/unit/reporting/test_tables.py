"""A study's numbers for other programs."""

from __future__ import annotations

import csv
import io

import pytest

from tlbench.reporting.tables import results_csv, table_md, table_tex, tex


@pytest.mark.promise("a study's tables")
def test_a_row_a_run_and_metric_that_reads_back_exactly(study):
    _, records = study()
    rows = list(csv.DictReader(io.StringIO(results_csv(records))))
    assert list(rows[0]) == ["arm", "seed", "metric", "value"]
    found = {(row["arm"], int(row["seed"]), row["metric"]): float(row["value"]) for row in rows}
    assert len(found) == len(rows) == sum(len(record.metrics) + 1 for record in records)
    for record in records:
        assert found[record.arm, record.seed, "val/oa"] == record.best.value
        assert all(found[record.arm, record.seed, name] == value for name, value in record.metrics.items())


def test_an_undefined_value_is_empty_and_a_comma_no_column(study):
    _, records = study(names=('a,"b', "c"))
    records[0].metrics["test/kappa"] = None
    rows = list(csv.reader(io.StringIO(results_csv(records))))
    assert ["tin200", "0", "test/kappa", ""] in rows
    assert {len(row) for row in rows} == {4}
    assert 'test/recall/a,"b' in {row[2] for row in rows}


def test_markdown(study):
    summary, _ = study()
    lines = table_md(summary).splitlines()
    assert lines[:3] == ["|  | tin200 | random |", "|---|---:|---:|", "| test/oa % | 91.0 ± 1.0 | 72.0 ± 2.0 |"]
    assert lines[-1].startswith("tin200 − random: +19.00 points test/oa, 95% interval \\[")


def test_latex(study):
    summary, _ = study(arms=("tin_200", "random"))
    text = table_tex(summary)
    assert r" & tin\_200 & random \\" in text
    assert r"test/oa \% & 91.0 $\pm$ 1.0 & 72.0 $\pm$ 2.0 \\" in text
    assert text.count(r"\begin{tabular}{lrr}") == text.count(r"\end{tabular}") == 1


def test_latex_finds_no_command_in_a_name():
    assert tex("a_b & \\input{x} 5% #1 $x$ ~^") == (
        r"a\_b \& \textbackslash{}input\{x\} 5\% \#1 \$x\$ \textasciitilde{}\textasciicircum{}"
    )

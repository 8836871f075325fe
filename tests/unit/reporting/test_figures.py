"""A study's charts as files."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tests.unit.reporting.conftest import runs
from tlbench.reporting.figures import figure_files
from tlbench.study.summary import summarise_study

pytestmark = pytest.mark.usefixtures("drawn_figures")

NAMES = ["seeds", "curves_val_oa", "curves_train_loss"]


def test_each_chart_is_a_png_and_an_svg_whose_letters_are_text() -> None:
    records = runs()
    files = figure_files(summarise_study(records, ["source"]), records)
    assert list(files) == [f"{name}.{kind}" for name in NAMES for kind in ("png", "svg")]
    width, height = Image.open(io.BytesIO(files["seeds.png"])).size
    assert width >= 640
    assert height >= 200
    svg = files["seeds.svg"].decode()
    for text in ("tin200", "91.0 ± 1.0", "tin200 − random", "quickstart: seeds"):
        assert text in svg
    assert "val/oa" in files["curves_val_oa.svg"].decode()


def test_the_same_study_gives_the_same_bytes() -> None:
    records = runs()
    summary = summarise_study(records, ["source"])
    assert figure_files(summary, records) == figure_files(summary, records)


def test_names_are_shown_as_they_are() -> None:
    records = runs(arms=("$x^2$", "_a<b>"))
    svg = figure_files(summarise_study(records, ["source"]), records)["seeds.svg"].decode()
    assert "$x^2$" in svg
    assert "_a&lt;b&gt;" in svg

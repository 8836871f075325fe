"""What a report shows of test images, of studies whose runs left something of them beside their records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.unit.reporting.conftest import runs
from tests.unit.reporting.test_page import HARMFUL, Page
from tlbench.pictures.sheet import Tile
from tlbench.records.arrays import write_arrays
from tlbench.records.record import read_record, write_record
from tlbench.records.thumbnails import write_thumbnails
from tlbench.reporting.page import page
from tlbench.study.summary import summarise_study
from tlbench.tasks.classification.per_image import read

NAMES = ("ant", HARMFUL[0])
TARGET = np.array([0, 0, 0, 1, 1, 1])
FOUND = {"tin200": [0, 0, 0, 1, 1, 0], "random": [0, 1, 1, 1, 0, 1]}


@pytest.fixture
def shown() -> Page:
    """The page of two arms that disagree on images 1, 2, 4 (tin200 is right) and 5 (random is)."""
    records = []
    for run in runs(NAMES):
        folder = Path("study", run.arm, f"seed_{run.seed}")
        folder.mkdir(parents=True)
        kept = {
            "target": TARGET.astype(np.uint8),
            "found": np.array(FOUND[run.arm], np.uint8),
            "confidence": np.full(6, 0.75, np.float32),
        }
        write_arrays(folder / "per_image_test.npz", kept)
        metrics = {f"test/{name}": value for name, value in read(kept, 2).metrics().items()}
        grey = {i: Tile(np.full((8, 8, 3), 40 * i, np.uint8)) for i in range(6)}
        names = [f"{HARMFUL[1]} {i}" for i in range(6)]
        files = {
            "per_image_test": "per_image_test.npz",
            "thumbnails_test": write_thumbnails(folder, "test", grey, names, drawn=False),
            "thumbnails_train": write_thumbnails(
                folder, "train", {3: grey[3]}, names, drawn=False, labels={3: NAMES[1]}
            ),
        }
        write_record(folder, run.model_copy(update={"metrics": metrics, "sidecars": files}))
        written = read_record(folder)
        assert written is not None
        records.append(written)
    return Page(page(summarise_study(records, ["source"]), records))


def test_confusions_disagreements_and_the_floor_of_calibration_are_shown(shown: Page) -> None:
    headings = shown.text("h2")
    order = ["The data as read", "Taken for another", "Where the arms disagree", "Calibration and cost", "Provenance"]
    assert [heading for heading in headings if heading in order] == [h for h in order if h in headings]
    assert {"Taken for another", "Where the arms disagree"} <= set(headings)
    matrix = [text for tag, text in shown.texts if tag == "td" and text in ("33", "67", "100")]
    assert matrix == ["100", "33", "67", "33", "67", "33", "67"]  # tin200: 3 of 3, 1 and 2 of 3; random: 1, 2; 1, 2
    assert "Of 6 test images tin200 did better on 3 and random on 1, on average over 3 seeds;" in " ".join(
        shown.text("p")
    )
    assert shown.text("h4") == ["tin200 did better", "random did better"]
    assert shown.count("img") == 3 + 1  # without a heading for data as read, no examples of it
    assert "test/ece by chance alone" in shown.text("th")


def test_names_of_images_and_classes_are_text(shown: Page) -> None:
    alternatives = [a["alt"] for tag, a in shown.elements if tag == "img"]
    assert f"{HARMFUL[1]} 5" in alternatives
    assert shown.count("script") == 0
    assert not any("onerror" in a for _, a in shown.elements)
    assert f"true: {NAMES[1]}" in [text for tag, text in shown.texts if tag == "span"]


def test_all_images_are_part_of_the_page(shown: Page) -> None:
    sources = [a["src"] for tag, a in shown.elements if tag == "img"]
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)

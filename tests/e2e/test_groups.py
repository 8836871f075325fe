"""Groups of images in a whole run: what it keeps of them, and what it warns of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.commands import TINY_RANDOM, train
from tlbench.records.arrays import read_arrays
from tlbench.records.record import read_record

pytestmark = pytest.mark.usefixtures("tiny_network")
PATIENT = "data.group='pattern:(p[0-9]+)_'"


def draw(folder: Path, patients: range, images: int = 3) -> None:
    rng = np.random.default_rng(patients.start)
    for label in ("a", "b"):
        (folder / label).mkdir(parents=True)
        for patient in patients:
            for i in range(images):
                pixels = rng.integers(0, 255, (24, 24, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / label / f"p{patient}_{i}.png")


@pytest.mark.promise("groups of test images")
def test_groups_are_kept_and_those_in_two_splits_are_warned_of(tmp_path):
    draw(tmp_path / "images" / "train", range(12))
    draw(tmp_path / "images" / "test", range(11, 23))
    options = ("data=image_folder", "data.root=images", "data.image_size=32", "data.shots=null", PATIENT)
    outcome = train(*TINY_RANDOM, *options, "data.val_fraction=0.2", "trainer.max_epochs=1", "hydra.run.dir=run")
    assert outcome.code == 0, outcome.err
    record = read_record(tmp_path / "run")
    assert record is not None
    groups = read_arrays(record.folder / record.sidecars["groups_test"])
    assert groups["names"][groups["group"]].tolist() == [f"p{p}" for _ in "ab" for p in range(11, 23) for _ in range(3)]
    found = record.data.audit["groups"]
    assert found["counts"]["train"] + found["counts"]["val"] == 12
    assert list(found["shared"].values()) == [["p11"]]
    (where,) = found["shared"]
    assert (
        f"data.group=pattern:(p[0-9]+)_: 1 group in {where} (p11): what is measured there is no measure for new "
        "groups; divide the images anew, or choose a coarser data.group"
    ) in record.warnings

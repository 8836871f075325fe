"""Groups of images in a whole run: what it keeps of them, and what it warns of."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.commands import TINY_RANDOM, train
from tests.drawn_photos import photos, recompressed
from tlbench.data import audit as data_audit
from tlbench.records.arrays import read_arrays
from tlbench.records.folder import BY_LOOKS
from tlbench.records.record import Record, read_record
from tlbench.runs.run import _Run

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
    assert str(groups["origin"]) == "data.group"
    assert groups["names"][groups["group"]].tolist() == [f"p{p}" for _ in "ab" for p in range(11, 23) for _ in range(3)]
    found = record.data.audit["groups"]
    assert found["counts"]["train"] + found["counts"]["val"] == 12
    assert list(found["shared"].values()) == [["p11"]]
    (where,) = found["shared"]
    assert (
        f"data.group=pattern:(p[0-9]+)_: 1 group in {where} (p11): what is measured there is no measure for new "
        "groups; divide the images anew, or choose a coarser data.group"
    ) in record.warnings


OWN = (*TINY_RANDOM, "data=image_folder", "data.root=images", "data.image_size=32", "data.shots=null")
SHORT = (*OWN, "data.val_fraction=0.2", "trainer.max_epochs=1")


@pytest.fixture
def alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Images of two classes, of which two test images are copies of others of them; the groups that the test has."""
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    pictures = photos(40, side=40)
    test = [*pictures[24:36], ImageOps.mirror(pictures[25]), recompressed(pictures[24])]
    for split, images in (("train", pictures[:24]), ("test", test)):
        for i, image in enumerate(images):
            file = tmp_path / "images" / split / "ab"[i % 2] / f"{i:02}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            image.save(file)
    a, b = ([f"test/{name}/{i:02}.png" for i in range(start, 14, 2)] for start, name in enumerate("ab"))
    b[0], b[6] = "test/a/12.png", "test/a/00.png"  # what they are like, which comes before them
    return [*a, *b]


def ran(folder: str, *options: str, code: int = 0) -> Record:
    outcome = train(*SHORT, *options, f"hydra.run.dir={folder}")
    assert outcome.code == code, outcome.err
    record = read_record(Path(folder))
    assert record is not None
    return record


def kept(record: Record) -> tuple[str, list[str]]:
    """Where its groups come from, and that of each test image."""
    assert record.folder is not None
    groups = read_arrays(record.folder / record.sidecars["groups_test"])
    return str(groups["origin"]), groups["names"][groups["group"]].tolist()


@pytest.mark.promise("near-duplicates within test")
def test_test_images_that_look_alike_are_groups_in_every_run(tmp_path, monkeypatch, alike):
    first = ran("one")
    assert kept(first) == (BY_LOOKS, alike)
    assert [warning for warning in first.warnings if "within test" in warning] == [
        "audit: near-duplicates within test: 4 of 14 test images look like another of them (test/a/00.png ~ "
        "test/b/13.png, …), in 2 groups, the largest of 2: a study's intervals count 12 groups (each other image is "
        "one), not 14 images; if they are merely alike, say by data.group what belongs together"
    ]
    monkeypatch.setattr(data_audit, "near_groups", None)  # from the cache
    with monkeypatch.context() as patch:
        patch.setattr(_Run, "choose", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        assert ran("two", "seed=1", "seeds.split=0", code=143).sidecars == {}
    other = ran("two", "seed=1", "seeds.split=0")
    assert other.volatile.resumes == 1
    assert kept(other) == kept(first)
    assert (other.data, other.warnings) == (first.data, first.warnings)
    assert (tmp_path / "one/groups_test.npz").read_bytes() == (tmp_path / "two/groups_test.npz").read_bytes()


@pytest.mark.promise("near-duplicates within test")
def test_near_duplicates_are_no_groups_where_these_are_given_or_nothing_is_tested(alike):
    given = ran("given", "data.group='pattern:[0-9]([0-9])'")
    assert kept(given) == ("data.group", [*"02468021357913"])
    untested = ran("untested", "test=false")
    assert untested.sidecars == {"curves": "curves.png", "training_batch": "training_batch.png"}
    assert "within test" not in str([*given.warnings, *untested.warnings])


@pytest.mark.promise("near-duplicates within test")
def test_images_that_differ_have_no_groups(tmp_path, alike):
    for copy in ("a/12", "b/13"):
        (tmp_path / f"images/test/{copy}.png").unlink()
    record = ran("run")
    assert len(alike) - 2 == sum(record.data.audit["counts"]["test"].values())
    assert "groups_test" not in record.sidecars
    assert "within test" not in str(record.warnings)

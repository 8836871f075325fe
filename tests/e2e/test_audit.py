"""The audit of the data in whole commands: on the terminal, in the record, from the cache."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.commands import TINY_RANDOM, train
from tests.drawn_photos import photos, recompressed
from tlbench.data import audit as data_audit
from tlbench.records.record import read_record

RUN = (*TINY_RANDOM, "trainer.max_epochs=1")
OWN = (*RUN, "data=image_folder", "data.shots=null", "data.image_size=32", "data.val_fraction=0.2")


@pytest.fixture
def own_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """`data.root=…`: a folder whose test images are partly in train, audited by nobody before."""
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    pictures = photos(40, side=40)
    for split, images in (("train", pictures[:24]), ("test", [pictures[0], *pictures[30:40], pictures[2]])):
        for i, image in enumerate(images):
            file = tmp_path / "images" / split / "ab"[i % 2] / f"{i}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            (recompressed(image) if (split, i) == ("test", 11) else image).save(file)
    return f"data.root={tmp_path / 'images'}"


@pytest.mark.promise("the audit")
def test_digits_are_audited_and_nothing_is_found(tiny_network, tmp_path):
    outcome = train(*RUN, "hydra.run.dir=run")
    assert outcome.code == 0, outcome.err
    record = read_record(tmp_path / "run")
    audit = record.data.audit
    assert {split: sum(counts.values()) for split, counts in audit["counts"].items()} == record.data.split_rule[
        "counts"
    ]
    assert audit["duplicates"]["near"] is None  # 8×8 pixels
    assert {part["images"] for part in audit["duplicates"]["exact"].values()} == {0}
    assert (audit["small_classes"], audit["unreadable"]["count"]) == ({}, 0)
    assert "audit:" not in outcome.out


@pytest.mark.promise("the audit")
def test_what_is_wrong_is_said_and_recorded_and_computed_once(tiny_network, tmp_path, monkeypatch, own_images):
    outcome = train(*OWN, own_images, "hydra.run.dir=one")
    assert outcome.code == 0, outcome.err
    record = read_record(tmp_path / "one")
    audit = [warning for warning in record.warnings if warning.startswith("audit: ")]
    assert [line for line in outcome.out.splitlines() if "audit" in line] == [f"warning: {text}" for text in audit]
    assert any("train/a/0.png = test/a/0.png" in text for text in audit)
    assert any("train/a/2.png ~ test/b/11.png" in text for text in audit)
    assert record.data.audit["counts"]["test"] == {"a": 6, "b": 6}

    def again(*_):
        raise AssertionError("audited twice")

    monkeypatch.setattr(data_audit, "duplicates_part", again)
    assert train(*OWN, own_images, "seed=1", "seeds.split=0", "hydra.run.dir=two").code == 0
    other = read_record(tmp_path / "two")
    assert other.data == record.data
    assert other.warnings == record.warnings


def test_a_run_that_does_not_test_does_not_look_at_test(tiny_network, tmp_path, own_images):
    outcome = train(*OWN, own_images, "test=false", "hydra.run.dir=run")
    assert outcome.code == 0, outcome.err
    record = read_record(tmp_path / "run")
    assert record.data.audit["counts"].keys() == {"train", "val"}
    assert record.data.audit["duplicates"]["exact"].keys() == {"train-val"}
    assert "test/" not in str(record.data.audit)


def test_a_signal_during_the_audit_ends_the_run_and_it_can_be_taken_up(tiny_network, tmp_path, monkeypatch, own_images):
    with monkeypatch.context() as patch:
        patch.setattr(data_audit, "duplicates_part", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        assert train(*OWN, own_images, "hydra.run.dir=run").code == 143
    assert read_record(tmp_path / "run").status == "interrupted"
    assert train(*OWN, own_images, "hydra.run.dir=run").code == 0
    assert read_record(tmp_path / "run").data.audit["counts"]["test"] == {"a": 6, "b": 6}

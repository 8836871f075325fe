"""Detection on the user's own files, and what stands in for data and weights out of reach."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.commands import snapshot, train
from tests.detecting import QUIET, SMALL, draw_yolo
from tlbench.config import TrainConfig


def content(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "record.json").read_text())
    return found


@pytest.mark.promise("YOLO and COCO files")
def test_a_folder_of_ones_own_is_read_and_never_written(tmp_path):
    root = draw_yolo(tmp_path / "own")
    before = snapshot(root)
    times = {path: path.stat().st_mtime_ns for path in sorted(root.rglob("*"))}
    for path in [root, *root.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    own = (*SMALL, *QUIET, "data=yolo", f"data.root={root}", "data.val_fraction=0.25", "trainer.max_epochs=1")
    kept = train(*own, "data.cache=memory", "hydra.run.dir=memory")
    decoded = train(*own, "data.cache=none", "data.workers=0", "hydra.run.dir=workers")
    for path in [root, *root.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    assert (kept.code, decoded.code) == (0, 0), kept.err + decoded.err
    assert snapshot(root) == before
    assert {path: path.stat().st_mtime_ns for path in sorted(root.rglob("*"))} == times
    memory, workers = content(tmp_path / "memory"), content(tmp_path / "workers")
    assert (memory["data"]["storage"], workers["data"]["storage"]) == ("memory", "workers")
    assert workers["metrics"] == memory["metrics"]
    assert [workers["curves"][0][key] for key in ("train/loss", "val/loss")] == [
        memory["curves"][0][key] for key in ("train/loss", "val/loss")
    ]
    counts = memory["data"]["audit"]["counts"]
    assert memory["data"]["class_names"] == ["stamp", "photo"]
    assert [counts[split]["images"] for split in ("train", "val", "test")] == [12, 4, 8]
    assert counts["test"]["background"] == 4  # every sixth, all of them in val
    assert counts["train"]["background"] + counts["val"]["background"] == 1  # the empty label file
    assert "duplicate label rows left out" in json.dumps(memory["data"]["audit"]["mended"])
    shutil.rmtree(root)


def test_what_cannot_be_reached_is_stood_in_for(monkeypatch):
    started: list[TrainConfig] = []
    monkeypatch.setattr("tlbench.cli.composed.ComposedRun.start", lambda run: started.append(run.config))
    outcome = train("+experiment=signature_transfer", "source=coco", "trainer=cpu")
    assert outcome.code == 0, outcome.err
    (config,) = started
    assert (config.study, config.data.name, config.source.name) == (
        "signature_transfer-standin", "documents", "documents"
    )  # fmt: skip
    assert [(s.kind, s.wanted, s.used) for s in config.stand_ins] == [
        ("data", "signature", "documents"), ("source", "coco", "documents")
    ]  # fmt: skip
    assert (config.data.split, config.data.label_space, config.data.image_size) == ("official", "target", 320)
    refused = train("+experiment=signature_transfer", "source=coco", "trainer=cpu", "on_missing=error")
    assert refused.code == 2
    assert "signature.zip" in refused.one_line()


def test_pages_stand_in_whatever_was_wished_for_signatures_files(monkeypatch):
    started: list[TrainConfig] = []
    monkeypatch.setattr("tlbench.cli.composed.ComposedRun.start", lambda run: started.append(run.config))
    wishes = ("data.cache=none", "data.fraction=0.5", "data.workers=2", "data.split=blocked", "source=random")
    outcome = train("+experiment=signature_transfer", "trainer=cpu", *wishes)
    assert outcome.code == 0, outcome.err
    (config,) = started
    assert (config.data.name, config.data.cache, config.data.fraction) == ("documents", "memory", 1.0)

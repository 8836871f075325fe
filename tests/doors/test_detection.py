"""The doors that see a batch, beside boxes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands import call, train
from tests.detecting import QUIET, SMALL, draw_yolo
from tests.doors.conftest import Ran


@pytest.mark.promise("a loss", "a metric", "data by code")
@pytest.mark.slow
def test_a_detector_learns_from_what_is_brought(tmp_path):
    draw_yolo(tmp_path / "own", mess=False)
    given = (
        "data=box_module",
        "data.import_path=mine.data:photos_with_boxes",
        "data.arguments.root=own",
        "data.val_fraction=0.25",
        "loss=module",
        "loss.import_path=mine.losses:of_boxes",
        "metrics.images.import_path=mine.metrics:Detections",
        "augmentation.own={import_path: 'mine.transforms:flip_all'}",
    )
    outcome = train(*SMALL, *QUIET, *given, "hydra.run.dir=run")
    assert outcome.code == 0, outcome.err
    run = Ran(Path("run"))
    assert run.record.metrics["test/images"] == 8
    assert run.column("val/images") == ["4.0", "4.0"]
    assert [name for name in run.curves.splitlines()[0].split(",") if "loss" in name] == ["train/loss", "val/loss"]
    assert call("evaluate", "run=run").code == 0

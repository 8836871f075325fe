"""Runs with every augmentation at once."""

from __future__ import annotations

import json
import math

import pytest
import torch

from tests.commands import TINY
from tests.fits import fit
from tests.resuming import ALL_AUGMENTATION
from tlbench.tasks.classification.task import ClassificationTask


def curve(folder, metric):
    record = json.loads((folder / "record.json").read_text())
    return [row[metric] for row in record["curves"] if row.get(metric) is not None]


@pytest.mark.slow
def test_a_run_with_all_augmentation_learns(tmp_path):
    learning = ("source=tin200", "data.shots=30", "data.batch_size=20", "trainer.max_epochs=5", "optimizer.lr=1e-3")
    quiet = ("logger.tensorboard=false", "augmentation.flip=0.0")
    seen = fit(tmp_path / "run", *TINY, *ALL_AUGMENTATION, *learning, *quiet)
    assert seen.outcome.code == 0
    assert len(seen.losses) == 75
    assert all(math.isfinite(loss) for loss in seen.losses)
    assert json.loads((tmp_path / "run" / "record.json").read_text())["metrics"]["test/oa"] > 0.4  # chance: 0.1


@pytest.mark.promise("mixing in training alone")
@pytest.mark.usefixtures("tiny_network")
def test_only_training_batches_are_mixtures(tmp_path, monkeypatch):
    validated = []
    step = ClassificationTask.validation_step
    monkeypatch.setattr(ClassificationTask, "validation_step", lambda *a: (validated.append(a[1]), step(*a))[1])
    seen = fit(tmp_path / "run", *TINY, *ALL_AUGMENTATION, "source=random", "augmentation.cutmix=0.0")
    assert seen.outcome.code == 0
    for images, targets, _ in seen.batches:
        assert images.shape == (8, 3, 32, 32)
        assert targets.shape == (8, 10)
        torch.testing.assert_close(targets.sum(1), torch.ones(8))
        assert (targets.amax(1) < 1).any()
    assert validated
    assert all(labels.dtype == torch.int64 and labels.ndim == 1 for _, labels, _ in validated)


@pytest.mark.usefixtures("tiny_network")
@pytest.mark.slow
def test_label_smoothing_leaves_the_losses_of_validation_and_test_as_they_are(tmp_path):
    """At a learning rate of next to nothing, the networks stay equal."""
    still = (*TINY, "source=random", "optimizer.lr=1e-12")
    for name, smoothing in (("plain", 0.0), ("smooth", 0.5)):
        assert fit(tmp_path / name, *still, f"task.label_smoothing={smoothing}").outcome.code == 0
    plain, smooth = tmp_path / "plain", tmp_path / "smooth"
    assert curve(smooth, "val/loss") == pytest.approx(curve(plain, "val/loss"), rel=1e-5)
    assert curve(smooth, "train/loss") != pytest.approx(curve(plain, "train/loss"), rel=1e-4)

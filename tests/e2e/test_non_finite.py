from __future__ import annotations

import json

import pytest
import torch

from tests.commands import TINY_RANDOM, train
from tests.tiny_network import tiny_network
from tlbench.networks.build import NETWORKS
from tlbench.study.trials import failed_trial
from tlbench.tasks.classification.task import ClassificationTask

pytestmark = pytest.mark.usefixtures("tiny_network")


@pytest.mark.promise("a non-finite loss")
def test_a_learning_rate_far_too_high_ends_as_a_failed_run_with_step_and_hint(tmp_path):
    steps = ("data.shots=8", "optimizer.lr=1e30")
    outcome = train(*TINY_RANDOM, *steps, f"hydra.run.dir={tmp_path}")
    assert outcome.code == 1
    line = outcome.one_line()
    record = json.loads((tmp_path / "record.json").read_text())
    assert (record["status"], record["error"]["type"]) == ("failed", "NonFiniteLoss")
    for text in (line, record["error"]["message"]):
        assert "training loss is" in text
        assert "at step" in text
        assert "try a lower optimizer.lr (now 1e+30)" in text
    assert "Traceback" in record["error"]["traceback"]
    assert record["metrics"] == {}
    assert not (tmp_path / "best.ckpt").exists()


@pytest.mark.parametrize("bad_step", [2, 3])  # the first and the last of the second epoch
def test_the_checkpoints_from_before_stay_finite(tmp_path, monkeypatch, bad_step):
    loss, steps = ClassificationTask.training_step, []

    def sometimes_nan(self, batch, batch_idx):
        steps.append(batch_idx)
        return loss(self, batch, batch_idx) * (float("nan") if len(steps) == bad_step + 1 else 1.0)

    monkeypatch.setattr(ClassificationTask, "training_step", sometimes_nan)
    outcome = train(*TINY_RANDOM, f"hydra.run.dir={tmp_path}")
    assert outcome.code == 1
    assert f"training loss is nan at step {bad_step}" in outcome.one_line()
    record = json.loads((tmp_path / "record.json").read_text())
    assert [row["epoch"] for row in record["curves"]] == [1]
    for name in ("best.ckpt", "last.ckpt"):
        checkpoint = torch.load(tmp_path / name, weights_only=True)
        assert checkpoint["global_step"] == 2
        assert all(torch.isfinite(t).all() for t in checkpoint["state_dict"].values() if t.is_floating_point())


def after_steps(monkeypatch, count, change):
    """Change the network once so many training steps are done."""
    training_step, done = ClassificationTask.training_step, []

    def changing(self, batch, batch_idx):
        loss = training_step(self, batch, batch_idx)
        done.append(None)
        if len(done) == count:
            change(self.network)
        return loss

    monkeypatch.setattr(ClassificationTask, "training_step", changing)


def failed(folder, *overrides):
    """The one line and the record of a run whose outputs are not finite."""
    outcome = train(*TINY_RANDOM, *overrides, f"hydra.run.dir={folder}")
    assert outcome.code == 1
    record = json.loads((folder / "record.json").read_text())
    assert (record["status"], record["error"]["type"]) == ("failed", "NonFiniteOutputs")
    assert record["metrics"] == {}
    line = outcome.one_line()
    assert record["error"]["message"] in line
    return line, record


@pytest.mark.promise("divergence in evaluation")
@pytest.mark.parametrize("monitor", ["val/oa", "val/loss"])
def test_a_network_that_diverges_in_evaluation_alone_is_neither_validated_nor_chosen(tmp_path, monkeypatch, monitor):
    """Its training loss stays finite: BatchNorm uses the variances of the batch there."""
    after_steps(monkeypatch, 4, lambda network: network.bn1.register_buffer("running_var", torch.full((4,), -1.0)))
    line, record = failed(tmp_path, f"callbacks.monitor={monitor}", "callbacks.early_stopping.patience=1")
    assert (
        "validation in epoch 2 (counted from 1): the network's outputs for 90 of 90 images hold NaN or infinity" in line
    )
    assert "(its tensor bn1.running_var, variances, has 4 negative values of 4)" in line
    assert "try a lower optimizer.lr (now 0.001)" in line
    assert [row["epoch"] for row in record["curves"]] == [1]
    best = torch.load(tmp_path / "best.ckpt", weights_only=True)
    assert best["epoch"] == 0
    assert (best["state_dict"]["network.bn1.running_var"] > 0).all()


def test_averaged_weights_that_diverged_are_found_as_such(tmp_path):
    line, _ = failed(tmp_path, "optimizer=sgd", "optimizer.lr=1e10", "callbacks.ema_decay=0.99")
    assert "validation in epoch 1 " in line
    assert "callbacks.ema_decay=null (now 0.99: the average is what is validated)" in line
    assert not (tmp_path / "best.ckpt").exists()


@pytest.mark.promise("one image is enough")
def test_a_single_image_is_enough_in_validation_and_in_the_test(tmp_path, monkeypatch):
    """Of 90 images each, whichever batch it is in; +inf as an overflow leaves it, in bf16-mixed."""
    for split in ("validation", "test"):
        with monkeypatch.context() as patch:
            step, seen = getattr(ClassificationTask, f"{split}_step"), []

            def poisoned(self, batch, batch_idx, step=step, seen=seen):
                outputs = self.outputs

                def overflowing(inputs):
                    logits = outputs(inputs)
                    logits[-1, 3] = torch.inf
                    return logits

                seen.append(len(batch[2]))
                self.outputs = overflowing
                try:
                    return step(self, batch, batch_idx)
                finally:
                    self.outputs = outputs

            patch.setattr(ClassificationTask, f"{split}_step", poisoned)
            line, record = failed(tmp_path / split, "trainer.precision=bf16-mixed", "trainer.max_epochs=1")
            where = {"validation": "validation in epoch 1 ", "test": "test of the best epoch"}[split]
            assert where in line
            assert f"for {len(seen)} of {sum(seen)} images hold NaN or infinity; try" in line
            assert "trainer.precision=32-true (now bf16-mixed)" in line
            assert (record["best"] is None) == (split == "validation")


@pytest.mark.promise("outputs in training")
def test_outputs_in_training_are_looked_at_where_the_loss_does_not_show_them(tmp_path, monkeypatch):
    """As that of a detector does not show boxes in cells without an object."""
    loss, outputs = ClassificationTask.training_loss, ClassificationTask.outputs

    def with_nan(self, inputs):
        return outputs(self, inputs) * (torch.nan if self.training else 1.0)

    monkeypatch.setattr(ClassificationTask, "outputs", with_nan)
    monkeypatch.setattr(ClassificationTask, "training_loss", lambda self, o, t: loss(self, o.nan_to_num(), t))
    line, _ = failed(tmp_path)
    assert "training in epoch 1 (counted from 1): the network's outputs for 16 of 16 images hold NaN" in line


def test_features_that_are_not_finite_are_found_before_the_first_epoch(tmp_path, monkeypatch):
    def broken(num_classes):
        network = tiny_network(num_classes)
        network.module.bn1.running_var.fill_(-1.0)
        return network

    monkeypatch.setitem(NETWORKS, "resnet18", broken)
    line, record = failed(tmp_path, "strategy=feature_extractor", "augmentation=none")
    assert "features of train: the network's outputs for 20 of 20 images" in line
    assert "bn1.running_var, variances, has 4 negative values of 4" in line
    assert record["curves"] == []


@pytest.mark.promise("masked classes")
def test_a_network_may_mask_classes(tmp_path, monkeypatch):
    outputs = ClassificationTask.outputs

    def masked(self, inputs):
        return outputs(self, inputs).masked_fill(torch.arange(10) == 7, -torch.inf)

    monkeypatch.setattr(ClassificationTask, "outputs", masked)
    monkeypatch.setattr(ClassificationTask, "training_loss", lambda _, outputs, __: outputs[:, 0].square().mean())
    outcome = train(*TINY_RANDOM, f"hydra.run.dir={tmp_path}")
    assert outcome.code == 0, outcome.err
    record = json.loads((tmp_path / "record.json").read_text())
    assert 0 <= record["metrics"]["test/oa"] <= 1
    assert record["metrics"]["test/loss"] is None  # the masked class has images


def test_a_trial_whose_outputs_are_not_finite_is_a_failed_trial(tmp_path, monkeypatch):
    after_steps(monkeypatch, 2, lambda network: network.fc.weight.data.fill_(torch.nan))
    _, record = failed(tmp_path, "trainer.max_epochs=1")
    trial = failed_trial(tmp_path, {"optimizer.lr": 0.001}, 1)
    assert (trial.status, trial.value) == ("failed", None)
    assert trial.error == f"NonFiniteOutputs: {record['error']['message']}"

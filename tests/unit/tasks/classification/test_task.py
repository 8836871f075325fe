from __future__ import annotations

import math

import pytest
import torch

from tests.composed import config
from tests.tiny_network import tiny_network
from tlbench.tasks.classification.task import ClassificationTask

LOGITS = torch.tensor([[0.0, math.log(3.0), 0.0], [math.log(2.0), 0.0, 0.0]])
"""Probabilities 1/5, 3/5, 1/5 and 1/2, 1/4, 1/4."""


def task(smoothing: float) -> ClassificationTask:
    return ClassificationTask(tiny_network(3), config(f"task.label_smoothing={smoothing}"), ("a", "b", "c"))


def test_label_smoothing_spreads_a_share_of_the_target_over_all_classes():
    first = -(0.8 * math.log(3 / 5) + 0.1 * 2 * math.log(1 / 5))  # 0.3 / 3 = 0.1 a class
    second = -(0.1 * math.log(1 / 2) + 0.1 * math.log(1 / 4) + 0.8 * math.log(1 / 4))
    got = task(0.3).training_loss(LOGITS, torch.tensor([1, 2]))
    assert got.item() == pytest.approx((first + second) / 2, rel=1e-6)


def test_label_smoothing_of_soft_targets():
    soft = torch.tensor([[0.25, 0.75, 0.0], [0.0, 0.0, 1.0]])
    first = -((0.7 * 0.25 + 0.1) * math.log(1 / 5) + (0.7 * 0.75 + 0.1) * math.log(3 / 5) + 0.1 * math.log(1 / 5))
    second = -(0.1 * math.log(1 / 2) + 0.1 * math.log(1 / 4) + 0.8 * math.log(1 / 4))
    assert task(0.3).training_loss(LOGITS, soft).item() == pytest.approx((first + second) / 2, rel=1e-6)
    hard = -(0.25 * math.log(1 / 5) + 0.75 * math.log(3 / 5) + math.log(1 / 4))
    assert task(0.0).training_loss(LOGITS, soft).item() == pytest.approx(hard / 2, rel=1e-6)


@pytest.mark.promise("mixing in training alone")
def test_what_is_reported_on_validation_and_test_is_not_smoothed():
    plain = -(math.log(3 / 5) + math.log(1 / 4)) / 2
    assert task(0.3).loss(LOGITS, torch.tensor([1, 2])).item() == pytest.approx(plain, rel=1e-6)
    smoothed = task(0.3)
    logged = {}
    smoothed.log, smoothed.log_dict = lambda name, value, **_: logged.update({name: value.item()}), lambda _: None
    images, labels, index = torch.randn(4, 3, 32, 32), torch.tensor([0, 1, 2, 0]), torch.arange(4)
    smoothed.eval()
    with torch.no_grad():
        wanted = torch.nn.functional.cross_entropy(smoothed.network(images), labels)
        smoothed.validation_step((images, labels, index), 0)
        smoothed.test_step((images, labels, index), 0)
    smoothed.on_validation_epoch_end()
    smoothed.on_test_epoch_end()
    assert logged == pytest.approx(dict.fromkeys(("val/loss", "test/loss"), wanted.item()), rel=1e-6)


def test_training_metrics_take_the_heaviest_class_of_a_mixture():
    images, index = torch.randn(4, 3, 32, 32), torch.arange(4)
    soft = torch.tensor([[0.6, 0.4, 0.0], [0.1, 0.2, 0.7], [0.0, 0.9, 0.1], [0.0, 0.0, 1.0]])
    trained = task(0.1)
    loss = trained.training_step((images, soft, index), 0)
    assert torch.isfinite(loss)
    assert trained.train_metrics.confusion.sum(dim=1).tolist() == [1, 1, 2]

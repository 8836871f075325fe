"""No training step waits for the device: what is read back does not grow with the number of steps."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tests.commands import TINY_RANDOM, train
from tests.resuming import ALL_AUGMENTATION
from tests.slow import thinned
from tlbench.geometry import rand_augment
from tlbench.tasks.classification.task import ClassificationTask

METHODS = ("item", "tolist", "cpu", "numpy", "__bool__", "__float__", "__int__", "__index__")
OPERATORS = ("_local_scalar_dense", "nonzero", "masked_select", "_unique2", "bincount", "equal", "is_nonzero")
"""Operators that on an accelerator wait for the result, or for its shape."""


class Waits(TorchDispatchMode):
    """Counts such operators, indexing by a boolean mask included."""

    def __init__(self, counts):
        super().__init__()
        self.counts = counts

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name in OPERATORS or (name == "index" and any(t is not None and t.dtype == torch.bool for t in args[1])):
            self.counts[name] += 1
        return func(*args, **(kwargs or {}))


@pytest.fixture
def reads(tmp_path, monkeypatch, tiny_network):
    """Runs one epoch of so many images a class; returns its number of steps and the counts."""
    counts = Counter()
    for name in METHODS:
        original = getattr(torch.Tensor, name)

        def counted(self, *args, _name=name, _original=original, **kwargs):
            counts[_name] += 1
            return _original(self, *args, **kwargs)

        monkeypatch.setattr(torch.Tensor, name, counted)

    def run(shots, *overrides):
        counts.clear()
        folder = tmp_path / str(shots)
        monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / f"cache {shots}"))  # an audit that is kept reads less
        # SGD, as torch keeps AdamW's own count of steps on the host and reads it there
        few = (f"data.shots={shots}", "trainer.max_epochs=1", "optimizer=sgd", "optimizer.warmup_epochs=0")
        with Waits(counts):
            assert train(*TINY_RANDOM, *few, *overrides, f"hydra.run.dir={folder}").code == 0
        found = dict(counts)
        return torch.load(folder / "best.ckpt", weights_only=True)["global_step"], found

    return run


@pytest.mark.promise("no synchronisation")
def test_twice_the_steps_read_the_device_no_more_often(reads):
    few_steps, few = reads(4)
    many_steps, many = reads(8)
    assert (few_steps, many_steps) == (5, 10)
    assert few == many


def test_nor_do_they_with_all_augmentation(reads, monkeypatch):
    monkeypatch.setattr(rand_augment, "apply_drawn", rand_augment.apply_all)  # as on an accelerator
    reads(3, *ALL_AUGMENTATION)  # copies the constants once
    (few_steps, few), (many_steps, many) = reads(4, *ALL_AUGMENTATION), reads(8, *ALL_AUGMENTATION)
    assert (few_steps, many_steps) == (5, 10)
    assert few == many


@pytest.mark.parametrize(
    ("read", "name"),
    thinned([(lambda loss: loss.item(), "item"), (lambda loss: torch.bincount(loss.long()[None]), "bincount")], 2),
)
def test_a_read_in_the_training_step_would_be_seen(reads, monkeypatch, read, name):
    training_step = ClassificationTask.training_step

    def reading(self, batch, batch_idx):
        loss = training_step(self, batch, batch_idx)
        read(loss.detach())
        return loss

    monkeypatch.setattr(ClassificationTask, "training_step", reading)
    few, many = reads(4)[1], reads(8)[1]
    assert many[name] - few[name] == 5

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from tlbench.metrics.finite_outputs import FiniteOutputs
from tlbench.tasks.classification.metrics import ClassificationMetrics
from tlbench.tasks.partial_epoch import KEY, restore_partial_epoch, save_partial_epoch


def task(*seeds):
    """What the two functions see of a task that has trained a batch of each seed."""
    metrics, losses, outputs = ClassificationMetrics(3, ("a", "b", "c")), [], FiniteOutputs()
    for seed in seeds:
        update(metrics, losses, seed)
        outputs.update(torch.tensor([seed, torch.nan]), 2)
    return SimpleNamespace(train_metrics=metrics, train_losses=losses, train_outputs=outputs, global_rank=0)


def update(metrics, losses, seed):
    generator = torch.Generator().manual_seed(seed)
    logits, targets = torch.randn(8, 3, generator=generator), torch.randint(3, (8,), generator=generator)
    metrics.update(logits, targets)
    losses.append(torch.nn.functional.cross_entropy(logits, targets))


@pytest.mark.parametrize("before", [(), (1,), (1, 2)], ids=len)
def test_an_epoch_goes_on_as_if_it_had_not_been_cut(tmp_path, before):
    checkpoint = {}
    cut = task(*before)
    save_partial_epoch(cut, checkpoint)
    update(cut.train_metrics, cut.train_losses, 9)  # the run went on, the checkpoint is of before
    torch.save(checkpoint, tmp_path / "x.ckpt")
    resumed, whole = task(7, 8), task(*before, 3)
    restore_partial_epoch(resumed, torch.load(tmp_path / "x.ckpt", weights_only=True))
    update(resumed.train_metrics, resumed.train_losses, 3)
    assert torch.equal(torch.stack(resumed.train_losses).mean(), torch.stack(whole.train_losses).mean())
    values, wanted = resumed.train_metrics.compute(), whole.train_metrics.compute()
    assert values.keys() == wanted.keys()
    assert all(torch.equal(values[key], wanted[key]) or values[key].isnan() for key in wanted)
    assert resumed.train_metrics.update_count == len(before) + 1
    assert resumed.train_outputs.compute().tolist() == [len(before), 2 * len(before)]


def test_each_process_takes_its_own(tmp_path):
    own, other = {}, {}
    save_partial_epoch(task(1), own)
    save_partial_epoch(task(2), other)
    second = task()
    second.global_rank = 1
    restore_partial_epoch(second, {KEY: own[KEY] + other[KEY]})
    assert torch.equal(second.train_losses[0], task(2).train_losses[0])
    assert second.train_outputs.compute().tolist() == [1, 2]


def test_a_checkpoint_of_an_earlier_version_does_not_know_the_outputs():
    checkpoint = {}
    save_partial_epoch(task(1), checkpoint)
    del checkpoint[KEY][0]["outputs"]
    resumed = task()
    restore_partial_epoch(resumed, checkpoint)
    assert len(resumed.train_losses) == 1


def test_a_checkpoint_without_it_changes_nothing():
    kept = task(1)
    restore_partial_epoch(kept, {})
    assert len(kept.train_losses) == 1


def test_parts_of_the_loss_come_back_as_they_were(tmp_path):
    checkpoint, parts = {}, [torch.tensor([0.5, 0.25, 1.0]), torch.tensor([2.0, 4.0, 8.0])]
    cut, resumed = task(), task()
    cut.train_metrics = resumed.train_metrics = None
    cut.train_losses = parts
    save_partial_epoch(cut, checkpoint)
    torch.save(checkpoint, tmp_path / "x.ckpt")
    restore_partial_epoch(resumed, torch.load(tmp_path / "x.ckpt", weights_only=True))
    assert [loss.tolist() for loss in resumed.train_losses] == [loss.tolist() for loss in parts]

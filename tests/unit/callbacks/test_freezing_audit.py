from __future__ import annotations

import pytest
import torch
from lightning.pytorch import Callback
from torch import nn

from tests.staged import fit, source_network, state, task_of
from tlbench.adaptation.freezing import Freezing, group_hash
from tlbench.callbacks.freeze_batch_norm import FreezeBatchNorm
from tlbench.callbacks.freezing_audit import FreezingAudit, FreezingError, check_gradients
from tlbench.callbacks.gradual_unfreezing import GradualUnfreezing
from tlbench.networks.network import Network
from tlbench.tasks.classification.task import ClassificationTask

AUDIT = "tlbench.callbacks.freezing_audit"


class At(Callback):
    """Does something to the task after a step (from 1), or before the first (0)."""

    def __init__(self, step, action):
        self.step, self.action = step, action

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.global_step == self.step == 0:
            self.action(pl_module)

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.global_step == self.step:
            self.action(pl_module)


GRADUAL = (
    "strategy=gradual_unfreezing",
    "strategy.stages=[[head],[layer4]]",
    "strategy.every_n_epochs=2",
    "trainer.max_epochs=4",
)


def gradual(tmp_path, *callbacks, network=None):
    """Head for two epochs, layer4 for two more; two steps an epoch."""
    task = task_of(*GRADUAL, network=network)
    audit = FreezingAudit()
    fit(task, [GradualUnfreezing(task.stages), *callbacks, audit], tmp_path)
    return task, audit


def write(name, value=1.0):
    """Adds to a tensor of the network."""

    def action(task):
        with torch.no_grad():
            task.network.state_dict()[name].add_(value)

    return action


def require_gradient(group):
    def action(task):
        for parameter in task.layer_groups.group_parameters(group):
            parameter.requires_grad_(True)

    return action


def test_a_run_in_order_passes_and_its_hashes_are_the_sources(tmp_path):
    source = source_network()
    task, audit = gradual(tmp_path)
    assert audit.hashes == {group: group_hash(source, group) for group in ("stem", "layer1", "layer2", "layer3")}
    assert group_hash(task.layer_groups, "layer4") != group_hash(source, "layer4")


@pytest.mark.promise("frozen is proven")
@pytest.mark.parametrize("name", ["layer2.0.weight", "layer2.1.running_mean", "layer2.1.num_batches_tracked"])
@pytest.mark.parametrize("step", [1, 4, 5, 8])
def test_a_frozen_group_that_changes_in_any_stage_is_named(tmp_path, name, step):
    with pytest.raises(FreezingError, match=r"^the frozen layer groups layer2 changed while the run trained") as caught:
        gradual(tmp_path, At(step, write(name, 1)))
    assert "\n" not in str(caught.value)


def test_a_group_that_is_unfrozen_is_checked_for_the_stage_in_which_it_was_frozen(tmp_path):
    with pytest.raises(FreezingError, match="groups layer4 changed"):
        gradual(tmp_path, At(4, write("layer4.1.running_var")))
    gradual(tmp_path, At(5, write("layer4.1.running_var")))  # from then on it may change


def test_batch_norm_that_was_woken_up_is_found(tmp_path):
    """`network.train()` past the task's `train()`: the statistics of all groups move."""
    with pytest.raises(FreezingError, match="groups stem, layer1, layer2, layer3, layer4 changed"):
        gradual(tmp_path, At(1, lambda task: task.network.train()))


@pytest.mark.parametrize("step", [0, 2, 6])
def test_a_frozen_group_that_receives_a_gradient_stops_the_run_before_the_gradient_is_used(tmp_path, step):
    network = source_network()
    with pytest.raises(FreezingError, match=r"^the layer groups layer3 are frozen but received a gradient"):
        gradual(tmp_path, At(step, require_gradient("layer3")), network=network)
    assert group_hash(network, "layer3") == group_hash(source_network(), "layer3")


def test_a_group_that_should_train_and_gets_no_gradient_stops_the_run_at_the_first_step(tmp_path, monkeypatch):
    network = source_network()
    layer4 = network.module.layer4.forward
    monkeypatch.setattr(network.module.layer4, "forward", lambda x: layer4(x).detach())
    before = state(network, "head")
    task = task_of("strategy=full", network=network)
    below = "stem, layer1, layer2, layer3, layer4"
    with pytest.raises(FreezingError, match=rf"^the layer groups {below} should train but no gradient reached them"):
        fit(task, [GradualUnfreezing(task.stages), FreezingAudit()], tmp_path)
    assert all(torch.equal(tensor, before[name]) for name, tensor in state(network, "head").items())


def test_it_is_looked_at_again_when_a_stage_begins(tmp_path, monkeypatch):
    network, steps = source_network(), []
    layer4 = network.module.layer4.forward
    monkeypatch.setattr(network.module.layer4, "forward", lambda x: layer4(x).detach())
    training_step = ClassificationTask.training_step
    monkeypatch.setattr(ClassificationTask, "training_step", lambda *a: (steps.append(1), training_step(*a))[1])
    with pytest.raises(FreezingError, match="groups layer4 should train"):
        gradual(tmp_path, network=network)
    assert len(steps) == 5  # two epochs of the head, and the second stage's first step


def test_a_checkpoint_that_was_tampered_with_is_found_when_a_run_is_resumed(tmp_path):
    path = tmp_path / "last.ckpt"

    class Save(Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            if trainer.current_epoch == 0:
                trainer.save_checkpoint(path)

    gradual(tmp_path, Save())

    def resume():
        task = task_of(*GRADUAL)
        fit(task, [GradualUnfreezing(task.stages), Save(), FreezingAudit()], tmp_path, resume=path)

    resume()
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["state_dict"]["network.layer1.1.running_mean"][0] += 1
    torch.save(checkpoint, path)
    with pytest.raises(FreezingError, match="groups layer1 changed while the run was resumed"):
        resume()


def test_processes_that_drifted_apart_are_found(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{AUDIT}.is_distributed", lambda: True)
    monkeypatch.setattr(f"{AUDIT}.gather_objects", lambda own: [own, dict(own)])
    gradual(tmp_path)
    monkeypatch.setattr(f"{AUDIT}.gather_objects", lambda own: [own, {**own, "head": "another"}])
    with pytest.raises(FreezingError, match="process 1 has other weights than process 0 in the layer groups head;"):
        gradual(tmp_path)


def small() -> Freezing:
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))
    return Freezing(Network(module, {"stem": ("0",), "norm": ("1",), "head": ("3",)}, "head"))


def test_a_group_that_is_all_batch_norm_may_be_frozen_by_the_policy(tmp_path):
    freezing = small()
    freezing.freeze_batch_norm("statistics_and_affine")
    freezing.network.module(torch.ones(3, 3, 1, 1)).sum().backward()
    check_gradients(freezing)
    freezing.freeze_batch_norm("statistics")
    with pytest.raises(FreezingError, match="groups norm should train"):
        check_gradients(freezing)


@pytest.mark.parametrize("policy", ["statistics", "statistics_and_affine"])
def test_it_agrees_with_every_policy_of_batch_norm(tmp_path, policy):
    _, audit = gradual(tmp_path, FreezeBatchNorm(policy))
    assert set(audit.hashes) == {"stem", "layer1", "layer2", "layer3"}

from __future__ import annotations

import pytest

from tests.staged import fit, same_bits, source_network, state, task_of
from tlbench.callbacks.freeze_batch_norm import FreezeBatchNorm
from tlbench.callbacks.gradual_unfreezing import GradualUnfreezing
from tlbench.networks.norms import batch_norm_layers

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def names(*endings: str) -> set[str]:
    layers = [name for name, _ in batch_norm_layers(source_network().module)]
    return {f"{layer}.{ending}" for layer in layers for ending in endings}


@pytest.mark.promise("frozen BatchNorm")
@pytest.mark.parametrize(
    ("policy", "frozen"),
    [
        (None, names()),
        ("statistics", names(*STATISTICS)),
        ("statistics_and_affine", names(*STATISTICS, "weight", "bias")),
    ],
)
@pytest.mark.parametrize("strategy", ["full", "head_then_full"])
def test_exactly_what_the_policy_names_keeps_its_bits_while_all_else_trains(tmp_path, strategy, policy, frozen):
    epochs = ["strategy.head_epochs=1"] if strategy == "head_then_full" else []
    task = task_of(f"strategy={strategy}", *epochs, "trainer.max_epochs=2", "optimizer.schedule=constant")
    before = state(task.layer_groups)
    callbacks = [GradualUnfreezing(task.stages), *([FreezeBatchNorm(policy)] if policy else [])]
    fit(task, callbacks, tmp_path)
    assert set(same_bits(before, state(task.layer_groups))) == frozen
    assert task.freezing.batch_norm == policy


@pytest.mark.promise("frozen BatchNorm")
def test_it_works_with_batches_too_small_for_statistics(tmp_path):
    task = task_of("data.batch_size=2", "trainer.max_epochs=1")
    before = state(task.layer_groups)
    fit(task, [GradualUnfreezing(task.stages), FreezeBatchNorm("statistics")], tmp_path)
    assert set(same_bits(before, state(task.layer_groups))) == names(*STATISTICS)
    assert task.trainer.global_step == 10


def test_validation_and_training_normalise_alike(tmp_path):
    """With frozen statistics a training image's output does not depend on the others in its batch."""
    outputs = {}
    for policy in ("statistics", None):
        task = task_of("trainer.max_epochs=1")
        fit(task, [GradualUnfreezing(task.stages), *([FreezeBatchNorm(policy)] if policy else [])], tmp_path)
        images = next(iter(task.trainer.datamodule.prepared("train")))[:8]
        task.train()
        alone, together = task(images[:4]).detach(), task(images)[:4].detach()
        outputs[policy] = (alone - together).abs().max().item()
    assert outputs["statistics"] < 1e-5
    assert outputs[None] > 1e-3

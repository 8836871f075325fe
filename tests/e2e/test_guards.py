"""Recipes that cannot be meant are errors in one line; those that are known to fail are warnings with a remedy."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from tests.commands import TINY, TINY_RANDOM, train
from tests.final_state import FINAL
from tests.staged import same_bits, source_network
from tests.tiny_network import tiny_network
from tlbench.networks.build import NETWORKS
from tlbench.tasks.classification.task import ClassificationTask

pytestmark = pytest.mark.usefixtures("tiny_network")

GRADUAL = ("strategy=gradual_unfreezing", "strategy.every_n_epochs=null")


def record_of(folder):
    return json.loads((folder / "record.json").read_text())


@pytest.fixture
def from_source(tmp_path):
    """Overrides that start from a file of the tiny network's weights."""
    torch.save(source_network().module.state_dict(), tmp_path / "source.pt")
    return [*TINY, "source=checkpoint", f"source.path={tmp_path / 'source.pt'}", "logger.tensorboard=false"]


@pytest.mark.promise("a head that was not replaced")
@pytest.mark.parametrize("outputs", [1000, 5])
def test_a_head_that_was_not_replaced(tmp_path, monkeypatch, outputs):
    monkeypatch.setitem(NETWORKS, "resnet18", lambda _classes: tiny_network(outputs))
    outcome = train(*TINY_RANDOM, f"hydra.run.dir={tmp_path}")
    assert outcome.code == 2
    assert f"its head gives {outputs} outputs, the target has 10 classes; replace the head" in outcome.one_line()
    record = record_of(tmp_path)
    assert (record["status"], record["error"]["type"], record["error"]["traceback"]) == ("failed", "ConfigError", None)
    assert record["curves"] == []


@pytest.mark.promise("a head that was not replaced")
def test_a_head_that_holds_the_sources_weights(tmp_path, from_source, monkeypatch):
    """As would a loader that forgot to leave the head out; its shape fits, so that nothing else notices."""
    from tlbench.runs import run

    load = run.apply_source

    def too_much(network, *given):
        report = load(network, *given)
        network.module.load_state_dict(source_network().module.state_dict())
        return report

    monkeypatch.setattr(run, "apply_source", too_much)
    outcome = train(*from_source, f"hydra.run.dir={tmp_path / 'run'}")
    assert outcome.code == 2
    assert "source=checkpoint: the head (fc) was not replaced" in outcome.one_line()


@pytest.mark.promise("monitoring train or test")
@pytest.mark.parametrize("monitor", ["train/loss", "train/oa", "test/oa", "oa"])
def test_a_monitored_metric_that_is_not_of_validation(tmp_path, monitor):
    outcome = train(*TINY_RANDOM, f"callbacks.monitor={monitor}", f"hydra.run.dir={tmp_path / 'run'}")
    assert outcome.code == 2
    line = outcome.one_line()
    assert f"callbacks.monitor='{monitor}'" in line
    assert "chosen on validation only" in line
    assert "val/oa or val/loss" in line
    assert not (tmp_path / "run").exists()


def test_a_monitored_metric_that_there_is_not(tmp_path):
    outcome = train(*TINY_RANDOM, "callbacks.monitor=val/map50", f"hydra.run.dir={tmp_path}")
    assert outcome.code == 2
    assert "callbacks.monitor='val/map50'" in outcome.one_line()
    assert "val/oa, val/aa, val/kappa, val/f1, val/ece, val/loss" in outcome.one_line()


@pytest.mark.promise("a gradient where it is frozen")
def test_a_frozen_group_that_receives_a_gradient(tmp_path, from_source, monkeypatch):
    def wake(task, *_given):
        for parameter in task.layer_groups.group_parameters("layer4"):
            parameter.requires_grad_(True)

    monkeypatch.setattr(ClassificationTask, "on_train_batch_start", wake)
    outcome = train(*from_source, "strategy=feature_extractor", f"hydra.run.dir={tmp_path / 'run'}")
    assert outcome.code == 1
    assert "the layer groups layer4 are frozen but received a gradient" in outcome.one_line()
    assert record_of(tmp_path / "run")["error"]["type"] == "FreezingError"
    assert not (tmp_path / "run" / "last.ckpt").exists()


@pytest.mark.promise("no gradient where it trains")
def test_a_trainable_group_that_receives_none(tmp_path, from_source, monkeypatch):
    class Detached(nn.Sequential):
        def forward(self, images):
            return super().forward(images).detach()

    def detached(classes):
        network = tiny_network(classes)
        network.module.layer1 = Detached(*network.module.layer1)
        return network

    monkeypatch.setitem(NETWORKS, "resnet18", detached)
    outcome = train(*from_source, f"hydra.run.dir={tmp_path / 'run'}")
    assert outcome.code == 1
    assert "the layer groups stem, layer1 should train but no gradient reached them" in outcome.one_line()
    assert record_of(tmp_path / "run")["error"]["type"] == "FreezingError"


def test_a_frozen_group_that_changes(tmp_path, from_source, monkeypatch):
    monkeypatch.setattr(
        ClassificationTask, "on_train_batch_end", lambda task, *_: task.network.bn1.running_mean.add_(1e-3)
    )  # fmt: skip
    outcome = train(*from_source, "strategy=feature_extractor", f"hydra.run.dir={tmp_path / 'run'}")
    assert outcome.code == 1
    assert "the frozen layer groups stem changed while the run trained" in outcome.one_line()
    assert record_of(tmp_path / "run")["metrics"] == {}


STAGES = {
    "a pattern that matches nothing": (
        [*GRADUAL, "strategy.stages=[[head],[layr4]]", "strategy.at_epochs=[1]"],
        ["stage 2 ['layr4']", "'layr4' matches no layer group", "stem, layer1"],
    ),
    "stages that overlap": (
        [*GRADUAL, "strategy.stages=[[head,layer4],['layer*']]", "strategy.at_epochs=[1]"],
        ["stage 2 ['layer*']", "overlaps stage 1", "'layer4'"],
    ),
    "a stage that unfreezes nothing": (
        [*GRADUAL, "strategy.stages=[[head],[]]", "strategy.at_epochs=[1]"],
        ["stage 2 []", "unfreezes nothing"],
    ),
    "a stage after the end": (
        [*GRADUAL, "strategy.stages=[[head],[layer4]]", "strategy.at_epochs=[2]"],
        ["strategy.at_epochs=[2]", "stage 2 (layer4) would begin after 2 epochs", "trainer.max_epochs=2"],
    ),
    "a stage that no stall can reach": (
        [*GRADUAL, "strategy.stages=[[head],[layer4]]", "strategy.stall_patience=1"],
        ["strategy.stall_patience=1", "stage 2 (layer4)", "never unfreeze anything"],
    ),
    "a learning rate for nothing": (
        ["strategy.lr_scales={layer4: 0.5, convs*: 0.1}"],
        ["strategy.lr_scales", "'convs*' matches no layer group"],
    ),
    "head epochs that fill the run": (
        ["strategy=head_then_full", "strategy.head_epochs=2"],
        ["strategy.head_epochs=2", "'full' would never begin", "trainer.max_epochs=2"],
    ),
    "two triggers": (
        ["strategy=gradual_unfreezing", "strategy.every_n_epochs=1", "strategy.stall_patience=1"],
        ["strategy.every_n_epochs=1, strategy.stall_patience=1", "exactly one"],
    ),
    "more singular values than a batch has": (
        ["regulariser=bss", "regulariser.bss_k=9"],
        ["regulariser.bss_k=9", "data.batch_size=8"],
    ),
    "more singular values than features": (
        ["regulariser=bss", "regulariser.bss_k=5"],
        ["regulariser.bss_k=5: a batch of 8 samples with 4 features has 4 singular values; allowed: 1 to 4"],
    ),
}


@pytest.mark.promise("senseless stages")
@pytest.mark.parametrize("case", STAGES)
def test_what_cannot_be_meant_is_the_users_error(tmp_path, case):
    arguments, fragments = STAGES[case]
    outcome = train(*TINY_RANDOM, *arguments, f"hydra.run.dir={tmp_path / 'run'}")
    assert outcome.code == 2
    line = outcome.one_line()
    assert line.startswith("ConfigError: ")
    assert [fragment for fragment in fragments if fragment not in line] == []
    assert not list(tmp_path.rglob("*.ckpt"))


def test_too_many_singular_values_are_found_at_the_first_step_also_where_they_count_only_later(tmp_path, from_source):
    strategy = ("strategy=head_then_full", "strategy.head_epochs=1", "regulariser=bss", "regulariser.bss_k=5")
    outcome = train(*from_source, *strategy, f"hydra.run.dir={tmp_path / 'run'}")
    assert outcome.code == 2
    assert "regulariser.bss_k=5" in outcome.one_line()
    assert record_of(tmp_path / "run")["curves"] == []


PLAIN = ("data.batch_size=16", "data.shots=2")

ADVICE = {
    "a strategy for random weights": (
        [*PLAIN, "source=random", "source.path=null", "strategy=head_then_full", "strategy.head_epochs=1"],
        ["strategy=head_then_full makes no sense for source=random", "use strategy=full for this arm"],
    ),
    "a pretrained group above the head": (
        [*PLAIN, "strategy.lr_scales={layer4: 2.0}"],
        ["groups layer4 have a higher learning rate than the new head", "lower their factors in strategy.lr_scales"],
    ),
    "batches too small for BatchNorm": (
        [],
        ["on batches of 8 images", "callbacks.freeze_batch_norm=statistics, model.norm=group, or a larger data"],
    ),
    "frozen BatchNorm without BatchNorm": (
        ["model.norm=group", "callbacks.freeze_batch_norm=statistics"],
        ["callbacks.freeze_batch_norm=statistics: no effect, as the network has no BatchNorm; use null"],
    ),
    "l2_sp and weight decay": (
        [*PLAIN, "regulariser=l2_sp"],
        ["regulariser.l2_sp=0.1", "use optimizer.weight_decay=0"],
    ),
}


@pytest.mark.promise("warnings with a remedy")
@pytest.mark.parametrize("case", ADVICE)
def test_a_warning_is_in_the_output_and_in_the_record(tmp_path, from_source, case):
    overrides, fragments = ADVICE[case]
    outcome = train(*from_source, *overrides, f"hydra.run.dir={tmp_path / 'run'}")
    assert outcome.code == 0, outcome.err
    (warning,) = record_of(tmp_path / "run")["warnings"]
    assert [fragment for fragment in fragments if fragment not in warning] == []
    assert [line for line in outcome.out.splitlines() if line.startswith("warning")] == [f"warning: {warning}"]


@pytest.mark.usefixtures("final_state")
def test_a_sound_recipe_gets_no_warning(tmp_path, from_source):
    outcome = train(*from_source, *PLAIN, "strategy=head_then_full", "strategy.head_epochs=1", "hydra.run.dir=run")
    assert outcome.code == 0, outcome.err
    assert record_of(tmp_path / "run")["warnings"] == []
    assert "warning" not in outcome.out + outcome.err
    saved = torch.load(tmp_path / "run" / FINAL, weights_only=True)["state_dict"]
    source = {f"network.{name}": tensor for name, tensor in source_network().module.state_dict().items()}
    assert same_bits(source, {name: tensor for name, tensor in saved.items() if name in source}) == []

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.composed import config
from tests.tiny_network import tiny_network
from tlbench.adaptation.advice import advise
from tlbench.errors import ConfigError
from tlbench.networks.norms import to_group_norm


def advice(*overrides: str, train_images: int = 50_000) -> list[str]:
    configured, network = config(*overrides), tiny_network(10)
    if configured.model.norm == "group":
        network = replace(network, dropped=frozenset(to_group_norm(network.module)))
    return advise(configured, network, train_images)


GPUS = ("trainer=ddp", "trainer.sync_batchnorm=true")
GRADUAL = "strategy=gradual_unfreezing"
HEAD_ONLY = ("strategy.every_n_epochs=null", "strategy.at_epochs=[]", "strategy.stages=[[head]]")


@pytest.mark.parametrize(
    "overrides",
    [
        ["source=tin200", "strategy=full"],
        ["source=random", "strategy=full"],
        ["strategy=feature_extractor", "data.batch_size=8"],
        ["strategy=head_then_full", "strategy.lr_decay=0.5"],
        [GRADUAL, "data.batch_size=16"],
        [GRADUAL, *HEAD_ONLY, "data.batch_size=8"],
        ["regulariser=l2_sp", "optimizer.weight_decay=0"],
        ["regulariser=bss", "source=random"],
        ["data.batch_size=8", "callbacks.freeze_batch_norm=statistics"],
        ["strategy.lr_scales={stem: 1.0, 'layer*': 0.5}"],
        ["strategy.lr_scales={stem: 3.0}", "source=random"],
        ["strategy.lr_scales={stem: 3.0}", "strategy=feature_extractor"],
    ],
)  # fmt: skip
def test_nothing_is_said_of_what_makes_sense(overrides):
    assert advice(*overrides) == []


def test_pretrained_groups_above_the_heads_rate_are_named_with_the_remedy():
    expected = (
        "the pretrained layer groups stem, layer3 have a higher learning rate than the new head: they would be "
        "overwritten before the head is of use; lower their factors in strategy.lr_scales"
    )
    assert advice("strategy.lr_scales={stem: 3.0, layer3: 1.01}") == [expected]
    (low_head,) = advice("strategy.lr_scales={head: 0.5}", "strategy=head_then_full")
    assert "groups stem, layer1, layer2, layer3, layer4 have a higher learning rate" in low_head


def test_images_that_are_stored_in_another_shape_than_the_inputs_are_told_of():
    digits = (
        "data.image_size=[32,48]: stored images, of 8 by 8 pixels, are stretched to this other shape; use one number"
    )
    assert advice("data.image_size=[32, 48]") == [digits]
    own = ("data.name=image_folder", "data.root=x", "data.image_size=[192, 256]")
    assert advice(*own) == advice(*own, "data.stored_size=[240, 320]") == []
    assert advice(*own, "data.stored_size=[241, 321]") == []  # by rounding
    square = "data.image_size=[192,256]: stored images, of 256 by 256 pixels, are stretched to this other shape; "
    assert advice(*own, "data.stored_size=256") == [f"{square}use data.stored_size=[256,341] or null"]


@pytest.mark.parametrize(
    ("strategy", "why"),
    [
        ("feature_extractor", "the head is trained on features of random weights that never learn"),
        ("head_then_full", "the head is first trained on features of random weights"),
        ("gradual_unfreezing", "lower layers are left at random weights for the first stages"),
    ],
)
def test_a_strategy_that_makes_no_sense_for_random_weights(strategy, why):
    (line,) = advice("source=random", f"strategy={strategy}")
    assert line == f"strategy={strategy} makes no sense for source=random: {why}; use strategy=full for this arm"


def test_batch_norm_that_trains_on_small_batches():
    expected = (
        "BatchNorm trains on batches of 15 images, whose statistics are noisy below 16; use "
        "callbacks.freeze_batch_norm=statistics, model.norm=group, or a larger data.batch_size"
    )
    assert advice("data.batch_size=15") == [expected]
    assert advice("data.batch_size=16") == []
    assert advice("data.batch_size=15", "model.norm=group") == []
    assert advice("data.batch_size=15", GRADUAL) == [expected]


def test_a_batch_is_what_one_process_sees_unless_statistics_are_synchronised():
    (line,) = advice("trainer=ddp", "data.batch_size=30")
    assert "on batches of 15 images for each process" in line
    assert advice("trainer=ddp", "data.batch_size=32") == []
    assert advice(*GPUS, "data.batch_size=16") == []
    (line,) = advice(*GPUS, "data.batch_size=14")
    assert "on batches of 14 images, whose" in line


def test_penalties_that_make_no_sense():
    no_decay = "optimizer.weight_decay=0"
    (line,) = advice("regulariser=l2_sp", "source=random", no_decay)
    assert line.startswith("regulariser.l2_sp=0.1 makes no sense for source=random")
    assert line.endswith("use regulariser=none for this arm")
    (line,) = advice("regulariser=l2_sp", "optimizer.weight_decay=0.05")
    assert "regulariser.l2_sp=0.1" in line
    assert "optimizer.weight_decay=0.05" in line
    assert line.endswith("use optimizer.weight_decay=0")
    (line,) = advice("regulariser=l2_sp", "regulariser.bss=0.5", "strategy=feature_extractor", no_decay)
    assert line == (
        "regulariser.l2_sp=0.1 and regulariser.bss=0.5: no effect with strategy=feature_extractor, whose backbone "
        "cannot move; use 0"
    )
    assert advice("regulariser=l2_sp", "regulariser.l2_sp=0", "strategy=feature_extractor", no_decay) == []


def test_options_of_batch_norm_where_there_is_none():
    policy = "callbacks.freeze_batch_norm=statistics_and_affine"
    end = "no effect, as the network has no BatchNorm; use"
    assert advice(policy, "model.norm=group") == [f"{policy}: {end} null"]
    assert advice(*GPUS, "model.norm=group") == [f"trainer.sync_batchnorm=true: {end} false"]
    assert advice(policy, *GPUS, "model.norm=group") == [
        f"{policy} and trainer.sync_batchnorm=true: {end} null and false"
    ]


def test_group_norm_where_there_is_no_batch_norm_to_replace():
    network = tiny_network(10)
    to_group_norm(network.module)
    assert advise(config("model.norm=group"), network, 50_000) == [
        "model.norm=group: no effect, as the network has no BatchNorm to replace; use model.norm=batch"
    ]
    assert advise(config(), network, 50_000) == []


def test_frozen_statistics_of_random_weights():
    (line,) = advice("source=random", "callbacks.freeze_batch_norm=statistics")
    assert line.startswith("callbacks.freeze_batch_norm=statistics makes no sense for source=random")
    assert line.endswith("use model.norm=group in all arms")


def test_stages_and_scales_that_do_not_fit_the_network_are_errors_not_advice():
    with pytest.raises(ConfigError, match=r"^strategy\.lr_scales: the pattern 'layer9' matches no layer group"):
        advice("strategy.lr_scales={layer9: 0.1}", "strategy=feature_extractor")
    with pytest.raises(ConfigError, match=r"stage 2 .*'layer9'"):
        advice(GRADUAL, "strategy.stages=[[head],[layer9]]")


def test_a_run_of_few_optimizer_steps_is_told_how_to_have_more():
    summed = ("data.batch_size=16", "optimizer.nominal_batch=64", "trainer.max_epochs=10")
    expected = (
        "only 19 optimizer steps in the whole run, as optimizer.nominal_batch=64 sums the gradients of 4 batches "
        "of 16 images for each: seeds will scatter; use optimizer.nominal_batch=16 for 70 steps, or a larger "
        "trainer.max_epochs"
    )
    assert advice(*summed, train_images=112) == [expected]
    assert advice(*summed, train_images=592) == []  # 101 steps
    assert len(advice(*summed, train_images=591)) == 1
    assert advice(*summed, "optimizer.nominal_batch=16", train_images=112) == []


def test_a_time_limit_may_cut_what_is_planned_over_the_epochs():
    use = "trainer.max_epochs as the time allows (plan=true estimates it)"
    limit = ("trainer.max_time_s=90.5", "trainer.max_epochs=8")
    assert advice(*limit, "optimizer.schedule=cosine") == [
        "trainer.max_time_s=90.5 may end the run before the trainer.max_epochs=8 that optimizer.schedule=cosine "
        "relies on: the learning rate would still be high at the end; use optimizer.schedule=constant, or as many "
        f"{use}"
    ]
    assert advice(*limit, "optimizer.schedule=constant") == []
    (said,) = advice(*limit, "optimizer.schedule=constant", "strategy=head_then_full")
    assert "strategy=head_then_full relies on: stages that begin later would be left out; use as many " + use in said
    (both,) = advice(*limit, "optimizer.schedule=cosine", "strategy=head_then_full")
    assert "still be high at the end, and stages that begin later would be left out; use as many" in both

from __future__ import annotations

import pytest

from tests.composed import config
from tlbench.adaptation.stages import Stage, matching, plan_stages
from tlbench.errors import ConfigError

GROUPS = ["stem", "layer1", "layer2", "layer3", "layer4", "head"]

GRADUAL = ("strategy=gradual_unfreezing", "strategy.every_n_epochs=null")


def plan(*overrides: str, max_epochs: int = 10) -> list[Stage]:
    return plan_stages(config(*overrides, f"trainer.max_epochs={max_epochs}").strategy, GROUPS, "head", max_epochs)


def refused(*overrides: str, max_epochs: int = 10) -> str:
    with pytest.raises(ConfigError) as caught:
        plan(*overrides, max_epochs=max_epochs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.promise("strategies are planned")
def test_full_and_feature_extractor_have_one_stage():
    assert plan("strategy=full") == [Stage("full", tuple(GROUPS), tuple(GROUPS), 0)]
    assert plan("strategy=feature_extractor") == [Stage("head", ("head",), ("head",), 0)]


@pytest.mark.promise("strategies are planned")
def test_head_then_full_unfreezes_all_that_is_left_after_its_epochs():
    assert plan("strategy=head_then_full", "strategy.head_epochs=3") == [
        Stage("head", ("head",), ("head",), 0),
        Stage("full", ("stem", "layer1", "layer2", "layer3", "layer4"), tuple(GROUPS), 3),
    ]


@pytest.mark.promise("strategies are planned")
def test_gradual_unfreezing_goes_from_the_head_down_a_group_a_stage():
    stages = plan("strategy=gradual_unfreezing", "strategy.every_n_epochs=2", max_epochs=11)
    assert [stage.name for stage in stages] == ["head", "layer4", "layer3", "layer2", "layer1", "stem"]
    assert [stage.unfreezes for stage in stages] == [(group,) for group in reversed(GROUPS)]
    assert [stage.trainable for stage in stages] == [tuple(GROUPS[-n:]) for n in range(1, 7)]
    assert [stage.begins for stage in stages] == [0, 2, 4, 6, 8, 10]


def test_stages_by_pattern_add_up_and_are_named_from_the_head_down():
    patterns = "strategy.stages=[[head],[layer4],['layer[13]',stem]]"
    stages = plan(*GRADUAL, patterns, "strategy.at_epochs=[2,5]")
    assert stages == [
        Stage("head", ("head",), ("head",), 0),
        Stage("layer4", ("layer4",), ("layer4", "head"), 2),
        Stage("layer3+layer1+stem", ("stem", "layer1", "layer3"), ("stem", "layer1", "layer3", "layer4", "head"), 5),
    ]


def test_two_patterns_of_one_stage_may_name_the_same_group():
    stages = plan(*GRADUAL, "strategy.stages=[[head,'h*']]", "strategy.at_epochs=[]")
    assert stages == [Stage("head", ("head",), ("head",), 0)]


def test_stages_that_end_by_a_stall_begin_at_no_given_epoch():
    stages = plan(*GRADUAL, "strategy.stages=[[head],[layer4],[layer3]]", "strategy.stall_patience=2")
    assert [stage.begins for stage in stages] == [0, None, None]


def test_a_pattern_is_matched_as_a_whole_and_by_case():
    assert matching("layer[1-3]", GROUPS, "k") == ["layer1", "layer2", "layer3"]
    assert matching("*e*", GROUPS, "k") == GROUPS
    for pattern in ("layer", "Layer1", "ayer1"):
        with pytest.raises(ConfigError, match=f"^k: the pattern '{pattern}' matches no layer group; there are stem, "):
            matching(pattern, GROUPS, "k")


AT = (*GRADUAL, "strategy.stages=[[head],[layer4],[layer3]]")


@pytest.mark.promise("senseless stages")
@pytest.mark.parametrize(
    ("overrides", "fragments"),
    [
        pytest.param(
            (*GRADUAL, "strategy.stages=[[head],[layer4,layr3]]", "strategy.at_epochs=[1]"),
            ["strategy.stages: stage 2 ['layer4', 'layr3']", "pattern 'layr3' matches no layer group", "stem, layer1"],
            id="a pattern that matches nothing",
        ),
        pytest.param(
            (*GRADUAL, "strategy.stages=[[head],['layer*'],[stem,layer3]]", "strategy.at_epochs=[1,2]"),
            ["stage 3 ['stem', 'layer3']", "overlaps stage 2", "'layer3'"],
            id="a group in two stages",
        ),
        pytest.param(
            (*GRADUAL, "strategy.stages=[[head],[]]", "strategy.at_epochs=[1]"),
            ["stage 2 []", "unfreezes nothing"],
            id="a stage without patterns",
        ),
        pytest.param(
            (*GRADUAL, "strategy.stages=[]", "strategy.at_epochs=[]"),
            ["strategy.stages=[]: no stage"],
            id="no stage",
        ),
        pytest.param(
            (*GRADUAL, "strategy.stages=[[layer4],[head]]", "strategy.at_epochs=[1]"),
            ["stage 1 ['layer4']", "leaves the head frozen", "'head'"],
            id="the head later",
        ),
        pytest.param(
            (*AT, "strategy.at_epochs=[3,3]"),
            ["strategy.at_epochs=[3, 3]", "stage 3 (layer3) overlaps the one before", "begins at epoch 3"],
            id="two that begin at once",
        ),
        pytest.param(
            (*AT, "strategy.at_epochs=[5,4]"), ["strategy.at_epochs=[5, 4]", "stage 3 (layer3) overlaps"], id="falling"
        ),
        pytest.param(
            (*AT, "strategy.at_epochs=[2,10]"),
            ["stage 3 (layer3) would begin after 10 epochs and never unfreeze anything", "trainer.max_epochs=10"],
            id="after the end",
        ),
        pytest.param(
            ("strategy=gradual_unfreezing", "strategy.every_n_epochs=2"),
            ["strategy.every_n_epochs=2", "stage 6 (stem) would begin after 10 epochs and never unfreeze anything"],
            id="every n epochs past the end",
        ),
        pytest.param(
            (*AT, "strategy.at_epochs=[2]"),
            ["strategy.at_epochs=[2]: 1 epochs for 3 stages (head, layer4, layer3)", "give 2"],
            id="too few epochs",
        ),
        pytest.param(
            (*AT, "strategy.at_epochs=[2,3,4]"), ["3 epochs for 3 stages", "give 2"], id="too many epochs"
        ),
        pytest.param(
            (*AT, "strategy.stall_patience=4"),
            ["strategy.stall_patience=4", "stage 3 (layer3) would begin after 10 epochs at the earliest", "max_epochs"],
            id="a patience that outlasts the run",
        ),
    ],
)  # fmt: skip
def test_stages_that_cannot_be_meant_are_refused_by_name(overrides, fragments):
    message = refused(*overrides)
    assert [fragment for fragment in fragments if fragment not in message] == []


def test_the_last_epoch_that_a_stage_may_begin_at_is_the_runs_last():
    assert plan(*AT, "strategy.at_epochs=[2,9]")[-1].begins == 9
    assert len(plan(*AT, "strategy.stall_patience=4", max_epochs=11)) == 3


WITH_DECODER = ["stem", "layer1", "decoder", "head"]


@pytest.mark.parametrize(
    ("overrides", "names", "first"),
    [
        (["strategy=feature_extractor"], ["head+decoder"], ("decoder", "head")),
        (["strategy=head_then_full"], ["head+decoder", "full"], ("decoder", "head")),
        (["strategy=gradual_unfreezing"], ["head+decoder", "layer1", "stem"], ("decoder", "head")),
        (["strategy=full"], ["full"], tuple(WITH_DECODER)),
    ],
)
def test_a_decoder_trains_whenever_the_head_does(overrides, names, first):
    stages = plan_stages(config(*overrides, "trainer.max_epochs=9").strategy, WITH_DECODER, "head", 9)
    assert [stage.name for stage in stages] == names
    assert stages[0].trainable == first
    assert all({"decoder", "head"} <= set(stage.trainable) for stage in stages)


def test_a_decoder_may_not_stay_frozen_at_its_random_start():
    strategy = config("strategy=gradual_unfreezing").strategy.model_copy(
        update={"stages": [["head"], ["decoder", "layer1", "stem"]]}
    )
    with pytest.raises(
        ConfigError, match=r"stage 1 \['head'\] leaves the decoder frozen, which starts at random; put 'd"
    ):
        plan_stages(strategy, WITH_DECODER, "head", 9)

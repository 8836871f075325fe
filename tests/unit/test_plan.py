"""The dry run: stages, parameters, rates and times, and nothing written."""

from __future__ import annotations

import pytest

from tests.commands import TINY_RANDOM, train
from tlbench import plan as planning
from tlbench.compose import compose_config
from tlbench.plan import RunPlan, plan_run
from tlbench.run import run

pytestmark = pytest.mark.usefixtures("tiny_network")

GRADUAL = (
    *TINY_RANDOM,
    "trainer.max_epochs=5",
    "strategy=gradual_unfreezing",
    "strategy.stages=[[head],[layer4],['layer[1-3]',stem]]",
    "strategy.every_n_epochs=null",
    "strategy.lr_decay=0.5",
)
BY_EPOCHS = (*GRADUAL, "strategy.at_epochs=[1,3]")
BY_STALL = (*GRADUAL, "strategy.stall_patience=1")


@pytest.fixture
def clock(monkeypatch):
    """A step takes 2 s, evaluating an image 0.25 s, starting 10 s."""
    monkeypatch.setattr(planning._Probe, "step_s", lambda self, number: 2.0)
    monkeypatch.setattr(planning._Probe, "evaluation_s", lambda self: 0.25)
    monkeypatch.setattr(planning.time, "process_time", lambda: 10.0)


def test_stages_are_those_that_the_run_goes_through(tmp_path):
    config = compose_config(BY_EPOCHS)
    plan = plan_run(config)
    record = run(config, tmp_path / "run", say=lambda _: None, warn=lambda _: None)
    assert [(s.stage.name, list(s.stage.trainable), s.parameters) for s in plan.stages] == [
        (s.name, s.trainable, s.parameters) for s in record.stages
    ]
    assert [s.epochs for s in plan.stages] == [1, 2, 2]
    for stage, last_epoch in zip(plan.stages, (1, 3, 5), strict=True):
        # a row holds the rate that the next step would use: one step past the stage's end, so from the stage after
        assert stage.stage.name == record.stages[plan.stages.index(stage)].name
        row = record.curves[last_epoch - 1]
        for group, (begin, end) in stage.rates.items():
            assert row[f"lr/{group}"] < end < begin


def test_rates_fall_from_the_head_down_and_follow_the_schedule():
    stages = plan_run(compose_config((*BY_EPOCHS, "optimizer.schedule=constant"))).stages
    assert stages[0].rates == {"head": (1e-3, 1e-3)}
    assert stages[1].rates == {"layer4": (5e-4, 5e-4), "head": (1e-3, 1e-3)}
    cosine = plan_run(compose_config(BY_EPOCHS)).stages  # 2 steps an epoch, 10 in all
    assert cosine[1].rates["head"][0] == pytest.approx(1e-3 * 0.9045084971874737)  # (1 + cos 0.2π) / 2


@pytest.mark.usefixtures("clock")
def test_the_time_is_that_of_steps_validation_test_and_start():
    plan = plan_run(compose_config(BY_EPOCHS))
    train_images, val, test = (plan.images[split] for split in ("train", "val", "test"))
    assert train_images == 20
    epoch = 2 * 2.0 + val * 0.25
    assert [stage.epoch_s for stage in plan.stages] == [epoch] * 3
    assert not plan.is_upper_bound
    assert plan.seconds(5) == 10.0 + test * 0.25 + 5 * epoch


@pytest.mark.usefixtures("clock")
def test_stages_that_end_by_a_stall_are_bounded_by_the_run():
    plan = plan_run(compose_config(BY_STALL))
    assert plan.is_upper_bound
    assert [stage.epochs for stage in plan.stages] == [None] * 3
    assert plan.stages[1].rates == {"layer4": (5e-4, None), "head": (1e-3, None)}
    assert plan.seconds(5) == plan.once_s + 5 * plan.stages[0].epoch_s


@pytest.mark.usefixtures("clock")
def test_cached_features_are_computed_once_and_spare_validation():
    cached = plan_run(compose_config((*TINY_RANDOM, "strategy=feature_extractor", "augmentation=none")))
    plain = plan_run(compose_config((*TINY_RANDOM, "strategy=feature_extractor")))
    assert cached.stages[0].epoch_s == 2 * 2.0
    assert plain.stages[0].epoch_s == 2 * 2.0 + plain.images["val"] * 0.25
    assert cached.once_s - plain.once_s == (20 + cached.images["val"]) * 0.25


def test_steps_are_timed_with_what_the_stage_trains():
    plan = plan_run(compose_config((*TINY_RANDOM, "strategy=feature_extractor", "augmentation=none")))
    assert isinstance(plan, RunPlan)
    assert 0 < plan.stages[0].epoch_s < 5


def test_the_command_prints_stages_and_sweep_and_writes_nothing(tmp_path):
    outcome = train("+experiment=quickstart", *BY_EPOCHS, "plan=true")
    assert (outcome.code, outcome.err) == (0, "")
    assert "3 layer3+layer2+layer1+stem │ 4–5" in outcome.out
    assert "warning: strategy=gradual_unfreezing makes no sense for source=random" in outcome.out
    assert "the run: about" in outcome.out
    assert "the sweep (-m): 3 such runs" in outcome.out  # seeds; the command line fixes the source
    assert list(tmp_path.iterdir()) == []


def test_a_sweeps_plan_shows_each_arm_once_and_leaves_no_folder(tmp_path):
    outcome = train("-m", *BY_EPOCHS, "plan=true", "seed=0,1", "optimizer.lr=0.1,0.2", "hydra.launcher.n_jobs=2")
    assert outcome.code == 0, outcome.err
    assert outcome.out.count("plan of") == 2
    assert "the sweep: 4 runs, about" in outcome.out
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_stages_by_a_stall_say_at_most():
    outcome = train(*BY_STALL, "plan=true")
    assert "until a stall" in outcome.out
    assert "the run: at most about" in outcome.out

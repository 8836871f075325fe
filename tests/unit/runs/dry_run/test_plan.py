"""The dry run: stages, parameters, rates and times, and nothing written."""

from __future__ import annotations

import itertools

import pytest
import torch

from tests.commands import TINY_RANDOM, snapshot, train
from tlbench.config.compose import compose_config
from tlbench.runs.dry_run import plan as planning
from tlbench.runs.dry_run.plan import RunPlan, plan_run
from tlbench.runs.dry_run.show import _duration, _sweep_time
from tlbench.runs.run import run
from tlbench.system.voice import SILENT
from tlbench.tasks.classification.task import ClassificationTask

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
    monkeypatch.setattr(planning.time, "process_time", itertools.count(10.0, 5.0).__next__)
    planning._start_up_s.cache_clear()


@pytest.mark.promise("plan=true")
def test_stages_are_those_that_the_run_goes_through(tmp_path):
    config = compose_config(BY_EPOCHS)
    plan = plan_run(config)
    record = run(config, tmp_path / "run", voice=SILENT)
    assert [(s.stage.name, list(s.stage.trainable), s.parameters) for s in plan.stages] == [
        (s.name, s.trainable, s.parameters) for s in record.stages
    ]
    assert [s.epochs for s in plan.stages] == [1, 2, 2]


def test_parameters_that_the_batch_norm_policy_freezes_are_not_counted(tmp_path):
    config = compose_config((*TINY_RANDOM, "callbacks.freeze_batch_norm=statistics_and_affine"))
    whole = plan_run(compose_config(TINY_RANDOM)).stages[0].parameters
    record = run(config, tmp_path / "run", voice=SILENT)
    assert plan_run(config).stages[0].parameters == record.stages[0].parameters == whole - 5 * 8


@pytest.mark.parametrize("recipe", [(), ("optimizer=yolo",)], ids=["cosine", "linear"])
def test_rates_are_those_that_the_run_takes(tmp_path, monkeypatch, recipe):
    """Also where a stage ends before the global warm-up does."""
    used = []
    step = ClassificationTask.training_step

    def noting(task, batch, number):
        groups = task.optimizers().param_groups
        used.append({g["name"].split("/")[0]: g["lr"] for g in groups if g["name"].endswith("/decay")})
        return step(task, batch, number)

    overrides = (*BY_EPOCHS, *recipe, "optimizer.warmup_epochs=2", "strategy.unfreeze_warmup_epochs=0")
    plan = plan_run(compose_config(overrides))
    monkeypatch.setattr(ClassificationTask, "training_step", noting)
    run(compose_config(overrides), tmp_path / "run", voice=SILENT)
    for stage, (first, last) in zip(plan.stages, ((0, 1), (4, 5), (6, 9)), strict=True):  # steps; warm-up: 0 to 3
        for group, rates in stage.rates.items():
            assert rates == pytest.approx((used[first][group], used[last][group]), rel=1e-12)


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
    assert plan_run(compose_config(BY_EPOCHS)).once_s == plan.once_s  # planning is not starting up


@pytest.mark.usefixtures("clock")
def test_a_time_limit_bounds_the_run_and_the_plan_says_how_many_epochs_it_has_time_for():
    plan = plan_run(compose_config(BY_EPOCHS))
    epoch = plan.stages[0].epoch_s
    assert plan.seconds(5, 2 * epoch) == plan.once_s + 3 * epoch  # it ends with an epoch
    assert plan.seconds(5, 9 * epoch) == plan.seconds(5)
    outcome = train(*BY_EPOCHS, "plan=true", f"trainer.max_time_s={2.5 * epoch}")
    assert f"trainer.max_time_s={2.5 * epoch:g}: time for about 2 of the 5 epochs" in outcome.out
    assert "the run: at most about" in outcome.out


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


def test_steps_are_timed_on_batches_as_a_run_makes_them(monkeypatch):
    batches, step = [], ClassificationTask.training_step
    monkeypatch.setattr(ClassificationTask, "training_step", lambda *a: (batches.append(a[1]), step(*a))[1])
    plan_run(compose_config((*TINY_RANDOM, "augmentation=rand_augment", "augmentation.mixup=0.2")))
    assert {(images.shape, targets.shape) for images, targets, _ in batches} == {((8, 3, 32, 32), (8, 10))}
    assert all(torch.equal(targets, batches[0][1]) for _, targets, _ in batches)


@pytest.mark.promise("plan=true")
def test_the_command_prints_stages_and_sweep_and_writes_nothing(tmp_path):
    outcome = train("+experiment=quickstart", *BY_EPOCHS, "plan=true")
    assert (outcome.code, outcome.err) == (0, "")
    assert "3 layer3+layer2+layer1+stem │ 4–5" in outcome.out
    assert "warning: strategy=gradual_unfreezing makes no sense for source=random" in outcome.out
    assert "the run: about" in outcome.out
    assert "the sweep (-m): 3 such runs" in outcome.out  # seeds; the command line fixes the source
    assert list(tmp_path.iterdir()) == []


def test_a_sweeps_plan_shows_each_arm_once_and_leaves_no_folder(tmp_path):
    sweep = ("plan=true", "seed=0,1", "optimizer.lr=0.1,0.2", "hydra.launcher.n_jobs=2")
    outcome = train(*BY_EPOCHS, *sweep[:2], "-m", *sweep[2:])
    assert outcome.code == 0, outcome.err
    assert outcome.out.count("plan of") == 2
    assert "the sweep: 4 runs, about" in outcome.out
    refused = train("-m", *BY_EPOCHS, *sweep, "trainer.max_epochs=2")
    assert (refused.code, "never unfreeze anything" in refused.one_line()) == (2, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_sweeps_plan_knows_what_is_complete_and_leaves_the_studys_files_alone(tmp_path):
    study = ("-m", *TINY_RANDOM, "seed=0,1")
    assert train("-m", *TINY_RANDOM, "seed=0").code == 0
    before = snapshot(tmp_path)
    outcome = train(*study, "plan=true", "callbacks.early_stopping.patience=1")
    assert outcome.code == 2  # another configuration lies there
    outcome = train(*study, "plan=true")
    assert "the sweep: 1 run (1 more are complete already), about" in outcome.out
    assert snapshot(tmp_path) == before


def test_a_plan_refuses_what_the_run_would():
    outcome = train(*TINY_RANDOM, "data.batch_size=64", "plan=true")
    assert outcome.code == 2
    assert "data.batch_size=64: larger than the 20 training images" in outcome.one_line()


def test_groups_that_no_stage_unfreezes_are_named():
    stages = ("strategy=gradual_unfreezing", "strategy.stages=[[head],[layer4]]")
    outcome = train(*TINY_RANDOM, *stages, "plan=true", "callbacks.early_stopping.patience=3")
    assert "never unfrozen: stem, layer1, layer2, layer3" in outcome.out
    assert "the run: at most about" in outcome.out


def test_stages_by_a_stall_say_at_most():
    outcome = train(*BY_STALL, "plan=true")
    assert "until a stall" in outcome.out
    assert "the run: at most about" in outcome.out


@pytest.mark.usefixtures("clock")
def test_a_sweep_takes_the_sum_of_its_runs_unless_each_was_timed_on_its_share_of_the_cores():
    plan = plan_run(compose_config(BY_EPOCHS))
    seconds = round(plan.seconds(5))
    config = compose_config(BY_EPOCHS)
    show = [_sweep_time([config], [(plan, seconds)] * 2, 2, timed_for) for timed_for in (1, 2)]
    assert show == [f"about {_duration(total)} with 2 at a time" for total in (2 * seconds, seconds)]


@pytest.mark.promise("plan=true once")
def test_arms_that_differ_in_nothing_that_takes_time_are_timed_once():
    timed = {}

    def plan(*changed):
        return plan_run(compose_config((*TINY_RANDOM, *changed)), timed=timed)

    first = plan()
    for same in (["source=tin200", "factors=[source]"], ["seed=1", "study=other"]):
        assert plan(*same).stages == first.stages
    assert len(timed) == 1
    plan("data.batch_size=4")
    plan("strategy=feature_extractor")
    assert len(timed) == 3


@pytest.mark.parametrize(("takes", "steps"), [(0.01, 1 + 5), (0.1, 1 + 5), (0.2, 1 + 3)])
def test_long_steps_are_timed_less_often(monkeypatch, takes, steps):
    """The first, which warms up, does not count: it takes ten times as long."""
    now, done = [0.0], []

    def step():
        now[0] += takes if done else 10 * takes
        done.append(1)

    probe = object.__new__(planning._Probe)
    probe.device = torch.device("cpu")
    monkeypatch.setattr(planning.time, "perf_counter", lambda: now[0])
    assert probe._median(step) == pytest.approx(takes)
    assert len(done) == steps

"""The dry run of detection: through the task's own steps, on images with boxes."""

from __future__ import annotations

import pytest
import torch

from tests.commands import train
from tlbench.annotations.instances.targets import BoxTargets
from tlbench.config.compose import compose_config
from tlbench.networks.build import build_network
from tlbench.runs.dry_run import plan as planning
from tlbench.runs.dry_run.plan import plan_run
from tlbench.runs.trainer import caches_features
from tlbench.tasks.detection.task import DetectionTask
from tlbench.tasks.wings import wing_of

SMALL = (
    "task=detection",
    "source=random",
    "data.pages=20",
    "data.image_size=32",
    "data.batch_size=2",
    "data.val_fraction=0.3",
    "trainer=cpu",
    "trainer.max_epochs=4",
)
TWO_STAGES = (*SMALL, "strategy=head_then_full", "strategy.head_epochs=1")


@pytest.fixture
def clock(monkeypatch):
    """A step takes 2 s, evaluating an image 0.25 s."""
    monkeypatch.setattr(planning._Probe, "step_s", lambda self, number: 2.0)
    monkeypatch.setattr(planning._Probe, "evaluation_s", lambda self: 0.25)


@pytest.mark.usefixtures("clock")
def test_stages_parameters_and_time():
    config = compose_config(TWO_STAGES)
    plan = plan_run(config)
    network = build_network(config.model, 1, 0, (32, 32))
    sizes = [sum(p.numel() for p in network.group_parameters(g) if p.requires_grad) for g in network.groups]
    assert [stage.epochs for stage in plan.stages] == [1, 3]
    assert [stage.parameters for stage in plan.stages] == [sizes[-1], sum(sizes)]
    assert plan.images == {"train": 10, "val": 6, "test": 4}
    assert [stage.epoch_s for stage in plan.stages] == [5 * 2.0 + 6 * 0.25] * 2
    assert list(plan.stages[0].rates) == [network.head]
    assert not plan.decodes


def test_steps_and_evaluation_are_those_of_the_task_and_leave_the_weights(monkeypatch):
    trained, found = [], []
    step, find = DetectionTask.training_step, DetectionTask.find
    tasks = []

    def noting(task, batch, number):
        tasks.append(task)
        trained.append(batch)
        return step(task, batch, number)

    monkeypatch.setattr(DetectionTask, "training_step", noting)
    monkeypatch.setattr(DetectionTask, "find", lambda *a: (found.append(a[2]), find(*a))[1])
    config = compose_config((*SMALL, "data.batch_size=4"))
    plan = plan_run(config)
    assert 0 < plan.stages[0].epoch_s < 60
    assert {(images.shape, len(targets)) for images, targets, _ in trained} == {((4, 3, 32, 32), 4)}
    assert {len(targets) for targets in found} == {32}
    assert all(isinstance(targets, BoxTargets) and len(targets.boxes) == 4 * 32 for targets in found)
    assert tasks[0].accumulation.waiting == 0
    begun = dict(build_network(config.model, 1, config.seeds.init, (32, 32)).module.named_parameters())
    assert all(torch.equal(weight, begun[name]) for name, weight in tasks[0].network.named_parameters())


def test_a_step_on_several_batches_takes_its_share_of_the_optimizer(monkeypatch):
    """4 batches of 16 a step: three quarters of an optimizer step are not there for each of them."""
    given = iter([3.2, 1.0, 0.4])  # evaluation of 32 images; a step, the optimizer's included; the optimizer's alone
    monkeypatch.setattr(planning._Probe, "_median", lambda self, action: next(given))
    plan = plan_run(compose_config((*SMALL, "data.pages=40", "data.batch_size=16", "optimizer=yolo")))
    assert plan.images == {"train": 20, "val": 12, "test": 8}
    assert plan.stages[0].epoch_s == pytest.approx((1.0 - 0.4 * 3 / 4) + 12 * 0.1)


@pytest.mark.parametrize(("augmentation", "several"), [("yolo", True), ("letterbox", False)])
def test_noise_is_augmented_as_the_run_augments(augmentation: str, several: bool):
    config = compose_config((*SMALL, f"augmentation={augmentation}"))
    side = config.data.image_size
    images = torch.randint(256, (8, 3, side, side), dtype=torch.uint8)
    batches = wing_of(config).batches(config)
    noise = batches.noise(images, 1)
    (batch,) = batches.loader(noise, 8)
    images, targets, index = batches.training(noise, batch, 0)
    plain, there, _ = batches.plain(noise, batch)
    assert torch.equal(index, torch.arange(8))
    assert torch.equal(there.image, torch.arange(8).repeat_interleave(4))
    assert torch.equal(
        there.boxes[:4] / 32,
        torch.tensor([[0.1, 0.1, 0.35, 0.35], [0.3, 0.5, 0.55, 0.75], [0.5, 0.2, 0.75, 0.45], [0.6, 0.6, 0.85, 0.85]]),
    )
    same = len(targets.boxes) == len(there.boxes) and torch.allclose(targets.boxes, there.boxes)
    assert (same, torch.allclose(images, plain, atol=1e-6)) == (not several, not several)


def test_features_are_not_cached():
    config = compose_config((*SMALL, "strategy=feature_extractor", "augmentation=letterbox"))
    assert config.strategy.cache_features
    assert not caches_features(config)


@pytest.mark.usefixtures("clock")
def test_the_command(tmp_path):
    outcome = train(*TWO_STAGES, "plan=true")
    assert (outcome.code, outcome.err) == (0, "")
    assert "images: train 10, val 6, test 4; batches of 2: 5 steps an epoch; timed on cpu" in outcome.out
    assert "decoded" not in outcome.out
    # what ultralytics writes, where this test is the first to import it, is not the command's
    assert {path.name for path in tmp_path.iterdir()} <= {".yolo_config_dir"}
    refused = train(*SMALL, "data.cache=none", "plan=true")
    assert refused.code == 2
    assert "data.cache=none: documents are drawn" in refused.one_line()

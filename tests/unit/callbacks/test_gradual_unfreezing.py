from __future__ import annotations

from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import ModelCheckpoint

from tests.staged import fit as fit_digits
from tests.staged import same_bits, state, task_of
from tlbench.adaptation.stages import Stage
from tlbench.callbacks.gradual_unfreezing import GradualUnfreezing


def stages(*begins: int | None) -> list[Stage]:
    return [Stage(f"stage {number}", (), (), epoch) for number, epoch in enumerate(begins)]


class WantsNext(Callback):
    """Asks for the next stage at the end of some epochs."""

    def __init__(self, unfreezing: GradualUnfreezing, *epochs: int) -> None:
        self.unfreezing, self.epochs = unfreezing, epochs

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        if not trainer.sanity_checking and trainer.current_epoch in self.epochs:
            self.unfreezing.begin_next()


@pytest.fixture
def task(tiny_task: Any) -> Any:
    class Staged(tiny_task):  # type: ignore[misc]
        """Notes (epoch, stage) when a stage is entered and (stage, step) when its rates start."""

        def __init__(self) -> None:
            super().__init__()
            self.entered: list[tuple[int, int]] = []
            self.started: list[tuple[int, int]] = []

        def enter_stage(self, number: int) -> None:
            self.entered.append((self.trainer.current_epoch, number))

        def start_rates(self, number: int, step: int) -> None:
            self.started.append((number, step))

    return Staged()


@pytest.mark.promise("stages of gradual_unfreezing")
def test_each_stage_begins_with_its_epoch(task: Any, fit: Any):
    unfreezing = GradualUnfreezing(stages(0, 2, 3))
    assert not unfreezing.in_last_stage
    fit(task, [unfreezing], epochs=5, train_batches=3)
    assert task.entered == [(0, 0), (2, 1), (3, 2)]
    assert task.started == [(1, 6), (2, 9)]
    assert unfreezing.first_epochs == [0, 2, 3]
    assert [unfreezing.stage_of(epoch).name[-1] for epoch in range(5)] == ["0", "0", "1", "2", "2"]
    assert unfreezing.in_last_stage


def test_a_stage_that_begins_after_a_stall_begins_when_it_is_wanted_and_once(task: Any, fit: Any):
    unfreezing = GradualUnfreezing(stages(0, None, None))
    fit(task, [unfreezing, WantsNext(unfreezing, 1, 4, 5)], epochs=7)
    assert task.entered == [(0, 0), (2, 1), (5, 2)]  # after the last, nothing is left to begin
    assert unfreezing.first_epochs == [0, 2, 5]


def test_a_wish_does_not_hasten_a_stage_that_begins_by_epochs(task: Any, fit: Any):
    unfreezing = GradualUnfreezing(stages(0, 3))
    fit(task, [unfreezing, WantsNext(unfreezing, 0)], epochs=4)
    assert task.entered == [(0, 0), (3, 1)]


def test_a_strategy_of_one_stage_stays_in_it(task: Any, fit: Any):
    unfreezing = GradualUnfreezing(stages(0))
    assert unfreezing.in_last_stage
    fit(task, [unfreezing, WantsNext(unfreezing, 0)], epochs=3)
    assert (task.entered, task.started) == ([(0, 0)], [])


@pytest.mark.parametrize("begins", [(0, 1, 3), (0, None, None)])
def test_a_resumed_run_goes_on_in_the_stage_it_had_reached(task: Any, fit: Any, tmp_path: Any, begins: Any):
    whole = GradualUnfreezing(stages(*begins))
    checkpoints = ModelCheckpoint(dirpath=tmp_path, filename="{step}", save_top_k=-1, save_on_train_epoch_end=True)
    wanted = begins[1] is None
    wish = [WantsNext(whole, 0, 2)] if wanted else []
    fit(task, [whole, *wish, checkpoints], epochs=4, train_batches=2)
    assert whole.first_epochs == [0, 1, 3]
    checkpoint = tmp_path / "step=6.ckpt"
    kept = torch.load(checkpoint, weights_only=True)["callbacks"]["GradualUnfreezing"]
    assert kept == {"number": 1, "first_epochs": [0, 1], "next_wanted": wanted}
    task.entered, task.started = [], []
    resumed = GradualUnfreezing(stages(*begins))
    fit(task, [resumed], epochs=4, train_batches=2, resume=checkpoint)
    assert resumed.first_epochs == [0, 1, 3]
    assert [number for _, number in task.entered] == [1, 2]
    assert task.started == [(2, 6)]


class Watch(Callback):
    """Before each step, notes the optimizer's groups, which of them require gradients, and the head's moments."""

    def __init__(self) -> None:
        self.names: list[list[str]] = []
        self.held: list[list[list[int]]] = []
        self.trainable: list[set[str]] = []
        self.rates: list[dict[str, float]] = []
        self.weights: list[dict[str, torch.Tensor]] = []
        self.moments: list[dict[str, Any]] = []

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        optimizer = trainer.optimizers[0]
        groups = optimizer.param_groups
        self.names.append([group["name"] for group in groups])
        self.held.append([[id(p) for p in group["params"]] for group in groups])
        self.trainable.append(
            {g["name"].rpartition("/")[0] for g in groups if all(p.requires_grad for p in g["params"])}
        )
        self.rates.append({group["name"]: group["lr"] for group in groups})
        self.weights.append(state(pl_module.layer_groups))
        head = pl_module.layer_groups.group_parameters("head")[0]
        self.moments.append({key: value.clone() for key, value in optimizer.state[head].items()})


GROUPS = ["stem", "layer1", "layer2", "layer3", "layer4", "head"]


def test_the_optimizer_keeps_its_groups_and_moments_over_a_change_of_stage(tmp_path):
    task = task_of("strategy=head_then_full", "strategy.head_epochs=2", "trainer.max_epochs=3", "optimizer=adamw")
    watch = Watch()
    trainer = fit_digits(task, [GradualUnfreezing(task.stages), watch], tmp_path)
    every = [f"{group}/{kind}" for group in GROUPS for kind in ("decay", "no_decay")]
    assert watch.names == [every] * 6
    assert all(held == watch.held[0] for held in watch.held)
    assert watch.trainable == [{"head"}] * 4 + [set(GROUPS)] * 2
    assert [moments.get("step", torch.zeros(())).item() for moments in watch.moments] == [0, 1, 2, 3, 4, 5]
    assert watch.moments[4]["exp_avg"].abs().max() > 0  # stage 2 has begun, and they are still there
    optimizer = trainer.optimizers[0]
    steps = {group["name"]: optimizer.state[group["params"][0]]["step"].item() for group in optimizer.param_groups}
    assert steps == {name: 6.0 if name.startswith("head") else 2.0 for name in every}


def test_frozen_groups_have_rate_zero_and_warm_up_by_themselves_when_unfrozen(tmp_path):
    task = task_of(
        "strategy=gradual_unfreezing",
        "strategy.stages=[[head],[layer4,layer3]]",
        "strategy.unfreeze_warmup_epochs=1.5",  # three steps
        "strategy.lr_scales={layer3: 0.5}",
        "trainer.max_epochs=4",
        "optimizer=adamw",
        "optimizer.lr=0.01",
        "optimizer.warmup_epochs=0",
        "optimizer.schedule=constant",
    )
    watch = Watch()
    fit_digits(task, [GradualUnfreezing(task.stages), watch], tmp_path)
    own = [0.0, 0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    for kind in ("decay", "no_decay"):
        assert [rates[f"head/{kind}"] for rates in watch.rates] == [0.01] * 8
        assert [rates[f"layer4/{kind}"] for rates in watch.rates] == pytest.approx([0.01 * f for f in own])
        assert [rates[f"layer3/{kind}"] for rates in watch.rates] == pytest.approx([0.005 * f for f in own])
        assert [rates[f"layer2/{kind}"] for rates in watch.rates] == [0.0] * 8


def test_what_trains_moves_and_what_is_frozen_keeps_its_bits_step_by_step(tmp_path):
    task = task_of("strategy=gradual_unfreezing", "trainer.max_epochs=6", "optimizer.schedule=constant")
    watch = Watch()
    fit_digits(task, [GradualUnfreezing(task.stages), watch], tmp_path)
    watch.weights.append(state(task.layer_groups))
    for step, (before, after) in enumerate(zip(watch.weights, watch.weights[1:], strict=False)):
        trainable = GROUPS[-1 - step // 2 :]
        frozen = {name for name in before if task.layer_groups.group_of(name) not in trainable}
        assert set(same_bits(before, after)) == frozen, step

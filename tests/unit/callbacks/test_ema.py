from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor, nn
from torchmetrics import SumMetric

from tlbench.callbacks.ema import EMA, ramped_decay, save_average

DECAY = 0.3  # the ramp reaches it at the fourth update: 0.1, 2/11, 3/12, 0.3

State = dict[str, Tensor]


def copied(state: State) -> State:
    return {name: tensor.clone() for name, tensor in state.items()}


def equal(one: State, other: State) -> bool:
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture
def task(tiny_task: Any) -> Any:
    class Averaged(tiny_task):  # type: ignore[misc]
        """Draws each step's batch from the step's number, as a loader that resumes does; a frozen layer, BatchNorm."""

        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            frozen, norm, head = nn.Linear(3, 4).requires_grad_(False), nn.BatchNorm1d(4), nn.Linear(4, 2)
            self.net = nn.Sequential(frozen, norm, head)
            frozen.bias[0] = -0.0
            self.count = SumMetric()
            self.start, self.trained, self.validated = copied(self.state_dict()), [], []
            self.metric: list[float] = []

        def training_step(self, batch: Any, batch_idx: int) -> Tensor:
            generator = torch.Generator().manual_seed(self.global_step)
            return super().training_step((torch.randn(4, 3, 2, 2, generator=generator), *batch[1:]), batch_idx)

        def on_train_batch_end(self, *_: Any) -> None:
            self.trained.append(copied(self.state_dict()))

        def on_train_batch_start(self, *_: Any) -> None:
            if self.trained:  # nothing but the step changes the weights in training
                assert equal(self.state_dict(), self.trained[-1])

        def validation_step(self, batch: Any, batch_idx: int) -> None:
            self.count.update(1)
            if batch_idx == 0:
                self.validated.append(copied(self.state_dict()))
            super().validation_step(batch, batch_idx)

        def on_validation_epoch_end(self) -> None:
            self.metric.append(self.count.compute().item())
            self.count.reset()
            super().on_validation_epoch_end()

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.net[1:].parameters(), lr=0.1, momentum=0.9)

        def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
            save_average(self.trainer, checkpoint)

    return Averaged


def recursion(start: State, trained: list[State]) -> State:
    average = {name: tensor.double() for name, tensor in start.items()}
    for n, current in enumerate(trained):
        d = min(DECAY, (1 + n) / (10 + n))
        average = {name: d * average[name] + (1 - d) * current[name].double() for name in average}
    return average


def read(path: Path) -> dict[str, Any]:
    checkpoint: dict[str, Any] = torch.load(path, weights_only=True)
    return checkpoint


def both(folder: Path) -> list[ModelCheckpoint]:
    return [
        ModelCheckpoint(
            dirpath=folder,
            filename="best-{step}",
            save_top_k=-1,
            save_weights_only=True,
            save_on_train_epoch_end=False,
            monitor="val/oa",
        ),
        ModelCheckpoint(dirpath=folder, filename="full-{step}", save_top_k=-1, every_n_train_steps=1),
    ]


def test_the_decay_rises_to_its_value():
    assert [ramped_decay(0.999, n) for n in (0, 8, 90)] == [0.1, 0.5, 0.91]
    assert ramped_decay(0.999, 10**6) == 0.999
    assert ramped_decay(0.3, 8) == 0.3


def test_with_a_time_constant_the_decay_is_that_of_ultralytics():
    found = [ramped_decay(0.9999, updates - 1, 2000.0) for updates in (1, 10, 2000, 10**6)]
    assert found == pytest.approx([0.00049982504, 0.00498702, 0.63205735, 0.9999], rel=1e-6)


def test_batches_without_a_step_leave_the_average_alone(task: Any, fit: Any):
    class Accumulating(task):  # type: ignore[misc]
        def optimizer_step(self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Any = None) -> None:
            if self.global_step in (1, 4):
                super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)
            else:
                optimizer_closure()

    averaged = Accumulating()
    fit(averaged, [EMA(0.9, tau=2.0)], epochs=2, train_batches=3)
    average = {name: tensor.double() for name, tensor in averaged.start.items()}
    for update, step in enumerate((1, 4), start=1):
        d = 0.9 * (1 - math.exp(-update / 2))
        average = {name: d * average[name] + (1 - d) * averaged.trained[step][name].double() for name in average}
    for name, tensor in averaged.state_dict().items():  # BatchNorm's statistics too
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor.double(), average[name], rtol=1e-6, atol=1e-7)
    assert not torch.equal(averaged.net[1].running_mean, averaged.trained[-1]["net.1.running_mean"])


def test_the_average_is_that_of_the_recursion_and_what_training_ends_with(task: Any, fit: Any):
    averaged = task()
    fit(averaged, [EMA(DECAY)], epochs=2, train_batches=3)
    expected = recursion(averaged.start, averaged.trained)
    assert len(averaged.trained) == 6
    for name, tensor in averaged.state_dict().items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor.double(), expected[name], rtol=1e-6, atol=1e-7)
    assert not torch.equal(averaged.net[2].weight, averaged.trained[-1]["net.2.weight"])


def test_integer_buffers_take_the_current_value(task: Any, fit: Any):
    averaged = task()
    fit(averaged, [EMA(DECAY)], epochs=2, train_batches=3)
    assert averaged.net[1].num_batches_tracked.item() == 6


def test_what_is_frozen_keeps_its_bits(task: Any, fit: Any):
    averaged = task()
    fit(averaged, [EMA(0.9)], epochs=4, train_batches=3)  # till the decay is beyond 0.5, where `lerp` loses the sign
    for name in ("net.0.weight", "net.0.bias"):
        bits = averaged.state_dict()[name].view(torch.int32)
        assert torch.equal(bits, averaged.start[name].view(torch.int32))
    assert torch.signbit(averaged.net[0].bias[0])  # -0.0 is equal to 0.0, but has another hash


def test_validation_sees_the_average_and_leaves_the_metrics_alone(task: Any, fit: Any):
    averaged = task()
    fit(averaged, [EMA(DECAY)], epochs=2, train_batches=3, val_batches=2, num_sanity_val_steps=0)
    for steps, seen in zip((3, 6), averaged.validated, strict=True):
        expected = recursion(averaged.start, averaged.trained[:steps])["net.2.weight"]
        torch.testing.assert_close(seen["net.2.weight"].double(), expected, rtol=1e-6, atol=1e-7)
    assert averaged.metric == [2.0, 2.0]


@pytest.mark.promise("the moving average")
def test_every_checkpoint_holds_the_average_as_its_weights(task: Any, fit: Any, tmp_path: Path):
    averaged = task()
    fit(averaged, [EMA(DECAY), *both(tmp_path)], epochs=2, train_batches=3)
    for step in (3, 6):
        best, full = (read(tmp_path / f"{kind}-step={step}.ckpt") for kind in ("best", "full"))
        expected = recursion(averaged.start, averaged.trained[:step])["net.2.weight"]
        torch.testing.assert_close(best["state_dict"]["net.2.weight"].double(), expected, rtol=1e-6, atol=1e-7)
        assert equal(best["state_dict"], full["state_dict"])
        assert list(best["state_dict"]) == list(averaged.start)
        assert equal(full["current_model_state"], averaged.trained[step - 1])
        assert "current_model_state" not in best
        assert "optimizer_states" not in best


def test_without_ema_a_checkpoint_is_as_it_was(task: Any, fit: Any, tmp_path: Path):
    plain = task()
    fit(plain, both(tmp_path), epochs=1, train_batches=3)
    assert equal(read(tmp_path / "best-step=3.ckpt")["state_dict"], plain.trained[-1])


@pytest.mark.parametrize("step", [3, 6, 7, 8], ids=["epoch 1", "epoch 2", "within epoch 3", "later within epoch 3"])
def test_a_resumed_run_ends_with_the_same_bits(task: Any, fit: Any, tmp_path: Path, step: int):
    fit(task(), [EMA(DECAY), *both(tmp_path / "whole")], epochs=4, train_batches=3)
    part = tmp_path / "whole" / f"full-step={step}.ckpt"
    resumed = task()
    fit(resumed, [EMA(DECAY), *both(tmp_path / "resumed")], epochs=4, train_batches=3, resume=part)
    assert len(resumed.trained) == 12 - step
    one, other = (read(tmp_path / folder / "full-step=12.ckpt") for folder in ("whole", "resumed"))
    for key in ("state_dict", "current_model_state", "averaging_state"):
        assert equal(one[key], other[key])
    assert one["averaging_state"]["n_averaged"] == 12


def test_after_the_fit_other_weights_are_validated_as_they_are(task: Any, fit: Any):
    averaged, ema = task(), EMA(DECAY)
    trainer: Trainer = fit(averaged, [ema], epochs=1)
    averaged.load_state_dict(averaged.start)
    averaged.validated.clear()
    trainer.validate(averaged, trainer.val_dataloaders, verbose=False)
    assert equal(averaged.validated[0], averaged.start)
    assert ema.average() == {}


def test_only_tensors_are_copied_whatever_the_task_holds(task: Any, fit: Any):
    averaged, ema = task(), EMA(DECAY)
    averaged.net.features = torch.ones(2, requires_grad=True) * 2  # as a hook leaves it: has no deep copy
    averaged.net.lock = threading.Lock()  # nor has this
    averaged.tied = nn.Linear(4, 2)
    averaged.tied.weight = averaged.net[2].weight
    averaged.net.compile(backend="eager")
    found: list[State] = []
    averaged.on_train_end = lambda: found.append(ema.average())
    fit(averaged, [ema], epochs=1)
    assert list(found[0]) == list(averaged.state_dict())
    assert found[0]["tied.weight"].data_ptr() == found[0]["net.2.weight"].data_ptr()
    assert not any(tensor.requires_grad for tensor in found[0].values())


def test_unfreezing_is_of_no_concern_to_the_average(task: Any, fit: Any):
    averaged = task()

    def unfreeze() -> None:
        averaged.net[0].requires_grad_(averaged.current_epoch == 1)

    averaged.on_train_epoch_start = unfreeze
    averaged.configure_optimizers = lambda: torch.optim.SGD(averaged.net.parameters(), lr=0.1)
    fit(averaged, [EMA(DECAY)], epochs=2, train_batches=3)
    assert torch.equal(averaged.trained[2]["net.0.weight"], averaged.start["net.0.weight"])
    expected = recursion(averaged.start, averaged.trained)["net.0.weight"]
    torch.testing.assert_close(averaged.net[0].weight.detach().double(), expected, rtol=1e-6, atol=1e-7)
    assert not torch.equal(averaged.net[0].weight, averaged.start["net.0.weight"])

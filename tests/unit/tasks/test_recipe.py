"""The recipe's parts at work together in a run, against a plain loop that does what ultralytics' does."""

from __future__ import annotations

import copy
import math
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch

from tests.commands import TINY_RANDOM
from tests.final_state import FINAL
from tests.tiny_network import tiny_network
from tlbench.config import TrainConfig
from tlbench.config.compose import compose_config
from tlbench.runs.checkpoints import read_checkpoint
from tlbench.runs.run import run
from tlbench.system.voice import SILENT
from tlbench.tasks.classification.task import ClassificationTask

pytestmark = pytest.mark.usefixtures("tiny_network")

BATCHES, EPOCHS, WARM_UP, FULL, BATCH, NOMINAL, CLIP = 3, 5, 6, 4, 8, 28, 3.0
OPTIONS = (
    *TINY_RANDOM,
    "data.shots=3",  # 30 images: 3 batches
    "callbacks=yolo",
    "callbacks.ema_decay=0.9",
    "callbacks.ema_tau=3",
    "optimizer.warmup_epochs=2",
    f"optimizer.nominal_batch={NOMINAL}",  # 4 batches a step: half a batch more than there are images
    f"optimizer.clip_norm={CLIP}",
    f"trainer.max_epochs={EPOCHS}",
    "test=false",
)


class Seen:
    """What a run trained on, and what it did."""

    def __init__(self) -> None:
        self.start: Any = None
        self.batches: list[Any] = []
        self.rates: list[float] = []
        self.norms: list[float] = []


def watched(config: TrainConfig, folder: Any) -> Seen:
    seen, step = Seen(), ClassificationTask.training_step
    before = ClassificationTask.configure_gradient_clipping

    def noting(task: Any, batch: Any, number: int) -> Any:
        if seen.start is None:
            seen.start = copy.deepcopy(task.network)
        seen.batches.append(tuple(tensor.clone() for tensor in batch))
        seen.rates.append(task.optimizers().param_groups[0]["lr"])
        return step(task, batch, number)

    def clipping(task: Any, optimizer: Any, *given: Any, **named: Any) -> None:
        before(task, optimizer, *given, **named)
        gradients = [p.grad for p in task.parameters() if p.grad is not None]
        seen.norms.append(torch.nn.utils.get_total_norm(gradients).item())

    with (
        mock.patch.object(ClassificationTask, "training_step", noting),
        mock.patch.object(ClassificationTask, "configure_gradient_clipping", clipping),
    ):
        run(config, folder, voice=SILENT)
    return seen


def plain_loop(seen: Seen, config: TrainConfig) -> tuple[Any, dict[str, torch.Tensor], list[float]]:
    """Weights, their average, and the norms of the steps' gradients."""
    c, network = config.optimizer, seen.start.train()
    decayed = [p for p in network.parameters() if p.ndim >= 2]
    others = [p for p in network.parameters() if p.ndim < 2]
    decay = c.weight_decay * BATCH * FULL / NOMINAL
    groups = [{"params": decayed, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
    if c.name == "sgd":
        optimizer: Any = torch.optim.SGD(groups, lr=c.lr, momentum=0.937, nesterov=True)
    else:
        optimizer = torch.optim.AdamW(groups, lr=c.lr, betas=(0.9, 0.999))
    average = {name: tensor.double() for name, tensor in network.state_dict().items() if tensor.is_floating_point()}
    accumulate, last, updates, norms = FULL, -1, 0, []
    for ni, (images, targets, _) in enumerate(seen.batches):
        factor = (1 - (ni // BATCHES) / EPOCHS) * 0.99 + 0.01
        for group in optimizer.param_groups:
            group["lr"] = c.lr * factor
            if ni <= WARM_UP:
                accumulate = max(1, int(np.interp(ni, [0, WARM_UP], [1, FULL]).round()))
                group["lr"] = np.interp(ni, [0, WARM_UP], [0.0, c.lr * factor])
                if "momentum" in group:
                    group["momentum"] = np.interp(ni, [0, WARM_UP], [0.8, 0.937])
        torch.nn.functional.cross_entropy(network(images), targets).backward()
        if ni - last >= accumulate:
            norms.append(torch.nn.utils.clip_grad_norm_(network.parameters(), max_norm=CLIP).item())
            optimizer.step()
            optimizer.zero_grad()
            last, updates = ni, updates + 1
            d = 0.9 * (1 - math.exp(-updates / 3))
            for name, tensor in network.state_dict().items():
                if name in average:
                    average[name] = d * average[name] + (1 - d) * tensor.double()
    return network.state_dict(), average, norms


@pytest.mark.promise("the detection recipe")
@pytest.mark.usefixtures("final_state")
@pytest.mark.parametrize("optimizer", ["yolo", "yolo_sgd"])
def test_a_run_is_what_ultralytics_loop_does_with_the_same_batches(tmp_path, optimizer):
    config = compose_config([*OPTIONS, f"optimizer={optimizer}"])
    seen = watched(config, tmp_path / "run")
    assert len(seen.batches) == BATCHES * EPOCHS
    weights, average, norms = plain_loop(seen, config)
    assert len(seen.norms) == len(norms) == 5  # after batches 0, 2, 6, 10, 14
    assert seen.norms == pytest.approx([min(norm, CLIP) for norm in norms], rel=1e-4)
    assert min(norms) < CLIP < max(norms)  # clipped in some steps only
    saved = read_checkpoint(tmp_path / "run" / FINAL)
    assert saved["global_step"] == BATCHES * EPOCHS
    for name, tensor in weights.items():
        torch.testing.assert_close(saved["current_model_state"][f"network.{name}"], tensor, rtol=1e-5, atol=1e-6)
    for name, tensor in average.items():
        torch.testing.assert_close(saved["state_dict"][f"network.{name}"].double(), tensor, rtol=1e-5, atol=1e-6)


def test_the_curves_show_the_rate_that_the_next_step_would_use(tmp_path):
    config = compose_config([*OPTIONS, "optimizer=yolo", "strategy.lr_decay=0.5"])
    record = run(config, tmp_path / "run", voice=SILENT)
    factors = [0.5 * 0.802, 0.604, 0.406, 0.208, 0.01]  # half of the warm-up, then the epochs' own
    assert [row["lr/head"] for row in record.curves] == pytest.approx([0.001 * factor for factor in factors])
    assert [row["lr/stem"] for row in record.curves] == pytest.approx([0.001 / 32 * factor for factor in factors])
    assert [row["step"] for row in record.curves] == [3, 6, 9, 12, 15]


def test_the_optimizer_scales_decay_and_lets_the_trainer_clip():
    options = (*TINY_RANDOM, "optimizer=yolo", "data.batch_size=24")  # 3 batches for 64 images
    for precision, fused in (("32-true", True), ("16-mixed", False)):
        config = compose_config([*options, f"trainer.precision={precision}"])
        optimizer = ClassificationTask(tiny_network(10), config, list("0123456789")).new_optimizer()
        decays = {group["name"].split("/")[1]: group["weight_decay"] for group in optimizer.param_groups}
        assert decays == {"decay": pytest.approx(5e-4 * 72 / 64), "no_decay": 0.0}
        assert getattr(optimizer, "_step_supports_amp_scaling", False) == fused

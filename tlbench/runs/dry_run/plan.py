"""A dry run: what each stage of a run would train, and how long the run would take, from a few timed steps."""

from __future__ import annotations

import functools
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.utilities import move_data_to_device
from lightning.pytorch import Trainer

from tlbench.adaptation.accumulation import batches_per_step
from tlbench.adaptation.advice import advise
from tlbench.adaptation.parameter_groups import learning_rate_scales
from tlbench.adaptation.schedule import group_factor
from tlbench.adaptation.stages import Stage
from tlbench.config import TrainConfig
from tlbench.data.loader import check_batch_size
from tlbench.data.target import Target
from tlbench.networks.build import build_network
from tlbench.networks.head_input import HeadInput
from tlbench.runs.open_data import open_data
from tlbench.runs.trainer import build_trainer, caches_features
from tlbench.system.machine import cores_each
from tlbench.system.voice import PRINTING
from tlbench.tasks.base import Batch, Task
from tlbench.tasks.registry import spec_of
from tlbench.tasks.wings import wing_of

WARM_UP_STEPS = 2
TIMED_STEPS = 5
FEW_TIMED_STEPS, LONG_S = 3, 0.5
"""Steps that take so many seconds in all are enough: the longer, the less they differ in proportion."""

_SAME_TIMES = {"seed", "seeds", "vary", "source", "study", "factors", "stand_ins"}
"""Keys on which no step's time depends: they choose what the weights and the images are, not how many."""


@dataclass(frozen=True)
class StagePlan:
    """One stage.

    Args:
        stage: Its name and layer groups.
        epochs: How many; None: until a stall, at most the run's.
        parameters: How many numbers train.
        rates: Layer group → its learning rate at the stage's beginning (behind any warm-up that ends in it) and end;
            the highest rate and None where it is not known when the stage begins.
        epoch_s: Seconds of one epoch, validation included.
    """

    stage: Stage
    epochs: int | None
    parameters: int
    rates: dict[str, tuple[float, float | None]]
    epoch_s: float


@dataclass(frozen=True)
class RunPlan:
    """One run.

    Args:
        stages: In order.
        images: Split → number of images.
        once_s: Seconds beside the epochs: start-up, cached features, test.
        warnings: What is unwise about the configuration.
        device: Where the steps were timed.
        layer_groups: The network's, from input to head.
        decodes: Whether images are decoded in each epoch, which is not timed.
    """

    stages: list[StagePlan]
    images: dict[str, int]
    once_s: float
    warnings: list[str]
    device: torch.device
    layer_groups: tuple[str, ...]
    decodes: bool

    @property
    def is_upper_bound(self) -> bool:
        """Whether the stages' lengths depend on how training goes."""
        return any(stage.epochs is None for stage in self.stages)

    def seconds(self, max_epochs: int, max_time_s: float | None = None) -> float:
        """Seconds of the run, which its limit ends with an epoch; see `_all_epochs`."""
        whole = self._all_epochs(max_epochs)
        if max_time_s is None:
            return whole
        return min(whole, self.once_s + max_time_s + max(stage.epoch_s for stage in self.stages))

    def _all_epochs(self, max_epochs: int) -> float:
        """Where stages end by a stall, seconds of the slowest stage throughout."""
        if self.is_upper_bound:
            return self.once_s + max_epochs * max(stage.epoch_s for stage in self.stages)
        return self.once_s + sum((stage.epochs or 0) * stage.epoch_s for stage in self.stages)


@dataclass(frozen=True)
class Times:
    """What was timed: seconds of a step in each stage, and of an image's evaluation while training and before."""

    steps_s: list[float]
    evaluation_s: float
    first_evaluation_s: float
    device: torch.device


def plan_run(config: TrainConfig, runs_at_a_time: int = 1, timed: dict[str, Times] | None = None) -> RunPlan:
    """Plan a run; noise of the images' size is trained on for a few steps a stage, and nothing is written.

    Several processes are planned as if exchanging gradients took no time, and torch.compile as if it changed nothing.

    Args:
        config: The run's configuration.
        runs_at_a_time: Runs that share this machine's cores, ≥ 1.
        timed: What was timed for runs of before, and is for this one: arms that differ in nothing that takes time, such
            as the source, are timed once.

    Raises:
        UserError: The configuration or the data are at fault.
    """
    timed = {} if timed is None else timed
    start_up_s = _start_up_s()
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(cores_each(runs_at_a_time))
    module = open_data(config, PRINTING)
    target = module.target
    images = {split: len(target.splits[split]) for split in ("train", "val", "test")}
    samples = config.data.samples(images["train"])
    check_batch_size(config.data.batch_size, samples)
    outputs = spec_of(config).outputs(len(target.class_names))
    network = build_network(config.model, outputs, config.seeds.init, config.data.input_size)
    task = wing_of(config).task(network, config, target.class_names)
    task.freezing.freeze_batch_norm(config.callbacks.freeze_batch_norm)
    key = config.model_dump_json(exclude=_SAME_TIMES)
    if key not in timed:
        timed[key] = _timed(config, task, target)
    times = timed[key]
    steps = samples // config.data.batch_size
    once_s = start_up_s + (images["test"] * times.first_evaluation_s if config.test else 0.0)
    if caches_features(config):
        once_s += (samples + images["val"]) * times.first_evaluation_s
    stages = [
        StagePlan(
            stage,
            _epochs(task.stages, number, config.trainer.max_epochs),
            task.freezing.count(stage.trainable),
            _rates(task, number, steps),
            steps * times.steps_s[number] + images["val"] * times.evaluation_s,
        )
        for number, stage in enumerate(task.stages)
    ]
    decodes = module.storage == "workers"
    return RunPlan(
        stages, images, once_s, advise(config, network, samples), times.device, tuple(network.groups), decodes
    )


def _timed(config: TrainConfig, task: Task, target: Target[Any]) -> Times:
    with tempfile.TemporaryDirectory() as nowhere:
        probe = _Probe(config, task, build_trainer(config, task, Path(nowhere)).trainer, target)
        first = probe.evaluation_s()
        if caches_features(config):
            probe.use_features()
        steps = [probe.step_s(number) for number in range(len(task.stages))]
        return Times(steps, 0.0 if caches_features(config) else first, first, probe.device)


@functools.cache
def _start_up_s() -> float:
    """What this process needed until its first plan: importing, mostly, as a run does."""
    return time.process_time()


def _epochs(stages: list[Stage], number: int, max_epochs: int) -> int | None:
    begins = stages[number].begins
    ends = stages[number + 1].begins if number + 1 < len(stages) else max_epochs
    return None if begins is None or ends is None else ends - begins


def _rates(task: Task, number: int, steps: int) -> dict[str, tuple[float, float | None]]:
    """See `StagePlan.rates`."""
    c, strategy, stage = task.config.optimizer, task.config.strategy, task.stages[number]
    scales = learning_rate_scales(list(task.layer_groups.groups), strategy.lr_decay, strategy.lr_scales)
    epochs = _epochs(task.stages, number, task.config.trainer.max_epochs)
    schedule = group_factor(c, steps, task.config.trainer.max_epochs)
    if stage.begins is None or epochs is None:
        return {group: (c.lr * scales[group], None) for group in stage.trainable}
    last = (stage.begins + epochs) * steps - 1
    begun = stage.begins * steps
    first = begun if last < schedule.warmup_steps else max(begun, schedule.warmup_steps)
    begin, end = schedule.global_factor(first), schedule.global_factor(last)
    return {group: (c.lr * scales[group] * begin, c.lr * scales[group] * end) for group in stage.trainable}


class _Probe:
    """Times steps and evaluation on noise, on the device, in the precision and memory format of the run."""

    def __init__(self, config: TrainConfig, task: Task, trainer: Trainer, target: Target[Any]) -> None:
        self.config, self.task, self.trainer = config, task, trainer
        self.device = trainer.strategy.root_device
        memory_format = torch.channels_last if config.trainer.channels_last else torch.contiguous_format
        task.to(self.device)
        task.network.to(memory_format=memory_format)
        self._share = max(config.data.batch_size // config.trainer.devices, 1)
        self._batches = wing_of(config).batches(config)
        self._training = self._noise(self._share, target, "train")
        self._evaluated = self._noise(self._batches.evaluation_batch, target, "val")
        self._features: Batch | None = None

    def step_s(self, number: int) -> float:
        """Seconds of a training step in a stage; of the optimizer's, its share where several batches wait for one."""
        self.task.train()
        self.task.freezing.set_trainable(self.task.stages[number].trainable)
        optimizer = self.task.new_optimizer()
        for group in optimizer.param_groups:
            group["lr"] = 0.0  # noise teaches nothing; steps would lead the weights, and the next stage's, astray

        def step() -> None:
            split, batch = self._training
            batch = self._batches.training(split, batch, 0) if self._features is None else self._features
            with self.trainer.precision_plugin.forward_context():  # as in a run, the batch is not in its precision
                loss = self.task.training_step(batch, 0)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()

        seconds = self._median(step)
        window = batches_per_step(self.config.optimizer, self.config.data.batch_size)
        if window > 1:
            seconds -= self._median(lambda: optimizer.step()) * (1 - 1 / window)
        self.task.train_losses.clear()
        return seconds

    def evaluation_s(self) -> float:
        """Seconds that evaluating one image takes."""
        self.task.eval()
        split, batch = self._evaluated

        def evaluate() -> None:
            with torch.no_grad(), self.trainer.precision_plugin.forward_context():
                inputs, targets, _ = self._batches.plain(split, batch)
                self.task.find(self.task.outputs(inputs), targets)

        return self._median(evaluate) / len(split) / self.config.trainer.devices

    def use_features(self) -> None:
        """Let the steps that follow train the head on cached features."""
        inputs, targets, index = self._batches.plain(*self._training)
        with torch.no_grad(), HeadInput(self.task.layer_groups) as captured:
            self.task.network(inputs)
            self._features = captured.take(), targets, index
        self.task.on_features = True

    def _noise(self, count: int, target: Target[Any], split_name: str) -> tuple[Any, Any]:
        """A split of so many images on the device, and what a loader gives of it: one batch of all.

        They have the input's size, or that of a split's largest images where these keep their own.
        """
        data = self.config.data
        size = target.splits[split_name].size if data.fit == "native" else data.input_size
        images = torch.randint(256, (count, 3, *size), dtype=torch.uint8, device=self.device)
        split = self._batches.noise(images, len(target.class_names))
        return split, move_data_to_device(next(iter(self._batches.loader(split, count))), self.device)

    def _median(self, action: Callable[[], None]) -> float:
        """Its seconds, once warm; the CPU, which chooses no algorithms by trying them, is so after one."""
        seconds: list[float] = []
        warm_up = 1 if self.device.type == "cpu" else WARM_UP_STEPS
        while len(timed := seconds[warm_up:]) < TIMED_STEPS:
            if len(timed) >= FEW_TIMED_STEPS and sum(timed) >= LONG_S:
                break
            begun = time.perf_counter()
            action()
            if self.device.type != "cpu":
                torch.accelerator.synchronize(self.device)
            seconds.append(time.perf_counter() - begun)
        return statistics.median(timed)

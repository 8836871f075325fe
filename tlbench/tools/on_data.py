"""A finished run's network on some data."""

from __future__ import annotations

import contextlib
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic

import torch
from lightning.fabric.utilities import move_data_to_device
from torch import Tensor
from torchmetrics import Metric

from tlbench.config import TrainConfig
from tlbench.console import VOICE
from tlbench.data.batches import Batches
from tlbench.data.loader import OrderedLoader
from tlbench.data.open import open_split
from tlbench.data.samples import Samples
from tlbench.data.workers import default_workers
from tlbench.metrics.loss_parts import loss_values
from tlbench.metrics.mean import SampleMean
from tlbench.tasks.own import OwnLoss, OwnMetrics, own_loss
from tlbench.tools.decoding import decoding_to_evaluate
from tlbench.tools.loaded_run import AnyLoadedRun
from tlbench.trust.names import own_code


@dataclass(frozen=True, eq=False)
class Own:
    """What a run names beside its task's own.

    Attributes:
        loss: In place of the task's; None: the task's own.
        metrics: Beside the task's.
    """

    loss: OwnLoss | None
    metrics: OwnMetrics


@dataclass(eq=False)
class OnData(ABC, Generic[AnyLoadedRun]):
    """A run's network on some data.

    Args:
        inference: The network.
        config: The run's configuration, with the data to evaluate on.
    """

    inference: AnyLoadedRun
    config: TrainConfig
    _parts: dict[str, tuple[Samples[Any], ...]] = field(default_factory=dict)

    def parts(self, split: str) -> tuple[Samples[Any], ...]:
        """The images of a split, opened once; several parts perhaps for `all`.

        Raises:
            ConfigError: As `decoding_to_evaluate`; or the run's own code for data cannot be used, or is not what the
                user vouched for.
            DataError: As `open_split`.
        """
        if split not in self._parts:
            run = self.inference.run
            how = decoding_to_evaluate(run, self.config)
            of_the_run = own_code(self.config.data, "data") == own_code(run.config.data, "data")
            with run.trusted.importing() if of_the_run else contextlib.nullcontext():
                self._parts[split] = open_split(self.config, split, run.class_names, how, VOICE)
        return self._parts[split]

    @cached_property
    def own(self) -> Own:
        """The loss and the metrics of the user's own that the run names.

        Raises:
            ConfigError: They cannot be built, or are not those that the user vouched for.
        """
        with self.inference.run.trusted.importing():
            return Own(own_loss(self.config), OwnMetrics(self.config).to(self.inference.device))

    @property
    def untransformed(self) -> TrainConfig:
        """The configuration without a transform of the user's own, which training alone applies: not imported here."""
        return self.config.model_copy(
            update={"augmentation": self.config.augmentation.model_copy(update={"own": None})}
        )

    @property
    @abstractmethod
    def batches(self) -> Batches[Any]:
        """How samples get to the network's input."""

    def loader(self, samples: Samples[Any], **options: Any) -> OrderedLoader:
        """All samples in their order, in the batches of a run's own test; `options` as in `OrderedLoader`."""
        workers = default_workers() if self.config.data.workers is None else self.config.data.workers
        return self.batches.loader(samples, self.batches.evaluation_batch, workers=workers, passes=False, **options)

    def inputs(self, split: str) -> Iterator[tuple[Tensor, Any]]:
        """All images of a split with their targets, in the batches of the run's own test: the loss depends on them.

        Of several processes each had every W-th image; their batches come one process after another.
        """
        device, devices = self.inference.device, self.config.trainer.devices
        for part in self.parts(split):
            kept, processes = part.to(device), min(devices, len(part))
            for rank in range(processes):
                for batch in self.loader(part, rank=rank, world_size=processes):
                    inputs, targets, _ = self.batches.plain(kept, move_data_to_device(batch, device))
                    yield inputs, targets

    def measured(
        self,
        split: str,
        loss: Callable[[Any, Any], Tensor],
        parts: Sequence[str],
        metrics: Metric,
        find: Callable[[Any, Any], Any],
    ) -> dict[str, float | None]:
        """Loss and metrics under their flat names, `<split>/<metric>`, as a run's record has them.

        Args:
            split: As in `open_split`.
            loss: The task's, of outputs and targets; the user's own takes its place where there is one.
            parts: The names of its parts; none where it is of one piece.
            metrics: What `find` gives is added to it.
            find: From outputs and targets to what is compared with these.

        Raises:
            DataError: As `open_split`.
        """
        own, device = self.own, self.inference.device
        parts = parts if own.loss is None else ()
        mean = SampleMean((len(parts),) if parts else ())
        own.metrics.reset()
        for inputs, targets in self.inputs(split):
            with torch.inference_mode():
                outputs = self.inference.outputs(inputs)
                value = loss(outputs, targets) if own.loss is None else own.loss(outputs, targets, device)
                mean.update(value, len(targets))
                found = find(outputs, targets)
                metrics.update(found, targets)
                own.metrics.update(found, targets)
        values = {**loss_values(mean.compute(), parts), **metrics.compute(), **own.metrics.compute()}
        return {f"{split}/{name}": _defined(float(value)) for name, value in values.items()}


def _defined(value: float) -> float | None:
    return value if math.isfinite(value) else None

"""A finished run on some data: its logits on a split, metrics as the run's test has them, and a temperature."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from tlbench.annotations.labels.batches import LabelBatches
from tlbench.annotations.labels.config import LabelDataConfig
from tlbench.data.batches import stored
from tlbench.metrics.mean import SampleMean
from tlbench.networks.outputs import not_finite
from tlbench.records.evaluation import CalibrationRecord
from tlbench.robustness.partial import Scores
from tlbench.tasks.classification.calibration import fit_temperature, nll
from tlbench.tasks.classification.loaded import LoadedClassifier
from tlbench.tasks.classification.metrics import ClassificationMetrics
from tlbench.tools.on_data import OnData

Transform = Callable[[Tensor, Tensor], Tensor]
"""Images (B, 3, S, S) uint8 of the network's input size and sample indices (B,) int64, on its device → such images."""


class ClassifierOnData(OnData[LoadedClassifier]):
    """A run's network on some data."""

    @cached_property
    def batches(self) -> LabelBatches:
        """As in `OnData`."""
        return LabelBatches(self.untransformed)

    @property
    def data(self) -> LabelDataConfig:
        """The data to evaluate on."""
        assert isinstance(self.config.data, LabelDataConfig)
        return self.config.data

    def logits_of(self, split: str, transform: Transform | None = None) -> tuple[Tensor, Tensor]:
        """Run the network over all images of a split.

        Args:
            split: As in `open_split`.
            transform: Changes each batch once it has the network's input size, before it is normalised.

        Returns:
            Logits (N, C) float32 and targets (N,) int64, in the split's order, on the CPU.

        Raises:
            DataError: As `open_split`; or a file cannot be decoded any more.
        """
        logits, targets, first = [], [], 0
        for part in self.parts(split):
            for batch in self.loader(part):
                images, index = stored(part, batch)
                logits.append(self._logits(images, first + index, transform).cpu())
                targets.append(part.labels[index])
            first += len(part)
        return torch.cat(logits), torch.cat(targets)

    def _logits(self, batch: Tensor, index: Tensor, transform: Transform | None) -> Tensor:
        if transform is None:
            return self.inference.logits(batch)
        return self.inference.logits(batch, lambda images: transform(images, index.to(images.device)))

    def metrics(self, split: str, logits: Tensor, targets: Tensor) -> dict[str, float | None]:
        """Loss and metrics under their flat names, `<split>/oa`, as a run's record has them.

        The loss is summed over the batches of a run's test, as rounding depends on them.
        """
        names = self.inference.run.class_names
        metrics, loss, own = ClassificationMetrics(len(names), names), SampleMean(), self.own
        own.metrics.cpu().reset()
        for some, labels in zip(self._batched(logits), self._batched(targets), strict=True):
            mean = F.cross_entropy(some, labels) if own.loss is None else own.loss(some, labels, some.device)
            loss.update(mean, len(labels))
            own.metrics.update(some, labels)
        metrics.update(logits, targets)
        values = {"loss": loss.compute(), **metrics.compute(), **own.metrics.compute()}
        return {f"{split}/{name}": _defined(float(value)) for name, value in values.items()}

    def _batched(self, values: Tensor) -> tuple[Tensor, ...]:
        return torch.split(values, LabelBatches.evaluation_batch_of(self.data))


def calibrate(own: ClassifierOnData, logits: Tensor, targets: Tensor) -> CalibrationRecord | None:
    """Fit a temperature on the run's own validation split, and say what it does on other samples.

    Guo et al. 2017, arXiv:1706.04599.

    Args:
        own: The run on its own data.
        logits: (N, C), of the samples to report on.
        targets: (N,).

    Returns:
        The temperature; None where logits, of these samples or of validation, hold NaN or infinity.

    Raises:
        DataError, WeightsError: As `fit_temperature`.
    """
    of_val = own.logits_of("val")
    if any(bool(not_finite(values, len(values)).any()) for values in (logits, of_val[0])):
        return None
    temperature = fit_temperature(*of_val)
    names = own.inference.run.class_names
    ece = []
    for divisor in (1.0, temperature):
        metrics = ClassificationMetrics(len(names), names)
        metrics.update(logits / divisor, targets)
        ece.append(float(metrics.compute()["ece"]))
    return CalibrationRecord(
        temperature=temperature,
        fitted_on=len(of_val[1]),
        ece_before=ece[0],
        ece_after=ece[1],
        nll_before=nll(logits, targets),
        nll_after=nll(logits, targets, temperature),
    )


def _defined(value: float) -> float | None:
    return value if math.isfinite(value) else None


def scores(logits: Tensor, targets: Tensor, temperature: float) -> Scores:
    """OA and ECE, None where undefined.

    Args:
        logits: (N, C), on any device.
        targets: (N,), likewise.
        temperature: The logits are divided by it, for ECE.
    """
    classes = logits.shape[1]
    metrics = ClassificationMetrics(classes, [str(number) for number in range(classes)])
    metrics.update(logits.cpu() / temperature, targets.cpu())
    values = metrics.compute()
    return {key: _defined(float(values[key])) for key in ("oa", "ece")}

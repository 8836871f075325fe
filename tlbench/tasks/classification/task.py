"""Image classification with one label an image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from tlbench.config import TrainConfig
from tlbench.errors import ConfigError
from tlbench.networks.network import Network
from tlbench.tasks.base import Task
from tlbench.tasks.classification.config import ClassificationConfig
from tlbench.tasks.classification.metrics import ClassificationMetrics


class ClassificationTask(Task):
    """Cross-entropy on logits (B, C) and class indices (B,); the best checkpoint is that of the highest val/oa.

    Training may smooth the labels, and takes soft targets (B, C) as well.

    Args:
        network: The network with its layer groups, weights already loaded.
        config: The run's configuration.
        class_names: C names, in index order.
    """

    test_metrics: ClassificationMetrics

    def __init__(self, network: Network, config: TrainConfig, class_names: Sequence[str]) -> None:
        self.class_names = tuple(class_names)
        super().__init__(network, config)
        assert isinstance(config.task, ClassificationConfig)
        self.label_smoothing = config.task.label_smoothing

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy, in nats.

        Raises:
            ConfigError: The head was not replaced: it does not give a logit a class; or the outputs are not one tensor.
        """
        return self._cross_entropy(outputs, targets)

    def training_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """As `loss`, with label smoothing, of class indices (B,) or soft targets (B, C).

        Label smoothing ε (Szegedy et al. 2016, arXiv:1512.00567) takes (1 − ε) · target + ε / C.
        """
        return self._cross_entropy(outputs, targets, self.label_smoothing)

    def plain_targets(self, targets: Tensor) -> Tensor:
        """Class indices (B,); of soft targets the heaviest class."""
        return targets.argmax(dim=1) if targets.ndim == 2 else targets

    def _cross_entropy(self, outputs: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
        if not isinstance(outputs, Tensor):  # as networks with auxiliary classifiers do in train mode
            raise ConfigError(
                f"model.name={self.config.model.name!r}: in training it gives a {type(outputs).__name__}, not one "
                f"tensor (B, {len(self.class_names)}) of logits; let it return that"
            )
        if outputs.shape[1] != len(self.class_names):
            raise ConfigError(
                f"model.name={self.config.model.name!r}: its head gives {outputs.shape[1]} outputs, the target has "
                f"{len(self.class_names)} classes; replace the head by one of {len(self.class_names)} outputs"
            )
        return F.cross_entropy(outputs, targets, label_smoothing=label_smoothing)

    def new_metrics(self) -> ClassificationMetrics:
        """OA, AA, kappa, F1, ECE, the confusion matrix and the per-class values."""
        return ClassificationMetrics(len(self.class_names), self.class_names)

    def epoch_metrics(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """All but the per-class values, which are computed for the test split alone."""
        return {key: value for key, value in values.items() if "/" not in key}

    def predict_batch(self, found: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Class indices (B,) and probabilities (B, C) float32."""
        return {"target": targets, "probabilities": torch.softmax(found.float(), dim=1)}

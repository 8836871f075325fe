"""Semantic segmentation: a class for each pixel."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tlbench.annotations.maps.class_maps import ClassMaps
from tlbench.annotations.maps.found import FoundMaps
from tlbench.annotations.maps.targets import MapTargets
from tlbench.config import TrainConfig
from tlbench.data.ragged import reordered
from tlbench.errors import ConfigError
from tlbench.geometry.tiles import of_tiles
from tlbench.networks.network import Network
from tlbench.processes.exchange import gather_objects
from tlbench.tasks.base import Task
from tlbench.tasks.semantic_segmentation.config import SemanticSegmentationConfig
from tlbench.tasks.semantic_segmentation.decode import found_maps
from tlbench.tasks.semantic_segmentation.loss import MapLoss
from tlbench.tasks.semantic_segmentation.metrics import InputMapMetrics, MapMetrics

CLASS_WEIGHTS = "class_weights"
"""Of a checkpoint's tensors: (C,) float32."""


class SemanticSegmentationTask(Task):
    """Losses on logits (B, C, H, W) at the input's size; the best checkpoint is that of the highest val/miou.

    Metrics are those of the maps at their own size, to which the logits are brought (see `decode`).

    Args:
        network: The network with its layer groups, weights already loaded.
        config: The run's configuration.
        class_names: C names, in index order.

    Raises:
        ConfigError: As `Task`; there is not one weight a class, or a loss is not installed.
    """

    test_metrics: MapMetrics
    class_weights: Tensor

    def __init__(self, network: Network, config: TrainConfig, class_names: Sequence[str]) -> None:
        self.class_names = tuple(class_names)
        assert isinstance(config.task, SemanticSegmentationConfig)
        self.parts = MapLoss(config.task.loss)
        self.loss_parts = self.parts.parts
        super().__init__(network, config)
        given = config.task.class_weights
        if isinstance(given, list) and len(given) != len(self.class_names):
            raise ConfigError(
                f"task.class_weights: {len(given)} weights for {len(self.class_names)} classes "
                f"({', '.join(self.class_names)}); give one a class, in this order, balanced, or null"
            )
        self._balanced = given == "balanced"
        weights = torch.tensor(given) if isinstance(given, list) else torch.ones(len(self.class_names))
        self.register_buffer(CLASS_WEIGHTS, weights.float(), persistent=given is not None)
        self.test_metrics.boundary = True

    def setup(self, stage: str) -> None:
        """Weigh the classes by the training split, where that is asked for."""
        super().setup(stage)
        if self._balanced and stage == "fit":
            train = self.trainer.datamodule.target.splits["train"].annotations  # type: ignore[attr-defined]
            assert isinstance(train, ClassMaps)
            self.class_weights.copy_(balanced(train.counts))

    def outputs(self, inputs: Tensor) -> Tensor:
        """Logits at the size of what is given: the input, or larger, of which there are tiles."""
        network = super().outputs
        tile, size = self.config.task.tile, self.config.data.input_size  # type: ignore[attr-defined]
        logits: Tensor = network(inputs) if tile is None else of_tiles(network, inputs, size, tile)
        return logits

    def loss(self, outputs: Tensor, targets: MapTargets) -> Tensor:
        """The weighted losses; a scalar, or one each of several.

        Raises:
            ConfigError: The head was not replaced: it does not give a logit a class; or the outputs are not one tensor
                of the input's size.
        """
        wanted = (len(targets), len(self.class_names), *targets.maps.shape[1:])
        if not isinstance(outputs, Tensor) or tuple(outputs.shape) != wanted:
            what = f"a tensor {tuple(outputs.shape)}" if isinstance(outputs, Tensor) else f"a {type(outputs).__name__}"
            raise ConfigError(
                f"model.name={self.config.model.name!r}: it gives {what} for {wanted[0]} images and "
                f"{wanted[1]} classes; let it return one tensor {wanted} of logits, at the input's height and width"
            )
        weights = None if self.config.task.class_weights is None else self.class_weights  # type: ignore[attr-defined]
        return self.parts(outputs, targets.maps, weights)

    def find(self, outputs: Tensor, targets: MapTargets) -> FoundMaps:
        """Each image's classes, in the size of its map."""
        return found_maps(outputs, targets.placement)

    def new_metrics(self) -> MapMetrics:
        """mIoU, OA, AA, kappa, F1, the confusion matrix and the per-class values."""
        return MapMetrics(self.class_names)

    def new_train_metrics(self) -> InputMapMetrics:
        """The same at the input's size."""
        return InputMapMetrics(self.class_names)

    def plain_targets(self, targets: MapTargets) -> Tensor:
        """The maps (B, H, W) at the input's size."""
        return targets.maps

    def epoch_metrics(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """All but the per-class values, which are computed for the test split alone."""
        return {key: value for key, value in values.items() if "/" not in key}

    def predict_batch(self, found: FoundMaps, targets: MapTargets) -> dict[str, Tensor]:
        """The confusion counts of each image (B, C, C) that are not 0; see `predictions`."""
        counts = found.confusion(targets).flatten(1)
        rows, cells = torch.nonzero(counts, as_tuple=True)
        return {
            "count": torch.bincount(rows, minlength=len(counts)),
            "cells": cells.to(torch.int32),
            "pixels": counts[rows, cells],
        }

    def predictions(self) -> dict[str, Tensor]:
        """The confusion counts of each image of the test split, in the order of its samples.

        `index` (N,), `count` (N,) with `cells` (K,) int32 and `pixels` (K,) int64, image by image: so many pixels of
        true class `cell // C` were taken for class `cell % C`; what is not there is 0.
        """
        batches = [batch for process in gather_objects(self.test_predictions) for batch in process]
        return reordered(batches, {"count": ("cells", "pixels")})


def balanced(counts: Tensor) -> Tensor:
    """(C,) float32: N / (C · n) of a class of n among N pixels, as scikit-learn's "balanced"; 0 without any pixel.

    Args:
        counts: (images, C) int64 pixels; C counts the classes that have some.
    """
    pixels = counts.sum(0).double()
    there = (pixels > 0).sum().clamp(min=1)
    return torch.where(pixels > 0, pixels.sum() / (there * pixels.clamp(min=1)), 0).float()

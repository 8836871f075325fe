"""Object detection: boxes with one label each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from tlbench.annotations.instances.detections import Detections
from tlbench.annotations.instances.targets import BoxTargets
from tlbench.config import TrainConfig
from tlbench.data.ragged import reordered
from tlbench.networks.network import Network
from tlbench.processes.exchange import gather_objects
from tlbench.tasks.base import Task
from tlbench.tasks.detection.config import DetectionConfig
from tlbench.tasks.detection.decode import found_boxes
from tlbench.tasks.detection.loss import PARTS, DetectionLoss
from tlbench.tasks.detection.metrics import DetectionMetrics

CONFIDENCE = "confidence"
"""What validation chooses beside the epoch: the confidence from which detections count, where F1 is best."""


class DetectionTask(Task):
    """YOLO11's loss and average precision; the best checkpoint is that of the highest val/map50_95.

    Of equal epochs the last is the best (as in ultralytics): a network that finds nothing yet has 0 in all of them.

    Args:
        network: The network with its layer groups, weights already loaded.
        config: The run's configuration.
        class_names: C names, in index order.
    """

    later_on_tie = True
    loss_parts = PARTS

    test_metrics: DetectionMetrics

    def __init__(self, network: Network, config: TrainConfig, class_names: Sequence[str]) -> None:
        self.class_names = tuple(class_names)
        super().__init__(network, config)
        assert isinstance(config.task, DetectionConfig)
        self.settings = config.task
        self.size = config.data.input_size
        self.parts = DetectionLoss(network.module, config.task)

    def loss(self, outputs: Any, targets: BoxTargets) -> Tensor:
        """(3,): the weighted losses of boxes, classes and box sides.

        Each is divided by the target scores of all cells of the batch, at least 1, so that a split's mean loss depends
        on how its images are put into batches, and into processes.
        """
        return self.parts(outputs, targets, self.size)

    def gradient_scale(self, targets: BoxTargets) -> float:
        """Images of the batch, over all processes: gradients of images are summed, as in ultralytics."""
        return len(targets) * self.config.trainer.devices

    def find(self, outputs: Any, targets: BoxTargets) -> list[Detections]:
        """Each image's detections, in pixels of the image."""
        return found_boxes(outputs, targets.placement, len(self.class_names), self.settings)

    def new_metrics(self) -> DetectionMetrics:
        """Average precision, and precision, recall and F1 at a confidence."""
        return DetectionMetrics(self.class_names)

    def new_train_metrics(self) -> None:
        """None: decoding every training batch would cost as much as a good part of the step."""

    def epoch_metrics(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """All but the per-class values, which are computed for the test split alone."""
        return {key: value for key, value in values.items() if "/" not in key}

    def chosen(self) -> dict[str, float]:
        """The confidence at which F1 is best on validation."""
        return {CONFIDENCE: float(self.trainer.callback_metrics[f"val/{CONFIDENCE}"])}

    def take_chosen(self, chosen: Mapping[str, float]) -> None:
        """Let the test's precision, recall and F1 be at validation's confidence."""
        self.test_metrics.confidence = chosen[CONFIDENCE]

    def predict_batch(self, found: list[Detections], targets: BoxTargets) -> dict[str, Tensor]:
        """How many detections and objects each image has (B,), and all of them one after another; see `predictions`."""
        count = torch.tensor([len(each.scores) for each in found])
        crowds, of_crowds = targets.crowds, {}
        if crowds is not None:
            of_crowds = {
                "crowd_count": torch.bincount(crowds.image, minlength=len(targets)),
                "crowd_boxes": targets.in_image(crowds.boxes, crowds.image),
                "crowd_labels": crowds.labels,
            }
        return {
            "count": count,
            "boxes": torch.cat([each.boxes for each in found]),
            "scores": torch.cat([each.scores for each in found]),
            "labels": torch.cat([each.labels for each in found]),
            "target_count": torch.bincount(targets.image, minlength=len(targets)),
            "target_boxes": targets.in_image(targets.boxes, targets.image),
            "target_labels": targets.labels,
            **of_crowds,
        }

    def predictions(self) -> dict[str, Tensor]:
        """The test split's detections and objects, image by image in the order of its samples.

        `index` (N,), `count` (N,) with `boxes` (K, 4) `x1 y1 x2 y2` in pixels of the image, `scores` and `labels` (K,);
        `target_count` (N,) with `target_boxes` (M, 4) and `target_labels` (M,); and of data with crowds likewise
        `crowd_count`, `crowd_boxes` and `crowd_labels`.
        """
        batches = [batch for process in gather_objects(self.test_predictions) for batch in process]
        ragged = {"count": ("boxes", "scores", "labels"), "target_count": ("target_boxes", "target_labels")}
        if "crowd_count" in batches[0]:
            ragged["crowd_count"] = ("crowd_boxes", "crowd_labels")
        return reordered(batches, ragged)

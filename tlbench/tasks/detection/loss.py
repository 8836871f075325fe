"""The loss of YOLO11: complete IoU, distribution focal loss and binary cross-entropy on task-aligned targets."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from tlbench.annotations.instances.targets import BoxTargets
from tlbench.config.size import Size
from tlbench.networks.libraries.ultralytics import ultralytics_module
from tlbench.networks.outputs import in_float32, without_autocast
from tlbench.tasks.detection.config import DetectionConfig

PARTS = ("box", "cls", "dfl")


class DetectionLoss:
    """ultralytics' `v8DetectionLoss`, with the gains of a configuration.

    Boxes: complete IoU (Zheng et al. 2020, arXiv:1911.08287) and distribution focal loss (Li et al. 2020,
    arXiv:2006.04388); cells are assigned to objects as in TOOD (Feng et al. 2021, arXiv:2108.07755).

    Args:
        network: ultralytics' `DetectionModel`.
        config: The gains.
    """

    def __init__(self, network: nn.Module, config: DetectionConfig) -> None:
        self._network = network
        network.args = SimpleNamespace(box=config.box, cls=config.cls, dfl=config.dfl)  # type: ignore[assignment]
        self._criterion: Any = None

    def __call__(self, outputs: Any, targets: BoxTargets, size: Size) -> Tensor:
        """(3,) float32: the parts box, cls and dfl of a batch, weighted; their sum is the loss.

        Decoding, matching and loss compute in float32: ultralytics' would do so in the type of the features.

        Args:
            outputs: The network's, in train or eval mode, of any precision.
            targets: The batch's objects.
            size: Height and width of the network's input, pixels.
        """
        device = targets.boxes.device
        if self._criterion is None or self._criterion.device != device:  # it keeps tensors on the device of its making
            self._criterion = ultralytics_module("utils.loss").v8DetectionLoss(self._network)
        scale = targets.boxes.new_tensor([size[1], size[0], size[1], size[0]])
        corners = targets.boxes / scale
        boxes = torch.cat([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]], dim=1)
        batch = {"batch_idx": targets.image.to(boxes.dtype), "cls": targets.labels[:, None], "bboxes": boxes}
        with without_autocast(device.type):
            parts: Tensor = self._criterion(in_float32(outputs), batch)[0]
        return parts / len(targets)  # it comes multiplied by the images of the batch

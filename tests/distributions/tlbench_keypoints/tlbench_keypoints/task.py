"""Key points by regression."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from tlbench.config import TrainConfig
from tlbench.networks.network import Network
from tlbench.tasks.base import Task
from tlbench_keypoints.config import PointsConfig
from tlbench_keypoints.metrics import OutputMetrics, PointMetrics
from tlbench_keypoints.names import points_of
from tlbench_keypoints.targets import PointTargets, decode, in_image, point_loss


class KeyPointsTask(Task):
    """Smooth L1 on coordinates; the best checkpoint is that of the highest val/pck, of equal ones the last.

    Args:
        network: The network with its layer groups, weights already loaded.
        config: The run's configuration.
        class_names: 2 K names, of the coordinates.
    """

    later_on_tie = True

    test_metrics: PointMetrics

    def __init__(self, network: Network, config: TrainConfig, class_names: Sequence[str]) -> None:
        self.points, self.size = points_of(class_names), config.data.input_size
        super().__init__(network, config)
        assert isinstance(config.task, PointsConfig)
        self.beta = config.task.beta

    def loss(self, outputs: Tensor, targets: PointTargets) -> Tensor:
        """The mean over images, in fractions of the input's width and height."""
        return point_loss(outputs, targets, self.size, self.beta)

    def find(self, outputs: Tensor, targets: PointTargets) -> Tensor:
        """(B, K, 2) x, y in pixels of the input."""
        return decode(outputs, self.size)

    def new_metrics(self) -> PointMetrics:
        """PCK and mean error, of all points and of each."""
        return PointMetrics(self.points)

    def new_train_metrics(self) -> PointMetrics:
        """The same of outputs."""
        return OutputMetrics(self.points, self.size)

    def epoch_metrics(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """All but those of each point."""
        return {key: value for key, value in values.items() if "/" not in key}

    def predict_batch(self, found: Tensor, targets: PointTargets) -> dict[str, Tensor]:
        """Points and true points (B, K, 2) in pixels of the original image, and (B, K) which of these are seen."""
        return {
            "points": in_image(found, targets.placement),
            "target_points": in_image(targets.xy, targets.placement),
            "seen": targets.seen,
        }

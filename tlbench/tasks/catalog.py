"""The task of a configuration."""

from __future__ import annotations

from collections.abc import Sequence

from tlbench.config import TrainConfig
from tlbench.networks.network import Network
from tlbench.tasks.base import Task


def build_task(network: Network, config: TrainConfig, class_names: Sequence[str]) -> Task:
    """Build the task around a network.

    Args:
        network: The network with its layer groups, weights already loaded.
        config: The run's configuration.
        class_names: The target's classes, in index order.

    Raises:
        ConfigError: The monitored metric or the strategy do not fit.
    """
    if config.task.name == "detection":
        from tlbench.tasks.detection.task import DetectionTask  # imports ultralytics

        return DetectionTask(network, config, class_names)
    from tlbench.tasks.classification.task import ClassificationTask

    return ClassificationTask(network, config, class_names)

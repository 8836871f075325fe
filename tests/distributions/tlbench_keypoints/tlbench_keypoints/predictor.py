"""A finished run of key points in Python: `tlbench.load(run).predict(images)`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import nn

from tlbench.config import TrainConfig
from tlbench.errors import ConfigError
from tlbench.records.record import Record
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.decoding import decoding_of_run
from tlbench.tools.images import SomeImages, each
from tlbench.tools.loaded_run import all_defined, load_run
from tlbench_keypoints.batches import PointBatches
from tlbench_keypoints.config import PointDataConfig
from tlbench_keypoints.inputs import PointInput, as_batch, point_input
from tlbench_keypoints.loaded import LoadedKeyPoints


@dataclass(frozen=True)
class KeyPoint:
    """Where a point is, in pixels of the original image, upright, from its top left corner."""

    name: str
    x: float
    y: float


class KeyPointsPredictor:
    """A run's network, with all that its predictions need.

    Attributes:
        class_names: 2 K names, of the coordinates.
        points: K names.
        network: The network, in eval mode on the device: normalised images (B, 3, S, S) to (B, 2 K).
        config: The run's configuration.
        record: The run's record.
        device: Where it computes.
    """

    def __init__(self, inference: LoadedKeyPoints) -> None:
        self.class_names: tuple[str, ...] = inference.run.class_names
        self.points = inference.points
        self.network: nn.Module = inference.network
        self.config: TrainConfig = inference.run.config
        self.record: Record = inference.run.record
        self.device: torch.device = inference.device
        self._inference = inference
        self._how = decoding_of_run(inference.run)

    @property
    def batch_size(self) -> int:
        """Images that go through the network at a time."""
        return PointBatches.evaluation_batch_of(self.data)

    @property
    def data(self) -> PointDataConfig:
        """The run's data."""
        return self._inference.data

    def predict(self, images: SomeImages) -> list[list[KeyPoint]]:
        """Find the points of images, brought to the network's input as the run's own test images were.

        Args:
            images: Paths, files' bytes, PIL images, arrays or tensors: one, an iterable of them, or a batch.

        Returns:
            Each image's K points, in the order of the images.

        Raises:
            DataError: A file cannot be read, or an image is of another kind, shape, type or range.
            NonFiniteOutputs: The network's outputs for some images hold NaN or infinity.
        """
        return all_defined(self._predictions(images))

    def find(self, inputs: Sequence[PointInput]) -> list[list[KeyPoint] | None]:
        """The points of images that are of the input's size already; None where an output is not finite."""
        found = self._inference.find(*as_batch(inputs, self.device)).cpu()
        return [
            [KeyPoint(name, x, y) for name, (x, y) in zip(self.points, row.tolist(), strict=True)]
            if bool(torch.isfinite(row).all())
            else None
            for row in found
        ]

    def _predictions(self, images: SomeImages) -> Iterator[list[KeyPoint] | None]:
        inputs = (point_input(image, self.data, self._how) for image in each(images))
        while batch := list(islice(inputs, self.batch_size)):
            yield from self.find(batch)


def load_predictor(run: CompleteRun, device: str = "auto", calibrated: bool = False) -> KeyPointsPredictor:
    """A complete run's predictor; as `tlbench.load`.

    Raises:
        ConfigError: `calibrated` was asked for; or as `tlbench.load`.
    """
    if calibrated:
        raise ConfigError("calibrated=True: only for classification runs, and this one is of keypoints; leave it out")
    return KeyPointsPredictor(load_run(LoadedKeyPoints, run, device))

"""A finished detection run in Python: `tlbench.load(run).predict(images)`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import torch
from torch import nn

from tlbench.annotations.instances.batches import BoxBatches
from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.annotations.instances.found import Detection
from tlbench.config import TrainConfig
from tlbench.errors import ConfigError
from tlbench.records.record import Record
from tlbench.tasks.detection.inputs import BoxInput, as_batch, box_input
from tlbench.tasks.detection.loaded import LoadedDetector
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.decoding import decoding_of_run
from tlbench.tools.images import SomeImages, each
from tlbench.tools.loaded_run import all_defined, load_run


class BoxPredictor:
    """A detection run's network, with all that its predictions need.

    Attributes:
        class_names: C names, in the order of the labels.
        network: The network, in eval mode on the device: normalised images (B, 3, S, S) to raw outputs.
        config: The run's configuration.
        record: The run's record.
        device: Where it computes.
        confidence: The one that the run's validation chose: detections from there on count.
    """

    def __init__(self, inference: LoadedDetector) -> None:
        self.class_names: tuple[str, ...] = inference.run.class_names
        self.network: nn.Module = inference.network
        self.config: TrainConfig = inference.run.config
        self.record: Record = inference.run.record
        self.device: torch.device = inference.device
        self.confidence: float = inference.confidence
        self._inference = inference
        self._how = decoding_of_run(inference.run)

    @property
    def batch_size(self) -> int:
        """Images that go through the network at a time."""
        return BoxBatches.evaluation_batch_of(self._inference.data)

    @property
    def data(self) -> InstanceDataConfig:
        """How images are brought to the network's input, of side `image_size`."""
        return self._inference.data

    def predict(self, images: SomeImages, confidence: float | None = None) -> list[list[Detection]]:
        """Find objects in images, brought to the network's input as the run's own test images were.

        Args:
            images: As `Predictor.predict` takes them.
            confidence: From which detections count, in [0, 1]; None: from `self.confidence` on. Below the run's
                `task.min_confidence` there is none.

        Returns:
            Each image's detections, the surest first, in the order of the images; also for a single image a list of
            one. An image in which nothing was found has an empty list.

        Raises:
            ConfigError: The confidence is out of range.
            DataError: A file cannot be read, or an image is of another kind, shape, type or range.
            NonFiniteOutputs: The network's outputs for some images hold NaN or infinity; it names their positions.
        """
        lowest = self.confidence if confidence is None else confidence
        if not 0 <= lowest <= 1:
            raise ConfigError(f"confidence={confidence}: give a number from 0 to 1")
        return all_defined(self._predictions(images, lowest))

    def detect(self, inputs: Sequence[BoxInput], confidence: float) -> list[list[Detection] | None]:
        """Find objects in images that are of the input's size already.

        Args:
            inputs: B images.
            confidence: From which detections count.

        Returns:
            B lists, as `predict` gives them; None for an image for which the network's outputs are not finite.
        """
        batch, placement = as_batch(inputs, self.device)
        detections: list[list[Detection] | None] = []
        for found in self._inference.detect(self._inference.network_input(batch), placement):
            on_host = found.to("cpu")
            if not on_host.is_defined:
                detections.append(None)
                continue
            rows = zip(on_host.labels.tolist(), on_host.scores.tolist(), on_host.boxes.tolist(), strict=True)
            detections.append([self._detection(*row) for row in rows if row[1] >= confidence])
        return detections

    def _predictions(self, images: SomeImages, confidence: float) -> Iterator[list[Detection] | None]:
        inputs = (box_input(image, self.data, self._how) for image in each(images))
        while batch := list(islice(inputs, self.batch_size)):
            yield from self.detect(batch, confidence)

    def _detection(self, label: int, confidence: float, box: list[float]) -> Detection:
        x1, y1, x2, y2 = box
        return Detection(self.class_names[label], label, confidence, (x1, y1, x2, y2))


def load_box_predictor(run: CompleteRun, device: str = "auto", calibrated: bool = False) -> BoxPredictor:
    """A complete detection run's predictor; as `tlbench.load`.

    Raises:
        ConfigError: `calibrated` was asked for; or as `tlbench.load`.
        WeightsError, OutputError: As `tlbench.load`.
    """
    if calibrated:
        raise ConfigError("calibrated=True: only for classification runs, and this one is of detection; leave it out")
    return BoxPredictor(load_run(LoadedDetector, run, device))

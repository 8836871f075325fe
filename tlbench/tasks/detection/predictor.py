"""A finished detection run in Python: `tlbench.load(run).predict(images)`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from tlbench.annotations.instances.batches import BoxBatches
from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.annotations.instances.found import Detection
from tlbench.data.decode import Decoding
from tlbench.errors import ConfigError
from tlbench.geometry.placement import Placement
from tlbench.tasks.detection.loaded import LoadedDetector
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.images import OneImage, SomeImages
from tlbench.tools.letterboxed import CornerImage, as_batch, corner_image, decode_corner_image
from tlbench.tools.loaded_run import load_run
from tlbench.tools.predictor import Predictions, Predictor


class BoxPredictor(Predictor[CornerImage, list[Detection]]):
    """A detection run's network: normalised images (B, 3, H, W) to raw outputs.

    Attributes:
        confidence: The one that the run's validation chose: detections from there on count.
    """

    def __init__(self, inference: LoadedDetector) -> None:
        super().__init__(inference)
        self.confidence: float = inference.confidence
        self._inference = inference

    @property
    def batch_size(self) -> int:
        """See `Predictor`."""
        return BoxBatches.evaluation_batch_of(self._inference.data)

    @property
    def data(self) -> InstanceDataConfig:
        """How images are brought to the network's input, of `input_size`."""
        return self._inference.data

    def decode(self, content: bytes, how: Decoding) -> CornerImage:
        """See `Predictor`."""
        return decode_corner_image(content, self.data, how)

    def take(self, image: OneImage) -> CornerImage:
        """See `Predictor`."""
        return corner_image(image, self.data, self.how)

    def outputs(self, batch: Sequence[CornerImage]) -> Any:
        """See `Predictor`."""
        return self._inference.outputs(self._network_input(batch)[0])

    def said(self, batch: Sequence[CornerImage]) -> list[list[Detection] | None]:
        """See `Predictor`."""
        return self.detect(batch, self.confidence)

    def predict(
        self, images: SomeImages, confidence: float | None = None, *, progress: bool | None = None
    ) -> Predictions[list[Detection]]:
        """Find objects in images, brought to the network's input as the run's own test images were.

        Args:
            images: See `Predictor`.
            confidence: From which detections count, in [0, 1]; None: from `self.confidence` on. Below the run's
                `task.min_confidence` there is none.
            progress: See `Predictor`.

        Returns:
            Each image's detections, the surest first, in the order of the images; also for a single image a list of
            one. An image in which nothing was found has an empty list.

        Raises:
            ConfigError: The confidence is out of range.
            DataError: There is no image, it cannot be read, or is of another kind, shape, type or range.
            NonFiniteOutputs: The network's outputs for some images hold NaN or infinity; it names their positions.
        """
        lowest = self.confidence if confidence is None else confidence
        if not 0 <= lowest <= 1:
            raise ConfigError(f"confidence={confidence}: give a number from 0 to 1")
        return self._of_each(images, lambda batch: self.detect(batch, lowest), "predicting", progress)

    def __call__(
        self, images: SomeImages, confidence: float | None = None, *, progress: bool | None = None
    ) -> Predictions[list[Detection]]:
        """As `predict`."""
        return self.predict(images, confidence, progress=progress)

    def detect(self, inputs: Sequence[CornerImage], confidence: float) -> list[list[Detection] | None]:
        """Find objects in images that are of the input's size already.

        Args:
            inputs: B images.
            confidence: From which detections count.

        Returns:
            B lists, as `predict` gives them; None for an image for which the network's outputs are not finite.
        """
        detections: list[list[Detection] | None] = []
        for found in self._inference.detect(*self._network_input(inputs)):
            on_host = found.to("cpu")
            if not on_host.is_defined:
                detections.append(None)
                continue
            rows = zip(on_host.labels.tolist(), on_host.scores.tolist(), on_host.boxes.tolist(), strict=True)
            detections.append([self._detection(*row) for row in rows if row[1] >= confidence])
        return detections

    def _network_input(self, inputs: Sequence[CornerImage]) -> tuple[Tensor, Placement]:
        batch, placement = as_batch(inputs, self.device)
        return self._inference.network_input(batch), placement

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

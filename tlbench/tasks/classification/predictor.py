"""A finished classification run in Python: `tlbench.load(run).predict(images)`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tlbench.annotations.labels.batches import LabelBatches
from tlbench.annotations.labels.config import LabelDataConfig
from tlbench.config import TrainConfig
from tlbench.records.evaluation import find_calibration
from tlbench.records.record import Record
from tlbench.system.hashing import file_sha256
from tlbench.tasks.classification.inputs import Square, square
from tlbench.tasks.classification.loaded import LoadedClassifier
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.decoding import decoding_of_run
from tlbench.tools.images import SomeImages, each
from tlbench.tools.loaded_run import all_defined, load_run


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a network says of one image.

    Attributes:
        label: The class of the highest probability.
        probability: That probability, in [0, 1].
        probabilities: (C,) float32, in the order of the run's class names.
    """

    label: str
    probability: float
    probabilities: NDArray[np.float32]


class Predictor:
    """A run's network, with all that its predictions need.

    Attributes:
        class_names: C names, in the order of the probabilities.
        network: The network, in eval mode on the device: normalised images (B, 3, S, S) to logits (B, C).
        config: The run's configuration.
        record: The run's record.
        device: Where it computes.
        temperature: What logits are divided by; 1 unless it was loaded as calibrated.
    """

    def __init__(self, inference: LoadedClassifier, temperature: float = 1.0) -> None:
        self.class_names: tuple[str, ...] = inference.run.class_names
        self.network: nn.Module = inference.network
        self.config: TrainConfig = inference.run.config
        self.record: Record = inference.run.record
        self.device: torch.device = inference.device
        self.temperature = temperature
        self._inference = inference
        self._how = decoding_of_run(inference.run)

    @property
    def data(self) -> LabelDataConfig:
        """The run's data."""
        assert isinstance(self.config.data, LabelDataConfig)
        return self.config.data

    @property
    def batch_size(self) -> int:
        """Images that go through the network at a time."""
        return LabelBatches.evaluation_batch_of(self.data)

    def predict(self, images: SomeImages) -> list[Prediction]:
        """Classify images, brought to the network's input as the run's own test images were.

        Args:
            images: Paths, files' bytes, PIL images, NumPy arrays (H, W) or (H, W, 3) uint8, or tensors (3, H, W), uint8
                or float in [0, 1] (rounded to 8 bits, as files hold them): one, an iterable of them in mixed kinds and
                sizes, or a batch (B, H, W, 3) or (B, 3, H, W). None is normalised beforehand. Three channels are RGB:
                OpenCV's BGR is to be turned round. Of a run on images of more than 8 bits also arrays of their numbers,
                which are brought to the run's range. Whichever way an image comes in, the network sees the same, but of
                a run with `data.decode=fast`: what is decoded already is whole. Of what Pillow changes in decoding, PGM
                and colours of 16 bits, an image that is decoded already is refused; a PNG or PPM only while its file is
                there, else it has 8 bits left.

        Returns:
            One prediction an image, in order; also for a single image a list.

        Raises:
            DataError: A file cannot be read, or an image is of another kind, shape, type or range.
            NonFiniteOutputs: The network's outputs for some images hold NaN or infinity; it names their positions.
        """
        return all_defined(self._predictions(images))

    def probabilities(self, squares: Tensor) -> Tensor:
        """Class probabilities of images that are of the stored size already.

        Args:
            squares: (B, 3, side, side) uint8, RGB.

        Returns:
            (B, C) float32, on the CPU; NaN in the rows of images for which the network's outputs are not finite.
        """
        return (self._inference.logits(squares) / self.temperature).softmax(dim=1).cpu()

    def _predictions(self, images: SomeImages) -> Iterator[Prediction | None]:
        squares = (square(image, self.data, self._how) for image in each(images))
        while batch := list(islice(squares, self.batch_size)):
            for row in self.probabilities(stacked(batch)).numpy():
                best = int(row.argmax())
                yield Prediction(self.class_names[best], float(row[best]), row) if is_defined(row) else None


def is_defined(probabilities: NDArray[np.float32]) -> bool:
    """Whether an image's probabilities (C,) are numbers; of NaN, `argmax` would make a class."""
    return not bool(np.isnan(probabilities).any())


def stacked(squares: list[Square]) -> Tensor:
    """Squares (side, side, 3) as one batch (B, 3, side, side), laid out in memory as a run's own images are."""
    return torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).contiguous()


def load_predictor(run: CompleteRun, device: str = "auto", calibrated: bool = False) -> Predictor:
    """A complete classification run's predictor; as `tlbench.load`.

    Raises:
        ConfigError, WeightsError, OutputError: As `tlbench.load`.
    """
    temperature = find_calibration(run.folder, file_sha256(run.checkpoint)).temperature if calibrated else 1.0
    return Predictor(load_run(LoadedClassifier, run, device), temperature)

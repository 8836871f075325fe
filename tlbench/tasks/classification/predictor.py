"""A finished classification run in Python: `tlbench.load(run).predict(images)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tlbench.annotations.labels.batches import LabelBatches
from tlbench.annotations.labels.config import LabelDataConfig
from tlbench.data.decode import Decoding, decode_fitted
from tlbench.records.evaluation import find_calibration
from tlbench.system.hashing import file_sha256
from tlbench.tasks.classification.inputs import Pixels, as_stored
from tlbench.tasks.classification.loaded import LoadedClassifier
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.images import OneImage, SomeImages
from tlbench.tools.loaded_run import load_run
from tlbench.tools.predictor import Predictor, Rows, defined_rows


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


class LabelPredictor(Predictor[Pixels, Prediction]):
    """A classification run's network: normalised images (B, 3, H, W) to logits (B, C).

    Attributes:
        temperature: What logits are divided by; 1 unless it was loaded as calibrated.
    """

    def __init__(self, inference: LoadedClassifier, temperature: float = 1.0) -> None:
        super().__init__(inference)
        self.temperature = temperature
        self._inference = inference

    @property
    def data(self) -> LabelDataConfig:
        """The run's data."""
        assert isinstance(self.config.data, LabelDataConfig)
        return self.config.data

    @property
    def batch_size(self) -> int:
        """See `Predictor`."""
        return LabelBatches.evaluation_batch_of(self.data)

    def decode(self, content: bytes, how: Decoding) -> Pixels:
        """See `Predictor`."""
        return decode_fitted(content, self.data.storage_size, self.data.fit, how=how)

    def take(self, image: OneImage) -> Pixels:
        """See `Predictor`."""
        return as_stored(image, self.data, self.how)

    def outputs(self, batch: Sequence[Pixels]) -> Tensor:
        """Logits (B, C) float32, on the device."""
        # laid out in memory as a run's own images are
        images = torch.from_numpy(np.stack(batch)).permute(0, 3, 1, 2).contiguous()
        return self._inference.logits(images)

    def each_probabilities(self, batch: Sequence[Pixels]) -> list[NDArray[np.float32] | None]:
        """(C,) class probabilities of each image, in order; None where the network's outputs are not finite."""
        # of NaN, argmax would make a class
        return defined_rows((self.outputs(batch) / self.temperature).softmax(dim=1))

    def said(self, batch: Sequence[Pixels]) -> list[Prediction | None]:
        """See `Predictor`."""
        return [None if row is None else self._prediction(row) for row in self.each_probabilities(batch)]

    def probabilities(self, images: SomeImages, *, progress: bool | None = None) -> Rows:
        """The probability of each class.

        Args:
            images: See `Predictor`.
            progress: See `Predictor`.

        Returns:
            (N, C) float32, in the order of `class_names`.

        Raises:
            DataError, NonFiniteOutputs: As `predict`.
        """
        return self.rows(images, self.each_probabilities, "predicting", progress)

    def _prediction(self, row: NDArray[np.float32]) -> Prediction:
        best = int(row.argmax())
        return Prediction(self.class_names[best], float(row[best]), row)


def load_predictor(run: CompleteRun, device: str = "auto", calibrated: bool = False) -> LabelPredictor:
    """A complete classification run's predictor; as `tlbench.load`.

    Raises:
        ConfigError, WeightsError, OutputError: As `tlbench.load`.
    """
    temperature = find_calibration(run.folder, file_sha256(run.checkpoint)).temperature if calibrated else 1.0
    return LabelPredictor(load_run(LoadedClassifier, run, device), temperature)

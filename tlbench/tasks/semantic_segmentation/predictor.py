"""A finished segmentation run in Python: `tlbench.load(run).predict(images)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tlbench.annotations.maps.batches import MapBatches
from tlbench.annotations.maps.config import MapDataConfig
from tlbench.data.decode import Decoding
from tlbench.errors import ConfigError
from tlbench.geometry.placement import Placement
from tlbench.tasks.semantic_segmentation.decode import enlarged, own_sizes, placed_parts
from tlbench.tasks.semantic_segmentation.loaded import LoadedSegmenter
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.images import OneImage, SomeImages
from tlbench.tools.letterboxed import CornerImage, as_batch, corner_image, decode_corner_image
from tlbench.tools.loaded_run import load_run
from tlbench.tools.predictor import Predictions, Predictor, Rows


@dataclass(frozen=True, eq=False)
class ClassMap:
    """What a network says of one image.

    Attributes:
        classes: (H, W) uint8 at the image's own size, positions in `class_names`.
        class_names: C names.
    """

    classes: NDArray[np.uint8]
    class_names: tuple[str, ...]

    @property
    def shares(self) -> dict[str, float]:
        """Class → its share of the image's pixels, of all C classes."""
        counts = np.bincount(self.classes.ravel(), minlength=len(self.class_names))
        return dict(zip(self.class_names, (counts / self.classes.size).tolist(), strict=True))

    def mask(self, name: str) -> NDArray[np.bool_]:
        """(H, W): where a class is.

        Raises:
            ConfigError: There is none of this name.
        """
        if name not in self.class_names:
            raise ConfigError(f"mask({name!r}): no such class; there are {', '.join(self.class_names)}")
        found: NDArray[np.bool_] = self.classes == self.class_names.index(name)
        return found


class MapPredictor(Predictor[CornerImage, ClassMap]):
    """A segmentation run's network: normalised images (B, 3, H, W) to logits (B, C, H, W)."""

    def __init__(self, inference: LoadedSegmenter) -> None:
        super().__init__(inference)
        self._inference = inference

    @property
    def batch_size(self) -> int:
        """See `Predictor`."""
        return MapBatches.evaluation_batch_of(self._inference.data)

    @property
    def data(self) -> MapDataConfig:
        """How images are brought to the network's input."""
        return self._inference.data

    def decode(self, content: bytes, how: Decoding) -> CornerImage:
        """See `Predictor`."""
        return decode_corner_image(content, self.data, how)

    def take(self, image: OneImage) -> CornerImage:
        """See `Predictor`."""
        return corner_image(image, self.data, self.how)

    def outputs(self, batch: Sequence[CornerImage]) -> Tensor:
        """Logits (B, C, H, W) float32 of the network's input, on the device."""
        return self._logits(batch)[0]

    def said(self, batch: Sequence[CornerImage]) -> list[ClassMap | None]:
        """See `Predictor`."""
        found = self._inference.found(*self._logits(batch))
        undefined = found.undefined.tolist()
        return [
            None if bad else ClassMap(each.cpu().numpy(), self.class_names)
            for each, bad in zip(found.maps, undefined, strict=True)
        ]

    def probability_maps(self, images: SomeImages, *, progress: bool | None = None) -> Predictions[NDArray[np.float32]]:
        """The probability of each class at each pixel, at the images' own sizes.

        Args:
            images: See `Predictor`.
            progress: See `Predictor`.

        Returns:
            (C, H, W) float32 an image, in the order of `class_names`: 4 · C · H · W bytes, so give large images one at
            a time.

        Raises:
            DataError, NonFiniteOutputs: As `predict`.
        """

        def probabilities(batch: Sequence[CornerImage]) -> list[NDArray[np.float32] | None]:
            with torch.inference_mode():
                logits, placement = self._logits(batch)
                parts = zip(placed_parts(logits, placement), own_sizes(placement), strict=True)
                each = [enlarged(part, size)[0].softmax(dim=0).cpu() for part, size in parts]
            return [of.numpy() if bool(torch.isfinite(of).all()) else None for of in each]

        return self._of_each(images, probabilities, "predicting", progress)

    def embeddings(self, images: SomeImages, *, progress: bool | None = None) -> Rows:
        """As in `Predictor`.

        Raises:
            ConfigError: Also of a run with `task.tile`, whose backbone sees tiles and never the image.
        """
        if self._inference.task.tile is not None:
            raise ConfigError(
                f"embeddings: with task.tile={self._inference.task.tile} the backbone sees tiles of an image, each by "
                "itself; use a run with task.tile=null"
            )
        return super().embeddings(images, progress=progress)

    def probabilities(self, images: SomeImages, *, progress: bool | None = None) -> Rows:  # noqa: ARG002
        """None an image; see `probability_maps`.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(
            "probabilities: a run of semantic segmentation gives each pixel some, not the image; "
            "probability_maps(images) has them"
        )

    def _logits(self, batch: Sequence[CornerImage]) -> tuple[Tensor, Placement]:
        images, placement = as_batch(batch, self.device)
        return self._inference.outputs(self._inference.network_input(images)), placement


def load_map_predictor(run: CompleteRun, device: str = "auto", calibrated: bool = False) -> MapPredictor:
    """A complete segmentation run's predictor; as `tlbench.load`.

    Raises:
        ConfigError: `calibrated` was asked for; or as `tlbench.load`.
        WeightsError, OutputError: As `tlbench.load`.
    """
    if calibrated:
        raise ConfigError(
            "calibrated=True: only for classification runs, and this one is of semantic segmentation; leave it out"
        )
    return MapPredictor(load_run(LoadedSegmenter, run, device))

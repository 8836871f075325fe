"""A finished run in Python, whatever its task: what `tlbench.load` gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tlbench.config import TrainConfig
from tlbench.data.decode import Decoding
from tlbench.errors import ConfigError
from tlbench.networks.head_input import HeadInput
from tlbench.records.record import Record
from tlbench.tools.bar import bar
from tlbench.tools.decoding import decoding_of_run
from tlbench.tools.images import OneImage, SomeImages
from tlbench.tools.inputs import Input, Inputs
from tlbench.tools.loaded_run import LoadedRun, all_defined

Output = TypeVar("Output")
Entry = TypeVar("Entry")


class Predictions(list[Output]):
    """A list of what a network says of each image, in order.

    Attributes:
        files: The file of each entry; None: the image was given in memory.
        left_out: File of a folder or pattern that could not be read → why.
    """

    def __init__(self, entries: Iterable[Output], files: Sequence[str | None], left_out: Mapping[str, str]) -> None:
        super().__init__(entries)
        self.files = tuple(files)
        self.left_out = dict(left_out)

    def by_file(self) -> dict[str, Output]:
        """File → what the network says of it; images that were given in memory are not in it."""
        return {file: entry for file, entry in zip(self.files, self, strict=True) if file is not None}


class Rows(NDArray[np.float32]):
    """An array (N, …) with a row for each image.

    Attributes:
        files: The file of each row; None: the image was given in memory. Arrays that are made of this one have none.
        left_out: File of a folder or pattern that could not be read → why.
    """

    files: tuple[str | None, ...]
    left_out: dict[str, str]

    def __array_finalize__(self, _other: Any) -> None:
        self.files, self.left_out = (), {}


class Predictor(ABC, Generic[Input, Output]):
    """A finished run's network, with all that its predictions need.

    All of its methods take images in the same ways:

    - a file's path; a folder, whose images at any depth are meant, in natural order; a pattern with `*`, `?` or `**`;
    - a file's bytes, or a PIL image;
    - a NumPy array (H, W), (H, W, 3) or (H, W, 4) uint8, or a tensor (3, H, W), uint8 or float in [0, 1] (rounded to 8
      bits, as files hold them);
    - an iterable of all these, in mixed kinds and sizes, or a batch (B, H, W, 3) or (B, 3, H, W).

    None is normalised beforehand. Three channels are RGB: OpenCV's BGR is to be turned round. Of a run on images of
    more than 8 bits also arrays of their numbers, which are brought to the run's range. Whichever way an image comes
    in, the network sees the same, but of a run with `data.decode=fast`: what is decoded already is whole. Of what
    Pillow changes in decoding, PGM and colours of 16 bits, an image that is decoded already is refused; a PNG or PPM
    only while its file is there, else it has 8 bits left.

    A file that is named by itself must be readable. Of a folder's or a pattern's files, unreadable ones are named on
    stderr and left out, as `python -m tlbench.predict` does; `left_out` of the result has them. Images are read as they
    are needed, some at a time: an iterable may be longer than what fits in memory.

    `progress` shows a bar; None: where a person is looking, that is on a terminal and in a notebook.

    Args:
        inference: The loaded run.

    Attributes:
        class_names: C names, in the order of the labels.
        network: The network, in eval mode on the device.
        config: The run's configuration.
        record: The run's record.
        device: Where it computes.
        how: How files are decoded: as the run decoded its own.
    """

    def __init__(self, inference: LoadedRun) -> None:
        self.class_names: tuple[str, ...] = inference.run.class_names
        self.network: nn.Module = inference.network
        self.config: TrainConfig = inference.run.config
        self.record: Record = inference.run.record
        self.device: torch.device = inference.device
        self.how: Decoding = decoding_of_run(inference.run)
        self._loaded = inference

    @property
    @abstractmethod
    def batch_size(self) -> int:
        """Images that go through the network at a time."""

    @abstractmethod
    def decode(self, content: bytes, how: Decoding) -> Input:
        """A file's bytes as the input that the run's own test images became.

        Raises:
            UnreadableError: It cannot be read. Several threads call this.
        """

    @abstractmethod
    def take(self, image: OneImage) -> Input:
        """Likewise of an image in memory.

        Raises:
            DataError: It cannot be read, or is of another kind, shape, type or range.
        """

    @abstractmethod
    def outputs(self, batch: Sequence[Input]) -> Any:
        """The network's outputs, of one pass in the run's precision."""

    @abstractmethod
    def said(self, batch: Sequence[Input]) -> Sequence[Output | None]:
        """What the network says of each image; None where its outputs are not finite."""

    def predict(self, images: SomeImages, *, progress: bool | None = None) -> Predictions[Output]:
        """What the network says of images, brought to its input as the run's own test images were.

        Args:
            images: See the class.
            progress: See the class.

        Returns:
            One entry an image, in order; also for a single image a list.

        Raises:
            DataError: There is no image, it cannot be read, or is of another kind, shape, type or range.
            NonFiniteOutputs: The network's outputs for some images hold NaN or infinity; it names their positions.
        """
        return self._of_each(images, self.said, "predicting", progress)

    def __call__(self, images: SomeImages, *, progress: bool | None = None) -> Predictions[Output]:
        """As `predict`."""
        return self.predict(images, progress=progress)

    def probabilities(self, images: SomeImages, *, progress: bool | None = None) -> Rows:  # noqa: ARG002
        """Of each class, for tasks that give an image one class.

        Returns:
            (N, C), in the order of `class_names`.

        Raises:
            ConfigError: The task gives an image none.
            DataError, NonFiniteOutputs: As `predict`.
        """
        raise ConfigError(
            f"probabilities: a run of {self.config.task.name} gives an image no probability of each class; predict "
            "says what it finds, and how sure it is"
        )

    def embeddings(self, images: SomeImages, *, progress: bool | None = None) -> Rows:
        """What the network's head is given of each image: the features of its backbone.

        Where the head takes a vector, that vector; where it takes maps, the mean of each channel over its map, one map
        after another. What an image is padded with counts as well.

        Returns:
            (N, F) float32.

        Raises:
            ConfigError: The head is not one module that takes a vector or maps.
            DataError, NonFiniteOutputs: As `predict`; here for features.
        """
        try:
            captured = HeadInput(self._loaded.layers)
        except ValueError as error:
            raise ConfigError(f"embeddings: {error}") from None

        def features(batch: Sequence[Input]) -> list[NDArray[np.float32] | None]:
            captured.clear()
            self.outputs(batch)
            try:
                return defined_rows(captured.take_vector())
            except RuntimeError as error:
                raise ConfigError(f"embeddings: {error}") from None

        with captured:
            return self.rows(images, features, "embedding", progress)

    def rows(
        self,
        images: SomeImages,
        of: Callable[[Sequence[Input]], Sequence[NDArray[np.float32] | None]],
        name: str,
        progress: bool | None,
    ) -> Rows:
        """One row an image.

        Args:
            images: See the class.
            of: From inputs to their rows; None where they are not finite.
            name: What is done, for the bar.
            progress: See the class.
        """
        found = self._of_each(images, of, name, progress)
        empty = np.empty((0, 0), np.float32)
        rows = (np.stack(found) if found else empty).view(Rows)
        rows.files, rows.left_out = found.files, found.left_out
        return rows

    def _of_each(
        self,
        images: SomeImages,
        of: Callable[[Sequence[Input]], Sequence[Entry | None]],
        name: str,
        progress: bool | None,
    ) -> Predictions[Entry]:
        inputs = Inputs(images, lambda content: self.decode(content, self.how), self.take, self.how.limit)

        def entries() -> Iterator[Entry | None]:
            with bar(name, progress) as show:
                given = iter(inputs)
                while batch := list(islice(given, self.batch_size)):
                    yield from of(batch)
                    show(inputs.done, inputs.total)
                show(inputs.done, inputs.total)  # what was left out at the end

        found = all_defined(entries(), inputs.files)
        return Predictions(found, inputs.files, inputs.left_out)


def defined_rows(values: Tensor) -> list[NDArray[np.float32] | None]:
    """The rows of a tensor (B, F), on the CPU; None for one that holds NaN or infinity."""
    rows = values.float().cpu().numpy()
    return [row if np.isfinite(row).all() else None for row in rows]

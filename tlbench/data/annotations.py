"""What is known of the images of a listing or of a split, whatever kind it is of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tlbench.config.data import Fit
from tlbench.config.size import Size

if TYPE_CHECKING:
    from typing_extensions import Self  # typing's from Python 3.11 on


class Annotations(ABC):
    """Columns with what is known of N images."""

    by_file: ClassVar[bool]
    """Whether images are told apart by their files, however these are fit, even where their pixels are at hand: of
    kinds whose fits all show the whole image."""

    thumbnail_fit: ClassVar[Fit | None] = None
    """How files become thumbnails; None: as they become the images themselves."""

    thumbnail: ClassVar[int]
    """Side in pixels of the square of whose area, about, images are in small, for the audit."""

    has_planes: ClassVar[bool] = False
    """Whether something is known of each pixel."""

    class_names: tuple[str, ...]
    """C names, one a class, in the order of the labels."""

    labels: Tensor
    """Positions in the class names, int64: (N,) of the images, or (M,) of all objects in them."""

    @abstractmethod
    def __len__(self) -> int:
        """N."""

    @abstractmethod
    def take(self, index: Tensor) -> Self:
        """Those of the images at (K,) int64 positions, in that order."""

    @abstractmethod
    def chosen(self, wanted: Sequence[str]) -> tuple[Tensor, Self]:
        """What some classes leave, numbered in the wanted order.

        Returns:
            (K,) int64, the positions of the images that stay; what is known of these.

        Raises:
            DataError: A class does not exist.
        """

    @classmethod
    @abstractmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Those of several listings with equal classes, one after another."""

    @abstractmethod
    def to(self, device: torch.device | str) -> Self:
        """The same on a device."""

    @abstractmethod
    def resized(self, size: Size) -> Self:
        """Those of the images once they are brought to this height and width, as they are stored."""

    def present(self) -> Tensor:
        """(N, C) bool: which classes each image holds, by which groups and folds are stratified; of a kind that does
        not say it (N, 0).
        """
        return torch.zeros(len(self), 0, dtype=torch.bool)

    @property
    def own_sizes(self) -> Tensor:
        """(N, 2) int64: height and width of images as they are in the data set, of kinds that can be kept at these."""
        raise NotImplementedError

    def plane(self, position: int, size: Size) -> NDArray[np.uint8]:
        """(H, W): what is known of each pixel of an image as it is kept, where `has_planes`."""
        raise NotImplementedError

    @abstractmethod
    def hashed(self) -> Iterator[bytes | Tensor]:
        """What a fingerprint is computed over beside the images and the class names, in order."""

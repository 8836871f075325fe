"""A transform of the user's own, of torchvision's v2 kind: what it draws is a function of the sample."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors

from tlbench.config import TrainConfig
from tlbench.errors import ConfigError
from tlbench.seeds import Draw, bits
from tlbench.system.exceptions import in_a_few_words
from tlbench.trust.names import CodeName, own_code
from tlbench.trust.own import own

_LEAST, _MOST = -1.0, 2.0
"""Values beyond are of another scale than [0, 1], which noise and sharpening may leave a little."""


class OwnTransform:
    """Called with one sample at a time, after all that `augmentation` does itself.

    The generators of torch, numpy and `random` are seeded anew for each sample, as a function of (augmentation seed,
    epoch, sample index), and are afterwards what they were.

    Args:
        name: Its code.
        seed: Augmentation seed.

    Raises:
        ConfigError: It cannot be built or called.
    """

    def __init__(self, name: CodeName, seed: int) -> None:
        self.key, self.seed = f"{name.key}.import_path={name.import_path!r}", seed
        self._transform: Any = own(name, object, "transform")
        if not callable(self._transform):
            raise ConfigError(
                f"{self.key}: it gives a {type(self._transform).__name__}, which cannot be called; let it return a "
                "transform, as torchvision.transforms.v2 has them"
            )

    def images(self, images: Tensor, index: Tensor, epoch: int) -> Tensor:
        """Images alone.

        Args:
            images: (B, 3, H, W) float32 in [0, 1].
            index: (B,) int64 sample indices.
            epoch: Epoch, ≥ 0.

        Returns:
            (B, 3, H', W') float32, in [0, 1] where the transform keeps that.

        Raises:
            ConfigError: The transform fails, or gives no images of one size, or other values.
        """
        found = [self._image(self._called(tv_tensors.Image(image))) for image in self._seeded(images, index, epoch)]
        sizes = {tuple(image.shape) for image in found}
        if len(sizes) > 1:
            raise ConfigError(
                f"{self.key}: it gives images of different sizes ({', '.join(map(str, sorted(sizes)[:3]))}), which "
                "make no batch; end it with v2.Resize((height, width)) or a crop of one size"
            )
        return torch.stack(found)

    def samples(self, samples: Iterator[Mapping[str, Any]], index: Tensor, epoch: int) -> Iterator[dict[str, Any]]:
        """Images with what is known of them, of which the transform keeps the size.

        Args:
            samples: B of `image`, a `tv_tensors.Image` (3, H, W) float32 in [0, 1], and what goes with it.
            index: (B,) int64 sample indices.
            epoch: Epoch, ≥ 0.

        Raises:
            ConfigError: The transform fails, or gives something else or another size.
        """
        for sample in self._seeded(samples, index, epoch):
            shape = tuple(sample["image"].shape)
            found = self._called(dict(sample))
            if not isinstance(found, Mapping) or not sample.keys() <= found.keys():
                raise ConfigError(
                    f"{self.key}: it is called with a mapping of {', '.join(sample)}, and gives {_described(found)}; "
                    "let it give such a mapping"
                )
            image = self._image(found["image"])
            if tuple(image.shape) != shape:
                raise ConfigError(
                    f"{self.key}: it makes an image of {tuple(image.shape)} of one of {shape}; boxes are in the pixels "
                    "of the network's input, so let it keep the size"
                )
            yield {**found, "image": image}

    def _called(self, sample: Any) -> Any:
        try:
            return self._transform(sample)
        except Exception as error:
            raise ConfigError(f"{self.key}: calling it fails: {in_a_few_words(error)}; correct it") from error

    def _image(self, image: Any) -> Tensor:
        if not isinstance(image, Tensor) or image.ndim != 3 or image.shape[0] != 3:
            raise ConfigError(
                f"{self.key}: it gives {_described(image)}, no image (3, height, width); let it return one"
            )
        plain = image.as_subclass(Tensor)
        if plain.dtype != torch.uint8 and not plain.is_floating_point():
            raise ConfigError(f"{self.key}: it gives an image of {plain.dtype}; let it keep float32, or give uint8")
        found = plain.float() / 255 if plain.dtype == torch.uint8 else plain.float()
        low, high = (float(end) for end in found.aminmax())
        if not (low >= _LEAST and high <= _MOST):  # so that NaN is none
            raise ConfigError(
                f"{self.key}: it gives an image with values from {low:.3g} to {high:.3g}, where black is 0 and white "
                "1; let it keep that (tlbench normalises afterwards, so leave out v2.Normalize)"
            )
        return found

    def _seeded(self, samples: Any, index: Tensor, epoch: int) -> Iterator[Any]:
        """Each sample, the generators seeded for it."""
        seeds = bits(self.seed, epoch, index, Draw.OWN_TRANSFORM).tolist()
        with _kept_generators(index.device):
            for sample, seed in zip(samples, seeds, strict=True):
                torch.manual_seed(seed & (2**63 - 1))
                random.seed(seed)
                np.random.seed(seed & (2**32 - 1))
                yield sample


def own_transform(config: TrainConfig) -> OwnTransform | None:
    """That of `augmentation.own`; None: there is none.

    Raises:
        ConfigError: As `OwnTransform`.
    """
    name = own_code(config.augmentation.own, "augmentation.own")
    return None if name is None else OwnTransform(name, config.seeds.augment)


@contextmanager
def _kept_generators(device: torch.device) -> Iterator[None]:
    python, numbers = random.getstate(), np.random.get_state()
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numbers)


def _described(value: Any) -> str:
    return f"a tensor {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"

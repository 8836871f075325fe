"""A network that trains in a second; laboratories keep a copy of this file on Python's search path."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


class Net(nn.Module):
    """Two convolutions and a linear layer."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.body = nn.Sequential(nn.Conv2d(8, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.fc = nn.Linear(16, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, 3, H, W)."""
        logits: Tensor = self.fc(self.body(self.stem(images)).mean((2, 3)))
        return logits


class Spoiled(Net):
    """One logit is not a number where the image is bright.

    Args:
        num_classes: Classes.
        value: What that logit is: nan, inf or -inf, as text.
        above: The mean of the normalised image from which on it is.
        training: Whether also in training.
    """

    def __init__(self, num_classes: int, value: str = "nan", above: float = -1e9, training: bool = False) -> None:
        super().__init__(num_classes)
        self.value, self.above, self.also_training = float(value), above, training

    def forward(self, images: Tensor) -> Tensor:
        """As `Net`, with a spoiled first logit."""
        logits = super().forward(images)
        if self.training and not self.also_training:
            return logits
        bright = (images.mean((1, 2, 3)) > self.above)[:, None]
        spoiled = logits.clone()
        spoiled[:, :1] = spoiled[:, :1].masked_fill(bright, self.value)
        return spoiled


def net(num_classes: int, **_options: Any) -> Net:
    """A network, as `torch.hub` asks for one."""
    return Net(num_classes)

import torch
from mine.weights import halved
from torch import nn


class Focal(nn.Module):
    """(1 − p)^gamma · cross-entropy, the mean over images."""

    def __init__(self, gamma: float = 2.0) -> None:
        super().__init__()
        self.gamma = gamma

    def forward(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        each = nn.functional.cross_entropy(outputs, targets, reduction="none")
        return ((1 - torch.exp(-each)) ** self.gamma * each).mean()


def half_cross_entropy():
    return lambda outputs, targets: halved(nn.functional.cross_entropy(outputs, targets))


class Weighted(nn.Module):
    """Its buffer follows the outputs' device, and is in no checkpoint."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.register_buffer("weights", torch.ones(classes))

    def forward(self, outputs, targets):
        return nn.functional.cross_entropy(outputs, targets, self.weights)


class Trainable(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, outputs, targets):
        return self.scale * nn.functional.cross_entropy(outputs, targets)


def of_each_image():
    return nn.CrossEntropyLoss(reduction="none")


def not_callable():
    return 3


def failing():
    raise RuntimeError("two\nlines")


def failing_when_called():
    return lambda outputs: outputs


def no_gradient():
    return lambda outputs, targets: torch.zeros(())


def nan():
    return lambda outputs, targets: outputs.sum() * float("nan")


def of_boxes():
    """Of detection: outputs and targets as the task's own loss gets them."""
    return lambda outputs, targets: sum(part.square().mean() for part in _tensors(outputs))


def _tensors(outputs):
    if isinstance(outputs, torch.Tensor):
        return [outputs]
    each = outputs.values() if isinstance(outputs, dict) else outputs
    return [tensor for part in each for tensor in _tensors(part)]

"""A network with ResNet-18's layer groups and 4 channels, for tests of everything around it."""

from __future__ import annotations

from torch import Tensor, nn

from tlbench.networks.network import Network

_GROUPS = {"stem": ("conv1", "bn1"), **{f"layer{i}": (f"layer{i}",) for i in range(1, 5)}, "head": ("fc",)}


class _Tiny(nn.Module):
    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 4, 7, stride=4, bias=False), nn.BatchNorm2d(4)
        for i in range(1, 5):
            layer = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU())
            setattr(self, f"layer{i}", layer)
        self.fc = nn.Linear(4, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        x = self.bn1(self.conv1(images)).relu()
        for i in range(1, 5):
            x = getattr(self, f"layer{i}")(x)
        return self.fc(x.mean(dim=(2, 3)))


def tiny_network(num_classes: int) -> Network:
    return Network(_Tiny(num_classes), _GROUPS, "head")

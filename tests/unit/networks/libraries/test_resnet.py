from __future__ import annotations

from collections import Counter

import pytest
import torch
import torchvision.models

from tlbench.networks.libraries.torchvision import resnet18


@pytest.mark.promise("ResNet-18 is torchvision's")
def test_layer_groups_hold_all_122_tensors_once() -> None:
    network = resnet18(7)
    names = list(network.module.state_dict())
    counts = Counter(network.group_of(name) for name in names)
    assert sum(counts.values()) == 122
    assert list(network.groups) == ["stem", "layer1", "layer2", "layer3", "layer4", "head"]
    # a convolution has 1 tensor, BatchNorm 5; layer2 to layer4 each have a third pair on the shortcut
    assert counts == {"stem": 6, "layer1": 24, "layer2": 30, "layer3": 30, "layer4": 30, "head": 2}
    grouped = [parameter for group in network.groups for parameter in network.group_parameters(group)]
    assert [id(p) for p in grouped] == [id(p) for p in network.module.parameters()]


@pytest.mark.promise("ResNet-18 is torchvision's")
def test_it_is_torchvisions_network_also_at_32_pixels() -> None:
    network = resnet18(10)
    reference = torchvision.models.resnet18(num_classes=10)
    reference.load_state_dict(network.module.state_dict())
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(network.module.eval()(images), reference.eval()(images))

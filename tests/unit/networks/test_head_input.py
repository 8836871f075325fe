from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tlbench.networks.head_input import HeadInput
from tlbench.networks.network import Network


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(3, 4)
        self.fc = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc(self.body(x).relu())
        return out


def network() -> Network:
    return Network(Small(), {"body": ("body",), "head": ("fc",)}, "head")


def test_the_features_are_kept_with_their_graph() -> None:
    net, x = network(), torch.ones(5, 3)
    with HeadInput(net) as head_input:
        out = net.module(x)
        features = head_input.value
        assert features is not None
        assert torch.equal(features, net.module.body(x).relu())
        assert torch.equal(net.module.fc.forward(features), out)
        assert head_input.take() is features
        assert head_input.value is None
        features.square().sum().backward()
    assert net.module.body.weight.grad is not None
    assert net.module.fc.weight.grad is None


def test_nothing_is_kept_outside_the_block() -> None:
    net = network()
    with HeadInput(net) as head_input:
        net.module(torch.ones(1, 3))
    net.module(torch.zeros(1, 3))
    assert torch.equal(head_input.take(), net.module.body(torch.ones(1, 3)).relu())
    assert len(net.module.fc._forward_pre_hooks) == 0


def test_the_hook_is_removed_after_an_error_and_the_block_can_be_entered_again() -> None:
    net = network()
    head_input = HeadInput(net)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), head_input:
        net.module(torch.ones(1, 7))
    assert len(net.module.fc._forward_pre_hooks) == 0
    with head_input:
        net.module(torch.ones(2, 3))
        assert head_input.take().shape == (2, 4)
        with pytest.raises(RuntimeError, match="the head fc is being kept already"), head_input:
            pass


def test_another_number_of_calls_than_one_is_refused() -> None:
    net, x = network(), torch.ones(1, 3)
    with HeadInput(net) as head_input:
        with pytest.raises(RuntimeError, match=r"fc was called 0 times since its input was last taken"):
            head_input.take()
        net.module(x)
        net.module(x)
        with pytest.raises(RuntimeError, match=r"fc was called 2 times"):
            head_input.take()
        net.module(x)
        net.module(x)
        head_input.clear()
        net.module(x)
        assert head_input.take().shape == (1, 4)


def test_a_head_called_with_something_else_is_refused() -> None:
    net = network()
    with HeadInput(net) as head_input:
        net.module.fc(input=torch.ones(1, 4))
        with pytest.raises(RuntimeError, match="fc was called with something else than one tensor"):
            head_input.take()


def test_a_head_of_several_modules_is_refused() -> None:
    with pytest.raises(ValueError, match="'head' is not one module but body, fc"):
        HeadInput(Network(Small(), {"head": ("body", "fc")}, "head"))

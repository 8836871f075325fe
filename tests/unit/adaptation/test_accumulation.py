from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tests.composed import config
from tlbench.adaptation.accumulation import KEY, Accumulation, batches_per_step, decay_scale


def stepping(accumulation: Accumulation, batches: int, first: int = 0) -> list[int]:
    """The batches that end with a step."""
    found = []
    for number in range(first, first + batches):
        if accumulation.due(number):
            found.append(number)
            accumulation.waiting = 0
        else:
            accumulation.waiting += 1
    return found


def reference(batches: int, warmup: int, full: int) -> list[int]:
    """ultralytics' loop: a step once `accumulate` batches have passed since the last; it rises while ni ≤ warm-up."""
    accumulate, last, found = full, -1, []
    for ni in range(batches):
        if warmup and ni <= warmup:
            accumulate = max(1, int(np.interp(ni, [0, warmup], [1, full]).round()))
        if ni - last >= accumulate:
            found.append(ni)
            last = ni
    return found


@pytest.mark.promise("the detection recipe")
@pytest.mark.parametrize("warmup", [0, 1, 5, 27, 30])
@pytest.mark.parametrize("full", [1, 2, 3, 4, 16, 64])
def test_steps_come_where_ultralytics_takes_them(warmup, full):
    assert stepping(Accumulation(full, warmup), 200) == reference(200, warmup, full)


def test_windows_by_hand():
    accumulation = Accumulation(batches=4, warmup_batches=27)  # 9 batches an epoch, 3 epochs
    assert [accumulation.window(number) for number in (0, 4, 5, 13, 14, 22, 23, 27, 89)] == [1, 1, 2, 2, 3, 3, 4, 4, 4]
    assert stepping(Accumulation(batches=3), 10) == [2, 5, 8]


@pytest.mark.parametrize(("batch_size", "batches", "scale"), [(16, 4, 1.0), (24, 3, 1.125), (8, 8, 1.0), (128, 1, 2.0)])
def test_the_nominal_batch_and_its_weight_decay(batch_size, batches, scale):
    recipe = config("optimizer=yolo").optimizer
    assert batches_per_step(recipe, batch_size) == batches
    assert decay_scale(recipe, batch_size) == scale
    plain = config("optimizer=adamw").optimizer
    assert (batches_per_step(plain, batch_size), decay_scale(plain, batch_size)) == (1, 1.0)


def backward(network: nn.Module, number: int) -> None:
    generator = torch.Generator().manual_seed(number)
    network[1](network[0](torch.randn(5, 3, generator=generator)).relu()).square().sum().backward()


def networks() -> nn.Sequential:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    network[0].bias.requires_grad_(False)
    return network


def test_an_open_window_goes_on_from_a_checkpoint_with_the_same_bits(tmp_path):
    whole, accumulation, checkpoint = networks(), Accumulation(batches=4), {}
    for number in range(2):
        backward(whole, number)
    accumulation.waiting = 2
    accumulation.save(whole.named_parameters(), checkpoint)
    torch.save(checkpoint, tmp_path / "x.ckpt")
    backward(whole, 2)

    resumed, restored = networks(), Accumulation(batches=4)
    restored.restore(torch.load(tmp_path / "x.ckpt", weights_only=True))
    assert restored.waiting == 2
    again = {}
    restored.save(resumed.named_parameters(), again)  # before the first batch
    assert again[KEY]["gradients"].keys() == {"0.weight", "1.weight", "1.bias"}
    restored.take_up(resumed.named_parameters())
    backward(resumed, 2)
    restored.take_up(resumed.named_parameters())  # once only
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert (one.grad is None) == (other.grad is None)
        assert one.grad is None or torch.equal(one.grad, other.grad)


def test_a_closed_window_leaves_nothing_in_a_checkpoint():
    network, checkpoint = networks(), {}
    backward(network, 0)
    Accumulation(batches=4).save(network.named_parameters(), checkpoint)
    assert checkpoint == {}
    fresh = Accumulation(batches=4)
    fresh.restore(checkpoint)
    assert fresh == Accumulation(batches=4)

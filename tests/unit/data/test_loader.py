from __future__ import annotations

import math

import pytest
import torch

from tlbench.data.loader import FeatureLoader
from tlbench.errors import DataError
from tlbench.seeds import permutation

INPUTS = torch.arange(10, dtype=torch.uint8)[:, None, None, None].expand(10, 3, 2, 2).contiguous()
LABELS = torch.arange(10) % 3


def ten(batch_size: int, **options) -> FeatureLoader:
    """Of ten images, each of which shows its number."""
    return FeatureLoader(INPUTS, LABELS, batch_size, **options)


def indices(batches) -> list[list[int]]:
    """The indices of batches, whose inputs and labels are those of their indices."""
    found = []
    for inputs, labels, index in batches:
        assert torch.equal(inputs, INPUTS[index])
        assert torch.equal(labels, LABELS[index])
        found.append(index.tolist())
    return found


def epoch_of(loader: FeatureLoader, epoch: int) -> list[list[int]]:
    loader.set_epoch(epoch)
    return indices(loader)


def order(epoch: int, seed: int = 0) -> list[int]:
    return permutation(10, seed, epoch).tolist()


def test_training_batches_follow_the_epochs_order_and_drop_the_rest():
    loader = ten(4, order_seed=0, drop_last=True)
    assert len(loader) == 2
    for epoch in (0, 3):
        loader.sampler.set_epoch(epoch)
        assert indices(loader) == [order(epoch)[:4], order(epoch)[4:8]]


def test_evaluation_batches_are_whole_and_in_order():
    loader = ten(4)
    assert indices(loader) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert len(loader) == 3
    assert len(ten(5)) == 2


def test_an_iteration_under_way_keeps_its_order():
    loader = ten(5, order_seed=0)
    iterator = iter(loader)
    first = next(iterator)[2]
    loader.set_epoch(1)
    assert torch.equal(torch.cat([first, next(iterator)[2]]), permutation(10, 0, 0))


def test_batch_larger_than_the_data():
    with pytest.raises(DataError, match=r"data.batch_size=11: larger than the 10 training images"):
        ten(11, order_seed=0, drop_last=True)
    assert len(ten(10, order_seed=0, drop_last=True)) == 1


@pytest.mark.parametrize("world_size", [2, 4])
def test_processes_share_each_training_batch_of_one_process(world_size):
    alone = epoch_of(ten(4, order_seed=0, drop_last=True), 3)
    loaders = [ten(4, order_seed=0, drop_last=True, rank=r, world_size=world_size) for r in range(world_size)]
    assert [len(loader) for loader in loaders] == [2] * world_size
    shares = [epoch_of(loader, 3) for loader in loaders]
    assert all(len(part) == 4 // world_size for share in shares for part in share)
    together = [[i for part in parts for i in part] for parts in zip(*shares, strict=True)]
    assert [sorted(batch) for batch in together] == [sorted(batch) for batch in alone]
    assert all(len(set(batch)) == 4 for batch in together)


@pytest.mark.parametrize("world_size", [1, 2, 3, 4, 10])
@pytest.mark.parametrize("batch_size", [1, 2, 256])
def test_processes_evaluate_every_sample_exactly_once(world_size, batch_size):
    loaders = [ten(batch_size, rank=rank, world_size=world_size) for rank in range(world_size)]
    shares = [indices(loader) for loader in loaders]
    assert sorted(i for share in shares for batch in share for i in batch) == list(range(10))
    for loader, share in zip(loaders, shares, strict=True):
        count = sum(len(batch) for batch in share)
        assert count in (10 // world_size, math.ceil(10 / world_size))
        assert len(loader) == len(share) == math.ceil(count / batch_size)
        assert max(len(batch) for batch in share) <= batch_size


def test_more_processes_than_samples():
    for options in ({}, {"order_seed": 0, "drop_last": True}):
        with pytest.raises(DataError, match=r"trainer.devices=11: more processes than the 10 images of a split"):
            FeatureLoader(INPUTS, LABELS, 10, rank=0, world_size=11, **options)
    assert [len(ten(10, rank=rank, world_size=10)) for rank in range(10)] == [1] * 10


@pytest.mark.parametrize("world_size", [1, 2])
@pytest.mark.parametrize("done", [1, 2, 4])
def test_a_fresh_loader_gives_the_rest_of_the_epoch_and_the_next_one_whole(done, world_size):
    share = {"order_seed": 0, "drop_last": True, "rank": world_size - 1, "world_size": world_size}
    whole = [epoch_of(ten(2, **share), epoch) for epoch in (6, 7)]
    assert len(whole[0]) == 5
    loader = ten(2, **share)
    loader.set_epoch(6)
    iterator = iter(loader)
    assert indices(next(iterator) for _ in range(done)) == whole[0][:done]
    state = loader.state_dict()
    assert state == {"batch": done}

    fresh = ten(2, **share)
    fresh.load_state_dict(state)
    assert len(fresh) == 5
    assert [epoch_of(fresh, 6), epoch_of(fresh, 7)] == [whole[0][done:], whole[1]]


def test_the_position_is_zero_between_epochs():
    loader = ten(2, order_seed=0, drop_last=True)
    assert loader.state_dict() == {"batch": 0}
    given = []
    for _ in loader:
        given.append(loader.state_dict()["batch"])
    assert given == [1, 2, 3, 4, 0]  # the epoch's last batch ends it
    assert loader.state_dict() == {"batch": 0}
    fresh = ten(2, order_seed=0, drop_last=True)
    fresh.load_state_dict(loader.state_dict())
    assert epoch_of(fresh, 1) == epoch_of(loader, 1)
    assert len(epoch_of(fresh, 2)) == 5


def test_the_position_goes_on_from_where_it_was_taken_up():
    loader = ten(2, order_seed=0, drop_last=True)
    loader.load_state_dict({"batch": 3})
    assert loader.state_dict() == {"batch": 3}  # as it may be asked again before the next batch
    next(iter(loader))
    assert loader.state_dict() == {"batch": 4}

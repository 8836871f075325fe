from __future__ import annotations

import pytest
import torch

from tlbench.data.images import ImageSet
from tlbench.data.loader import BatchLoader
from tlbench.errors import DataError
from tlbench.seeds import permutation


@pytest.fixture
def ten() -> ImageSet:
    images = torch.arange(10, dtype=torch.uint8)[:, None, None, None].expand(10, 3, 2, 2).contiguous()
    return ImageSet(images, torch.arange(10) % 3, ("a", "b", "c"))


def test_training_batches_follow_the_epochs_order_and_drop_the_rest(ten: ImageSet):
    loader = BatchLoader(ten, 4, order_seed=0, drop_last=True)
    for epoch in (0, 3):
        loader.sampler.set_epoch(epoch)
        batches = list(loader)
        assert len(batches) == len(loader) == 2
        index = torch.cat([index for _, _, index in batches])
        assert torch.equal(index, permutation(10, 0, epoch)[:8])
        assert torch.equal(torch.cat([images for images, _, _ in batches]), ten.images[index])
        assert torch.equal(torch.cat([labels for _, labels, _ in batches]), ten.labels[index])


def test_evaluation_batches_are_whole_and_in_order(ten: ImageSet):
    loader = BatchLoader(ten, 4)
    assert [index.tolist() for _, _, index in loader] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert len(loader) == 3
    assert len(BatchLoader(ten, 5)) == 2


def test_an_iteration_under_way_keeps_its_order(ten: ImageSet):
    loader = BatchLoader(ten, 5, order_seed=0)
    iterator = iter(loader)
    first = next(iterator)[2]
    loader.set_epoch(1)
    assert torch.equal(torch.cat([first, next(iterator)[2]]), permutation(10, 0, 0))


def test_batch_larger_than_the_data(ten: ImageSet):
    with pytest.raises(DataError, match=r"data.batch_size=11: larger than the 10 training images"):
        BatchLoader(ten, 11, order_seed=0, drop_last=True)
    assert len(BatchLoader(ten, 10, order_seed=0, drop_last=True)) == 1

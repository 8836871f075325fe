"""Images that workers decode in each epoch: the same batches whoever decodes them, and wherever they begin."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable
from typing import Any

import pytest
import torch

from tests.slow import thinned
from tlbench.annotations.instances.batches import Tiles
from tlbench.annotations.instances.config import InstanceAugmentation
from tlbench.annotations.labels.batches import Crops
from tlbench.annotations.labels.config import ResizedCrop
from tlbench.data.samples import FileSamples
from tlbench.data.worker_loader import Decoded, WorkerLoader
from tlbench.errors import DataError
from tlbench.seeds import permutation

CROPS = Crops(ResizedCrop(scale=[0.2, 0.9], ratio=[0.75, 1.33]), (32, 32), seed=3)
MOSAICS = InstanceAugmentation(
    name="drawn", flip=0.5, mosaic=0.7, close_mosaic=0, scale=0.5, translate=0.1, hsv_h=0, hsv_s=0, hsv_v=0
)

Made = Callable[..., WorkerLoader]


@pytest.fixture
def files(opened) -> FileSamples[Any]:
    train = opened(cache="none").splits["train"]
    assert isinstance(train, FileSamples)
    return train


@pytest.fixture
def loader(files: FileSamples[Any], kind: str) -> Made:
    """`loader(2)`: batches of four that two workers decode, of crops or of mosaics."""
    shown = CROPS if kind == "labels" else Tiles(MOSAICS, len(files), files.size, 6, 2)

    def make(workers: int = 0, **options: Any) -> WorkerLoader:
        options = {"size": (16, 16) if kind == "labels" else None, "shown": shown, "order_seed": 1, **options}
        return WorkerLoader(files, 4, workers=workers, **{"drop_last": True, **options})

    return make


def epoch(loader: WorkerLoader, number: int = 0) -> list[Decoded]:
    loader.set_epoch(number)
    return list(loader)


def equal(one: list[Decoded], other: list[Decoded]) -> bool:
    pairs = [pair for x, y in zip(one, other, strict=True) for pair in zip(x, y, strict=True)]
    return all(a is b or (a.dtype == b.dtype and torch.equal(a, b)) for a, b in pairs)


@pytest.mark.promise("batches from any workers")
def test_batches_are_the_same_whatever_the_number_of_workers(loader: Made):
    alone, helped = loader(), loader(workers=2)
    for number in (0, 1):
        assert equal(epoch(alone, number), epoch(helped, number))
    assert not equal(epoch(alone, 0), epoch(alone, 1))


def test_of_samples_that_show_themselves_each_image_is_decoded_by_itself(files: FileSamples[Any]):
    batches = list(WorkerLoader(files, 5))
    assert [batch.rows.tolist() for batch in batches] == [[[i] for i in range(n)] for n in (5, 5, 3)]
    assert torch.equal(torch.cat([batch.images for batch in batches]), files.pictures(torch.arange(13)))
    shuffled = epoch(WorkerLoader(files, 4, order_seed=1, drop_last=True), 2)
    index = torch.cat([batch.samples for batch in shuffled])
    assert torch.equal(index, permutation(13, 1, 2)[:12])
    assert torch.equal(torch.cat([batch.images for batch in shuffled]), files.pictures(index))


@pytest.mark.parametrize("workers", [0, 2])
def test_it_goes_on_in_the_middle_of_an_epoch(loader: Made, workers: int):
    whole = epoch(loader(), 1)
    stopped = loader()
    stopped.set_epoch(1)
    batches = iter(stopped)
    for _ in range(2):
        next(batches)
    resumed = loader(workers)
    resumed.load_state_dict(stopped.state_dict())
    assert equal(epoch(resumed, 1), whole[2:])
    assert equal(epoch(resumed, 1), whole)


def test_processes_share_each_batch(loader: Made):
    whole = epoch(loader())
    shares = [epoch(loader(rank=rank, world_size=2)) for rank in (0, 1)]
    for batch, *parts in zip(whole, *shares, strict=True):
        index = batch.samples.tolist()
        assert sorted(torch.cat([part.samples for part in parts]).tolist()) == sorted(index)
        for part in parts:
            rows = [index.index(i) for i in part.samples.tolist()]
            assert torch.equal(part.images[part.rows], batch.images[batch.rows[rows]])


@pytest.mark.promise("files that change in training")
@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("vanishes", [True, False])
def test_a_file_that_vanishes_or_changes_is_named_in_one_line(
    files: FileSamples[Any], loader: Made, workers: int, vanishes: bool
):
    (files.listing.root / files.names[5]).unlink()
    if not vanishes:  # another image in its place
        shutil.copy(files.listing.root / files.names[4], files.listing.root / files.names[5])
    with pytest.raises(DataError, match=r"put it back as it was when the run began") as caught:
        epoch(loader(workers, drop_last=False))
    assert f"{files.names[5]}: {'No such file or directory' if vanishes else 'it has changed'}; " in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match=r"put it back as it was when the run began"):
        files.pictures(torch.tensor([5]))


@pytest.mark.parametrize("kind", ["labels"], indirect=True)
@pytest.mark.parametrize("in_a_cycle", thinned([False, True], 2))
def test_processes_are_told_to_end_with_their_loader(loader: Made, in_a_cycle: bool):
    """Also where the garbage collection finds it; if they were not, torch would wait 5 s for each and end it."""
    helped = loader(workers=2)
    epoch(helped)
    processes = helped._loader._iterator._workers
    held = [helped]
    if in_a_cycle:
        held.append(held)
    gc.collect()
    gc.disable()
    try:
        del helped, held
        assert any(process.is_alive() for process in processes) == in_a_cycle
        gc.collect()
    finally:
        gc.enable()
    assert [process.exitcode for process in processes] == [0, 0]  # -15: ended by SIGTERM

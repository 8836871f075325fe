from __future__ import annotations

import gc
import shutil
from pathlib import Path

import pytest
import torch
from tlbench.annotations.labels.images import FileSet
from tlbench.annotations.labels.worker_loader import WorkerLoader

from tlbench.annotations.labels.config import ResizedCrop
from tlbench.data.open import open_target
from tlbench.errors import DataError
from tlbench.geometry.resized_crop import boxes, resized_crop
from tlbench.seeds import permutation
from tlbench.system.voice import SILENT

CROP = ResizedCrop(scale=[0.2, 0.9], ratio=[0.75, 1.33])


@pytest.fixture
def files(tmp_path: Path, draw_tree, data_config) -> FileSet:
    draw_tree(tmp_path / "images", {"a": 20, "b": 20}, size=(24, 24))
    data = data_config("image_folder", root=str(tmp_path / "images"), image_size=24, cache="none")
    train = open_target(data, 0, SILENT).splits["train"]
    assert isinstance(train, FileSet)
    return train


def epoch(loader: WorkerLoader, number: int = 0) -> list[tuple[torch.Tensor, ...]]:
    loader.set_epoch(number)
    return list(loader)


def equal(one: list[tuple[torch.Tensor, ...]], other: list[tuple[torch.Tensor, ...]]) -> bool:
    pairs = [pair for x, y in zip(one, other, strict=True) for pair in zip(x, y, strict=True)]
    return all(torch.equal(a, b) for a, b in pairs)


def loader(files: FileSet, workers: int = 0, **options) -> WorkerLoader:
    options = {"side": 16, "crop": CROP, "augment_seed": 3, "order_seed": 1, "drop_last": True, **options}
    return WorkerLoader(files, 8, workers=workers, **options)


def test_batches_are_the_same_whatever_the_number_of_workers(files: FileSet):
    alone, helped = loader(files), loader(files, workers=2)
    for number in (0, 1):
        assert equal(epoch(alone, number), epoch(helped, number))
    assert not equal(epoch(alone, 0), epoch(alone, 1))


def test_order_images_and_labels(files: FileSet):
    batches = epoch(loader(files, crop=None, side=24), 2)
    index = torch.cat([index for _, _, index in batches])
    assert torch.equal(index, permutation(len(files), 1, 2)[: len(index)])
    whole = files.decoded()
    assert torch.equal(torch.cat([images for images, _, _ in batches]), whole.images[index])
    assert torch.equal(torch.cat([labels for _, labels, _ in batches]), whole.labels[index])


def test_the_part_cut_out_of_a_file_is_that_of_the_device_path(files: FileSet):
    for images, _, index in epoch(loader(files)):
        stored = files.decoded().images[index]
        ours = resized_crop(stored, boxes(CROP, 24, 24, 3, 0, index), 16)
        difference = (images.float() - ours.float() * (255 if ours.is_floating_point() else 1)).abs()
        assert difference.mean() < 20  # the same part, rounded to other pixels: noise by itself would differ by 85


@pytest.mark.parametrize("workers", [0, 2])
def test_it_goes_on_in_the_middle_of_an_epoch(files: FileSet, workers: int):
    whole = epoch(loader(files), 1)
    stopped = loader(files)
    stopped.set_epoch(1)
    batches = iter(stopped)
    for _ in range(2):
        next(batches)
    state = stopped.state_dict()
    resumed = loader(files, workers)
    resumed.load_state_dict(state)
    assert equal(epoch(resumed, 1), whole[2:])
    assert equal(epoch(resumed, 1), whole)


def test_processes_share_each_batch(files: FileSet):
    whole = epoch(loader(files))
    shares = [epoch(loader(files, rank=rank, world_size=2)) for rank in (0, 1)]
    for batch, *parts in zip(whole, *shares, strict=True):
        index = torch.cat([part[2] for part in parts])
        assert sorted(index.tolist()) == sorted(batch[2].tolist())
        for images, _, positions in parts:
            rows = [batch[2].tolist().index(i) for i in positions.tolist()]
            assert torch.equal(images, batch[0][rows])


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("vanishes", [True, False])
def test_a_file_that_vanishes_or_changes_is_named_in_one_line(files: FileSet, workers: int, vanishes: bool):
    (files.listing.root / files.names[5]).unlink()
    if not vanishes:  # another image in its place
        shutil.copy(files.listing.root / files.names[4], files.listing.root / files.names[5])
    with pytest.raises(DataError, match=r"put it back as it was when the run began") as caught:
        epoch(loader(files, workers))
    assert f"{files.names[5]}: {'No such file or directory' if vanishes else 'it has changed'}; " in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match=r"put it back as it was when the run began"):
        files.decoded()


@pytest.mark.parametrize("in_a_cycle", [False, True])
def test_processes_are_told_to_end_with_their_loader(files: FileSet, in_a_cycle: bool):
    """Also where the garbage collection finds it; if they were not, torch would wait 5 s for each and end it."""
    helped = loader(files, workers=2)
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

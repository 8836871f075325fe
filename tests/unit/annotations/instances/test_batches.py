"""Images that are decoded in each epoch: the same batches as from memory, whoever decodes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.recorded_batches import Recorder, quiet_trainer
from tlbench.annotations.instances.batches import BoxBatches, Tiles
from tlbench.annotations.instances.config import InstanceAugmentation, InstanceDataConfig
from tlbench.annotations.instances.target import open_boxes
from tlbench.annotations.instances.targets import BoxTargets
from tlbench.config import Seeds
from tlbench.config.compose import compose_config
from tlbench.data.samples import FileDecoding
from tlbench.data.target_module import TargetModule
from tlbench.data.worker_loader import WorkerLoader
from tlbench.geometry.mosaic import draw
from tlbench.system.voice import SILENT

SEEDS = Seeds(init=0, order=5, augment=6, split=0)
AUGMENTATION = InstanceAugmentation(
    name="drawn",
    flip=0.5,
    mosaic=0.7,
    close_mosaic=0.5,
    scale=0.5,
    translate=0.1,
    hsv_h=0.015,
    hsv_s=0.7,
    hsv_v=0.4,
)


@pytest.fixture
def data(noise_boxes: Path, boxes_config) -> InstanceDataConfig:
    return boxes_config("yolo", root=str(noise_boxes), image_size=32, batch_size=4, cache="none", workers=0)


def opened(data: InstanceDataConfig, **changes: Any):
    return open_boxes(data.model_copy(update=changes), 0, SILENT)


def recorded(data: InstanceDataConfig, **changes: Any) -> tuple[TargetModule, list[tuple[torch.Tensor, ...]]]:
    """All batches of two epochs, the first with mosaics, and of the test."""
    data = data.model_copy(update=changes)
    own = {"data": data, "augmentation": AUGMENTATION, "seeds": SEEDS}
    batches = BoxBatches(compose_config(["task=detection", "trainer.max_epochs=2"]).model_copy(update=own))
    module, model, trainer = TargetModule(opened(data), data, SEEDS, batches), Recorder(), quiet_trainer()
    trainer.fit(model, datamodule=module)
    trainer.test(model, datamodule=module, verbose=False)
    return module, [_tensors(*batch) for _, _, batch in model.seen]


def _tensors(images: torch.Tensor, targets: BoxTargets, index: torch.Tensor) -> tuple[torch.Tensor, ...]:
    placed = (part for part in vars(targets.placement).values() if isinstance(part, torch.Tensor))
    return (images, index, targets.boxes, targets.labels, targets.image, *placed)


@pytest.mark.promise("antialias", "batches of boxes from any workers")
@pytest.mark.filterwarnings("ignore:.*(num_workers|worker processes).*")
@pytest.mark.parametrize("antialias", [pytest.param(True, marks=pytest.mark.slow), False])
def test_batches_are_those_from_memory_whatever_the_number_of_workers(data: InstanceDataConfig, antialias: bool):
    data = data.model_copy(update={"antialias": antialias})
    memory, expected = recorded(data, cache="memory")
    assert memory.storage == "memory"
    assert [len(batch[1]) for batch in expected] == [4, 4, 4, 3, 4, 4, 4, 3, 4]
    assert sum(len(batch[2]) for batch in expected) > 0
    for workers in (0, 1, 2):
        module, batches = recorded(data, workers=workers)
        assert module.storage == "workers"
        for ours, theirs in zip(batches, expected, strict=True):
            assert all(a.dtype == b.dtype and torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_antialiased_and_aliased_pixels_are_kept_apart(data: InstanceDataConfig):
    kept = [opened(data, cache="memory", antialias=antialias).splits["test"] for antialias in (True, False, True)]
    assert torch.equal(kept[0].images, kept[2].images)
    assert not torch.equal(kept[0].images, kept[1].images)


def test_each_file_of_a_batch_is_decoded_once(data: InstanceDataConfig, monkeypatch: pytest.MonkeyPatch):
    images, calls = opened(data).splits["train"], []
    whole, decode = images.pictures(torch.arange(len(images))), FileDecoding.pixels
    monkeypatch.setattr(FileDecoding, "pixels", lambda *a: (calls.append(a[1]), decode(*a))[1])
    shown = Tiles(AUGMENTATION, len(images), (32, 32), 6, mosaic_epochs=1)
    for epoch in (0, 1):
        batches = WorkerLoader(images, 4, shown=shown, order_seed=5, drop_last=True)
        batches.set_epoch(epoch)
        for batch, index in zip(batches, batches.batches(), strict=True):
            draws = draw(AUGMENTATION, len(images), (32, 32), index, 6, epoch, mosaic=epoch == 0)
            there = draws.tiles >= 0
            needed = sorted(set(draws.tiles[there].tolist()))
            assert sorted(calls) == needed
            assert torch.equal(batch.samples, index)
            assert len(batch.images) == len(needed)
            assert torch.equal(batch.images[batch.rows[there]], whole[draws.tiles[there]])
            calls.clear()

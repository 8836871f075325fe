"""Images that are decoded in each epoch: the same batches as from memory, whoever decodes them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning import LightningModule, Trainer
from PIL import Image
from tlbench.annotations.instances.images import BoxFiles, BoxImages
from tlbench.annotations.instances.worker_loader import BoxWorkerLoader, Decoded

from tlbench.annotations.instances import worker_loader
from tlbench.annotations.instances.batches import BoxBatches
from tlbench.annotations.instances.config import InstanceAugmentation, InstanceDataConfig
from tlbench.annotations.instances.target import open_boxes
from tlbench.config import Seeds
from tlbench.data.target_module import TargetModule
from tlbench.errors import DataError
from tlbench.geometry.mosaic import draw
from tlbench.seeds import permutation
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
COUNTS = {"train": 13, "val": 3, "test": 4}


@pytest.fixture
def data(tmp_path: Path, draw_yolo, boxes_config) -> InstanceDataConfig:
    """Noise of 20 × 40 pixels, from 0 to 2 objects an image."""
    rows = "0 .5 .5 .4 .5\n1 .3 .4 .5 .6".splitlines()
    names = {f"{split}/{i}": "\n".join(rows[: i % 3]) for split, count in COUNTS.items() for i in range(count)}
    root = draw_yolo(tmp_path / "data", names)
    noise = np.random.default_rng(0)
    for path in sorted(root.glob("images/*/*.png")):
        Image.fromarray(noise.integers(0, 256, (20, 40, 3), dtype=np.uint8)).save(path)
    return boxes_config("yolo", root=str(root), image_size=32, batch_size=4, cache="none", workers=0)


def opened(data: InstanceDataConfig, **changes):
    return open_boxes(data.model_copy(update=changes), 0, SILENT)


def files(data: InstanceDataConfig) -> BoxFiles:
    train = opened(data).splits["train"]
    assert isinstance(train, BoxFiles)
    return train


def loader(images: BoxFiles, workers: int = 0, **options) -> BoxWorkerLoader:
    options = {"augmentation": AUGMENTATION, "augment_seed": 6, "mosaic_epochs": 1, "drop_last": True, **options}
    return BoxWorkerLoader(images, 4, order_seed=5, workers=workers, **options)


class Recorder(LightningModule):
    """Keeps every batch it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.seen: list[tuple[torch.Tensor, ...]] = []

    def _keep(self, batch) -> None:
        images, targets, index = batch
        objects = (targets.boxes, targets.labels, targets.image)
        tensors = (part for part in vars(targets.placement).values() if isinstance(part, torch.Tensor))
        self.seen.append((images, index, *objects, *tensors))

    def training_step(self, batch, batch_idx):
        self._keep(batch)
        return self.layer(torch.ones(1)).sum()

    def validation_step(self, batch, batch_idx):
        self._keep(batch)

    def test_step(self, batch, batch_idx):
        self._keep(batch)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def module_of(target, data: InstanceDataConfig) -> TargetModule:
    return TargetModule(target, data, SEEDS, BoxBatches(data, AUGMENTATION, SEEDS, "detection", 2))


def recorded(data: InstanceDataConfig, **changes) -> tuple[TargetModule, list[tuple[torch.Tensor, ...]]]:
    """All batches of two epochs, the first with mosaics, and of the test."""
    data = data.model_copy(update=changes)
    module, model = module_of(opened(data), data), Recorder()
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(
        accelerator="cpu", devices=1, max_epochs=2, num_sanity_val_steps=0, enable_checkpointing=False, **quiet
    )
    trainer.fit(model, datamodule=module)
    trainer.test(model, datamodule=module, verbose=False)
    return module, model.seen


def assert_equal(one, other) -> None:
    assert len(one) == len(other)
    for ours, theirs in zip(one, other, strict=True):
        assert all(a.dtype == b.dtype and torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


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
        assert_equal(batches, expected)


def test_the_two_ways_have_one_fingerprint_and_show_the_same_pictures(data: InstanceDataConfig):
    there, here = opened(data), opened(data, cache="memory")
    for split, count in COUNTS.items():
        assert len(there.splits[split]) == count
        assert there.splits[split].fingerprint() == here.splits[split].fingerprint()
    index = torch.tensor([2, 0])
    modules = [module_of(target, data) for target in (there, here)]
    pictures = [module.pictures("test", index) for module in modules]
    assert torch.equal(*pictures)
    assert pictures[0].shape == (2, 3, 32, 32)


def test_antialiased_and_aliased_pixels_are_kept_apart(data: InstanceDataConfig):
    kept = [opened(data, cache="memory", antialias=antialias).splits["test"] for antialias in (True, False, True)]
    assert torch.equal(kept[0].images, kept[2].images)
    assert not torch.equal(kept[0].images, kept[1].images)


def test_auto_keeps_in_memory_what_all_splits_together_need_no_more_than_the_budget(data: InstanceDataConfig):
    large = {"cache": "auto", "image_size": 128, "memory_budget_mb": 1}  # 20 images of 48 kB: 0.94 MB
    assert isinstance(opened(data, **large).splits["train"], BoxImages)
    assert isinstance(opened(data, **{**large, "image_size": 160}).splits["train"], BoxFiles)


def test_each_file_of_a_batch_is_decoded_once(data: InstanceDataConfig, monkeypatch: pytest.MonkeyPatch):
    images, calls = files(data), []
    decode = worker_loader.decode_corner
    monkeypatch.setattr(worker_loader, "decode_corner", lambda *a: (calls.append(a[1]), decode(*a))[1])
    whole = images.pictures(torch.arange(len(images)))
    for epoch in (0, 1):
        batches = loader(images)
        batches.set_epoch(epoch)
        for batch, index in zip(batches, batches.batches(), strict=True):
            draws = draw(AUGMENTATION, len(images), 32, index, 6, epoch, mosaic=epoch == 0)
            shown = draws.tiles >= 0
            needed = sorted(set(draws.tiles[shown].tolist()))
            assert calls == needed
            assert torch.equal(batch.samples, index)
            assert len(batch.images) == len(needed)
            assert torch.equal(batch.images[batch.rows[shown]], whole[draws.tiles[shown]])
            calls.clear()


@pytest.mark.parametrize("workers", [0, 2])
def test_it_goes_on_in_the_middle_of_an_epoch(data: InstanceDataConfig, workers: int):
    images = files(data)
    first = loader(images)
    batches = iter(first)
    expected = [next(batches)]
    state = first.state_dict()
    expected += batches
    resumed = loader(images, workers)
    resumed.load_state_dict(state)
    assert_equal(list(resumed), expected[1:])
    assert_equal(list(resumed), expected)


def test_processes_share_each_batch(data: InstanceDataConfig):
    images = files(data)
    order = permutation(len(images), 5, 0)[:12].view(3, 4)
    shares = [list(loader(images, rank=rank, world_size=2)) for rank in (0, 1)]
    for index, *parts in zip(order, *shares, strict=True):
        assert torch.equal(torch.cat([part.samples for part in parts]).sort().values, index.sort().values)


def test_evaluation_decodes_each_image_by_itself(data: InstanceDataConfig):
    images = files(data)
    batches = list(BoxWorkerLoader(images, 5))
    assert all(isinstance(batch, Decoded) for batch in batches)
    assert [batch.rows.tolist() for batch in batches] == [[[i] for i in range(n)] for n in (5, 5, 3)]
    assert torch.equal(torch.cat([batch.images for batch in batches]), images.pictures(torch.arange(13)))


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("vanishes", [True, False])
def test_a_file_that_vanishes_or_changes_is_named_in_one_line(data: InstanceDataConfig, workers: int, vanishes: bool):
    images = files(data)
    (images.files.root / images.names[5]).unlink()
    if not vanishes:  # another image in its place
        shutil.copy(images.files.root / images.names[4], images.files.root / images.names[5])
    with pytest.raises(DataError, match=r"put it back as it was when the run began") as caught:
        list(loader(images, workers, mosaic_epochs=0, drop_last=False))
    assert f"{images.names[5]}: {'No such file or directory' if vanishes else 'it has changed'}; " in str(caught.value)
    with pytest.raises(DataError, match=r"put it back as it was when the run began"):
        images.pictures(torch.tensor([5]))


def test_unreadable_files_are_left_out(data: InstanceDataConfig):
    images = files(data)
    (images.files.root / images.names[5]).write_bytes((images.files.root / images.names[5]).read_bytes()[:200])
    with pytest.raises(DataError, match=r"data\.max_unreadable"):
        opened(data)
    target = opened(data, max_unreadable=1)
    train = target.splits["train"]
    assert train.names == images.names[:5] + images.names[6:]
    assert list(target.unreadable) == [images.names[5]]
    assert torch.equal(train.pictures(torch.tensor([5])), images.pictures(torch.tensor([6])))

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.composed import augmentation as some_augmentation
from tests.composed import config
from tests.recorded_batches import Recorder, quiet_trainer
from tlbench.annotations.labels.batches import Crops, LabelBatches
from tlbench.annotations.labels.config import ResizedCrop
from tlbench.annotations.labels.labels import Labels
from tlbench.config import Seeds
from tlbench.data.open import open_target
from tlbench.data.samples import MemorySamples
from tlbench.data.target import Target
from tlbench.data.target_module import TargetModule
from tlbench.data.worker_loader import WorkerLoader
from tlbench.geometry.augment import augment, prepare
from tlbench.geometry.resized_crop import boxes, resized_crop
from tlbench.seeds import permutation
from tlbench.system.voice import SILENT

SEEDS = Seeds(init=0, order=5, augment=6, split=0)


def noise(count: int) -> MemorySamples[Labels]:
    images = torch.randint(0, 256, (count, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(count))
    return MemorySamples(images, Labels(torch.arange(count) % 2, ("a", "b")))


@pytest.mark.promise("test is read once")
@pytest.mark.parametrize("channels_last", [False, True])
def test_through_a_trainer(data_config, channels_last: bool):
    augmentation = some_augmentation(crop_padding=2, flip=0.5, brightness=0.2)
    data = data_config("digits", batch_size=4, image_size=16)
    target = Target("noise", {"train": noise(10), "val": noise(6), "test": noise(7)}, {})
    own = {"data": data, "augmentation": augmentation, "seeds": SEEDS}
    batches = LabelBatches(config(f"trainer.channels_last={channels_last}").model_copy(update=own))
    module, model, trainer = TargetModule(target, data, SEEDS, batches), Recorder(), quiet_trainer()

    audited = {split: module.fingerprint(split) for split in target.splits}  # as the audit at the run's start
    assert module.fingerprints() == {}
    trainer.fit(model, datamodule=module)
    assert module.fingerprints().keys() == {"train", "val"}
    trainer.test(model, datamodule=module, verbose=False)
    assert module.fingerprints() == audited == {s: images.fingerprint() for s, images in target.splits.items()}

    train = target.splits["train"]
    trained = [(epoch, *batch) for stage, epoch, batch in model.seen if stage == "train"]
    assert [epoch for epoch, *_ in trained] == [0, 0, 1, 1]
    for k, (epoch, images, labels, index) in enumerate(trained):
        assert torch.equal(index, permutation(10, SEEDS.order, epoch)[(k % 2) * 4 :][:4])
        assert torch.equal(labels, train.labels[index])
        augmented = augment(train.images[index], index, augmentation, SEEDS.augment, epoch, data.input_size)
        assert torch.equal(images, prepare(augmented, (16, 16), data.normalisation))
        assert images.is_contiguous(memory_format=torch.channels_last) is channels_last

    for stage, count in (("val", 6), ("test", 7)):
        seen = [batch for s, _, batch in model.seen if s == stage]
        plain = prepare(target.splits[stage].images, (16, 16), data.normalisation)
        assert seen
        for images, labels, index in seen:
            assert torch.equal(index, torch.arange(count))
            assert torch.equal(labels, target.splits[stage].labels)
            assert torch.equal(images, plain)


@pytest.mark.parametrize("size", [(24, 24), (24, 42)])
def test_the_part_cut_out_of_a_file_is_that_of_the_device_path(
    size: tuple[int, int], tmp_path: Path, draw_tree, data_config
):
    height, width = size
    draw_tree(tmp_path / "images", {"a": 20, "b": 20}, size=size)
    data = data_config("image_folder", root=str(tmp_path / "images"), image_size=list(size), cache="none")
    files = open_target(data, 0, SILENT).splits["train"]
    crop = ResizedCrop(scale=[0.2, 0.9], ratio=[0.75, 1.33])
    shown = Crops(crop, size, seed=3)
    batches = list(WorkerLoader(files, 8, size=(16, 16), shown=shown, order_seed=1, drop_last=True))
    assert batches
    for images, _, index, _ in batches:
        ours = resized_crop(files.pictures(index), boxes(crop, height, width, 3, 0, index), (16, 16))
        difference = (images.float() - ours.float() * (255 if ours.is_floating_point() else 1)).abs()
        assert difference.mean() < 20  # the same part, rounded to other pixels: noise by itself would differ by 85


@pytest.mark.promise("repeated images")
def test_an_epoch_holds_each_image_so_often_augmented_anew(data_config):
    augmentation = some_augmentation(crop_padding=2, flip=0.5)
    data = data_config("digits", batch_size=5, image_size=16).model_copy(update={"repeat": 3})
    target = Target("noise", {"train": noise(10), "val": noise(6), "test": noise(7)}, {})
    own = {"data": data, "augmentation": augmentation, "seeds": SEEDS}
    module, model = TargetModule(target, data, SEEDS, LabelBatches(config().model_copy(update=own))), Recorder()
    quiet_trainer().fit(model, datamodule=module)
    first = [batch for stage, epoch, batch in model.seen if (stage, epoch) == ("train", 0)]
    images, labels, index = (torch.cat(parts) for parts in zip(*first, strict=True))
    assert index.sort().values.tolist() == list(range(30))
    assert torch.equal(labels, target.splits["train"].labels[index % 10])
    once, again = (images[torch.argsort(index)][part : part + 10] for part in (0, 10))
    assert not torch.equal(once, again)
    augmented = augment(
        target.splits["train"].images[index % 10], index, augmentation, SEEDS.augment, 0, data.input_size
    )
    assert torch.equal(images, prepare(augmented, (16, 16), data.normalisation))
    assert module.fingerprint("train") == target.splits["train"].fingerprint()

from __future__ import annotations

import pytest
import torch
from lightning import LightningModule, Trainer
from tlbench.annotations.labels.images import ImageSet

from tests.composed import augmentation as some_augmentation
from tlbench.annotations.labels.batches import LabelBatches
from tlbench.config import Seeds
from tlbench.data.target import Target
from tlbench.data.target_module import TargetModule
from tlbench.geometry.augment import augment, prepare
from tlbench.seeds import permutation

SEEDS = Seeds(init=0, order=5, augment=6, split=0)


def noise(count: int) -> ImageSet:
    images = torch.randint(0, 256, (count, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(count))
    return ImageSet(images, torch.arange(count) % 2, ("a", "b"))


def noise_target() -> Target:
    return Target("noise", {"train": noise(10), "val": noise(6), "test": noise(7)}, {})


class Recorder(LightningModule):
    """Keeps every batch it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.seen: list[tuple[str, int, torch.Tensor, torch.Tensor, torch.Tensor]] = []

    def _keep(self, stage: str, batch) -> None:
        self.seen.append((stage, self.current_epoch, *batch))

    def training_step(self, batch, batch_idx):
        self._keep("train", batch)
        return self.layer(torch.ones(1)).sum()

    def validation_step(self, batch, batch_idx):
        self._keep("val", batch)

    def test_step(self, batch, batch_idx):
        self._keep("test", batch)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.mark.parametrize("channels_last", [False, True])
def test_through_a_trainer(data_config, channels_last: bool):
    augmentation = some_augmentation(crop_padding=2, flip=0.5, brightness=0.2)
    data = data_config("digits", batch_size=4, image_size=16)
    target, model = noise_target(), Recorder()
    batches = LabelBatches(data, augmentation, SEEDS, "classification", channels_last=channels_last)
    module = TargetModule(target, data, SEEDS, batches)
    trainer = Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=2,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )

    audited = {split: module.fingerprint(split) for split in target.splits}  # as the audit at the run's start
    assert module.fingerprints() == {}
    trainer.fit(model, datamodule=module)
    assert module.fingerprints().keys() == {"train", "val"}
    trainer.test(model, datamodule=module, verbose=False)
    assert module.fingerprints() == audited == {s: images.fingerprint() for s, images in target.splits.items()}

    train = target.splits["train"]
    trained = [(epoch, *batch) for stage, epoch, *batch in model.seen if stage == "train"]
    assert [epoch for epoch, *_ in trained] == [0, 0, 1, 1]
    for k, (epoch, images, labels, index) in enumerate(trained):
        assert torch.equal(index, permutation(10, SEEDS.order, epoch)[(k % 2) * 4 :][:4])
        assert torch.equal(labels, train.labels[index])
        augmented = augment(train.images[index], index, augmentation, SEEDS.augment, epoch, data.image_size)
        assert torch.equal(images, prepare(augmented, 16, data.normalisation))
        assert images.is_contiguous(memory_format=torch.channels_last) is channels_last

    for stage, count in (("val", 6), ("test", 7)):
        batches = [batch for s, _, *batch in model.seen if s == stage]
        plain = prepare(target.splits[stage].images, 16, data.normalisation)
        assert batches
        for images, _, index in batches:
            assert torch.equal(index, torch.arange(count))
            assert torch.equal(images, plain)

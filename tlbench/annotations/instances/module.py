"""Images with boxes as a Lightning data module: on the trainer's device as a whole, or decoded by workers."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor

from tlbench.annotations.instances.augment import evaluation_boxes, training_boxes
from tlbench.annotations.instances.config import InstanceAugmentation, InstanceDataConfig, mosaic_epochs
from tlbench.annotations.instances.images import BoxFiles, BoxImages, BoxSplit
from tlbench.annotations.instances.loader import PositionLoader
from tlbench.annotations.instances.targets import BoxTargets
from tlbench.annotations.instances.was_read import boxes_read
from tlbench.annotations.instances.worker_loader import BoxWorkerLoader, Decoded
from tlbench.config import Seeds
from tlbench.data.audit import Audit
from tlbench.data.loader import OrderedLoader
from tlbench.data.target import Target
from tlbench.data.target_module import TargetModule
from tlbench.data.was_read import WasRead
from tlbench.data.workers import default_workers
from tlbench.geometry.augment import prepare

Batch = tuple[Tensor, BoxTargets, Tensor]
"""Images (B, 3, S, S) float32 normalised, their objects, positions (B,)."""

_EVALUATION_PIXELS = 32 * 640**2


def evaluation_batch(data: InstanceDataConfig) -> int:
    """Images a batch where no gradients are kept: more than in training, up to 32, as long as they are small."""
    return max(data.batch_size, min(32, _EVALUATION_PIXELS // data.image_size**2))


def network_input(images: Tensor, data: InstanceDataConfig, *, channels_last: bool = False) -> Tensor:
    """Images (B, 3, S, S) float32 in [0, 1], letterboxed, as the network takes them: normalised."""
    return prepare(images, data.image_size, data.normalisation, channels_last=channels_last)


class DetectionDataModule(TargetModule[BoxSplit]):
    """Batches of (images float32 normalised, `BoxTargets`, index).

    Args:
        target: The opened target.
        data: Its config.
        augmentation: How training images are augmented.
        seeds: As in `TargetModule`.
        max_epochs: Of the run; the last ones have no mosaic.
        channels_last: As in `TargetModule`.
    """

    data: InstanceDataConfig

    def __init__(
        self,
        target: Target[BoxSplit],
        data: InstanceDataConfig,
        augmentation: InstanceAugmentation,
        seeds: Seeds,
        max_epochs: int,
        *,
        channels_last: bool = False,
    ) -> None:
        super().__init__(target, data, seeds, channels_last=channels_last)
        self.augmentation = augmentation
        self.mosaic_epochs = mosaic_epochs(augmentation, max_epochs)

    @property
    def storage(self) -> Literal["memory", "workers"]:
        """Where the images come from."""
        return "workers" if isinstance(self.target.splits["train"], BoxFiles) else "memory"

    def audit(self, *, test: bool) -> Audit:
        """As in `TargetModule`."""
        from tlbench.annotations.instances.audit import audit_boxes

        return audit_boxes(self.target, self.data, test=test)

    def was_read(self) -> WasRead:
        """As in `TargetModule`."""
        return boxes_read(self.target)

    def pictures(self, split: str, index: Tensor) -> Tensor:
        """As in `TargetModule`; each in the top left corner."""
        images = self.target.splits[split]
        if isinstance(images, BoxFiles):
            return images.decoded(index)
        assert isinstance(images, BoxImages)
        return images.images[index.cpu()]

    def on_after_batch_transfer(self, batch: Tensor | Decoded, dataloader_idx: int) -> Batch:  # noqa: ARG002 - Lightning's hook
        """Make the network's input of positions, or of what was decoded for them, on the device."""
        trainer = self._attached()
        split = "train" if trainer.training else "test" if trainer.testing else "val"
        images = self._read(split)
        index, decoded = (batch.samples, batch) if isinstance(batch, Decoded) else (batch, None)
        if trainer.training:
            epoch = trainer.current_epoch
            mosaic = epoch < self.mosaic_epochs
            inputs, targets = training_boxes(
                images, index, self.augmentation, self.seeds.augment, epoch, mosaic, decoded
            )
        else:
            inputs, targets = evaluation_boxes(images, index, decoded)
        return network_input(inputs, self.data, channels_last=self.channels_last), targets, index

    @property
    def _evaluation_batch(self) -> int:
        return evaluation_batch(self.data)

    def _batches(self, split: str, images: BoxSplit, batch_size: int, **options: Any) -> OrderedLoader:
        if not isinstance(images, BoxFiles):
            return PositionLoader(len(images), batch_size, **options)
        trainer, workers = self._attached(), self.data.workers
        return BoxWorkerLoader(
            images,
            batch_size,
            augmentation=self.augmentation if split == "train" else None,
            augment_seed=self.seeds.augment,
            mosaic_epochs=self.mosaic_epochs,
            workers=default_workers(trainer.world_size) if workers is None else workers,
            pin_memory=trainer.strategy.root_device.type == "cuda",
            **options,
        )

    def _on_device(self, images: BoxSplit) -> BoxSplit:
        return images.to(self._attached().strategy.root_device)

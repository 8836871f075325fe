"""What one kind of annotation does on the way from a split to the network's input."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from torch import Tensor

if TYPE_CHECKING:
    from tlbench.data.audit import Audit
    from tlbench.data.loader import OrderedLoader
    from tlbench.data.target import Target
    from tlbench.data.was_read import WasRead

Batch = tuple[Tensor, Any, Tensor]
"""Images (B, 3, H, W) float32, normalised; targets; positions in the split (B,) int64."""


class Batches(Protocol):
    """Makes batches of a split's images and their annotations.

    What a loader gives lies on the host, or on the device where the split lies there; `training` and `plain` make the
    network's input of it on the device.
    """

    @property
    def evaluation_batch(self) -> int:
        """Images a batch where no gradients are kept."""

    def loader(
        self,
        split: Any,
        batch_size: int,
        *,
        training: bool = False,
        workers: int = 0,
        pin_memory: bool = False,
        passes: bool = True,
        **options: Any,
    ) -> OrderedLoader:
        """Gives out a split's batches.

        Args:
            split: It.
            batch_size: Samples a batch.
            training: Whether they are to be augmented.
            workers: Processes that decode, where images lie on disk.
            pin_memory: As in `DecodingLoader`.
            passes: Likewise.
            options: As in `OrderedLoader`.
        """

    def training(self, split: Any, batch: Any, epoch: int) -> Batch:
        """An augmented batch of what the loader gave, on its device; a function of seed, epoch and positions."""

    def plain(self, split: Any, batch: Any) -> Batch:
        """A batch as it is, likewise."""

    def noise(self, images: Tensor, classes: int) -> Any:
        """Images (B, 3, S, S) uint8 as a split in memory with annotations of C classes: what a dry run times."""

    def audit(self, target: Target[Any], fingerprint: Callable[[str], str], *, test: bool) -> Audit:
        """Audit the splits that a run reads: train, val and, with `test`, test.

        Args:
            target: The opened target.
            fingerprint: Gives a split's SHA-256.
            test: Whether the run reads the test split.
        """

    def was_read(self, target: Target[Any]) -> WasRead:
        """What was read: for the user before training, and for the record."""

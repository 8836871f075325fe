"""Checkpoints that are either whole or absent."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO

from tlbench.results.atomic import write_atomic


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the checkpoint, then renames.

    Lightning's own writes into the system's temporary folder, and from there copies where that is another disk: a copy
    that is cut short leaves half a checkpoint in the place of the earlier one.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:  # noqa: ARG002
        """Write the checkpoint atomically.

        Raises:
            OutputError: If the disk refuses; an earlier checkpoint is then still whole.
        """
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        write_atomic(Path(path), buffer.getbuffer())

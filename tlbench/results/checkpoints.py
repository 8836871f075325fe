"""Checkpoints that are either whole or absent, with the one before kept for the day when the last is damaged."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO

from tlbench.console import shown
from tlbench.errors import OutputError
from tlbench.processes.rank import is_first_process
from tlbench.results.atomic import output_errors, write_atomic
from tlbench.results.folder import LAST_CHECKPOINT, PREVIOUS_CHECKPOINT


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the checkpoint, then renames; the `last.ckpt` before becomes `previous.ckpt`.

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
        path = Path(path)
        keep_as = path.with_name(PREVIOUS_CHECKPOINT) if path.name == LAST_CHECKPOINT else None
        write_atomic(path, buffer.getbuffer(), keep_as)


def find_resumable(folder: Path, say: Callable[[str], None]) -> Path | None:
    """The newest whole checkpoint to go on from: the last, or the one before; None if there is none.

    A damaged one is moved out of the way, under its name with `.damaged`.

    Args:
        folder: The run's folder.
        say: Tells the user which checkpoints are damaged.
    """
    left = [folder / name for name in (LAST_CHECKPOINT, PREVIOUS_CHECKPOINT) if (folder / name).exists()]
    while left:
        path = left.pop(0)
        damage = find_damage(path)
        if damage is None:
            return path
        otherwise = "takes the checkpoint before it" if left else "begins anew"
        say(f"{shown(path)} is damaged ({damage}); the run {otherwise}")
        if is_first_process():
            with output_errors(folder):
                path.replace(path.with_name(f"{path.name}.damaged"))
    return None


def find_damage(path: Path) -> str | None:
    """What is wrong with a checkpoint's bytes, or None: truncated, empty, or a part that its check sum belies."""
    try:
        with zipfile.ZipFile(path) as file:
            part = file.testzip()
        if part is not None:
            return f"the check sum of its part {part} is wrong"
        torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # damaged bytes surface as almost any error
        return f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
    return None


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint's content, on the CPU; nothing in it can run code.

    Raises:
        OutputError: It is damaged.
    """
    damage = find_damage(path)
    if damage is not None:
        raise OutputError(f"{path}: damaged ({damage}); move the run's folder away and run again")
    checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return checkpoint

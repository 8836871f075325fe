"""Checkpoints that are either whole or absent, and that say whose they are; the one before is kept for the day when
the last is damaged.
"""

from __future__ import annotations

import io
import sys
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from torch import Tensor

from tlbench.console import shown
from tlbench.data.target_module import TargetModule
from tlbench.errors import OutputError
from tlbench.processes.rank import is_first_process
from tlbench.records.folder import BEST_CHECKPOINT, LAST_CHECKPOINT, PREVIOUS_CHECKPOINT
from tlbench.sources.inert import ClaimError
from tlbench.sources.torch_claims import check_claims
from tlbench.system.atomic import output_errors, write_atomic
from tlbench.system.regular_file import open_regular
from tlbench.system.voice import Voice
from tlbench.tasks.base import CODE
from tlbench.tasks.partial_epoch import KEY as PARTIAL_EPOCH

Identity = Mapping[str, str | None]
"""Keys of a checkpoint that say where it comes from, and their values; as `Task.identity`."""

WEIGHTS = "state_dict"
"""Key of a checkpoint: tensors by name."""

_OF_TRAINING = ("epoch", "global_step", "loops", "callbacks", "optimizer_states", "lr_schedulers")
_NOT_OF_WEIGHTS = ("loops", PARTIAL_EPOCH)


_EARLIER_NAMES_OF_THE_DATA = {"ImageDataModule", "DetectionDataModule"}
"""Lightning keeps a data module's state under its class's name, and passes over what has another."""


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the checkpoint, then renames; the `last.ckpt` before becomes `previous.ckpt`.

    Lightning's own writes into the system's temporary folder, and from there copies where that is another disk: a copy
    that is cut short leaves half a checkpoint in the place of the earlier one.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:  # noqa: ARG002
        """Write the checkpoint atomically; `best.ckpt` so that its bytes are a function of what is in it.

        Raises:
            OutputError: If the disk refuses; an earlier checkpoint is then still whole.
        """
        buffer, path = io.BytesIO(), Path(path)
        torch.save(_canonical(checkpoint) if path.name == BEST_CHECKPOINT else checkpoint, buffer)
        keep_as = path.with_name(PREVIOUS_CHECKPOINT) if path.name == LAST_CHECKPOINT else None
        write_atomic(path, buffer.getbuffer(), keep_as)

    def load_checkpoint(self, path: str | Path, *arguments: Any, **options: Any) -> dict[str, Any]:
        """As Lightning's; what an earlier version kept of the data has the name that is looked for today."""
        checkpoint: dict[str, Any] = super().load_checkpoint(path, *arguments, **options)
        for name in _EARLIER_NAMES_OF_THE_DATA & checkpoint.keys():
            checkpoint[TargetModule.__qualname__] = checkpoint.pop(name)
        return checkpoint


class UnusableCheckpointError(Exception):
    """Why a file cannot serve as the wanted checkpoint, in a few words.

    Attributes:
        suffix: What is added to the file's name when it is moved out of the way.
    """

    def __init__(self, reason: str, suffix: str = "damaged") -> None:
        super().__init__(reason)
        self.suffix = suffix


@dataclass(frozen=True)
class Resumable:
    """A checkpoint to go on from: its file, and the training steps done when it was written."""

    path: Path
    step: int


def find_resumable(folder: Path, identity: Identity, voice: Voice) -> Resumable | None:
    """The newest checkpoint of this run to go on from: the last, or the one before; None if there is none.

    One that is damaged, no checkpoint, another run's or an earlier version's is moved out of the way, under its name
    with `.damaged`, `.of_another_run` or `.of_an_earlier_version`. A run that has chosen a best checkpoint goes on only
    beside it.

    Args:
        folder: The run's folder.
        identity: The hashes of the run's configuration and code; see `Task.identity`.
        voice: Tells the user which checkpoints cannot be used, and why.
    """
    left = [folder / name for name in (LAST_CHECKPOINT, PREVIOUS_CHECKPOINT) if (folder / name).exists()]
    while left:
        path = left.pop(0)
        otherwise = "takes the checkpoint before it" if left else "begins anew"
        try:
            content = load_whole(path, identity, _OF_TRAINING)
        except UnusableCheckpointError as error:
            voice.say(f"{shown(path)} cannot be used ({error}); the run {otherwise}")
            _move_away(path, error.suffix)
            continue
        best = folder / BEST_CHECKPOINT
        try:
            if _has_chosen(content):
                load_whole(best, identity)
        except UnusableCheckpointError as error:
            voice.say(f"{shown(best)} cannot be used ({error}), and {path.name} goes on beside it; the run begins anew")
            for name in (best, path, *left):
                _move_away(name, error.suffix)
            return None
        return Resumable(path, content["global_step"])
    return None


def read_checkpoint(path: Path, identity: Identity | None = None) -> dict[str, Any]:
    """A checkpoint's content, on the CPU; nothing in it can run code.

    Args:
        path: The file.
        identity: The hashes of the configuration and code that it must be of; None: of any.

    Raises:
        OutputError: It is damaged, no checkpoint or another run's.
    """
    try:
        return load_whole(path, identity, mmap=False)
    except UnusableCheckpointError as error:
        raise OutputError(
            f"{path}: cannot be used ({error}); put the run's own checkpoint back, or move the run's folder away and "
            "run again"
        ) from None


def load_whole(
    path: Path, identity: Identity | None = None, needed: tuple[str, ...] = (), *, mmap: bool = True
) -> dict[str, Any]:
    """A checkpoint's content once every byte of it has been checked; nothing in it can run code.

    Args:
        path: The file.
        identity: The hashes of the configuration and code that it must be of; None: of any.
        needed: Keys that it must have beside the weights.
        mmap: Whether tensors stay on disk until they are used.

    Raises:
        UnusableCheckpointError: It is truncated, empty, of a part that its check sum belies, no checkpoint, or of
            another configuration or code.
    """
    try:
        check_claims(path)
        with open_regular(path) as file, zipfile.ZipFile(file) as parts:
            part = parts.testzip()
        if part is not None:
            raise UnusableCheckpointError(f"damaged: the check sum of its part {part} is wrong")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about TorchScript and pickle protocols: the error says it
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except UnusableCheckpointError:
        raise
    except FileNotFoundError:
        raise UnusableCheckpointError("it is not there") from None
    except ClaimError as error:
        raise UnusableCheckpointError(str(error)) from None
    except Exception as error:  # damaged bytes surface as almost any error
        reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
        raise UnusableCheckpointError(f"damaged: {reason}") from None
    _check(content, needed)
    for key, wanted in (identity or {}).items():
        if content.get(key) != wanted:
            suffix = "of_another_run" if key in content else "of_an_earlier_version"
            raise UnusableCheckpointError(_whose(key, content.get(key), wanted), suffix)
    checkpoint: dict[str, Any] = content
    return checkpoint


def _check(content: Any, needed: tuple[str, ...]) -> None:
    if not isinstance(content, Mapping):
        raise UnusableCheckpointError(f"no checkpoint of tlbench: it holds a {type(content).__name__}")
    absent = [key for key in (WEIGHTS, *needed) if key not in content]
    if absent:
        raise UnusableCheckpointError(f"no checkpoint of tlbench: it has no {', '.join(absent)}")
    weights = content[WEIGHTS]
    named = isinstance(weights, Mapping) and all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in weights.items()
    )
    if not named:
        raise UnusableCheckpointError(f"no checkpoint of tlbench: its {WEIGHTS} holds more than tensors by name")


def _whose(key: str, found: Any, wanted: str | None) -> str:
    if key == CODE:
        return "the code that it names is not that with which it was trained"
    if not isinstance(found, str):
        return "it does not say of which configuration it is, as those of earlier versions"
    return f"another run's: of the configuration {found[:12]}…, this run's is {str(wanted)[:12]}…"


def _has_chosen(content: Mapping[str, Any]) -> bool:
    """Whether training had chosen a best checkpoint when this one was written."""
    callbacks = content["callbacks"]
    states = callbacks.values() if isinstance(callbacks, Mapping) else ()
    return any(isinstance(state, Mapping) and state.get("best_model_path") for state in states)


def _move_away(path: Path, suffix: str) -> None:
    if is_first_process() and path.exists():
        with output_errors(path.parent):
            path.replace(path.with_name(f"{path.name}.{suffix}"))


def _canonical(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Weights and what goes with them, so that torch.save gives the same bytes for the same values.

    A pickle says once what is the same object, and a storage is kept whole: texts become the same object where they
    are equal, and each tensor gets a storage of its own. Where training was in its loops, which a resumed run counts
    otherwise, is of no use without the optimizer's state.
    """
    kept: dict[str, Any] = _plain({key: value for key, value in checkpoint.items() if key not in _NOT_OF_WEIGHTS})
    return kept


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Tensor):
        return value.detach().clone()
    return sys.intern(str(value)) if isinstance(value, str) else value

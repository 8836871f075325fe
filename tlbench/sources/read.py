"""Reading tensors, and nothing but tensors, from a file of weights. No code in the file is run."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from tlbench.errors import WeightsError
from tlbench.sources.acting import acting
from tlbench.sources.entries import Entry, entries_of
from tlbench.sources.torch_file import BrokenError, TorchContent, read_torch
from tlbench.system.hashing import file_sha256
from tlbench.system.regular_file import open_regular


@dataclass(frozen=True)
class WeightsFile:
    """What is in a file of weights.

    Attributes:
        path: The file.
        sha256: Of its bytes, in hex.
        entries: The mappings in it that hold tensors, the outer ones first.
        content: All that it holds: plain Python, tensors, and inert objects for everything else.
        built: What opening it with pickle would have called, by name, and how often; none of it was.
    """

    path: Path
    sha256: str
    entries: list[Entry]
    content: Any
    built: Mapping[str, int]


def read_weights(path: Path) -> WeightsFile:
    """Read a file of weights: safetensors, any of torch's formats, a checkpoint, a pickled module; by its content.

    Raises:
        WeightsError: If the file cannot be read, is a program, broken or no weights file, holds a call that acts, or
            would take far more memory than it has bytes.
    """
    try:
        with open_regular(path) as file:  # no library may wait for a FIFO
            begin = file.read(9)
        if _is_safetensors(path, begin):
            found = TorchContent(safetensors.torch.load_file(path), {})
        else:
            found = _read_torch(path)
        sha256 = file_sha256(path)  # after it is known to be one: a hash of gigabytes of anything takes long
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error}); give a readable file") from None
    except safetensors.SafetensorError as error:
        raise _not_weights(path, error) from None
    return WeightsFile(path, sha256, entries_of(found.value), found.value, found.built)


def _is_safetensors(path: Path, begin: bytes) -> bool:
    """Whether a file is one of safetensors, by its first bytes; where they say nothing, by its ending."""
    if begin[:2] == b"PK" or begin[:1] == b"\x80":
        return False
    return begin[8:] == b"{" or path.suffix == ".safetensors"


def checked_tensors(path: Path, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a file, floating-point ones as float32.

    Raises:
        WeightsError: If one is not dense or has non-finite values.
    """
    return {name: _checked(path, name, tensor) for name, tensor in tensors.items()}


def code_refused(path: Path, code: str) -> WeightsError:
    """The error for a file that holds a call of something that acts."""
    return WeightsError(
        f"{path}: opening it would run code ({code}), refused: nothing of it was run here; take weights from a place "
        "that you trust, saved with safetensors or torch.save(model.state_dict(), FILE)"
    )


def _read_torch(path: Path) -> TorchContent:
    try:
        found = read_torch(path)
    except (OSError, WeightsError):
        raise
    except Exception as error:  # whatever the bytes, nearly anything may be raised; none of it is ours
        raise _not_weights(path, error) from None
    code = acting(found.built)
    if code is not None:
        raise code_refused(path, code)
    return found


def _not_weights(path: Path, error: Exception) -> WeightsError:
    if path.stat().st_size == 0:
        reason = "it is empty"
    elif isinstance(error, safetensors.SafetensorError | BrokenError | zipfile.BadZipFile):
        reason = re.split(r"\.\s|\n", str(error))[0][:150]
    else:
        reason = "neither safetensors nor a format of torch"
    return WeightsError(
        f"{path}: not a weights file, or truncated or corrupt: {reason}; give a .safetensors file, a state dict or a "
        "checkpoint, or fetch it again"
    )


def _checked(path: Path, name: str, tensor: Tensor) -> Tensor:
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_meta:
        raise WeightsError(f"{path}: tensor {name} is sparse, quantised or without values; give dense tensors")
    if tensor.is_floating_point():
        tensor = tensor.float()
        bad = int((~torch.isfinite(tensor)).sum())
        if bad:
            raise WeightsError(
                f"{path}: tensor {name} has {bad} non-finite values of {tensor.numel()}; give weights of a run that "
                "did not diverge"
            )
    return tensor.detach()

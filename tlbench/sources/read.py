"""Reading tensors, and nothing but tensors, from a file of weights. No code in the file is run."""

from __future__ import annotations

import pickle
import pickletools
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from tlbench.errors import WeightsError
from tlbench.regular_file import open_regular
from tlbench.sources.hashing import file_sha256
from tlbench.sources.torch_claims import ClaimError, check_claims


def read_state_dict(path: Path) -> tuple[dict[str, Tensor], str]:
    """Read a state dict: .safetensors, torch's format, or a checkpoint.

    A state dict under `state_dict` or `model` is unwrapped; names stay as they are.

    Returns:
        Dense CPU tensors by name, in the file's order, floating-point ones as finite float32; and the file's SHA-256
        (hex).

    Raises:
        WeightsError: If the file cannot be read, holds code, is broken or no weights file, or has non-finite values.
    """
    try:
        open_regular(path).close()  # no library may wait for a FIFO
        content = safetensors.torch.load_file(path) if path.suffix == ".safetensors" else _unpickle(path)
        sha256 = file_sha256(path)  # after it is known to be one: a hash of gigabytes of anything takes long
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error}); give a readable file") from None
    except safetensors.SafetensorError as error:
        raise _not_weights(path, error) from None
    return checked_tensors(path, _tensors(path, content)), sha256


def checked_tensors(path: Path, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a file, floating-point ones as float32.

    Raises:
        WeightsError: If one is not dense or has non-finite values.
    """
    return {name: _checked(path, name, tensor) for name, tensor in tensors.items()}


def _unpickle(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickle protocols and TorchScript: the error below says it
            check_growth(path)
            return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, WeightsError):
        raise
    except Exception as error:  # whatever the bytes, torch.load may raise nearly anything; none of it is ours
        code = _code_in(path, error)
        if code is None:
            raise _not_weights(path, error) from None
        raise code_refused(path, code) from None


def check_growth(path: Path) -> None:
    """Refuse a file in torch's format that would take far more memory than it has bytes.

    Raises:
        WeightsError: It would.
        OSError: It cannot be read.
        Exception: As `check_claims`.
    """
    try:
        check_claims(path)
    except ClaimError as error:
        raise WeightsError(f"{path}: {error}; give weights that were saved as they are") from None


def code_refused(path: Path, code: str) -> WeightsError:
    """The error for a file that would run code."""
    return WeightsError(
        f"{path}: opening it would run code ({code}), refused: only tensors are read; save the weights with "
        "safetensors or torch.save(model.state_dict(), FILE)"
    )


def _code_in(path: Path, error: Exception) -> str | None:
    """What the file would run, or None where it is merely broken or something else. Nothing is unpickled."""
    if "TorchScript" in str(error):
        return "a TorchScript program"
    named = re.search(r"GLOBAL ([\w.]+)", str(error))  # torch names what it refused
    if named:
        return named[1]
    if not zipfile.is_zipfile(path):
        return _first_global(path)
    return "a pickle of more than tensors" if isinstance(error, pickle.UnpicklingError) else None


def _first_global(path: Path) -> str | None:
    """The first function or class that a bare pickle names; None if the file is no whole pickle or names none."""
    found, strings = [], [""]
    try:
        with open_regular(path) as file:
            for opcode, argument, _ in pickletools.genops(file):
                if opcode.name in ("GLOBAL", "INST"):
                    found.append(str(argument).replace(" ", "."))
                elif opcode.name == "STACK_GLOBAL":
                    found.append(".".join(strings[-2:]))
                elif isinstance(argument, str):
                    strings.append(argument)
    except Exception:  # as for torch.load: the bytes may be anything
        return None
    return found[0] if found else None


def _not_weights(path: Path, error: Exception) -> WeightsError:
    if path.stat().st_size == 0:
        reason = "it is empty"
    elif isinstance(error, RuntimeError | safetensors.SafetensorError):
        reason = re.split(r"\.\s|\n", str(error))[0][:150]  # what follows advises to load with weights_only=False
    else:
        reason = "neither safetensors nor a format of torch"
    return WeightsError(
        f"{path}: not a weights file, or truncated or corrupt: {reason}; give a .safetensors file, a state dict or a "
        "checkpoint, or fetch it again"
    )


def _tensors(path: Path, content: Any) -> dict[str, Tensor]:
    for key in ("state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if isinstance(content, Mapping) and content and all(isinstance(value, Tensor) for value in content.values()):
        return {str(name): tensor for name, tensor in content.items()}
    if isinstance(content, Mapping):
        other = [str(name) for name, value in content.items() if not isinstance(value, Tensor)]
        what = f"entries that are no tensors ({', '.join(other[:4])})" if other else "no entries"
    else:
        what = f"a {type(content).__name__}"
    raise WeightsError(
        f"{path}: holds {what}; allowed is a mapping of names to tensors, plain or under 'state_dict' or 'model'; "
        "save it with safetensors or torch.save(model.state_dict(), FILE)"
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

"""Files of ultralytics: a whole detection network, pickled. No code in the file is run.

Such a file is unpickled once, by ultralytics' restricted reader, and kept as safetensors in the cache folder under its
own SHA-256; it is read from there afterwards.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from tlbench.data.cache_folder import cache_folder
from tlbench.errors import WeightsError
from tlbench.models.ultralytics_package import ultralytics_module
from tlbench.regular_file import open_regular
from tlbench.sources.hashing import file_sha256
from tlbench.sources.places import is_file
from tlbench.sources.read import checked_tensors, code_refused
from tlbench.sources.torch_file import check_growth

NETWORK = "ultralytics.nn.tasks.DetectionModel"
"""The class of the networks that are read."""

FOLDER = "weights"
"""Below the cache folder: what was converted, as `<SHA-256 of the file>.safetensors`."""

_NETWORKS = "ultralytics.nn.tasks."
_UNWANTED = ("ultralytics.nn.modules.block.TorchVision",)  # fetches weights when it is built
_USUAL = ("ultralytics.", "torch.nn.modules.", "builtins.getattr", "numpy.", "pathlib.")


def holds_network(path: Path) -> bool:
    """Whether a file is a pickle in torch's format that names classes of ultralytics. Nothing is unpickled.

    Raises:
        WeightsError: It would take far more memory than it has bytes.
    """
    try:
        check_growth(path)
    except WeightsError:
        raise
    except Exception:  # not of torch's format; who reads the file says what is wrong
        return False
    return any(name.startswith("ultralytics.") for name in _named_code(path))


def read_network(path: Path) -> tuple[dict[str, Tensor], str]:
    """Read the tensors of a network that ultralytics saved; of its two copies the averaged one, if there is one.

    Args:
        path: A file for which `holds_network`.

    Returns:
        CPU tensors by ultralytics' names, floating-point ones as finite float32; and the file's SHA-256 (hex).

    Raises:
        WeightsError: If it cannot be read, would run code, is broken, holds no detection network, or non-finite values.
    """
    try:
        sha256 = file_sha256(path)
        kept = cache_folder() / FOLDER / f"{sha256}.safetensors"
        tensors = _kept(kept)
        if tensors is None:
            sha256, tensors = _unpickled(path)
            _keep(kept.with_stem(sha256), tensors, {"file": path.name, "sha256": sha256})
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error}); give a readable file") from None
    return checked_tensors(path, tensors), sha256


def _named_code(path: Path) -> list[str]:
    """The functions and classes outside of torch's own that a file names; none where it is in another format."""
    try:
        return list(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:  # whatever the bytes, torch may raise nearly anything; who reads the file says what is wrong
        return []


def _unpickled(path: Path) -> tuple[str, dict[str, Tensor]]:
    """The tensors, and the SHA-256 of the bytes that they are from."""
    named = _named_code(path)
    others = [name for name in named if name in _UNWANTED or (name.startswith(_NETWORKS) and name != NETWORK)]
    if others:
        raise WeightsError(
            f"{path}: holds a {others[0].rpartition('.')[2]}, not a detection network of YOLO11 alone; give weights of "
            "detection, such as yolo11n.pt"
        )
    load = ultralytics_module("nn.tasks").torch_safe_load
    with tempfile.TemporaryDirectory(prefix="tlbench-") as folder, _own_allow_list():
        copy = Path(folder) / "weights.pt"  # it cannot change meanwhile, and its name cannot be taken for a download's
        with open_regular(path) as file, copy.open("wb") as written:
            shutil.copyfileobj(file, written)
        try:
            content = load(copy, safe_only=True)[0]
        except Exception as error:  # of each defect another
            raise _refusal(path, error, named) from None
        return file_sha256(copy), _state_dict(path, content)


def _refusal(path: Path, error: Exception, named: list[str]) -> WeightsError:
    if "outside the supported" in str(error):
        foreign = next((name for name in named if not name.startswith(_USUAL)), "a pickle of more than a network")
        return code_refused(path, foreign)
    reason = " ".join(str(error).split())[:150]
    return WeightsError(f"{path}: not a network of ultralytics, or truncated or corrupt: {reason}; fetch it again")


def _state_dict(path: Path, content: Any) -> dict[str, Tensor]:
    found = (content.get("ema") or content.get("model")) if isinstance(content, dict) else None
    if not isinstance(found, nn.Module):
        raise WeightsError(
            f"{path}: holds no network under 'ema' or 'model', where ultralytics keeps it; give a file that "
            "ultralytics saved, or a state dict"
        )
    return {name: tensor.detach().contiguous() for name, tensor in found.state_dict().items()}


@contextmanager
def _own_allow_list() -> Iterator[None]:
    """What ultralytics allows to unpickle, it allows for the whole process; here it is taken back."""
    before = torch.serialization.get_safe_globals()
    try:
        yield
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(before)


def _kept(path: Path) -> dict[str, Tensor] | None:
    if not is_file(path):
        return None
    try:
        return safetensors.torch.load_file(path)
    except (OSError, safetensors.SafetensorError):
        return None


def _keep(path: Path, tensors: dict[str, Tensor], about: dict[str, str]) -> None:
    """Write the tensors under a temporary name, then rename it; a cache that cannot be written costs time only."""
    with contextlib.suppress(OSError, safetensors.SafetensorError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, scratch = tempfile.mkstemp(prefix=".weights-", dir=path.parent)
        os.close(handle)
        try:
            safetensors.torch.save_file(tensors, scratch, metadata=about)
            Path(scratch).replace(path)
        except BaseException:
            Path(scratch).unlink(missing_ok=True)
            raise

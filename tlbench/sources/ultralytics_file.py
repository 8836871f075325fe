"""Files of ultralytics: a whole network, pickled. No code in the file is run, and ultralytics is not needed.

Such a file is unpickled once, by `pickled_modules`, and kept as safetensors in the cache folder under its own SHA-256;
it is read from there afterwards.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from tlbench.data.cache_folder import cache_folder
from tlbench.errors import WeightsError
from tlbench.regular_file import open_regular
from tlbench.sources.hashing import file_sha256
from tlbench.sources.pickled_modules import Inert, is_module, modules_of, names_in, read_pickled, tensors_of
from tlbench.sources.places import is_file
from tlbench.sources.read import checked_tensors, code_refused
from tlbench.sources.torch_file import check_growth

FOLDER = "weights"
"""Below the cache folder: what was converted, as `<SHA-256 of the file>.safetensors`."""

ENTRIES = ("ema", "model")
"""Where a file of ultralytics has its network; the averaged one, which ultralytics validates and saves, comes first."""

STATE_DICT = "state dict"
"""The kind of a network of which a file has the tensors alone."""

_NETWORKS = "ultralytics.nn.tasks."
_TELLING = ("ultralytics.", "models.yolo.", "models.common.")  # those of YOLOv5's own repository among them
_HARMLESS = (
    "ultralytics.",
    "models.",
    "torch.",
    "torchvision.",
    "numpy.",
    "collections.",
    "datetime.",
    "pathlib.",
    "argparse.Namespace",
    "types.SimpleNamespace",
    "functools.partial",
    "_codecs.encode",
)
_BUILT_IN = {
    f"{module}.{name}"
    for module in ("builtins", "__builtin__")
    for name in (
        "getattr",
        "object",
        "list",
        "dict",
        "set",
        "frozenset",
        "tuple",
        "slice",
        "range",
        "complex",
        "bytearray",
    )
} | {"copyreg._reconstructor", "copy_reg._reconstructor"}
_ABOUT = "network"  # in the kept file's metadata
_WORD = re.compile(r"[\w.+-]{1,60}")


@dataclass(frozen=True)
class NetworkFile:
    """What a pickled network says of itself.

    Attributes:
        kind: Its class, such as `DetectionModel`.
        title: What it is called, such as `yolo11n-seg`; None where it does not say.
        classes: How many it has.
        activation: What its description has in the place of SiLU.
        foreign: What the file names besides, that no network needs.
    """

    kind: str
    title: str | None = None
    classes: int | None = None
    activation: str | None = None
    foreign: tuple[str, ...] = ()

    def shown(self) -> str:
        """In a few words, for messages."""
        classes = "" if self.classes is None else f" of {self.classes} class{'' if self.classes == 1 else 'es'}"
        return f"{self.title or 'a network without a name'} ({self.kind}){classes}"


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
    return any(name.startswith(_TELLING) for name in names_in(path))


def read_network(path: Path) -> tuple[dict[str, Tensor], str, NetworkFile]:
    """Read the tensors of a network that ultralytics saved; of its two copies the averaged one, if there is one.

    Args:
        path: A file for which `holds_network`.

    Returns:
        CPU tensors by ultralytics' names, floating-point ones as finite float32; the file's SHA-256 (hex); and what it
        says of itself.

    Raises:
        WeightsError: If it cannot be read, is broken, holds no network, or non-finite values.
    """
    try:
        sha256 = file_sha256(path)
        kept = cache_folder() / FOLDER / f"{sha256}.safetensors"
        known = _kept(kept)
        if known is None:
            sha256, known = _unpickled(path)
            _keep(kept.with_stem(sha256), *known, {"file": path.name, "sha256": sha256})
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error}); give a readable file") from None
    tensors, about = known
    return checked_tensors(path, tensors), sha256, about


def _unpickled(path: Path) -> tuple[str, tuple[dict[str, Tensor], NetworkFile]]:
    """The SHA-256 of the bytes that were read; the tensors in them, and what they are of."""
    with tempfile.TemporaryDirectory(prefix="tlbench-") as folder:
        copy = Path(folder) / "weights.pt"  # it cannot change meanwhile
        with open_regular(path) as file, copy.open("wb") as written:
            shutil.copyfileobj(file, written)
        try:
            content = read_pickled(copy)
            named = (name for name in names_in(copy) if not name.startswith(_HARMLESS) and name not in _BUILT_IN)
            foreign = tuple(sorted(named))
            network = _network_in(path, content, foreign)
            found = tensors_of(network) if isinstance(network, Inert) else network
            tensors = {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in found.items()}
            about = _about(network, foreign) if isinstance(network, Inert) else NetworkFile(STATE_DICT, foreign=foreign)
        except WeightsError:
            raise
        except Exception as error:  # of each defect another
            reason = " ".join(str(error).split())[:150]
            raise WeightsError(
                f"{path}: not a network of ultralytics, or truncated or corrupt: {reason}; fetch it again"
            ) from None
        return file_sha256(copy), (tensors, about)


def _network_in(path: Path, content: Any, foreign: tuple[str, ...]) -> Inert | dict[str, Tensor]:
    entries = [content.get(key) for key in ENTRIES] if isinstance(content, dict) else [content]
    found = next((entry for entry in entries if entry is not None), None)
    if isinstance(found, Inert) and is_module(found):
        return found
    if isinstance(found, dict) and found and all(isinstance(value, Tensor) for value in found.values()):
        return {str(name): tensor for name, tensor in found.items()}
    if foreign:
        raise code_refused(path, foreign[0])
    raise WeightsError(
        f"{path}: holds no network under 'ema' or 'model', where ultralytics keeps it; give a file that ultralytics "
        "saved, or a state dict"
    )


def _about(network: Inert, foreign: tuple[str, ...]) -> NetworkFile:
    described = next((m for _, m in modules_of(network) if isinstance(m.state.get("yaml"), Mapping)), network)
    described = next((m for _, m in modules_of(network) if m.name.startswith(_NETWORKS)), described)
    yaml = described.state.get("yaml")
    yaml = yaml if isinstance(yaml, Mapping) else {}
    classes, activation = yaml.get("nc"), yaml.get("activation")
    kind = described.name if described.name.startswith("models.") else described.name.rpartition(".")[2]
    return NetworkFile(
        kind=kind if _WORD.fullmatch(kind) else "a class of its own",
        title=_title(yaml),
        classes=classes if isinstance(classes, int) and 0 < classes < 1_000_000 else None,
        activation=activation if isinstance(activation, str) else None,
        foreign=foreign,
    )


def _title(yaml: Mapping[Any, Any]) -> str | None:
    """As ultralytics calls its files: family, scale and task, such as `yolo11n-seg`."""
    stem = PurePosixPath(str(yaml.get("yaml_file") or "").replace("\\", "/")).stem
    scale = yaml.get("scale")
    unscaled = re.fullmatch(r"(yolo(?:e-)?v?\d+)(-.*)?", stem)
    if unscaled and isinstance(scale, str):
        stem = f"{unscaled[1]}{scale}{unscaled[2] or ''}"
    return stem if _WORD.fullmatch(stem) else None


def _kept(path: Path) -> tuple[dict[str, Tensor], NetworkFile] | None:
    if not is_file(path):
        return None
    try:
        with safetensors.safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {})[_ABOUT])
        known = NetworkFile(**{**about, "foreign": tuple(about["foreign"])})
        return safetensors.torch.load_file(path), known
    except (OSError, ValueError, KeyError, TypeError, safetensors.SafetensorError):
        return None  # damaged, or of an earlier version


def _keep(path: Path, tensors: dict[str, Tensor], about: NetworkFile, named: dict[str, str]) -> None:
    """Write the tensors under a temporary name, then rename it; a cache that cannot be written costs time only."""
    with contextlib.suppress(OSError, safetensors.SafetensorError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, scratch = tempfile.mkstemp(prefix=".weights-", dir=path.parent)
        os.close(handle)
        try:
            metadata = {**named, _ABOUT: json.dumps(asdict(about))}
            safetensors.torch.save_file(tensors, scratch, metadata=metadata)
            Path(scratch).replace(path)
        except BaseException:
            Path(scratch).unlink(missing_ok=True)
            raise

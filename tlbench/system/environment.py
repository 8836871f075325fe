"""On what a run ran: versions, host, memory."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

import torch

_PACKAGES = ("tlbench", "torch", "torchvision", "lightning", "torchmetrics", "numpy", "pillow", "scikit-learn")


_OF_NETWORKS = {
    "timm": ("timm",),
    "ultralytics": ("ultralytics",),
    "smp": ("segmentation-models-pytorch", "timm"),
}
"""Library of a network → the packages that decide what it is."""


def versions(library: str | None = None) -> dict[str, str]:
    """Versions of Python and of the packages that decide a run's numbers.

    Args:
        library: `model.library`, where there is one: that of the network, and maybe of its loss.
    """
    found = {"python": platform.python_version()}
    for package in (*_PACKAGES, *_OF_NETWORKS.get(str(library), ())):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed as a package"
    if torch.version.cuda is not None:
        found["cuda"] = torch.version.cuda
    return found


def host() -> str:
    """Operating system and processor architecture; no machine name, so that records can be published."""
    return f"{platform.system()} {platform.machine()}"


def device_name(device: torch.device) -> str:
    """`cpu`, or the accelerator's name."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def visible_gpus(device: torch.device) -> str | None:
    """Which GPUs the process was to use, by CUDA_VISIBLE_DEVICES; None on other devices, and where it had all."""
    return os.environ.get("CUDA_VISIBLE_DEVICES") if device.type == "cuda" else None


def peak_memory_mb(device: torch.device | None) -> float:
    """Peak memory in MiB: allocated on a CUDA device, else resident in this process (0 where it can't be told)."""
    if device is not None and device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    if sys.platform == "win32":
        return 0.0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak / 2**20 if sys.platform == "darwin" else peak / 2**10)

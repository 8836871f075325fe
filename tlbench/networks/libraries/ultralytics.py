"""The one place that imports ultralytics, and what its import does to the process, undone.

Left to itself, the import looks up names in DNS, writes a settings file below the home folder, sets environment
variables (OMP_NUM_THREADS=1 among them, which slows whatever starts later), turns off OpenCV's threads, replaces
`torch.save` and `PIL.Image.open`, changes how torch and numpy print, and hides warnings.
"""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import PIL.Image
import torch
import torchvision  # noqa: F401 (ultralytics takes a three times slower way of its own where this comes later)

from tlbench.system.cache_folder import cache_folder

QUIET = {
    "YOLO_OFFLINE": "1",
    "YOLO_AUTOINSTALL": "0",
    "YOLO_VERBOSE": "0",
    "ULTRALYTICS_SKIP_REQUIREMENTS_CHECKS": "1",
    "ULTRALYTICS_SAFE_LOAD": "1",
}
"""Environment variables while ultralytics is imported; those that the user has set are left as they are."""

CONFIG_FOLDER = "ultralytics"
"""Below tlbench's cache folder: where ultralytics writes its settings, unless the user has set YOLO_CONFIG_DIR."""


def ultralytics_module(module: str) -> Any:
    """A module of ultralytics, imported without lasting effects on the process.

    `utils.nms` costs about 0.3 s after torch, `utils.loss` 0.05 s more and `nn.tasks` 0.15 s more.

    Args:
        module: Its dotted name below the package, such as `nn.tasks`.
    """
    name = f"ultralytics.{module}"
    if name in sys.modules:
        return sys.modules[name]
    with ExitStack() as stack:
        for kept in (_environment(), _replaced_functions(), _print_options(), _open_cv_threads()):
            stack.enter_context(kept)
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(torch.device("cpu"))  # its layers have tensors of their classes: on no caller's device
        return importlib.import_module(name)


@contextmanager
def _environment() -> Iterator[None]:
    before = dict(os.environ)
    quiet = {**QUIET, "YOLO_CONFIG_DIR": str(cache_folder() / CONFIG_FOLDER)}
    quiet["OMP_NUM_THREADS"] = str(torch.get_num_threads())  # else 1, for libraries that are loaded meanwhile
    for name, value in quiet.items():
        os.environ.setdefault(name, value)
    try:
        yield
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def _replaced_functions() -> Iterator[None]:
    save, opened = torch.save, PIL.Image.open
    try:
        yield
    finally:
        torch.save, PIL.Image.open = save, opened


@contextmanager
def _print_options() -> Iterator[None]:
    printed = torch._tensor_str.PRINT_OPTS
    before = {key: getattr(printed, key) for key in ("precision", "threshold", "edgeitems", "linewidth", "sci_mode")}
    try:
        with np.printoptions():
            yield
    finally:
        torch.set_printoptions(**before)  # type: ignore[no-untyped-call]


@contextmanager
def _open_cv_threads() -> Iterator[None]:
    import cv2  # comes with ultralytics

    threads = cv2.getNumThreads()
    try:
        yield
    finally:
        cv2.setNumThreads(threads)

"""`python watched.py OUT.json MODULE ARGUMENTS`: run a module of tlbench and write down what its training saw.

Runs in the tree of either commit, so it knows nothing of tlbench but its name; Lightning's hooks are what both have.
"""

from __future__ import annotations

import hashlib
import json
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

_STEPS = 3
"""So many steps' weights are told apart; those of the others go into the last checkpoint."""

_PLACES = ("frames", "sizes", "placement")
"""Parts of a batch that say how boxes come back into the images, in whatever form: predictions are compared instead."""


def digest(value: Any) -> str:
    """SHA-256 (hex) of whatever tensors, arrays, numbers and texts a structure holds, in its order."""
    hashed = hashlib.sha256()
    for part in _parts(value):
        hashed.update(part)
    return hashed.hexdigest()


def _parts(value: Any) -> Iterator[bytes]:
    if isinstance(value, torch.Tensor):
        array = value.detach().cpu().contiguous()
        yield f"{array.dtype} {tuple(array.shape)}".encode()
        yield array.reshape(-1).view(torch.uint8).numpy().tobytes()
    elif isinstance(value, np.ndarray):
        yield f"{value.dtype} {value.shape}".encode()
        yield value.tobytes()
    elif isinstance(value, dict):
        for key, item in value.items():
            yield str(key).encode()
            yield from _parts(item)
    elif isinstance(value, list | tuple):
        yield f"{len(value)}".encode()
        for item in value:
            yield from _parts(item)
    elif hasattr(value, "__dataclass_fields__"):  # whatever the names of a batch's parts are
        yield from _parts([getattr(value, name) for name in value.__dataclass_fields__ if name not in _PLACES])
    else:
        yield repr(value).encode()


def main() -> None:
    """Run the module, as `python -m` does."""
    out, module, *arguments = sys.argv[1:]
    seen: dict[str, Any] = {"batches": [], "weights": [], "evaluated": []}
    sys.path.insert(0, str(Path.cwd()))
    _watch(seen)
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        Path(out).write_text(json.dumps(seen))


def _watch(seen: dict[str, Any]) -> None:
    from lightning.pytorch import Callback, Trainer

    class Watch(Callback):
        def on_train_batch_start(self, _trainer: Any, _module: Any, batch: Any, *_: Any) -> None:
            seen["batches"].append(digest(batch))

        def on_train_batch_end(self, _trainer: Any, module: Any, *_: Any) -> None:
            if len(seen["weights"]) < _STEPS:
                seen["weights"].append(digest(module.state_dict()))

        def on_validation_batch_start(self, _trainer: Any, _module: Any, batch: Any, *_: Any) -> None:
            seen["evaluated"].append(digest(batch))

        def on_test_batch_start(self, _trainer: Any, _module: Any, batch: Any, *_: Any) -> None:
            seen["evaluated"].append(digest(batch))

    build = Trainer.__init__

    def built(self: Any, *arguments: Any, **options: Any) -> None:
        build(self, *arguments, **options)
        self.callbacks.insert(0, Watch())

    Trainer.__init__ = built  # type: ignore[method-assign]


if __name__ == "__main__":
    main()

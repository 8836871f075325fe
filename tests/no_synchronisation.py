"""Refuses, on the CPU, what would make the host wait for an accelerator."""

from __future__ import annotations

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class NoSynchronisation(TorchDispatchMode):
    """Refuses the operations by which the host waits for the device or copies to it.

    Attributes:
        seen: How many operations it let through.
    """

    WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "lift_fresh", "item", "is_nonzero", "unique")

    def __init__(self):
        super().__init__()
        self.seen = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        assert name not in self.WAITING, f"{name} waits for the device"
        if name in ("index", "index_put"):
            assert all(i is None or i.dtype != torch.bool for i in args[1]), "boolean masks wait for the device"
        self.seen += 1
        return func(*args, **(kwargs or {}))

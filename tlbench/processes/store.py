"""The key-value store through which the first process hands out the run and hears of failures."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from torch.distributed import PrefixStore, Store, TCPStore  # type: ignore[attr-defined]

from tlbench.processes.rank import STORE_PORT, process_rank

LOOPBACK = "127.0.0.1"

ORDER = "order"
"""Key of what the first process wants done: configuration and folder; empty: nothing."""

_WAIT_FOR_ORDER = timedelta(days=1)
_ANSWERS_WITHIN = timedelta(seconds=10)


def open_store() -> Store:
    """The key–value store of this run, in a process that did not make it."""
    if STORE_PORT in os.environ:
        return TCPStore(LOOPBACK, int(os.environ[STORE_PORT]), is_master=False, timeout=_ANSWERS_WITHIN)
    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    return PrefixStore(f"tlbench/{attempt}", TCPStore(host, port, is_master=False))


def await_order() -> tuple[dict[str, Any], Path] | None:
    """Wait until the first process begins to train: configuration and folder; None if there is nothing to do."""
    store = open_store()
    store.wait([ORDER], _WAIT_FOR_ORDER)
    text = store.get(ORDER).decode()
    if not text:
        return None
    order = json.loads(text)
    return order["config"], Path(order["folder"])


def dismiss() -> None:
    """Let the processes that torchrun started end, if the first comes to its end without having called for them."""
    store = open_store()
    if not store.check([ORDER]):
        store.set(ORDER, "")


def tell(message: str) -> bool:
    """Tell the first process why this one fails, before it does; whether that is still there to be told."""
    try:
        open_store().set(f"error/{process_rank()}", message)
    except (RuntimeError, OSError):
        return False
    return True

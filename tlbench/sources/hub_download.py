"""Download from Hugging Face's hub by its own client, given up early where nothing arrives."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError
from huggingface_hub.utils.tqdm import tqdm

from tlbench.system.download import CHECK_SECONDS, STALL_SECONDS, Unreachable

POLL_SECONDS = 0.2
"""How often it is looked whether something arrived."""


def download_from_hub(repository: str, revision: str | None, names: Sequence[str]) -> Path:
    """Download the first of some files that a repository has, into Hugging Face's cache.

    The client tries again and again for minutes; here it runs in a daemon thread that is left behind once nothing has
    arrived for `STALL_SECONDS`.

    Args:
        repository: `<owner>/<name>`.
        revision: A version of it; None: the newest.
        names: File names, the preferred one first.

    Raises:
        Unreachable: Whatever went wrong: no answer, a stall, no such file, no permission, a full disk.
    """
    arrived = [time.monotonic()]

    class Bar(tqdm):
        """Hugging Face's progress bar, which is told of every part that arrives."""

        def update(self, n: float | None = 1) -> Any:
            arrived[0] = time.monotonic()
            return super().update(n)

    outcome: queue.SimpleQueue[str | Exception] = queue.SimpleQueue()
    arguments = {"revision": revision, "etag_timeout": CHECK_SECONDS, "tqdm_class": Bar}
    threading.Thread(
        target=_download, args=(repository, names, arguments, outcome), name="download_from_hub", daemon=True
    ).start()
    while True:
        try:
            result = outcome.get(timeout=POLL_SECONDS)
        except queue.Empty:
            if time.monotonic() - arrived[0] > STALL_SECONDS:
                raise Unreachable(f"nothing arrived for {STALL_SECONDS:g} s") from None
            continue
        if isinstance(result, Exception):
            raise Unreachable(" ".join(str(result).split())[:200] or type(result).__name__) from result
        return Path(result)


def _download(
    repository: str, names: Sequence[str], arguments: dict[str, Any], outcome: queue.SimpleQueue[str | Exception]
) -> None:
    logging.getLogger("huggingface_hub").setLevel(logging.CRITICAL)  # the error that comes of it is told in one line
    error: Exception = EntryNotFoundError(f"{repository} holds none of {', '.join(names)}")
    for name in names:
        try:
            outcome.put(hf_hub_download(repository, name, **arguments))
            return
        except EntryNotFoundError:
            continue
        except Exception as reason:  # the client and what it builds on raise nearly anything
            error = reason
            break
    outcome.put(error)

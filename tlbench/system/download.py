"""Is a download worth starting, and does it end when the network swallows it?"""

from __future__ import annotations

import queue
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

CHECK_SECONDS = 3.5
"""How long a server may take to answer at all: data, weights and start-up together stay below the promised 10 s."""


class Unreachable(Exception):
    """A url does not answer; the message is the reason in a few words."""


def check_reachable(url: str, seconds: float = CHECK_SECONDS) -> None:
    """Ask for a url's header (HEAD, through the proxies of the environment) within a hard deadline.

    The question runs in a daemon thread, as a name server that swallows packets blocks beyond any socket timeout.

    Args:
        url: An http or https address.
        seconds: Overall deadline: name, connection, handshake and answer together.

    Raises:
        Unreachable: Refused, no answer in time, or an HTTP error.
    """
    outcome: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
    threading.Thread(target=_head, args=(url, seconds, outcome), name="check_reachable", daemon=True).start()
    try:
        error = outcome.get(timeout=seconds)
    except queue.Empty:
        raise Unreachable(f"no answer within {seconds:g} s") from None
    if error is not None:
        raise Unreachable(_reason(error, seconds)) from error


@contextmanager
def stall_timeout(seconds: float = 5.0) -> Iterator[None]:
    """Inside the block, sockets opened without a timeout of their own give up after that many silent seconds."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _head(url: str, seconds: float, outcome: queue.SimpleQueue[Exception | None]) -> None:
    request = urllib.request.Request(url, method="HEAD", headers={"User-Agent": "tlbench"})
    try:
        with urllib.request.urlopen(request, timeout=seconds):
            outcome.put(None)
    except Exception as error:  # a proxy or a broken answer can raise nearly anything; all of it means: no download
        outcome.put(error)


def _reason(error: Exception, seconds: float) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code} {error.reason}"
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return f"no answer within {seconds:g} s"
    return " ".join(str(cause).split()) or type(cause).__name__

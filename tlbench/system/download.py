"""Downloading a file: is it worth starting, does it end when the network swallows it, is it the file that was meant?"""

from __future__ import annotations

import queue
import ssl
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tlbench.system.atomic import atomic_file, is_of_files
from tlbench.system.hashing import hash_of

CHECK_SECONDS = 3.5
"""How long a server may take to answer at all: data, weights and start-up together stay below the promised 10 s."""

STALL_SECONDS = 5.0
"""How long a download may stand still."""

_CHUNK = 1 << 17
_HEADERS = {"User-Agent": "tlbench"}


class Unreachable(Exception):
    """A url does not answer, or not with the file that was meant; the message is the reason in a few words."""


def check_reachable(url: str, seconds: float | None = None) -> None:
    """Ask for a url's header (HEAD, through the proxies of the environment) within a hard deadline.

    The question runs in a daemon thread, as a name server that swallows packets blocks beyond any socket timeout.

    Args:
        url: An http or https address.
        seconds: Overall deadline: name, connection, handshake and answer together; None: `CHECK_SECONDS`.

    Raises:
        Unreachable: Refused, no answer in time, or an HTTP error.
    """
    seconds = CHECK_SECONDS if seconds is None else seconds
    outcome: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
    threading.Thread(target=_head, args=(url, seconds, outcome), name="check_reachable", daemon=True).start()
    try:
        error = outcome.get(timeout=seconds)
    except queue.Empty:
        raise Unreachable(f"no answer within {seconds:g} s") from None
    if error is not None:
        raise Unreachable(_reason(error, seconds)) from error


def download(url: str, destination: Path, known_hash: str | None) -> None:
    """Download to a temporary name beside the destination, check the hash, rename; shows progress.

    Args:
        url: An http or https address that answers; see `check_reachable`.
        destination: The file to write; its folder is made.
        known_hash: `<algorithm>:<hex>`, of which the first digits are enough; None: not known.

    Raises:
        Unreachable: Nothing arrives for `STALL_SECONDS`, the connection breaks, or another file came.
        OSError: The file cannot be written.
    """
    from pooch import HTTPDownloader  # takes time, and is needed only here

    with atomic_file(destination) as file, _bar() as bar:
        get = HTTPDownloader(
            bar,
            _CHUNK,
            timeout=STALL_SECONDS,
            verify=_certificates(),
            headers={**_HEADERS, "Accept-Encoding": "identity"},
            hooks={"response": _leave_packed},
        )
        try:
            get(url, file, None)
        except (OSError, ValueError) as error:  # requests' are of both kinds
            if isinstance(error, OSError) and is_of_files(error):
                raise
            raise Unreachable(_cause(error)) from error
        algorithm, _, wanted = (known_hash or "").partition(":")
        if wanted:
            file.seek(0)
            found = hash_of(file, algorithm)
            if not found.startswith(wanted):
                raise Unreachable(f'invalid hash value (expected "{wanted}", got "{found}")')


def _head(url: str, seconds: float, outcome: queue.SimpleQueue[Exception | None]) -> None:
    request = urllib.request.Request(url, method="HEAD", headers=_HEADERS)
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
    return _in_words(cause)


def _bar() -> Any:
    from tqdm import tqdm

    class Bar(tqdm):  # type: ignore[misc]
        """Shows what has arrived; pooch rounds the last part up, and in the end begins anew with all of it."""

        def __bool__(self) -> bool:
            return True

        def update(self, n: float | None = 1) -> Any:
            return super().update(min(n or 0, self.total - self.n) if self.total else n)

        def reset(self, total: float | None = None) -> None:
            pass

    return Bar(unit="B", unit_scale=True, unit_divisor=1024)


def _certificates() -> str | bool:
    """Those that Python trusts, by which `check_reachable` went; requests would take its own."""
    paths = ssl.get_default_verify_paths()
    return paths.cafile or paths.capath or True


def _leave_packed(response: Any, *_: Any, **__: Any) -> None:
    """Where none was asked for, what a server calls an encoding is how the file itself is packed."""
    response.raw.headers.pop("Content-Encoding", None)


def _cause(error: BaseException) -> str:
    """What stands behind what requests and urllib3 say of it, which is full of addresses of objects."""
    answer = getattr(error, "response", None)
    if answer is not None and answer.status_code >= 400:
        return f"HTTP Error {answer.status_code}: {answer.reason}"
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    if type(error) is ValueError:  # of a number in the answer's headers or between its parts
        return "the server's answer is broken"
    return _in_words(error)


def _in_words(error: BaseException | str) -> str:
    return " ".join(str(error).split()) or type(error).__name__

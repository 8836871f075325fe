"""Servers on this machine for the time of an attack: such as note that somebody came, and such as behave badly."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.attacks.attack import Place

BEHAVIOURS = ("hang", "redirect", "garbage", "partial", "slow", "wrong", "error")
_PROXIES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy")


def tripwire(place: Place) -> int:
    """Whoever connects leaves the place's canary; the attack's commands reach the network only through it.

    Returns:
        The port.
    """
    port = serve(place, _noting(place.canary))
    proxies(place, port)
    return port


def proxies(place: Place, port: int) -> None:
    """Send the attack's commands through a proxy, to this machine too."""
    place.environment.update(dict.fromkeys(_PROXIES, f"http://127.0.0.1:{port}"))


def misbehave(place: Place, behaviour: str) -> int:
    """A server that answers every request in one way.

    Args:
        place: The attack's.
        behaviour: One of `BEHAVIOURS`.

    Returns:
        The port.
    """
    return serve(place, _answering(getattr(_Behaviours, behaviour)))


def serve(place: Place, handler: type[BaseHTTPRequestHandler]) -> int:
    """Serve in a process that ends with the attack.

    Returns:
        The port.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    port: int = server.server_address[1]
    parent = os.getpid()
    process = os.fork()
    if process == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        server.timeout = 0.2
        try:
            while os.getppid() == parent:
                server.handle_request()
        finally:
            os._exit(0)
    server.socket.close()
    place.helpers.append(process)
    return port


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _noting(canary: Path) -> type[BaseHTTPRequestHandler]:
    class Noting(_Handler):
        def setup(self) -> None:
            canary.touch()
            super().setup()

        def do_GET(self) -> None:
            self.send_error(404)

        do_HEAD = do_POST = do_CONNECT = do_GET  # noqa: N815

    return Noting


def _answering(answer: Callable[[BaseHTTPRequestHandler], None]) -> type[BaseHTTPRequestHandler]:
    class Answering(_Handler):
        def do_GET(self) -> None:
            with contextlib.suppress(OSError):  # the client has gone
                answer(self)

        do_HEAD = do_POST = do_CONNECT = do_GET  # noqa: N815

    return Answering


class _Behaviours:
    @staticmethod
    def hang(_: BaseHTTPRequestHandler) -> None:
        time.sleep(600)

    @staticmethod
    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", f"{handler.path}x")
        handler.end_headers()

    @staticmethod
    def error(handler: BaseHTTPRequestHandler) -> None:
        handler.send_error(500)

    @staticmethod
    def garbage(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"\x00\xffgarbage\n\n")

    @staticmethod
    def partial(handler: BaseHTTPRequestHandler) -> None:
        _head(handler)
        if handler.command != "HEAD":
            handler.wfile.write(b"x" * 1000)

    @staticmethod
    def wrong(handler: BaseHTTPRequestHandler) -> None:
        _head(handler)
        if handler.command != "HEAD":
            handler.wfile.write(b"x" * _LENGTH)

    @staticmethod
    def slow(handler: BaseHTTPRequestHandler) -> None:
        _head(handler)
        while handler.command != "HEAD":
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(1)


_LENGTH = 1_000_000


def _head(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    headers = {"Content-Length": _LENGTH, "ETag": '"abc"', "X-Repo-Commit": "a" * 40, "X-Linked-Size": _LENGTH}
    for name, value in headers.items():
        handler.send_header(name, str(value))
    handler.end_headers()

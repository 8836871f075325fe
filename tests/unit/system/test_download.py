from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tlbench.system.download import Unreachable, check_reachable, stall_timeout


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that connections reach and that never answers by itself."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def url_of(server: socket.socket) -> str:
    return f"http://127.0.0.1:{server.getsockname()[1]}/file"


def answer(server: socket.socket, reply: bytes, heard: list[bytes]) -> threading.Thread:
    def run() -> None:
        connection, _ = server.accept()
        with connection:
            heard.append(connection.recv(4096))
            connection.sendall(reply)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def test_reachable(listener: socket.socket):
    heard: list[bytes] = []
    thread = answer(listener, b"HTTP/1.0 200 OK\r\nContent-Length: 170498071\r\n\r\n", heard)
    check_reachable(url_of(listener))
    thread.join()
    assert heard[0].startswith(b"HEAD /file ")


def test_http_error(listener: socket.socket):
    answer(listener, b"HTTP/1.0 404 Not Found\r\n\r\n", [])
    with pytest.raises(Unreachable, match=r"^HTTP 404 Not Found$"):
        check_reachable(url_of(listener))


def test_refused():
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = url_of(server)
    with pytest.raises(Unreachable, match=r"[Rr]efused"):
        check_reachable(url)


def test_black_hole_ends_at_the_deadline(listener: socket.socket):
    start = time.monotonic()
    with pytest.raises(Unreachable, match=r"^no answer within 0\.2 s$"):
        check_reachable(url_of(listener), seconds=0.2)
    assert time.monotonic() - start < 2


def test_hanging_name_server_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch):
    over = threading.Event()

    def hang(*args: object) -> list[object]:
        over.wait()
        raise socket.gaierror("over")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    start = time.monotonic()
    try:
        with pytest.raises(Unreachable, match=r"^no answer within 0\.2 s$"):
            check_reachable("http://name.invalid/file", seconds=0.2)
        assert time.monotonic() - start < 2
    finally:
        over.set()


def test_goes_through_the_proxy(listener: socket.socket, monkeypatch: pytest.MonkeyPatch):
    heard: list[bytes] = []
    thread = answer(listener, b"HTTP/1.0 200 OK\r\n\r\n", heard)
    monkeypatch.setenv("http_proxy", url_of(listener))
    check_reachable("http://name.invalid/file")
    thread.join()
    assert heard[0].startswith(b"HEAD http://name.invalid/file ")


def test_stall_timeout_ends_silence_and_is_undone(listener: socket.socket):
    before = socket.getdefaulttimeout()
    with stall_timeout(0.1):
        connection = socket.create_connection(listener.getsockname())
    with connection, pytest.raises(TimeoutError):
        connection.recv(1)
    assert socket.getdefaulttimeout() == before
    with pytest.raises(ZeroDivisionError), stall_timeout(0.1):
        raise ZeroDivisionError
    assert socket.getdefaulttimeout() == before

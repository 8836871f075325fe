from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.http_server import serving
from tlbench.sources import fetch as module
from tlbench.sources.fetch import fetch
from tlbench.system.download import Unreachable

CONTENT = b"weights" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@contextmanager
def offering(get_answers: bool) -> Iterator[str]:
    """A server that answers HEAD, and GET with CONTENT or (a header and a beginning, and) never."""
    released = threading.Event()

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        if request.command == "HEAD":
            request.end_headers()
            return
        request.send_header("Content-Length", str(len(CONTENT)))
        request.end_headers()
        request.wfile.write(CONTENT if get_answers else CONTENT[:10])
        if not get_answers:
            released.wait(30)

    with serving(answer) as url:
        try:
            yield f"{url}/w.pth"
        finally:
            released.set()


def test_a_file_with_the_right_hash_arrives(tmp_path: Path) -> None:
    destination = tmp_path / "hub" / "w.pth"
    with offering(get_answers=True) as url:
        fetch(url, destination, SHA256[:8])
    assert destination.read_bytes() == CONTENT


def test_another_file_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with offering(get_answers=True) as url, pytest.raises(Unreachable, match=f'expected "00000000", got "{SHA256}"'):
        fetch(url, tmp_path / "w.pth", "00000000")
    assert list(tmp_path.iterdir()) == []


def test_a_stalled_download_is_given_up_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STALL_SECONDS", 0.2)
    with offering(get_answers=False) as url, pytest.raises(Unreachable, match="timed out"):
        fetch(url, tmp_path / "w.pth", SHA256)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_swallows_packets_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.CHECK_SECONDS + module.STALL_SECONDS < 10
    monkeypatch.setattr(module, "CHECK_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the system accepts, nobody answers
        start = time.perf_counter()
        with pytest.raises(Unreachable, match=r"no answer within 0\.2 s"):
            fetch(f"http://127.0.0.1:{silent.getsockname()[1]}/w.pth", tmp_path / "w.pth", SHA256)
    assert time.perf_counter() - start < 5


def test_a_folder_that_cannot_be_made_is_a_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with offering(get_answers=True) as url, pytest.raises(Unreachable, match="file"):
        fetch(url, tmp_path / "file" / "w.pth", SHA256)

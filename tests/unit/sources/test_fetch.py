from __future__ import annotations

import hashlib
import socket
import time
from pathlib import Path

import pytest

from tlbench.sources.fetch import fetch
from tlbench.system import download
from tlbench.system.download import Unreachable

CONTENT = b"weights" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def answer(request) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(len(CONTENT)))
    request.end_headers()
    if request.command == "GET":
        request.wfile.write(CONTENT)


def test_a_file_with_the_right_hash_arrives(tmp_path: Path, serve) -> None:
    destination = tmp_path / "hub" / "w.pth"
    with serve(answer) as url:
        fetch(f"{url}/w.pth", destination, SHA256[:8])
    assert destination.read_bytes() == CONTENT


def test_another_file_is_refused_and_leaves_nothing(tmp_path: Path, serve) -> None:
    with serve(answer) as url, pytest.raises(Unreachable, match=f'expected "00000000", got "{SHA256}"'):
        fetch(f"{url}/w.pth", tmp_path / "w.pth", "00000000")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.promise("unreachable within 10 s")
def test_a_server_that_swallows_packets_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert download.CHECK_SECONDS + download.STALL_SECONDS < 10
    monkeypatch.setattr(download, "CHECK_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the system accepts, nobody answers
        start = time.perf_counter()
        with pytest.raises(Unreachable, match=r"no answer within 0\.2 s"):
            fetch(f"http://127.0.0.1:{silent.getsockname()[1]}/w.pth", tmp_path / "w.pth", SHA256)
    assert time.perf_counter() - start < 5


def test_a_folder_that_cannot_be_made_is_a_reason(tmp_path: Path, serve) -> None:
    (tmp_path / "file").write_bytes(b"")
    with serve(answer) as url, pytest.raises(Unreachable, match="file"):
        fetch(f"{url}/w.pth", tmp_path / "file" / "w.pth", SHA256)

from __future__ import annotations

import errno
import gzip
import hashlib
import resource
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tlbench.system import download as module
from tlbench.system.download import Unreachable, check_reachable, download


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


@pytest.mark.promise("unreachable within 10 s")
def test_black_hole_ends_at_the_deadline(listener: socket.socket):
    start = time.monotonic()
    with pytest.raises(Unreachable, match=r"^no answer within 0\.2 s$"):
        check_reachable(url_of(listener), seconds=0.2)
    assert time.monotonic() - start < 2


@pytest.mark.promise("unreachable within 10 s")
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


CONTENT = b"weights" * 100_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()


def answering(content: bytes, headers: dict[str, str] = {}) -> Callable[[BaseHTTPRequestHandler], None]:  # noqa: B006
    """Announces all of CONTENT, and sends the given part of it."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        for name, value in {"Content-Length": str(len(CONTENT)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(content)

    return answer


@pytest.mark.parametrize("known_hash", [None, f"sha256:{SHA256}", f"sha256:{SHA256[:8]}", "sha256:", f"md5:{MD5}"])
def test_a_file_arrives_as_whole_as_any_other(tmp_path: Path, serve, known_hash: str | None):
    destination = tmp_path / "hub" / "w.pth"
    with serve(answering(CONTENT)) as url:
        download(f"{url}/w.pth", destination, known_hash)
    assert destination.read_bytes() == CONTENT
    assert [path.name for path in destination.parent.iterdir()] == ["w.pth"]
    (tmp_path / "ordinary").touch()
    assert destination.stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def stalling(request: BaseHTTPRequestHandler) -> None:
    answering(CONTENT[:10])(request)
    request.wfile.flush()
    request.connection.settimeout(5)
    request.connection.recv(1)  # until the client gives up


def miscounting(request: BaseHTTPRequestHandler) -> None:
    request.protocol_version = "HTTP/1.1"
    request.send_response(200)
    request.send_header("Transfer-Encoding", "chunked")
    request.send_header("Connection", "close")
    request.end_headers()
    request.wfile.write(b"5\r\nfirst\r\nzz\r\n")


FAULTS = {
    "damages": (answering(CONTENT[:-1] + b"x"), 'invalid hash value (expected "'),
    "truncates": (answering(CONTENT[:1000]), f"IncompleteRead(1000 bytes read, {len(CONTENT) - 1000} more expected)"),
    "stalls": (stalling, "timed out"),
    "counts wrongly": (miscounting, "the server's answer is broken"),
    "has none": (lambda request: request.send_error(404), "HTTP Error 404: Not Found"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failed_download_leaves_the_earlier_file_and_nothing_else(tmp_path, monkeypatch, serve, fault: str):
    monkeypatch.setattr(module, "STALL_SECONDS", 0.2)
    (tmp_path / "w.pth").write_bytes(b"earlier")
    answer, reason = FAULTS[fault]
    with serve(answer) as url, pytest.raises(Unreachable) as caught:
        download(f"{url}/w.pth", tmp_path / "w.pth", f"sha256:{SHA256}")
    assert str(caught.value).startswith(reason)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"w.pth": b"earlier"}


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file of this process may take more than 128 KiB."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 17, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_is_no_fault_of_the_network(tmp_path: Path, serve, small_files):
    with serve(answering(CONTENT)) as url, pytest.raises(OSError, match="too large") as caught:
        download(f"{url}/w.pth", tmp_path / "w.pth", None)
    assert caught.value.errno == errno.EFBIG
    assert list(tmp_path.iterdir()) == []


def test_an_archive_stays_packed_though_the_server_calls_that_an_encoding(tmp_path: Path, serve):
    packed = gzip.compress(CONTENT)
    headers = {"Content-Length": str(len(packed)), "Content-Encoding": "gzip"}
    with serve(answering(packed, headers)) as url:
        download(f"{url}/data.tar.gz", tmp_path / "data.tar.gz", None)
    assert (tmp_path / "data.tar.gz").read_bytes() == packed


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_a_server_is_trusted_that_the_machine_trusts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = "openssl req -x509 -nodes -newkey rsa:2048 -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    subprocess.run([*make.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    class Handler(BaseHTTPRequestHandler):
        do_GET = do_HEAD = answering(CONTENT)

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    url = f"https://127.0.0.1:{server.server_port}/w.pth"
    try:
        for get in (check_reachable, lambda url: download(url, tmp_path / "w.pth", None)):
            with pytest.raises(Unreachable, match="certificate verify failed"):
                get(url)
            with monkeypatch.context() as trusting:
                trusting.setenv("SSL_CERT_FILE", str(certificate))
                get(url)
    finally:
        server.shutdown()
        server.server_close()
    assert (tmp_path / "w.pth").read_bytes() == CONTENT

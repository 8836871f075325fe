"""The real client of Hugging Face, against a hub of two files that this process serves."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from huggingface_hub import constants

from tlbench.sources import hub_download as module
from tlbench.sources.hub_download import download_from_hub
from tlbench.system.download import Unreachable

CONTENT = b"weights" * 1000
COMMIT = "0123456789" * 4


@pytest.fixture(autouse=True)
def _own_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)


@contextmanager
def hub(monkeypatch: pytest.MonkeyPatch, *names: str, stalls: bool = False) -> Iterator[None]:
    """A hub whose every repository holds files of these names; one that stalls sends the first bytes alone."""
    released = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            there = self.path.rpartition("/")[2] in names
            self.send_response(200 if there else 404)
            self.send_header("X-Repo-Commit", COMMIT)
            if there:
                self.send_header("ETag", '"abcdef"')
                self.send_header("Content-Length", str(len(CONTENT)))
            else:
                self.send_header("X-Error-Code", "EntryNotFound")
            self.end_headers()

        def do_GET(self) -> None:
            self.do_HEAD()
            if self.path.rpartition("/")[2] in names:
                self.wfile.write(CONTENT[:10] if stalls else CONTENT)
                if stalls:
                    released.wait(30)
                    self.wfile.write(CONTENT[10:])  # for the thread that was left behind

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")
    try:
        yield
    finally:
        released.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("there", [("model.safetensors", "pytorch_model.bin"), ("pytorch_model.bin",)])
def test_the_first_file_that_is_there_arrives(there: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    with hub(monkeypatch, *there):
        path = download_from_hub("timm/x", None, ("model.safetensors", "pytorch_model.bin"))
    assert path.name == there[0]
    assert path.is_relative_to(constants.HF_HUB_CACHE)
    assert path.read_bytes() == CONTENT


def test_a_repository_without_the_files_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with hub(monkeypatch, "other.bin"), pytest.raises(Unreachable, match=r"timm/x holds none of model\.safetensors"):
        download_from_hub("timm/x", None, ("model.safetensors",))


def test_a_stalled_download_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STALL_SECONDS", 0.5)
    start = time.perf_counter()
    with hub(monkeypatch, "w.bin", stalls=True), pytest.raises(Unreachable, match=r"nothing arrived for 0\.5 s"):
        download_from_hub("timm/x", None, ("w.bin",))
    assert time.perf_counter() - start < 8


def test_a_server_that_answers_but_sends_nothing_costs_less_than_10_s() -> None:
    assert module.CHECK_SECONDS + module.STALL_SECONDS + module.POLL_SECONDS < 10


def test_a_file_that_is_still_arriving_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than STALL_SECONDS in all, never as long between two parts."""
    monkeypatch.setattr(module, "STALL_SECONDS", 0.5)

    def slow(repository: str, name: str, *, tqdm_class: type, **_: object) -> str:
        bar = tqdm_class(total=10, disable=True)
        for _part in range(10):
            threading.Event().wait(0.1)
            bar.update(1)
        return "/arrived"

    monkeypatch.setattr(module, "hf_hub_download", slow)
    assert download_from_hub("timm/x", None, ("model.safetensors",)) == Path("/arrived")

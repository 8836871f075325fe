"""The real client of Hugging Face, against a hub of two files that this process serves."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.http_server import serving
from tlbench.sources import hub_download as module
from tlbench.sources.hub_download import download_from_hub
from tlbench.system.download import Unreachable

CONTENT = b"weights" * 1000
COMMIT = "0123456789" * 4


@pytest.fixture(autouse=True)
def _own_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)


@contextmanager
def hub(monkeypatch: pytest.MonkeyPatch, *names: str, stalls: bool = False) -> Iterator[None]:
    """A hub whose every repository holds files of these names; one that stalls sends the first bytes alone."""
    released = threading.Event()

    def answer(request: BaseHTTPRequestHandler) -> None:
        there = request.path.rpartition("/")[2] in names
        request.send_response(200 if there else 404)
        request.send_header("X-Repo-Commit", COMMIT)
        if there:
            request.send_header("ETag", '"abcdef"')
            request.send_header("Content-Length", str(len(CONTENT)))
        else:
            request.send_header("X-Error-Code", "EntryNotFound")
        request.end_headers()
        if there and request.command == "GET":
            request.wfile.write(CONTENT[:10] if stalls else CONTENT)
            if stalls:
                released.wait(30)
                request.wfile.write(CONTENT[10:])  # for the thread that was left behind

    with serving(answer) as address:
        monkeypatch.setattr(constants, "ENDPOINT", address)
        template = address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        try:
            yield
        finally:
            released.set()


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

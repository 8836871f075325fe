from __future__ import annotations

import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.composed import data_values
from tlbench.config import DetectionDataConfig, ImageDataConfig


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers of the tests are reached directly, whatever the machine's environment says."""
    monkeypatch.setattr(urllib.request, "_opener", None)  # it holds the proxies of its first use
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def data_config() -> Callable[..., ImageDataConfig]:
    """`data_config("digits", shots=3)`: the shipped config with changes."""

    def make(name: str, **changes: Any) -> ImageDataConfig:
        return ImageDataConfig.model_validate({**data_values(name), **changes})

    return make


@pytest.fixture
def boxes_config() -> Callable[..., DetectionDataConfig]:
    """`boxes_config("yolo", root="data")`: likewise, of data with boxes."""

    def make(name: str, **changes: Any) -> DetectionDataConfig:
        return DetectionDataConfig.model_validate({**data_values(name), **changes})

    return make


@pytest.fixture
def draw_tree() -> Callable[..., None]:
    """`draw_tree(root, {"cat": 3})`: PNG files of noise, `root/cat/0.png` …"""

    def draw(root: Path, counts: Mapping[str, int], size: tuple[int, int] = (8, 8)) -> None:
        rng = np.random.default_rng(len(counts))
        for name, count in counts.items():
            (root / name).mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / name / f"{i}.png")

    return draw


@pytest.fixture
def serve() -> Callable[..., Any]:
    """`with serve(handler) as url`: an HTTP server on this machine; `handler(request)` answers HEAD and GET."""

    @contextmanager
    def server(handler: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                handler(self)

            do_HEAD = do_GET

            def log_message(self, *args: Any) -> None:
                pass

        httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        httpd.daemon_threads = True
        thread = Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{httpd.server_port}"
        finally:
            httpd.shutdown()
            thread.join()
            httpd.block_on_close = False
            httpd.server_close()

    return server

"""The Python examples of the documentation run, and the demo page answers."""

from __future__ import annotations

import http.server
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tlbench
from tests.drawn_run import draw_run
from tests.pages import blocks, run_blocks


@pytest.fixture
def photos() -> None:
    for i, name in enumerate(["1.png", "2.png", "more/3.png"]):
        path = Path("photos") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(i).integers(0, 256, (30, 20, 3), dtype=np.uint8)).save(path)
    Path("photos/4.png").write_bytes(b"no image")


@pytest.mark.promise("Python page")
@pytest.mark.usefixtures("photos")
def test_the_page_on_python_with_its_errors():
    run_blocks("docs/python.md", ("One run", "A finished run predicts", "Errors"))


@pytest.mark.promise("Python page")
@pytest.mark.slow
@pytest.mark.usefixtures("photos")
def test_its_study_and_the_readme():
    run_blocks("docs/python.md", ("A study",))
    Path("outputs/mine").rename("outputs/quickstart")
    Path("photos/1.png").rename("photo.jpg")
    run_blocks("README.md")
    assert Path("quickstart.png").stat().st_size > 1000


@pytest.fixture
def server(monkeypatch, tiny_network):
    """The demo page's address, served by its own code, on a free port and on a run that was drawn."""
    ((line, code),) = blocks("docs/demo.md")
    assert len([text for text in code.splitlines() if text.strip()]) <= 30
    draw_run(Path("run"), "data.name=image_folder", "data.root=images", "data.image_size=32")
    started, ready = [], threading.Event()

    class OnAFreePort(http.server.HTTPServer):
        def __init__(self, address, handler):
            super().__init__((address[0], 0), handler)
            handler.log_message = lambda *_: None
            started.append(self)
            ready.set()

    monkeypatch.setattr(http.server, "HTTPServer", OnAFreePort)
    monkeypatch.setattr(sys, "argv", ["demo.py", "run"])
    thread = threading.Thread(target=exec, args=(compile("\n" * line + code, "docs/demo.md", "exec"), {}), daemon=True)
    thread.start()
    assert ready.wait(60)
    yield f"http://127.0.0.1:{started[0].server_port}/"
    started[0].shutdown()
    thread.join()
    started[0].server_close()


def post(address: str, content: bytes) -> str:
    with urllib.request.urlopen(urllib.request.Request(address, data=content)) as answer:
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        return answer.read().decode()


@pytest.mark.promise("Python page")
@pytest.mark.usefixtures("photos")
def test_the_demo_page_says_what_the_model_says(server):
    with urllib.request.urlopen(server) as answer:
        page = answer.read().decode()
    assert "textContent" in page
    assert "innerHTML" not in page
    assert r'+ "\n" +' in page
    (wanted,) = tlbench.load("run")("photos/1.png")
    said = post(server, Path("photos/1.png").read_bytes())
    assert said.splitlines() == [
        str(pair) for pair in zip(("cat", "dog", "a, b"), wanted.probabilities.tolist(), strict=True)
    ]
    for content in (b"no image", b""):
        with pytest.raises(urllib.error.HTTPError) as caught:
            post(server, content)
        assert caught.value.code == 400
        assert caught.value.read().decode().startswith("an image: ")
    assert post(server, Path("photos/1.png").read_bytes()) == said

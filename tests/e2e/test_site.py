"""The documentation builds into a site, and a browser that opens it asks for nothing outside."""

from __future__ import annotations

import functools
import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="the documentation's packages are not here: make docs")
pytestmark = [pytest.mark.slow, pytest.mark.promise("site")]

ROOT = Path(__file__).parents[2]
WITH_BROWSER = pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here")
LOADED = re.compile(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"([^\"]+)\"|<link\b[^>]*\bhref=\"([^\"]+)\"")


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_pages_load_what_lies_beside_them(site):
    pages = [page for page in site.rglob("*.html") if "results" not in page.parts or page.name == "index.html"]
    assert {"index.html", "start.html", "keys.html", "api.html", "promises.html"} <= {page.name for page in pages}
    for page in pages:
        for found in LOADED.findall(page.read_text(encoding="utf-8")):
            link = "".join(found).partition("#")[0].partition("?")[0]
            if link and not link.startswith("data:"):
                assert "//" not in link, (page.name, link)
                assert page.name == "404.html" or (page.parent / link).exists(), (page.name, link)
    assert 'id="tlbench.run_study"' in (site / "api.html").read_text(encoding="utf-8")


@WITH_BROWSER
@pytest.mark.parametrize("page", ["index.html", "start.html", "keys.html", "api.html", "results/index.html"])
def test_a_browser_asks_for_nothing_outside(site, tmp_path, page):
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = f"http://127.0.0.1:{server.server_port}/"
        asked = asked_by(f"{here}{page}", tmp_path)
        server.shutdown()
    assert any(url.endswith(".css") for url in asked)
    assert any("bundle" in url and url.endswith(".js") for url in asked)
    assert sorted(url for url in asked if not url.startswith((here, "data:", "blob:"))) == []


@WITH_BROWSER
def test_what_a_page_asks_for_outside_is_seen(tmp_path):
    (tmp_path / "page.html").write_text('<img src="http://example.org/a.png"><script src="own.js"></script>')
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = f"http://127.0.0.1:{server.server_port}/"
        asked = asked_by(f"{here}page.html", tmp_path)
        server.shutdown()
    assert {"http://example.org/a.png", f"{here}own.js"} <= asked


def asked_by(page: str, folder: Path) -> set[str]:
    """What a page asks for in a browser without a network; what the browser wants by itself is left out."""
    log = folder / "net.json"
    options = [
        *(
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
        ),
        *("--no-first-run", "--virtual-time-budget=3000", f"--user-data-dir={folder / 'browser'}"),
        *("--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", f"--log-net-log={log}", "--dump-dom"),
    ]
    subprocess.run(["chromium", *options, page], capture_output=True, check=True, timeout=120)
    logged = log.read_text(encoding="utf-8").rstrip().rstrip(",")
    events = json.loads(logged if logged.endswith("}") else f"{logged}]}}")["events"]
    origin = page[: page.index("/", len("http://"))]
    asked = [event.get("params", {}) for event in events]
    return {params["url"] for params in asked if "url" in params and params.get("initiator") == origin}

"""What MkDocs needs beside docs/: pages from elsewhere in the repository, and links that fit GitHub and the site."""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[1]

ELSEWHERE = {
    "README.md": "index.md",
    "benchmarks/README.md": "benchmarks.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "tlbench/sources/weights/resnet18-tin200.md": "weights/resnet18-tin200.md",
    "tlbench/sources/weights/yolo11n-documents.md": "weights/yolo11n-documents.md",
    "LICENSE": "LICENSE",
    "CITATION.cff": "CITATION.cff",
}
"""File of the repository → where it lies in the site."""

API = """\
# Python API

[From Python](python.md) shows it in use. Everything else in the package may change without notice.

## Functions

::: tlbench
    options:
      show_root_heading: false
      show_root_toc_entry: false
      members: [run_one, run_study, read_study, load]

## What they give

::: tlbench.api.study.Study
::: tlbench.tools.predictor.Predictor
    options:
      members: [predict, probabilities, embeddings]
::: tlbench.records.record.Record

## What they raise

::: tlbench.errors
    options:
      show_root_heading: false
      show_root_toc_entry: false
      members: [UserError, ConfigError, DataError, WeightsError, OutputError, Failure]
"""

_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s#]*)(#[^)\s]*)?\)")
_IN_HTML = re.compile(r'(src|href)="([^":#]+)"')
_BLOCK = re.compile(r"(^```.*?^```$)", flags=re.MULTILINE | re.DOTALL)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that lie elsewhere, and that of the API."""
    for path, place in ELSEWHERE.items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / path)))
    files.append(File.generated(config, "api.md", content=API))
    return files


def on_page_markdown(markdown: str, page: Any, files: Any, **_: Any) -> str:
    """Let links lead to where files lie in the site; of what is not in it the text stays."""
    here = next((path for path, place in ELSEWHERE.items() if place == page.file.src_uri), f"docs/{page.file.src_uri}")

    def in_site(link: str) -> str | None:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(here), link))
        place = ELSEWHERE.get(path, path.removeprefix("docs/") if path.startswith("docs/") else None)
        if place is None or files.get_file_from_path(place) is None:
            if not (ROOT / path).exists():
                raise ValueError(f"{here}: {link} leads to nothing")
            return None
        return os.path.relpath(place, posixpath.dirname(page.file.src_uri) or ".").replace(os.sep, "/")

    def linked(match: re.Match[str]) -> str:
        bang, text, link, anchor = match.groups()
        if not link or "://" in link or link.startswith("mailto:"):
            return match[0]
        place = in_site(link)
        return text if place is None else f"{bang}[{text}]({place}{anchor or ''})"

    def html(match: re.Match[str]) -> str:
        return f'{match[1]}="{in_site(match[2])}"'

    if page.file.src_uri == "api.md":
        return markdown
    parts = _BLOCK.split(markdown)
    return "".join(part if part.startswith("```") else _IN_HTML.sub(html, _LINK.sub(linked, part)) for part in parts)

"""The pages lead where they say, and their commands are commands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tlbench.cli import compare_options, report_options, status_options
from tlbench.cli.command_line import CommandLine
from tlbench.config.compose import Composer, plain
from tlbench.config.parse import parse
from tlbench.tools import evaluate_options, export_options, predict_options
from tlbench.tools.data_overrides import is_data_override
from tlbench.tools.options import of_all_tasks, parse_options

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/*.md", "docs/results/*.md", "benchmarks/*.md", "tlbench/sources/weights/*.md")
    for path in ROOT.glob(pattern)
)
COMMANDED = ("README.md", "docs/start.md", "docs/faq.md", "docs/choosing-a-strategy.md", "docs/report.md")
TOOLS = {
    "evaluate": of_all_tasks(evaluate_options.EvaluateOptions),
    "predict": of_all_tasks(predict_options.PredictOptions),
    "export": of_all_tasks(export_options.ExportOptions),
    "report": report_options.ReportOptions,
    "status": status_options.StatusOptions,
}


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def anchors(page: str) -> set[str]:
    """Those of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", read(page), flags=re.M | re.S), flags=re.M)
    plain_text = [re.sub(r"[^\w\- ]", "", re.sub(r"\[(.*?)\]\(.*?\)", r"\1", heading).lower()) for heading in headings]
    return {heading.strip().replace(" ", "-") for heading in plain_text}


@pytest.mark.promise("pages")
@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_and_headings(page):
    broken = []
    for link, anchor in re.findall(r"(?:\]\(|src=\")([^)#\":\s]*)(?:#([^)\s\"]+))?[)\"]", read(page)):
        target = (ROOT / page).parent / link if link else ROOT / page
        if not target.exists():
            broken.append(link)
        elif anchor and target.suffix == ".md" and anchor not in anchors(target.resolve().relative_to(ROOT).as_posix()):
            broken.append(f"{link}#{anchor}")
    assert broken == []


def commands(page: str) -> list[str]:
    """`python -m tlbench.…` and `tlbench …` in a page's blocks of shell, without what stands before and behind."""
    blocks = re.findall(r"^```bash\n(.*?)^```$", read(page), flags=re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines()] + re.findall(
        r"^    (.+)$", read(page), flags=re.M
    )
    found = [re.search(r"(?:python -m tlbench\.|^tlbench )(\w+ .+)", line) for line in lines]
    return [match[1] for match in found if match]


ALL = list(dict.fromkeys(command for page in COMMANDED for command in commands(page)))


@pytest.fixture(scope="module")
def composer() -> Composer:
    return Composer()


@pytest.mark.promise("pages")
@pytest.mark.parametrize("command", ALL)
def test_commands_are_accepted(command, composer):
    tool, *arguments = shlex.split(command, comments=True)
    if tool == "train":
        line = CommandLine.read(arguments)
        line.check()
        composed = composer.compose(line.overrides, study=line.asks_for == "a study")
        if line.asks_for == "a study":
            composed = composer.compose_run(composed, composer.runs_of(composed)[0])
        parse(plain(composed))
    elif tool == "compare":
        compare_options.parse_command(compare_options.CompareOptions, arguments)
    else:
        parse_options(TOOLS[tool], [a for a in arguments if a != "--watch" and not is_data_override(a)])


def test_commands_are_found():
    assert len(ALL) > 50
    assert {command.split()[0] for command in ALL} == {"train", "compare", *TOOLS}


def test_the_front_page_is_read_in_a_minute():
    lines = read("README.md").splitlines()
    assert len(lines) <= 130
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), flags=re.M))
    assert {word for line in lines for word in re.findall(r"make ([a-z-]+)[` ]", line)} - {"targets"} <= targets
    assert {"make quickstart", "make test"} <= {line.partition("  ")[0].strip() for line in lines}

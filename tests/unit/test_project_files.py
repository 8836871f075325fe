"""The files for those who use, cite or change tlbench say what is so."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import cffconvert
import pytest
import yaml

import tlbench

ROOT = Path(__file__).parents[2]
CITATION = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
HOOKS = [
    hook
    for repo in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    for hook in repo["hooks"]
]


@pytest.mark.promise("citation")
def test_cffconvert_reads_the_citation():
    citation = cffconvert.Citation(CITATION)
    citation.validate()
    assert "tlbench" in citation.as_bibtex()


@pytest.mark.promise("citation")
def test_the_citation_is_of_this_version():
    cited = yaml.safe_load(CITATION)
    assert (cited["cff-version"], cited["title"], cited["type"]) == ("1.2.0", "tlbench", "software")
    assert cited["version"] == tlbench.__version__
    assert f'license = "{cited["license"]}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert cited["authors"]


def test_the_changelog_has_a_section_of_this_version_or_unreleased_and_known_headings():
    sections = re.findall(r"^## \[(.+?)\]", CHANGELOG, flags=re.MULTILINE)
    assert sections[0] == "Unreleased"
    assert len(sections) == len(set(sections))
    headings = set(re.findall(r"^### (.+)$", CHANGELOG, flags=re.MULTILINE))
    assert headings <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


@pytest.mark.promise("local hooks")
def test_hooks_are_local_and_download_nothing():
    text = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repo["repo"] for repo in text["repos"]] == ["local"]
    assert {hook["language"] for hook in HOOKS} == {"system"}


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_what_a_hook_runs_is_installed(hook):
    program, flag, module, *_ = shlex.split(hook["entry"])
    assert (program, flag) == (".venv/bin/python", "-m")
    if module.startswith("tests."):
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file()
        return
    done = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.promise("recipes")
def test_the_recipes_name_files_that_exist():
    words = [word.rstrip(".,;:").partition("#")[0] for word in re.findall(r"[^\s`()]+", CONTRIBUTING)]
    paths = {word for word in words if re.match(r"(tlbench|tests|conf|docs)/", word) and "NAME" not in word}
    assert len(paths) > 30
    assert sorted(path for path in paths if not (ROOT / path).exists()) == []


@pytest.mark.promise("recipes")
@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("tlbench/annotations/labels/config.py", "LabelDataConfig"),
        ("tlbench/annotations/labels/options.py", "_FILES"),
        ("tlbench/annotations/labels/target.py", "list_files"),
        ("tlbench/annotations/labels/reach.py", "own_root"),
        ("tlbench/config/model.py", "SourceConfig"),
        ("tlbench/sources/resolve.py", "find_weights"),
        ("tlbench/sources/found.py", "FoundWeights"),
        ("tlbench/config/strategy.py", "AnyStrategy"),
        ("tlbench/adaptation/stages.py", "plan_stages"),
        ("tlbench/config/parse.py", "_check_stages"),
        ("tlbench/adaptation/advice.py", "_strategy"),
        ("tests/e2e/test_strategies.py", "STRATEGIES"),
        ("tlbench/tasks/classification/metrics.py", "ClassificationMetrics"),
        ("tests/study_records.py", "make_record"),
    ],
)
def test_the_recipes_name_what_the_files_define(file, name):
    assert f"`{name}" in CONTRIBUTING
    assert re.search(rf"^(def|class) {name}\b|^{name}\b", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(text: str) -> set[str]:
    """The packages of a list of quoted requirements in pyproject.toml."""
    return {normalised(name) for name in re.findall(r'^\s*"([A-Za-z0-9_.-]+)[><=!]', text, flags=re.MULTILINE)}


@pytest.mark.promise("repeatable installs")
def test_constraints_pin_every_dependency_and_name_no_registry():
    constraints = (ROOT / "constraints.txt").read_text()
    pinned = {normalised(name) for name in re.findall(r"^([A-Za-z0-9_.-]+)==", constraints, flags=re.MULTILINE)}
    wanted = declared((ROOT / "pyproject.toml").read_text())
    assert {"torch", "lightning", "ultralytics", "pytest"} <= wanted
    assert wanted <= pinned
    assert "://" not in constraints
    assert "index-url" not in constraints


@pytest.mark.promise("no ultralytics in classification")
@pytest.mark.slow
def test_classification_never_imports_ultralytics():
    code = (  # in a process of its own: tests of detection import it
        "import sys, tlbench.runs.run, tlbench.tasks.classification.task; from tests.composed import model; "
        "from tlbench.networks.build import build_network; build_network(model(), 2, 0, (32, 32)); "
        "assert 'torch' in sys.modules and 'ultralytics' not in sys.modules and 'cv2' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_the_licence_is_named_alike_everywhere():
    assert 'license = "AGPL-3.0-or-later"' in (ROOT / "pyproject.toml").read_text()
    assert "AFFERO GENERAL PUBLIC LICENSE" in (ROOT / "LICENSE").read_text()
    assert "AGPL-3.0-or-later" in (ROOT / "README.md").read_text()

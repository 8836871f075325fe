"""Tasks from outside that cannot be used, each named with the reason; they are of no harm to the others."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tlbench.tasks import outside
from tlbench.tasks.registry import built_in

SPEC = """
from dataclasses import replace
from tlbench.tasks.detection.spec import SPEC as DETECTION

SPEC = replace(DETECTION, name={name!r}, was_the_only_one=False, conf={conf!r})
"""


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Finds the tasks that import paths of a package `outer`, drawn in a folder of its own, lead to."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    def find(paths: str, name: str = "outer_task", conf: str | None = None, text: str | None = None):
        for module in [module for module in sys.modules if module.partition(".")[0] == "outer"]:
            del sys.modules[module]
        package = tmp_path / "outer"
        package.mkdir(exist_ok=True)
        (package / "__init__.py").touch()
        (package / "spec.py").write_text(SPEC.format(name=name, conf=conf) if text is None else text)
        return outside._found.__wrapped__(paths, tuple(built_in()))

    yield find
    for module in [module for module in sys.modules if module.partition(".")[0] == "outer"]:
        del sys.modules[module]


def test_an_import_path_leads_to_a_task(found):
    tasks = found(" outer.spec:SPEC ,").tasks
    assert tasks["outer_task"].path == "outer.spec:SPEC"
    assert tasks["outer_task"].distribution is None


@pytest.mark.parametrize(
    ("paths", "given", "reason"),
    [
        ("outer", {}, "ValueError: no import path of the form package.module:NAME"),
        ("outer.spec:NONE", {}, "AttributeError: module 'outer.spec' has no attribute 'NONE'"),
        ("outer.nowhere:SPEC", {}, "ModuleNotFoundError: No module named 'outer.nowhere'"),
        ("outer.spec:SPEC", {"text": "SPEC = 3"}, "TypeError: it is a int, no tlbench.tasks.spec.TaskSpec"),
        ("outer.spec:SPEC", {"text": "raise OSError('no disk')"}, "OSError: no disk"),
        ("outer.spec:SPEC", {"name": "detection"}, "but tlbench itself has a task 'detection'; rename one of the two"),
    ],
)
def test_what_cannot_be_used_says_why(found, paths, given, reason):
    result = found(paths, **given)
    assert "TLBENCH_TASKS names it" in result.broken[paths]
    assert reason in result.broken[paths]
    assert result.tasks.keys() <= {"keypoints"}  # which may be installed


def test_an_option_file_of_a_name_that_tlbench_has_is_refused_by_name(found, tmp_path):
    task, augmentation = tmp_path / "outer" / "conf" / "task", tmp_path / "outer" / "conf" / "augmentation"
    task.mkdir(parents=True)
    augmentation.mkdir()
    (task.parent / "__init__.py").touch()
    (task / "outer_task.yaml").write_text("name: outer_task\n")
    assert "outer_task" in found("outer.spec:SPEC", conf="outer.conf").tasks
    (augmentation / "none.yaml").write_text("name: none\n")
    result = found("outer.spec:SPEC", conf="outer.conf")
    assert (
        "its conf has augmentation/none.yaml, as tlbench's own; give options names" in result.broken["outer.spec:SPEC"]
    )

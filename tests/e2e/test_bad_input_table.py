"""`docs/bad-input.md`, row by row: the line, the exit code, and that nothing is lost."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from unittest import mock

import pytest

from tests.bad_detection import DETECTION, draw_boxes
from tests.bad_input import CASES, RUN, draw_files
from tests.bad_input_table import ROWS
from tests.commands import call, snapshot, train
from tests.conftest import isolate, use_tiny_network

pytestmark = pytest.mark.usefixtures("tiny_network")

ALL = {**CASES, **DETECTION}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A complete run, images, a CSV file, weights, and images with boxes."""
    folder = tmp_path_factory.mktemp("drawn")
    with pytest.MonkeyPatch.context() as monkeypatch:
        isolate(monkeypatch, folder)
        use_tiny_network(monkeypatch)
        draw_files()
        draw_boxes()
        outcome = train(*RUN)
    assert outcome.code == 0, outcome.err
    return folder


@pytest.mark.promise("kinds of bad input")
@pytest.mark.parametrize("name", ALL)
def test_bad_input(drawn, tmp_path, monkeypatch, name):
    case, row = ALL[name], ROWS[name]
    if any(a.endswith("/proc/tlbench") for a in case.arguments) and not Path("/proc").is_dir():
        pytest.skip("no /proc on this system")
    for variable in ("WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_IDENTITY_TOKEN_FILE", "WANDB_CONFIG_DIR", "NETRC"):
        monkeypatch.delenv(variable, raising=False)
    shutil.copytree(drawn, tmp_path, dirs_exist_ok=True)
    case.spoil()
    before = snapshot(tmp_path)
    with mock.patch.dict(os.environ, case.environment):
        outcome = call(case.entry, *case.arguments)
    assert outcome.code == row.exit_code
    assert "Traceback" not in outcome.out + outcome.err
    assert "epoch 1/" not in outcome.out
    *warnings, line = [text for text in outcome.err.splitlines() if text.strip()]
    assert len(warnings) == case.warnings
    assert re.fullmatch(row.pattern, line), line
    after = snapshot(tmp_path)
    assert [file for file in before if after.get(file) != before[file] and file not in case.rewrites] == []
    assert not Path("trace").exists()
    if Path("new/record.json").exists():
        record = json.loads(Path("new/record.json").read_text())
        assert record["status"] == "failed"
        assert record["error"]["message"] in line

"""Whoever calls tlbench from a typed program of their own is told of wrong arguments."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # mypy reads all that tlbench imports

USER = """\
from pathlib import Path

import tlbench

model = tlbench.load(Path("outputs/quickstart/tin200/seed_0"), device="cpu")
for prediction in model.predict(["a.png", "b.jpg"]):
    print(prediction)
reveal_type(model.class_names)
tlbench.load("run", device=0)
"""


def test_mypy_checks_what_a_user_writes(tmp_path: Path):
    (tmp_path / "user.py").write_text(USER)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "user.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [
        'user.py:8: note: Revealed type is "builtins.tuple[builtins.str, ...]"',
        'user.py:9: error: Argument "device" to "load" has incompatible type "int"; expected "str"  [arg-type]',
        "Found 1 error in 1 file (checked 1 source file)",
    ], done.stdout + done.stderr

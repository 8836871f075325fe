"""Whoever calls tlbench from a typed program of their own is told of wrong arguments."""

from __future__ import annotations

import re
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
first: int = model.class_names[0]
tlbench.load("run", device=0)
found = model("photos", progress=False)
print(found.by_file(), found.left_out.keys(), model.probabilities(b"").shape, model.embeddings(Path("a")).files)
model.embeddings("photos", progress="yes")
rows: list[str] = model.embeddings("photos")
study = tlbench.run_study("+experiment=quickstart", {"data.shots": 3}, sweep={"seed": range(3)})
print(study.table(), study.plot(), study.records[0].metrics["test/oa"], tlbench.run_one(seed=1).status)
"""


@pytest.mark.promise("types for users")
def test_mypy_checks_what_a_user_writes(tmp_path: Path):
    (tmp_path / "user.py").write_text(USER)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "user.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    errors = re.findall(r"^user\.py:(\d+): error: .*\[([a-z-]+)\]$", done.stdout, flags=re.MULTILINE)
    assert errors == [("8", "assignment"), ("9", "arg-type"), ("12", "arg-type"), ("13", "assignment")], (
        done.stdout + done.stderr
    )

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import importlib, pkgutil, sys
import tlbench
names = [m.name for m in pkgutil.walk_packages(tlbench.__path__, "tlbench.") if not m.name.endswith("__main__")]
for name in names:
    importlib.import_module(name)
shadowed = [name for name in tlbench.__all__ if not callable(getattr(tlbench, name))]
print(len(names), shadowed)
sys.exit(bool(shadowed))
"""


@pytest.mark.promise("from Python")
def test_each_public_name_is_callable_after_every_module_was_imported():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    number, shadowed = done.stdout.split(" ", 1)
    assert int(number) > 300
    assert shadowed == "[]\n"

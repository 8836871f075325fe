"""`--help`, `--cfg job` and a config error answer before anything heavy is imported."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = (
    "torch",
    "lightning",
    "torchvision",
    "torchmetrics",
    "sklearn",
    "scipy",
    "timm",
    "ultralytics",
    "matplotlib",
    "tensorboard",
)

SCRIPT = """
import json, sys
from tlbench.cli.train import main
try:
    code = main(sys.argv[1:])
except SystemExit as leaving:
    code = leaving.code or 0
print(json.dumps([code, sorted(sys.modules)]), file=open("seen.json", "w"))
"""


@pytest.mark.promise("nothing heavy is imported")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["--cfg", "job"], 0),
        (["+experiment=cifar_transfer", "--cfg", "job"], 0),
        (["optimizer.lr=-1"], 2),
        (["optimiser.lr=1"], 2),
        (["-m", "+experiment=quickstart", "data.shots=0"], 2),
    ],
)
def test_nothing_heavy_is_imported(tmp_path, arguments, code):
    subprocess.run([sys.executable, "-c", SCRIPT, *arguments], check=True, capture_output=True)
    seen, modules = json.loads((tmp_path / "seen.json").read_text())
    assert seen == code
    assert "hydra" in modules
    assert [name for name in HEAVY if name in modules] == []

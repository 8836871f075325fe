from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tlbench.data.open import ensure_reachable, open_target
from tlbench.errors import ConfigError, DataError

ROOT = Path(__file__).parents[3]


def test_asking_whether_data_are_here_imports_nothing_heavy(tmp_path: Path, draw_tree):
    for split in ("train", "test"):
        draw_tree(tmp_path / "cifar10" / split, {"cat": 1})
    script = f"""
import sys, yaml
from tlbench.annotations.labels.config import LabelDataConfig
from tlbench.data.open import ensure_reachable
for name, root in (("cifar10", {str(tmp_path)!r}), ("digits", None)):
    with open(f"{ROOT}/conf/data/{{name}}.yaml") as file:
        shipped = yaml.safe_load(file)
    del shipped["defaults"]
    with open("{ROOT}/conf/data/limits/default.yaml") as file:
        shipped["limits"] = yaml.safe_load(file)
    ensure_reachable(LabelDataConfig.model_validate({{**shipped, "root": root}}))
print([m for m in ("torch", "torchvision", "sklearn", "numpy", "PIL") if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("name", "fraction"), [("cifar10", 0.5), ("digits", None)])
@pytest.mark.parametrize("call", [ensure_reachable, lambda data: open_target(data, 0)])
def test_test_fraction_must_fit_the_data_set(data_config, name: str, fraction: float | None, call):
    with pytest.raises(ConfigError, match=r"data.test_fraction="):
        call(data_config(name, test_fraction=fraction))


def test_digits_without_scikit_learn(data_config, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"pip install scikit-learn"):
        ensure_reachable(data_config("digits"))

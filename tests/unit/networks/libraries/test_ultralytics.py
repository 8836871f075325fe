from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import tlbench
from tlbench.networks.libraries.ultralytics import QUIET, _environment, ultralytics_module

ROOT = Path(tlbench.__file__).parents[1]

SIDE_EFFECTS = """
import os, socket, sys, types, warnings
import cv2, numpy, PIL.Image, torch

sys.modules["torchvision"] = types.ModuleType("torchvision")  # takes seconds, and plays no part

def refuse(*args, **kwargs):
    raise AssertionError(f"the network was asked: {args}")

for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "create_connection", "socket"):
    setattr(socket, name, refuse)

def state():
    return {
        "environment": dict(os.environ),
        "functions": (torch.save, torch.load, PIL.Image.open, cv2.imread, cv2.imwrite, cv2.imshow, sys.excepthook),
        "torch prints": dict(vars(torch._tensor_str.PRINT_OPTS)),
        "numpy prints": numpy.get_printoptions(),
        "threads": (torch.get_num_threads(), cv2.getNumThreads()),
        "warnings": list(warnings.filters),
        "path": list(sys.path),
        "draws": (torch.get_rng_state().tolist(), str(numpy.random.get_state())),
    }

from tlbench.networks.libraries.ultralytics import ultralytics_module
before = state()
assert ultralytics_module("nn.tasks").DetectionModel and ultralytics_module("utils.nms").non_max_suppression
assert ultralytics_module("utils.loss").v8DetectionLoss
after = state()
for key in before:
    assert before[key] == after[key], (key, before[key], after[key])
assert not sys.modules["ultralytics.utils"].ONLINE
"""


@pytest.mark.promise("importing ultralytics")
def test_the_import_leaves_the_process_the_network_and_the_home_folder_alone(tmp_path: Path) -> None:
    home, cache = tmp_path / "home", tmp_path / "kept"
    home.mkdir()
    unset = ("OMP_NUM_THREADS", "YOLO_CONFIG_DIR", "XDG_CACHE_HOME", "MPLCONFIGDIR")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment |= {"PYTHONPATH": str(ROOT), "HOME": str(home), "TLBENCH_CACHE": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", SIDE_EFFECTS], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [path for path in home.rglob("*") if "ltralytics" in str(path)] == []
    assert [str(path.relative_to(cache)) for path in cache.rglob("*.json")] == ["ultralytics/Ultralytics/settings.json"]


def test_what_the_user_has_set_is_kept(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    for name in ("OMP_NUM_THREADS", "YOLO_CONFIG_DIR", *QUIET):
        monkeypatch.delenv(name, raising=False)
    with _environment():
        assert {name: os.environ[name] for name in QUIET} == QUIET
        assert os.environ["OMP_NUM_THREADS"] == str(torch.get_num_threads())
        assert os.environ["YOLO_CONFIG_DIR"] == str(cache / "ultralytics")
    mine = {"YOLO_CONFIG_DIR": "mine", "YOLO_OFFLINE": "0", "OMP_NUM_THREADS": "7"}
    for name, value in mine.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    with _environment():
        assert {name: os.environ[name] for name in mine} == mine
        os.environ |= {"OMP_NUM_THREADS": "1", "KINETO_LOG_LEVEL": "5"}
    assert dict(os.environ) == before


def test_a_module_is_imported_once() -> None:
    assert ultralytics_module("utils.nms") is ultralytics_module("utils.nms") is sys.modules["ultralytics.utils.nms"]


def test_tensors_of_its_classes_are_on_the_cpu_whatever_the_default_device() -> None:
    script = (
        "import torch; from tlbench.networks.libraries.ultralytics import ultralytics_module\n"
        "with torch.device('meta'): head = ultralytics_module('nn.modules.head')\n"
        "print(head.Detect.anchors.device, head.Detect.strides.device)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "cpu cpu\n", "")

"""What data are read, how they are divided and in which order they come: integers, the same on every machine.

Nothing may move them but a change that says so, and then the version of what it changes. What floats do is compared
between two commits on one machine: `python -m benchmarks.goldens BEFORE AFTER`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks.goldens.cases import CASES, DRAWN, draw
from benchmarks.goldens.watched import digest
from tlbench.config.compose import compose_config
from tlbench.runs.open_data import open_data
from tlbench.seeds import permutation
from tlbench.system.voice import SILENT

GOLDEN = {
    "quickstart": {"train": "f3372a5f598ac8fe", "test": "fe97c6b53a340473", "val": "1a29d2ddf3adf608"},
    "chain_target": {"train": "ecc159949c07fa09", "test": "0684cca82b6c078c", "val": "ba2a536c9b7a4be9"},
    "quickstart_detection": {"train": "8d89055dbaa667a5", "val": "9883c7f4ebfe7323", "test": "90e360917c15d3b5"},
    "image_folder": {"train": "bf2dc9590be288cf", "val": "5ed30502a94be233", "test": "74c76079b73dfd66"},
    "image_folder_files": {"train": "248230789c412fa3", "val": "a9bdd8ef14335ffe", "test": "c3d7b3f975afa08a"},
    "image_csv": {"train": "bf2dc9590be288cf", "val": "5ed30502a94be233", "test": "74c76079b73dfd66"},
    "yolo": {"train": "e3de703287942188", "val": "3d818d2b0038b324", "test": "57bc2e6456dbd5ba"},
    "yolo_files": {"train": "e3de703287942188", "val": "3d818d2b0038b324", "test": "57bc2e6456dbd5ba"},
    "coco": {"train": "ef0861be58325c92", "val": "c611947fb5e8dc91", "test": "caf06535dcc64444"},
}
"""Case → split → the first digits of its fingerprint, that is of images, labels or boxes, and class names; drawn by
position, as they were before images were drawn by identity.
"""

BY_IDENTITY = {
    "quickstart": {"train": "331c8df20bea0873", "val": "9d6e8cf1ff9ecf86", "test": "fba29c778c0e88ee"},
    "chain_target": {"train": "05e2c9ec86470378", "val": "7218937fb541792c", "test": "2e246a6b2579b6ff"},
    "quickstart_detection": {"train": "8d89055dbaa667a5", "val": "9883c7f4ebfe7323", "test": "90e360917c15d3b5"},
    "image_folder": {"train": "5e13fed38ebe0d53", "val": "32e58490f0ae8760", "test": "74c76079b73dfd66"},
    "image_folder_files": {"train": "1cbedcddc5736fe9", "val": "f96b56ea0dc2f3c9", "test": "c3d7b3f975afa08a"},
    "image_csv": {"train": "ed7e3e21d0cf1277", "val": "6c5173f75b1d6cfa", "test": "74c76079b73dfd66"},
    "yolo": {"train": "9573cee91932ccf8", "val": "bd6bff2942e19f86", "test": "57bc2e6456dbd5ba"},
    "yolo_files": {"train": "9573cee91932ccf8", "val": "bd6bff2942e19f86", "test": "57bc2e6456dbd5ba"},
    "coco": {"train": "c7da67c732434747", "val": "f78efdf8382884fb", "test": "caf06535dcc64444"},
}
"""Likewise, as they are drawn by default."""

ORDER = [[7, 8, 6, 5, 1, 9, 2, 10, 4, 0, 11, 3], [5, 10, 0, 2, 6, 7, 9, 3, 11, 1, 4, 8]]
"""The first two epochs of twelve images, by the seed 3."""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("goldens")
    draw(folder / DRAWN)
    return folder


@pytest.mark.parametrize(("draw", "golden"), [("position", GOLDEN), ("identity", BY_IDENTITY)])
@pytest.mark.parametrize("case", GOLDEN)
def test_fingerprints(case: str, draw: str, golden, drawn: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(drawn)
    (overrides,) = [each.overrides for each in CASES if each.name == case]
    config = compose_config([*overrides, f"data.draw={draw}"])
    data = open_data(config, SILENT)
    found = {split: images.fingerprint()[:16] for split, images in data.target.splits.items()}
    assert found == golden[case]


@pytest.mark.parametrize("epoch", [0, 1])
def test_order_of_an_epoch(epoch: int):
    assert permutation(12, 3, epoch).tolist() == ORDER[epoch]


def test_the_digest_sees_values_shapes_and_kinds():
    values = [
        torch.arange(4),
        torch.arange(4).float(),
        torch.arange(4).view(2, 2),
        torch.arange(4).flip(0),
        [0, 1, 2, 3],
    ]
    assert len({digest(value) for value in values}) == len(values)

from __future__ import annotations

import hashlib
import json
import pickle
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision

from tlbench.data.formats.cifar10 import copy as cifar10_copy
from tlbench.data.open import ensure_reachable, open_target
from tlbench.errors import DataError

COUNTS = {"cat": 20, "dog": 20}


@pytest.fixture
def official(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small archive in the official layout that passes for the official one: 5 × 20 training and 20 test images."""
    rng = np.random.default_rng(0)
    source = tmp_path / "source" / "cifar-10-batches-py"
    source.mkdir(parents=True)
    md5 = {}
    for name in cifar10_copy.BATCH_FILES:
        if name == "batches.meta":
            content = {"label_names": [f"class{c}" for c in range(10)]}
        else:
            pixels = rng.integers(0, 256, (20, 3072), dtype=np.uint8)
            content = {"data": pixels, "labels": [i % 10 for i in range(20)]}
        (source / name).write_bytes(pickle.dumps(content))
        md5[name] = hashlib.md5((source / name).read_bytes()).hexdigest()
    archive = source.parent / cifar10_copy.CIFAR10.archive
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(source, cifar10_copy.BATCHES)
    theirs = torchvision.datasets.CIFAR10
    monkeypatch.setattr(theirs, "train_list", [[n, md5[n]] for n in cifar10_copy.BATCH_FILES[:5]])
    monkeypatch.setattr(theirs, "test_list", [["test_batch", md5["test_batch"]]])
    monkeypatch.setattr(theirs, "meta", {**theirs.meta, "md5": md5["batches.meta"]})
    known_hash = f"md5:{hashlib.md5(archive.read_bytes()).hexdigest()}"
    monkeypatch.setattr(cifar10_copy, "CIFAR10", replace(cifar10_copy.CIFAR10, known_hash=known_hash))
    return archive


def test_the_declaration_is_torchvisions():
    ours, theirs = cifar10_copy.CIFAR10, torchvision.datasets.CIFAR10
    assert (ours.url, ours.archive, ours.known_hash) == (theirs.url, theirs.filename, f"md5:{theirs.tgz_md5}")
    assert theirs.base_folder == ours.folder
    names = [name for name, _ in theirs.train_list + theirs.test_list] + [theirs.meta["filename"]]
    assert [f"{ours.folder}/{name}" for name in names] == list(ours.wanted)


@pytest.mark.promise("CIFAR-10 is found")
@pytest.mark.parametrize("place", ["data/cifar10", "data", "mine/cifar10", "mine"])
def test_folder_copy_is_found(tmp_path: Path, draw_tree, data_config, place: str):
    draw_tree(tmp_path / place / "train", COUNTS)
    draw_tree(tmp_path / place / "test", {"cat": 3, "dog": 2})
    data = data_config("cifar10", root="mine" if place.startswith("mine") else None)
    ensure_reachable(data)
    target = open_target(data, 0)
    assert target.class_names == ("cat", "dog")
    train, val, test = (target.splits[split] for split in ("train", "val", "test"))
    assert [torch.bincount(s.labels).tolist() for s in (train, val, test)] == [[18, 18], [2, 2], [3, 2]]
    images = torch.cat([train.images, val.images]).flatten(1)
    assert len(images.unique(dim=0)) == 40
    assert json.loads(json.dumps(target.split_rule)) == target.split_rule
    assert target.split_rule["counts"] == {"train": 36, "val": 4, "test": 5}
    assert target.split_rule["test"] == "official"


def test_fraction_leaves_val_alone(tmp_path: Path, draw_tree, data_config):
    draw_tree(tmp_path / "data" / "train", COUNTS)
    draw_tree(tmp_path / "data" / "test", {"cat": 1, "dog": 1})
    full, few = (open_target(data_config("cifar10", shots=shots), 0) for shots in (None, 2))
    assert few.splits["val"].fingerprint() == full.splits["val"].fingerprint()
    assert torch.bincount(few.splits["train"].labels).tolist() == [2, 2]


def test_a_broken_file_of_any_split_is_named_at_once(tmp_path: Path, draw_tree, data_config):
    draw_tree(tmp_path / "data" / "train", COUNTS)
    draw_tree(tmp_path / "data" / "test", {"cat": 1, "dog": 1})
    (tmp_path / "data" / "test" / "cat" / "0.png").write_bytes(b"broken")
    with pytest.raises(DataError, match=r"test/cat/0\.png: not an image.*data\.max_unreadable \(now 0\)"):
        open_target(data_config("cifar10"), 0)


def test_train_and_test_with_other_classes(tmp_path: Path, draw_tree, data_config):
    draw_tree(tmp_path / "data" / "cifar10" / "train", COUNTS)
    draw_tree(tmp_path / "data" / "cifar10" / "test", {"cat": 1, "frog": 1})
    with pytest.raises(DataError, match=r"cifar10: train and .* not in test: dog; in test, but not in train: frog"):
        open_target(data_config("cifar10"), 0)


def test_half_a_folder_copy(tmp_path: Path, draw_tree, data_config):
    draw_tree(tmp_path / "data" / "cifar10" / "train", COUNTS)
    with pytest.raises(DataError, match=r"cifar10: only train in it") as caught:
        ensure_reachable(data_config("cifar10"))
    assert not caught.value.unreachable


@pytest.mark.promise("CIFAR-10 is found")
def test_official_archive_is_unpacked_and_read(tmp_path: Path, data_config, official: Path):
    root = tmp_path / "mine"
    root.mkdir()
    official.rename(root / official.name)
    data = data_config("cifar10", root="mine", val_fraction=0.2)
    ensure_reachable(data)
    target = open_target(data, 0)
    assert [len(s) for s in (target.splits["train"], target.splits["val"], target.splits["test"])] == [80, 20, 20]
    assert target.class_names == tuple(f"class{c}" for c in range(10))
    with (root / "cifar-10-batches-py" / "test_batch").open("rb") as file:
        wanted = pickle.load(file)
    assert torch.equal(target.splits["test"].images, torch.from_numpy(wanted["data"]).view(20, 3, 32, 32))
    assert target.splits["test"].labels.tolist() == wanted["labels"]
    assert sorted(p.name for p in root.iterdir()) == ["cifar-10-batches-py", "cifar-10-python.tar.gz"]


def test_damaged_batches_are_no_unreachable_data(tmp_path: Path, data_config, official: Path):
    (official.parent / "cifar-10-batches-py" / "data_batch_3").write_bytes(b"damaged")
    with pytest.raises(DataError, match=r"cifar-10-batches-py: its files are not the official ones") as caught:
        open_target(data_config("cifar10", root=str(official.parent)), 0)
    assert not caught.value.unreachable


@pytest.mark.promise("CIFAR-10 is found")
def test_truncated_archive_is_replaced_by_a_download(tmp_path: Path, data_config, official, serve, monkeypatch):
    def answer(request) -> None:
        request.send_response(200)
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(official.read_bytes())

    (tmp_path / "data").mkdir()
    (tmp_path / "data" / official.name).write_bytes(official.read_bytes()[:1000])
    with serve(answer) as url:
        monkeypatch.setattr(cifar10_copy, "CIFAR10", replace(cifar10_copy.CIFAR10, url=f"{url}/{official.name}"))
        ensure_reachable(data_config("cifar10"))
    assert len(open_target(data_config("cifar10", val_fraction=0.2), 0).splits["train"]) == 80
    assert sorted(p.name for p in (tmp_path / "data").iterdir()) == ["cifar-10-batches-py", "cifar-10-python.tar.gz"]

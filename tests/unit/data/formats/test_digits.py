from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from tlbench.data.open import open_target
from tlbench.errors import DataError


def rows(*image_sets) -> list[tuple]:
    """Each image with its label, hashable."""
    return [(*i.flatten().tolist(), int(y)) for s in image_sets for i, y in zip(s.images, s.labels, strict=True)]


@pytest.mark.promise("digits")
def test_splits_together_are_scikit_learns_digits(data_config):
    target = open_target(data_config("digits"), 0)
    train, val, test = (target.splits[split] for split in ("train", "val", "test"))
    assert [len(s) for s in (train, val, test)] == [717, 179, 901]
    bunch = load_digits()
    grey = np.rint(bunch.images * 255 / 16).astype(np.uint8)
    wanted = [(*np.tile(g.ravel(), 3).tolist(), int(y)) for g, y in zip(grey, bunch.target, strict=True)]
    assert sorted(rows(train, val, test)) == sorted(wanted)
    assert train.images.shape[1:] == (3, 8, 8)
    assert train.class_names == target.class_names == tuple("0123456789")


def test_shots_take_from_train_only(data_config):
    full, few = (open_target(data_config("digits", shots=shots), 0) for shots in (None, 30))
    assert torch.bincount(few.splits["train"].labels).tolist() == [30] * 10
    assert set(rows(few.splits["train"])) < set(rows(full.splits["train"]))
    assert few.splits["val"].fingerprint() == full.splits["val"].fingerprint()
    assert few.splits["test"].fingerprint() == full.splits["test"].fingerprint()


def test_split_seed_decides(data_config):
    a, again, b = (open_target(data_config("digits"), seed).splits["test"].fingerprint() for seed in (0, 0, 1))
    assert a == again != b


@pytest.mark.promise("digits")
def test_split_rule_says_how(data_config):
    rule = open_target(data_config("digits", fraction=0.5), 4).split_rule
    assert json.loads(json.dumps(rule)) == rule
    assert rule["counts"] == {"train": 361, "val": 179, "test": 901}
    assert (rule["split_seed"], rule["test_fraction"], rule["fraction"]) == (4, 0.5, 0.5)


def test_more_shots_than_there_are(data_config):
    with pytest.raises(DataError, match=r"data.shots=100: class '\d' has \d\d training images"):
        open_target(data_config("digits", shots=100), 0)

"""Drawn documents as a target: splits, classes, and what is kept for other runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tlbench.data.formats.documents_boxes import open_documents
from tlbench.embedded.documents.label_spaces import SOURCE_CLASSES
from tlbench.errors import DataError
from tlbench.geometry.fits import GREY
from tlbench.system.cache_folder import cache_folder
from tlbench.system.voice import Voice


@pytest.fixture
def opened(boxes_config, monkeypatch, tmp_path):
    """20 small pages, of which each split has some; kept in a cache of the test's own."""
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))

    def make(said: list[str] | None = None, **changes):
        own = {"pages": 20, "image_size": 64, "val_fraction": 0.2, "test_fraction": 0.2, **changes}
        data = boxes_config("documents", **own)
        return open_documents(data, 0, Voice([].append if said is None else said.append, pytest.fail))

    return make


def kept() -> Path:
    (folder,) = (path for path in (cache_folder() / "documents").iterdir() if path.is_dir())
    return folder


@pytest.mark.parametrize("size", [[64, 96], [96, 64], [64, 192]])
def test_pages_fill_the_height_or_the_width_of_a_rectangle(opened, size):
    train = opened(image_size=size).splits["train"]
    assert train.size == tuple(size)
    of = train.annotations
    height, width = of.inside.T
    assert ((height == size[0]) | (width == size[1])).all()
    assert (height <= size[0]).all()
    assert (width <= size[1]).all()
    assert len(torch.unique(of.inside, dim=0)) > 1
    owner = of.owners()
    assert (of.boxes[:, :2] >= 0).all()
    assert (of.boxes[:, 2:] <= of.inside.flip(1)[owner]).all()
    for image, (high, wide) in zip(train.images, of.inside.tolist(), strict=True):
        assert (image[:, high:] == GREY).all()
        assert (image[:, :, wide:] == GREY).all()
    assert opened(image_size=size).splits["train"].fingerprint() == train.fingerprint()  # as they were kept


def test_every_page_lies_in_one_split_and_a_fraction_is_of_train_alone(opened):
    whole, half = opened().splits, opened(fraction=0.5).splits
    assert sorted(name for images in whole.values() for name in images.names) == sorted(f"page {i}" for i in range(20))
    assert {split: len(images) for split, images in half.items()} == {"train": 6, "val": 4, "test": 4}
    assert set(half["train"].names) < set(whole["train"].names)
    assert half["test"].fingerprint() == whole["test"].fingerprint()


def test_classes_are_chosen_and_counted(opened):
    whole = opened(label_space="source").splits["train"]
    found = opened(label_space="source", classes=["stamp", "logo"])
    train = found.splits["train"]
    assert train.class_names == ("stamp", "logo")
    kinds = [SOURCE_CLASSES.index(name) for name in train.class_names]
    assert torch.bincount(train.labels, minlength=2).tolist() == [int((whole.labels == kind).sum()) for kind in kinds]
    assert found.split_rule["objects"]["train"] == len(train.labels) < len(whole.labels)
    with pytest.raises(DataError, match=r"data\.classes: no class 'cat'; the data have "):
        opened(classes=["cat"])


@pytest.mark.parametrize(("split", "other"), [("val", "test"), ("test", "val")])
def test_an_empty_split_is_refused(opened, split, other):
    with pytest.raises(DataError) as caught:
        opened(**{f"{split}_fraction": 0.01, f"{other}_fraction": 0.5})
    assert str(caught.value) == (
        f"20 drawn documents: {split} has 0 images and no objects of signature; change data.{split}_fraction"
    )


@pytest.mark.promise("drawn documents")
@pytest.mark.parametrize(("file", "content"), [("pages.npz", b"PK broken"), ("pixels.npy", b""), ("pages.npz", None)])
def test_what_an_earlier_run_kept_is_read_and_a_damaged_file_is_replaced(opened, file, content):
    said: list[str] = []
    first = opened(said).splits["train"].fingerprint()
    assert len(said) == 1
    assert said[0].startswith("drew 20 documents once")
    opened(said)
    assert len(said) == 1
    if content is None:
        (kept() / file).unlink()
    else:
        (kept() / file).write_bytes(content)
    assert opened(said).splits["train"].fingerprint() == first
    assert len(said) == 2
    opened(said)
    assert len(said) == 2

"""Drawn documents with class maps: splits, classes, background, and what is kept for other runs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.unit.data.formats.test_documents import kept
from tlbench.annotations.maps.class_maps import VOID
from tlbench.data.formats.documents_boxes import open_documents
from tlbench.data.formats.documents_maps import open_document_maps
from tlbench.embedded.documents.label_spaces import SOURCE_CLASSES, mapped
from tlbench.embedded.documents.page import draw_page
from tlbench.errors import DataError
from tlbench.system.voice import Voice

SMALL = {"pages": 20, "image_size": 64, "val_fraction": 0.2, "test_fraction": 0.2}


@pytest.fixture
def opened(maps_config, monkeypatch, tmp_path):
    """20 small pages, of which each split has some; kept in a cache of the test's own."""
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))

    def make(said: list[str] | None = None, **changes):
        data = maps_config("documents", **{**SMALL, **changes})
        return open_document_maps(data, 0, Voice([].append if said is None else said.append, pytest.fail))

    return make


def maps_of(split) -> list[np.ndarray]:
    return [split.annotations.unpacked(i) for i in range(len(split))]


def test_the_maps_are_those_of_the_pages_and_all_pages_lie_in_one_split(opened):
    splits = opened(label_space="source").splits
    seen = []
    for split in splits.values():
        assert split.class_names == ("background", *SOURCE_CLASSES)
        for name, own, inside, pixels in zip(
            split.names, maps_of(split), split.annotations.inside, split.images, strict=True
        ):
            page = draw_page(1, int(name.removeprefix("page ")), (64, 64))
            height, width = inside.tolist()
            assert np.array_equal(own, mapped(page, "source"))
            assert np.array_equal(pixels[:, :height, :width].permute(1, 2, 0).numpy(), page.pixels)
            seen.append(name)
    assert sorted(seen) == sorted(f"page {i}" for i in range(20))


def test_a_split_has_the_pages_that_it_has_with_boxes(opened, boxes_config):
    maps = opened().splits
    boxes = open_documents(boxes_config("documents", **SMALL), 0, Voice(pytest.fail, pytest.fail)).splits
    assert {split: found.names for split, found in boxes.items()} == {
        split: found.names for split, found in maps.items()
    }


def test_the_background_can_be_called_otherwise_or_be_ignored(opened):
    said: list[str] = []
    named = opened(said, background="paper", label_space="source").splits["train"]
    assert named.class_names == ("paper", *SOURCE_CLASSES)
    alone = opened(said, background=None, label_space="source").splits["train"]
    assert alone.class_names == SOURCE_CLASSES
    assert len(said) == 1
    for whole, without in zip(maps_of(named), maps_of(alone), strict=True):
        assert np.array_equal(np.where(whole == 0, VOID, whole - 1), without)
    with pytest.raises(DataError, match=r"^20 drawn documents: only the class 'signature', beside what is ignored; "):
        opened(said, background=None)


def test_pixels_of_ignored_classes_count_nowhere(opened):
    whole = opened(label_space="source").splits["train"]
    some = opened(label_space="source", ignored_classes=["background", "stamp"]).splits["train"]
    names = tuple(name for name in SOURCE_CLASSES if name != "stamp")
    assert some.class_names == names
    table = np.array([names.index(name) if name in names else VOID for name in whole.class_names], np.uint8)
    for all_classes, without in zip(maps_of(whole), maps_of(some), strict=True):
        assert np.array_equal(table[all_classes], without)
    with pytest.raises(DataError) as caught:
        opened(ignored_classes=["stamp"])
    assert str(caught.value) == "data.ignored_classes: no class 'stamp'; the data have background, signature"


def test_most_of_a_page_is_background(opened):
    train = opened(pages=60, image_size=96, label_space="source").splits["train"]
    shares = train.annotations.counts.sum(0) / train.annotations.sizes.prod(1).sum()
    assert torch.isclose(shares.sum(), torch.tensor(1.0))
    assert 0.8 < shares[0] < 0.95
    assert (shares[1:] > 0).all()


def test_classes_are_chosen_and_their_pixels_counted(opened):
    found = opened(label_space="source", classes=["stamp", "background"])
    train = found.splits["train"]
    assert train.class_names == ("stamp", "background")
    assert (
        found.split_rule["pixels"]["train"]
        == int(train.annotations.counts.sum())
        < int(train.annotations.sizes.prod(1).sum())
    )
    with pytest.raises(DataError, match=r"data\.classes: no class 'cat'; the data have background, signature"):
        opened(classes=["cat", "signature"])


def test_an_empty_split_is_refused(opened):
    with pytest.raises(DataError, match=r"^20 drawn documents: val has 0 images and no pixel of background, signature"):
        opened(val_fraction=0.01, test_fraction=0.5)


@pytest.mark.promise("drawn documents")
@pytest.mark.parametrize(("file", "content"), [("pages.npz", b"PK broken"), ("pixels.npy", b"")])
def test_boxes_and_maps_are_kept_together_and_a_damaged_file_is_replaced(opened, boxes_config, file, content):
    said: list[str] = []
    first = opened(said).splits["train"].fingerprint()
    assert said[0].startswith("drew 20 documents once")
    boxes = open_documents(boxes_config("documents", **SMALL), 0, Voice(said.append, pytest.fail)).splits["train"]
    assert opened(said).splits["train"].fingerprint() == first != boxes.fingerprint()
    assert len(said) == 1
    (kept() / file).write_bytes(content)
    assert opened(said).splits["train"].fingerprint() == first
    assert len(said) == 2
    opened(said)
    assert len(said) == 2

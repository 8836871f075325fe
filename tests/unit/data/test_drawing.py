"""Which images are drawn for splits and subsets when images come and go: of labels and of class maps."""

from __future__ import annotations

import itertools
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.composed import changed, unresolved
from tlbench.annotations.labels.carve import carve_by_label
from tlbench.annotations.labels.labels import Labels
from tlbench.annotations.maps.carve import carve_maps
from tlbench.annotations.maps.class_maps import ClassMaps
from tlbench.data.drawing import drawing
from tlbench.data.listing import Listing
from tlbench.data.samples import MemorySamples

CLASSES = ("a", "b", "c")
NAMES = tuple(f"{c}/{i:03}.png" for c in CLASSES for i in range(40))


def label_of(name: str) -> int:
    return CLASSES.index(name[0])


def carved_labels(names, seed: int = 0, **keys) -> dict[str, set[str]]:
    data = changed(unresolved("data=image_folder", "data.root=/data")).data.model_copy(update=keys)
    listing = Listing(Path("/data"), tuple(names), Labels(torch.tensor([label_of(name) for name in names]), CLASSES))
    return {split: set(found.names) for split, found in carve_by_label({"train": listing}, data, seed)[0].items()}


def carved_maps(names, seed: int = 0, **keys) -> dict[str, set[str]]:
    data = changed(unresolved("task=semantic_segmentation", "data=masks", "data.root=/data")).data
    maps = ClassMaps.of([np.full((2, 2), label_of(name), np.uint8) for name in names], CLASSES)
    parts = {"train": Listing(Path("/data"), tuple(names), maps)}
    splits, _ = carve_maps("/data", parts, data.model_copy(update=keys), seed, "the folder's")
    return {split: set(found.names) for split, found in splits.items()}


both = pytest.mark.parametrize("carved", [carved_labels, carved_maps])


@pytest.mark.promise("draws by identity")
@both
def test_an_image_that_is_added_moves_no_other(carved):
    """Ten names are added, one at a time, at the front, in the middle and at the end; the last of those drawn may make
    room for the one that is added, and a part of rounded size may take one more.
    """
    chosen = {"fraction": 0.3} if carved is carved_maps else {"shots": 7}
    before, names = carved(NAMES, **chosen), list(NAMES)
    for added in ["a/!.png", "b/x.png", "c/z.png", "a/020b.png", "b/0.png"]:
        names = sorted([*names, added])
        after = carved(names, **chosen)
        for split in ("train", "val", "test"):
            assert len((before[split] ^ after[split]) - {added}) <= 2
        before = after
    by_position = [carved(some, draw="position", **chosen)["test"] for some in (NAMES, ["a/!.png", *NAMES])]
    assert len(by_position[0] & by_position[1]) < 12  # of 24: all are drawn anew


def test_an_image_that_is_added_leaves_the_other_classes_alone():
    before = carved_labels(NAMES, fraction=0.3)
    after = carved_labels([*NAMES, "c/new.png", "c/newer.png", "c/newest.png"], fraction=0.3)
    for split, names in before.items():
        assert {name for name in names if name[0] != "c"} == {name for name in after[split] if name[0] != "c"}


@pytest.mark.promise("draws by identity")
@both
def test_fewer_are_a_subset_of_more(carved):
    drawn = [carved(NAMES, fraction=fraction)["train"] for fraction in np.linspace(0.05, 1, 40)]
    assert all(fewer <= more for fewer, more in itertools.pairwise(drawn))
    assert len(drawn[0]) < len(drawn[-1])


def test_fewer_shots_are_a_subset_of_more_shots():
    drawn = [carved_labels(NAMES, shots=shots)["train"] for shots in range(1, 25)]
    assert [len(names) for names in drawn] == [3 * shots for shots in range(1, 25)]
    assert all(fewer <= more for fewer, more in itertools.pairwise(drawn))


@both
def test_the_order_of_the_images_is_of_no_account(carved):
    assert carved(NAMES, fraction=0.5) == carved(NAMES[::-1], fraction=0.5)
    assert carved(NAMES, seed=1)["test"] != carved(NAMES)["test"]


def test_accents_are_one_however_a_system_writes_them():
    names = [f"a/é{i}.png" for i in range(30)] + [f"b/ü{i}.png" for i in range(30)] + list(NAMES[80:])
    composed, apart = ([unicodedata.normalize(form, name) for name in names] for form in ("NFC", "NFD"))
    assert composed != apart
    found = carved_labels(apart)
    assert {s: {unicodedata.normalize("NFC", n) for n in found[s]} for s in found} == carved_labels(composed)


@pytest.mark.promise("draws by identity")
def test_read_images_are_drawn_as_listed_ones_are():
    """Whatever size they are kept in: splits do not depend on how images are stored."""
    data = changed(unresolved()).data
    labels = Labels(torch.tensor([label_of(name) for name in NAMES]), CLASSES)
    listed = drawing(Listing(Path("/data"), NAMES, labels), data, 0).keys
    for side in (4, 6):
        pixels = torch.from_numpy(np.random.default_rng(side).integers(0, 256, (len(NAMES), 3, side, side), np.uint8))
        digests = np.random.default_rng(side).integers(0, 256, (len(NAMES), 16), np.uint8)
        assert torch.equal(drawing(MemorySamples(pixels, labels, NAMES, digests), data, 0).keys, listed)


def test_images_that_are_no_files_are_drawn_by_their_pixels():
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (50, 3, 4, 4), np.uint8))
    data = changed(unresolved()).data
    labels = Labels(torch.zeros(50, dtype=torch.int64), ("a", "b"))
    keys = drawing(MemorySamples(pixels, labels), data, 0).keys
    positions = tuple(f"train[{i}]" for i in range(50))
    other = drawing(MemorySamples(pixels.flip(0), labels, positions), data, 0).keys
    assert torch.equal(keys, other.flip(0))
    assert len(set(keys.tolist())) == 50
    assert drawing(MemorySamples(pixels, labels), data.model_copy(update={"draw": "position"}), 0).keys[7] == 7

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from tlbench.data.drawing import by_position
from tlbench.data.splits import random_split, random_subset, stratified_split, stratified_subset
from tlbench.errors import DataError

TEN = tuple("abcdefghij")
BALANCED = torch.arange(50_000) % 10


def images(labels, seed: int):
    return by_position(len(labels), seed)


@pytest.mark.promise("stratified splits")
def test_balanced_classes_split_exactly():
    split = stratified_split(BALANCED, {"val": 0.1}, images(BALANCED, 0), TEN)
    assert torch.bincount(BALANCED[split["train"]]).tolist() == [4_500] * 10
    assert torch.bincount(BALANCED[split["val"]]).tolist() == [500] * 10
    assert torch.equal(torch.cat([split["train"], split["val"]]).sort().values, torch.arange(50_000))
    assert torch.equal(split["val"], split["val"].sort().values)


def test_split_is_a_function_of_the_seed():
    first, again, other = (
        stratified_split(BALANCED, {"val": 0.1}, images(BALANCED, seed), TEN)["val"] for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    shared = len(set(first.tolist()) & set(other.tolist()))
    assert 400 < shared < 600  # by chance 500 of 5,000


def test_parts_are_disjoint_and_the_first_does_not_depend_on_the_second():
    labels = torch.arange(1_797) % 10
    small = stratified_split(labels, {"test": 0.5, "val": 0.1}, images(labels, 0), TEN)
    large = stratified_split(labels, {"test": 0.5, "val": 0.3}, images(labels, 0), TEN)
    assert torch.equal(small["test"], large["test"])
    assert {k: len(v) for k, v in small.items()} == {"train": 719, "test": 898, "val": 180}
    assert torch.equal(torch.cat(list(small.values())).sort().values, torch.arange(1_797))


def test_largest_remainder():
    # shares 1.5, 0.9, 0.9 of round(3.3) = 3 images: floors 1, 0, 0, then the two largest remainders
    labels = torch.tensor([0] * 5 + [1] * 3 + [2] * 3)
    split = stratified_split(labels, {"val": 0.3}, images(labels, 0), ("a", "b", "c"))
    assert torch.bincount(labels[split["val"]]).tolist() == [1, 1, 1]


@pytest.mark.parametrize(("count", "fraction"), [(1, 0.1), (1, 0.9), (0, 0.5)])
def test_class_too_small_to_split(count: int, fraction: float):
    labels = torch.tensor([0] * 100 + [1] * count)
    with pytest.raises(DataError, match=rf"data.val_fraction={fraction}: class 'rare' has {count} images"):
        stratified_split(labels, {"val": fraction}, images(labels, 0), ("common", "rare"))


@pytest.mark.parametrize(
    ("rare", "fractions", "counts"),
    [
        (4, {"test": 0.2, "val": 0.1}, (2, 1, 1)),
        (3, {"test": 0.2, "val": 0.1}, (1, 1, 1)),
        (2, {"val": 0.1}, (1, None, 1)),
        (3, {"test": 0.5, "val": 0.4}, (1, 1, 1)),
        (3, {"test": 0.9, "val": 0.05}, (1, 1, 1)),
    ],
)
def test_a_small_class_has_one_image_in_each_part_where_it_has_so_many(rare: int, fractions, counts):
    labels = torch.tensor([0] * 100 + [1] * rare)
    split = stratified_split(labels, fractions, images(labels, 0), ("common", "rare"))
    found = tuple(int((labels[split[part]] == 1).sum()) if part in split else None for part in ("train", "test", "val"))
    assert found == counts
    assert torch.equal(torch.cat(list(split.values())).sort().values, torch.arange(len(labels)))
    assert {part: int((labels[split[part]] == 0).sum()) for part in fractions} == {
        part: round(100 * fraction) for part, fraction in fractions.items()
    }


@pytest.mark.promise("earlier splits are unchanged")
def test_splits_that_were_possible_before_are_what_they_were():
    """SHA-256 of the indices of 300 drawn cases, as they were before small classes got one image each."""
    digest = hashlib.sha256()
    for case in range(300):
        rng = np.random.default_rng(case)
        sizes = rng.integers(20, 60, rng.integers(2, 6))
        labels = torch.from_numpy(rng.permutation(np.repeat(np.arange(len(sizes)), sizes)))
        fractions = {"test": float(rng.uniform(0.1, 0.4)), "val": float(rng.uniform(0.1, 0.4))}
        split = stratified_split(labels, fractions, images(labels, case), tuple("abcdef"[: len(sizes)]))
        for part in ("train", "test", "val"):
            digest.update(split[part].numpy().tobytes())
    assert digest.hexdigest() == "de56cfd2e980cb5fe5af62c5ca5306bbe9ca528a8af9ce9f0deb05bb2c6429ac"


def test_nothing_left_for_train():
    with pytest.raises(DataError, match=r"data.val_fraction=0.5.*train"):
        stratified_split(BALANCED, {"test": 0.5, "val": 0.5}, images(BALANCED, 0), TEN)


@pytest.mark.promise("nested shots")
def test_shots_are_nested_and_balanced():
    ten, thirty = (stratified_subset(BALANCED, shots=k, drawn=images(BALANCED, 3), class_names=TEN) for k in (10, 30))
    assert torch.bincount(BALANCED[thirty]).tolist() == [30] * 10
    assert len(ten) == 100
    assert set(ten.tolist()) < set(thirty.tolist())
    assert torch.equal(ten, ten.sort().values)


@pytest.mark.promise("nested shots")
def test_fraction_of_unbalanced_classes():
    labels = torch.tensor([0] * 90 + [1] * 10)
    subset = stratified_subset(labels, fraction=0.1, drawn=images(labels, 0), class_names=("a", "b"))
    assert torch.bincount(labels[subset]).tolist() == [9, 1]
    assert torch.equal(stratified_subset(labels, drawn=images(labels, 0), class_names=("a", "b")), torch.arange(100))


def test_too_many_shots():
    labels = torch.tensor([0] * 9 + [1] * 4)
    with pytest.raises(DataError, match=r"data.shots=5: class 'b' has 4 training images; allowed here: 1 to 4"):
        stratified_subset(labels, shots=5, drawn=images(labels, 0), class_names=("a", "b"))


def test_fraction_that_leaves_a_class_empty():
    labels = torch.tensor([0] * 90 + [1] * 4)
    with pytest.raises(DataError, match=r"data.fraction=0.1: .*4 training images of class 'b'"):
        stratified_subset(labels, fraction=0.1, drawn=images(labels, 0), class_names=("a", "b"))


def test_random_split_refuses_empty_parts():
    assert {split: len(index) for split, index in random_split(by_position(10, 0), {"test": 0.25}).items()} == {
        "train": 8,
        "test": 2,
    }
    with pytest.raises(DataError, match=r"data\.val_fraction=0\.1: of 4 images that leaves none for val or for train"):
        random_split(by_position(4, 0), {"val": 0.1})
    with pytest.raises(DataError, match=r"data\.val_fraction=0\.5: of 4 images that leaves none for val or for train"):
        random_split(by_position(4, 0), {"test": 0.5, "val": 0.5})


def test_a_smaller_random_subset_is_within_a_larger_one():
    fewer, more = (set(random_subset(by_position(40, 3), fraction).tolist()) for fraction in (0.2, 0.5))
    assert (len(fewer), len(more)) == (8, 20)
    assert fewer < more
    with pytest.raises(DataError, match=r"train has no image that can be read"):
        random_subset(by_position(0, 0), 1.0)

from __future__ import annotations

import json

import torch
from PIL import ImageOps

from tests.drawn_photos import photos, recompressed, stacked
from tlbench.data.audit import EXAMPLES, SplitScan, audit
from tlbench.data.perceptual_hash import looks_of, pixel_digests

PHOTOS = photos(60, side=32)
CLASSES = ("cat", "dog")


def scan(split: str, images, labels, *, small: bool = False) -> SplitScan:
    stack = stacked(images)
    names = [f"{split}/{CLASSES[label]}/{i}.png" for i, label in enumerate(labels)]
    return SplitScan(names, torch.tensor(labels).numpy(), pixel_digests(stack), None if small else looks_of(stack))


def alternating(count: int) -> list[int]:
    return [i % 2 for i in range(count)]


def found(images: int = 0, other_label: int = 0, examples=(), other_label_examples=()):
    return {
        "images": images,
        "other_label": other_label,
        "examples": [list(pair) for pair in examples],
        "other_label_examples": [list(pair) for pair in other_label_examples],
    }


def test_images_that_differ_give_counts_and_no_warning():
    splits = {
        "train": scan("train", PHOTOS[:20], alternating(20)),
        "val": scan("val", PHOTOS[20:25], alternating(5)),
        "test": scan("test", [*PHOTOS[30:36], ImageOps.mirror(PHOTOS[0])], alternating(7)),  # mirrored: not seen
    }
    result = audit(splits, CLASSES, 10, {})
    assert result.warnings == []
    assert json.loads(json.dumps(result.section)) == {
        "counts": {"train": {"cat": 10, "dog": 10}, "val": {"cat": 3, "dog": 2}, "test": {"cat": 4, "dog": 3}},
        "small_classes": {},
        "unreadable": {"count": 0, "files": {}},
        "duplicates": {
            "exact": {"train-val": found(), "train-test": found(), "val-test": found()},
            "near": {"train-val": found(), "train-test": found(), "val-test": found()},
            "within": {"train": found(), "val": found(), "test": found()},
        },
    }


def test_exact_and_near_copies_across_splits_are_told_apart():
    splits = {
        "train": scan("train", PHOTOS[:20], alternating(20)),
        "val": scan("val", [PHOTOS[40], recompressed(PHOTOS[4])], [0, 0]),
        "test": scan(
            "test", [PHOTOS[41], PHOTOS[6], PHOTOS[40], PHOTOS[8].resize((24, 24)).resize((32, 32))], [1, 0, 0, 0]
        ),
    }
    result = audit(splits, CLASSES, 10, {})
    duplicates = result.section["duplicates"]
    assert duplicates["exact"] == {
        "train-val": found(),
        "train-test": found(1, 0, [("train/cat/6.png", "test/cat/1.png")]),
        "val-test": found(1, 0, [("val/cat/0.png", "test/cat/2.png")]),
    }
    assert duplicates["near"] == {
        "train-val": found(1, 0, [("train/cat/4.png", "val/cat/1.png")]),
        "train-test": found(1, 0, [("train/cat/8.png", "test/cat/3.png")]),
        "val-test": found(),
    }
    assert result.warnings == [
        "audit: exact copies across splits: 1 of 4 test images are in train (train/cat/6.png = test/cat/1.png), 1 of 4 "
        "test images are in val (val/cat/0.png = test/cat/2.png): the results are flattered; remove one of each pair",
        "audit: near-duplicates across splits: 1 of 2 val images look like one in train (train/cat/4.png ~ "
        "val/cat/1.png), 1 of 4 test images look like one in train (train/cat/8.png ~ test/cat/3.png): if they are "
        "copies or shots of one scene, and not merely alike, the results are flattered; remove one of each pair",
    ]


def test_equal_images_with_different_labels_are_counted_within_and_across():
    train = scan("train", [*PHOTOS[:10], PHOTOS[0], PHOTOS[1], PHOTOS[2]], [*alternating(10), 0, 0, 1])
    test = scan("test", [PHOTOS[3], PHOTOS[4], recompressed(PHOTOS[5])], [0, 0, 0])
    result = audit({"train": train, "test": test}, CLASSES, 0, {})
    duplicates = result.section["duplicates"]
    conflicts = [("train/dog/1.png", "train/cat/11.png"), ("train/cat/2.png", "train/dog/12.png")]
    assert duplicates["within"]["train"] == found(
        3, 2, [("train/cat/0.png", "train/cat/10.png"), *conflicts], conflicts
    )
    conflict = ("train/dog/3.png", "test/cat/0.png")
    assert duplicates["exact"]["train-test"] == found(
        2, 1, [conflict, ("train/cat/4.png", "test/cat/1.png")], [conflict]
    )
    pair = ("train/dog/5.png", "test/cat/2.png")
    assert duplicates["near"]["train-test"] == found(1, 1, [pair], [pair])
    assert [warning for warning in result.warnings if "labels" in warning] == [
        "audit: equal images with different labels: 3 pairs (train/dog/1.png = train/cat/11.png, train/cat/2.png = "
        "train/dog/12.png, train/dog/3.png = test/cat/0.png): one label of each pair is wrong; mend or remove it"
    ]


def test_only_train_is_expected_to_have_enough_images_of_a_class():
    train = scan("train", PHOTOS[:5], [0, 0, 0, 0, 1])
    val = scan("val", PHOTOS[10:12], [0, 1])
    result = audit({"train": train, "val": val}, (*CLASSES, "eel"), 4, {})
    assert result.section["small_classes"] == {"dog": 1, "eel": 0}
    assert result.warnings == [
        "audit: 2 of 3 classes have fewer than 4 training images (dog 1, eel 0): their metrics will vary; add images, "
        "or lower data.min_images_per_class"
    ]


def test_unreadable_files_are_named_up_to_a_number():
    splits = {"train": scan("train", PHOTOS[:4], alternating(4))}
    one = audit(splits, CLASSES, 0, {"a/b.png": "truncated"})
    assert one.section["unreadable"] == {"count": 1, "files": {"a/b.png": "truncated"}}
    assert one.warnings == ["audit: left out, as unreadable: 1 file (a/b.png: truncated)"]
    many = audit(splits, CLASSES, 0, {f"{i}.png": "truncated" for i in range(EXAMPLES + 5)})
    assert many.section["unreadable"]["count"] == EXAMPLES + 5
    assert list(many.section["unreadable"]["files"]) == [f"{i}.png" for i in range(EXAMPLES)]
    (warning,) = many.warnings
    assert "25 files (0.png: truncated; 1.png: truncated; 2.png: truncated, …)" in warning


def test_many_pairs_are_counted_and_some_are_named():
    splits = {split: scan(split, PHOTOS[:50], alternating(50)) for split in ("train", "test")}
    result = audit(splits, CLASSES, 0, {})
    exact = result.section["duplicates"]["exact"]["train-test"]
    assert (exact["images"], len(exact["examples"])) == (50, EXAMPLES)
    assert result.section["duplicates"]["near"]["train-test"] == found()
    (warning,) = result.warnings
    assert "train/cat/0.png = test/cat/0.png, …): the results" in warning


def test_tiny_images_are_compared_exactly_only():
    train = scan("train", PHOTOS[:5], alternating(5), small=True)
    test = scan("test", [PHOTOS[1], recompressed(PHOTOS[2])], [1, 0], small=True)
    result = audit({"train": train, "test": test}, CLASSES, 0, {})
    assert result.section["duplicates"]["near"] is None
    assert result.section["duplicates"]["exact"]["train-test"]["images"] == 1
    assert len(result.warnings) == 1
    assert result.warnings[0].startswith("audit: exact copies")

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ImageOps

from tests.drawn_photos import photos, recompressed, stacked
from tlbench.annotations.labels.audit import LabelAudit
from tlbench.annotations.labels.labels import Labels
from tlbench.data.audit import EXAMPLES, Audit, audit_target
from tlbench.data.decode import WHOLE_FILES
from tlbench.data.listing import Listing
from tlbench.data.samples import FileSamples, MemorySamples, Samples
from tlbench.data.target import Target

PHOTOS = photos(60, side=32)
CLASSES = ("cat", "dog")


@pytest.fixture
def audited(data_config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`audited(min_images=4, train=…)`: the audit of these splits; without a val, of two images of its own."""
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))

    def audit(min_images: int = 0, unreadable=None, shots: int | None = None, **splits: Samples[Labels]) -> Audit:
        splits.setdefault("val", some("other", PHOTOS[55:57], [0, 1], splits["train"].class_names))
        target = Target("drawn", splits, {}, unreadable or {})
        part = LabelAudit(data_config("digits", min_images_per_class=min_images, shots=shots))
        return audit_target(target, part, lambda split: splits[split].fingerprint(), test="test" in splits)

    return audit


def some(split: str, images, labels: list[int], classes: tuple[str, ...] = CLASSES) -> MemorySamples[Labels]:
    names = tuple(f"{split}/{classes[label]}/{i}.png" for i, label in enumerate(labels))
    return MemorySamples(stacked(images), Labels(torch.tensor(labels), classes), names)


def alternating(count: int) -> list[int]:
    return [i % 2 for i in range(count)]


def found(images: int = 0, other_label: int = 0, examples=(), other_label_examples=()):
    return {
        "images": images,
        "other_label": other_label,
        "examples": [list(pair) for pair in examples],
        "other_label_examples": [list(pair) for pair in other_label_examples],
    }


def near(*as_found, mirrored=(), cropped=()):
    return {
        **found(*as_found),
        "mirrored": len(mirrored),
        "mirrored_examples": [list(pair) for pair in mirrored],
        "cropped": len(cropped),
        "cropped_examples": [list(pair) for pair in cropped],
    }


def test_images_that_differ_give_counts_and_no_warning(audited):
    result = audited(
        10,
        train=some("train", PHOTOS[:20], alternating(20)),
        val=some("val", PHOTOS[20:25], alternating(5)),
        test=some("test", PHOTOS[30:37], alternating(7)),
    )
    assert (result.warnings, result.test_groups) == ([], [])
    assert json.loads(json.dumps(result.section)) == {
        "counts": {"train": {"cat": 10, "dog": 10}, "val": {"cat": 3, "dog": 2}, "test": {"cat": 4, "dog": 3}},
        "small_classes": {},
        "unreadable": {"count": 0, "files": {}},
        "duplicates": {
            "exact": {"train-val": found(), "train-test": found(), "val-test": found()},
            "near": {"train-val": near(), "train-test": near(), "val-test": near()},
            "within": {"train": found(), "val": found(), "test": found()},
            "test_groups": {"images": 0, "of": 7, "groups": 0, "largest": 0, "units": 7, "examples": []},
        },
    }


def test_exact_and_near_copies_across_splits_are_told_apart(audited):
    resized = PHOTOS[8].resize((24, 24)).resize((32, 32))
    result = audited(
        10,
        train=some("train", PHOTOS[:20], alternating(20)),
        val=some("val", [PHOTOS[40], recompressed(PHOTOS[4])], [0, 0]),
        test=some("test", [PHOTOS[41], PHOTOS[6], PHOTOS[40], resized], [1, 0, 0, 0]),
    )
    duplicates = result.section["duplicates"]
    assert duplicates["exact"] == {
        "train-val": found(),
        "train-test": found(1, 0, [("train/cat/6.png", "test/cat/1.png")]),
        "val-test": found(1, 0, [("val/cat/0.png", "test/cat/2.png")]),
    }
    assert duplicates["near"] == {
        "train-val": near(1, 0, [("train/cat/4.png", "val/cat/1.png")]),
        "train-test": near(1, 0, [("train/cat/8.png", "test/cat/3.png")]),
        "val-test": near(),
    }
    assert result.warnings == [
        "audit: exact copies across splits: 1 of 4 test images are in train (train/cat/6.png = test/cat/1.png), 1 of 4 "
        "test images are in val (val/cat/0.png = test/cat/2.png): the results are flattered; remove one of each pair",
        "audit: near-duplicates across splits: 1 of 2 val images look like one in train (train/cat/4.png ~ "
        "val/cat/1.png), 1 of 4 test images look like one in train (train/cat/8.png ~ test/cat/3.png): if they are "
        "copies or shots of one scene, and not merely alike, the results are flattered; remove one of each pair",
    ]


def test_mirrored_and_cropped_copies_are_counted_and_named(audited):
    mirrored = [ImageOps.mirror(image) for image in PHOTOS[2:4]]
    cropped = PHOTOS[4].crop((2, 2, 32, 32)).resize((32, 32))
    result = audited(
        train=some("train", PHOTOS[:20], alternating(20)),
        val=some("val", [ImageOps.mirror(cropped), PHOTOS[40]], [0, 1]),
        test=some("test", [recompressed(PHOTOS[9]), *mirrored, cropped], [1, 0, 0, 1]),
    )
    both = [("train/cat/4.png", "val/cat/0.png")]
    recompressed_one = ("train/dog/9.png", "test/dog/0.png")
    flipped = [("train/cat/2.png", "test/cat/1.png"), ("train/dog/3.png", "test/cat/2.png")]
    smaller = [("train/cat/4.png", "test/dog/3.png")]
    other_label = [flipped[1], smaller[0]]
    assert result.section["duplicates"]["near"] == {
        "train-val": near(1, 0, both, mirrored=both, cropped=both),
        "train-test": near(
            4, 2, [recompressed_one, *flipped, *smaller], other_label, mirrored=flipped, cropped=smaller
        ),
        "val-test": near(
            1,
            1,
            [("val/cat/0.png", "test/dog/3.png")],
            [("val/cat/0.png", "test/dog/3.png")],
            mirrored=[("val/cat/0.png", "test/dog/3.png")],
        ),
    }
    assert result.warnings == [
        "audit: near-duplicates across splits: 1 of 2 val images look like one in train (train/cat/4.png ~ "
        "val/cat/0.png), 1 of them when mirrored (train/cat/4.png ~ val/cat/0.png), 1 of them when cropped "
        "(train/cat/4.png ~ val/cat/0.png), 4 of 4 test images look like one in train (train/dog/9.png ~ "
        "test/dog/0.png, …), 2 of them when mirrored (train/cat/2.png ~ test/cat/1.png, …), 1 of them when cropped "
        "(train/cat/4.png ~ test/dog/3.png), 1 of 4 test images look like one in val (val/cat/0.png ~ "
        "test/dog/3.png), 1 of them when mirrored (val/cat/0.png ~ test/dog/3.png): if they are copies or shots of one "
        "scene, and not merely alike, the results are flattered; remove one of each pair"
    ]


@pytest.mark.promise("labels of equal images")
def test_equal_images_with_different_labels_are_counted_within_and_across(audited):
    train = some("train", [*PHOTOS[:10], PHOTOS[0], PHOTOS[1], PHOTOS[2]], [*alternating(10), 0, 0, 1])
    result = audited(train=train, test=some("test", [PHOTOS[3], PHOTOS[4], recompressed(PHOTOS[5])], [0, 0, 0]))
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
    assert duplicates["near"]["train-test"] == near(1, 1, [pair], [pair])
    assert [warning for warning in result.warnings if "labels" in warning] == [
        "audit: equal images with different labels: 3 pairs (train/dog/1.png = train/cat/11.png, train/cat/2.png = "
        "train/dog/12.png, train/dog/3.png = test/cat/0.png): one label of each pair is wrong; mend or remove it"
    ]


@pytest.mark.promise("labels of equal images")
def test_only_train_is_expected_to_have_enough_images_of_a_class(audited):
    classes = (*CLASSES, "eel")
    train = some("train", PHOTOS[:5], [0, 0, 0, 0, 1], classes)
    result = audited(4, train=train, val=some("val", PHOTOS[10:12], [0, 1], classes))
    assert result.section["small_classes"] == {"dog": 1, "eel": 0}
    assert result.warnings == [
        "audit: 2 of 3 classes have fewer than 4 training images (dog 1, eel 0): their metrics will vary; add images, "
        "or lower data.min_images_per_class"
    ]


@pytest.mark.parametrize(("shots", "small"), [(None, {"cat": 4, "dog": 4}), (4, {}), (20, {"cat": 4, "dog": 4})])
def test_few_images_are_no_surprise_where_they_were_asked_for(audited, shots: int | None, small: dict[str, int]):
    result = audited(10, shots=shots, train=some("train", PHOTOS[:8], alternating(8)))
    assert result.section["small_classes"] == small


def test_unreadable_files_are_named_up_to_a_number(audited):
    train = some("train", PHOTOS[:4], alternating(4))
    one = audited(train=train, unreadable={"a/b.png": "truncated"})
    assert one.section["unreadable"] == {"count": 1, "files": {"a/b.png": "truncated"}}
    assert one.warnings == ["audit: left out, as unreadable: 1 file (a/b.png: truncated)"]
    many = audited(train=train, unreadable={f"{i}.png": "truncated" for i in range(EXAMPLES + 5)})
    assert many.section["unreadable"]["count"] == EXAMPLES + 5
    assert list(many.section["unreadable"]["files"]) == [f"{i}.png" for i in range(EXAMPLES)]
    (warning,) = many.warnings
    assert "25 files (0.png: truncated; 1.png: truncated; 2.png: truncated, …)" in warning


def test_many_pairs_are_counted_and_some_are_named(audited):
    result = audited(**{split: some(split, PHOTOS[:50], alternating(50)) for split in ("train", "test")})
    exact = result.section["duplicates"]["exact"]["train-test"]
    assert (exact["images"], len(exact["examples"])) == (50, EXAMPLES)
    assert result.section["duplicates"]["near"]["train-test"] == near()
    (warning,) = result.warnings
    assert "train/cat/0.png = test/cat/0.png, …): the results" in warning


def test_images_below_16_pixels_are_compared_exactly_only(audited):
    tiny = [image.resize((8, 8)) for image in PHOTOS]
    result = audited(
        train=some("train", tiny[:5], alternating(5)),
        val=some("val", tiny[55:57], [0, 1]),
        test=some("test", [tiny[1], recompressed(tiny[2])], [1, 0]),
    )
    assert result.section["duplicates"]["near"] is None
    assert result.section["duplicates"]["exact"]["train-test"]["images"] == 1
    assert len(result.warnings) == 1
    assert result.warnings[0].startswith("audit: exact copies")


def test_files_are_compared_by_their_bytes_and_thumbnails(audited, tmp_path: Path):
    def files(names: tuple[str, ...], rows: list[int], digests: list[int]) -> FileSamples[Labels]:
        labels = Labels(torch.zeros(len(names), dtype=torch.int64), CLASSES)
        bytes_of = np.array([[d] * 16 for d in digests], np.uint8)
        thumbnails = stacked([PHOTOS[row] for row in rows])
        return FileSamples(
            Listing(tmp_path, names, labels), labels, (224, 224), "crop", thumbnails, bytes_of, WHOLE_FILES
        )

    train = files(("a/0.jpg", "a/1.jpg"), [0, 1], [10, 11])
    test = files(("a/2.jpg", "a/3.jpg", "a/4.jpg"), [2, 1, 0], [11, 12, 13])
    duplicates = audited(train=train, val=files(("a/5.jpg",), [5], [15]), test=test).section["duplicates"]
    assert duplicates["exact"]["train-test"]["examples"] == [["a/1.jpg", "a/2.jpg"]]
    assert duplicates["near"]["train-test"]["examples"] == [["a/1.jpg", "a/3.jpg"], ["a/0.jpg", "a/4.jpg"]]

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.composed import data_values
from tests.drawn_photos import photos, recompressed, stacked
from tlbench.annotations.instances.audit import InstanceAudit, looks_inside
from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.annotations.instances.instances import Instances
from tlbench.data.audit import EXAMPLES, Audit, audit_target
from tlbench.data.listing import Listing
from tlbench.data.open import open_target
from tlbench.data.perceptual_hash import looks_of, pixel_digests
from tlbench.data.samples import MemorySamples
from tlbench.data.target import Target
from tlbench.geometry.fits import GREY
from tlbench.system.voice import SILENT

SIDE = 64
CLASSES = ("cat", "dog", "eel")
PHOTOS = photos(60)

Row = tuple[int, float, float, float, float]  # class, x1 y1 x2 y2 in pixels of the input


Split = MemorySamples[Instances]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where audits are kept."""
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "audits"


def config(name: str = "yolo", **changes: Any) -> InstanceDataConfig:
    return InstanceDataConfig.model_validate({**data_values(name), "min_images_per_class": 0, **changes})


def split(
    name: str,
    images: Sequence[Image.Image],
    rows: Sequence[Sequence[Row]] | None = None,
    classes: Sequence[str] = ("cat",),
    mended: dict[str, tuple[str, ...]] | None = None,
) -> Split:
    """Square photos; without rows, with one object each, which stands nowhere else. The images are not there: an audit
    goes by their digests and thumbnails."""
    if rows is None:
        rows = [[own(name, i)] for i in range(len(images))]
    pixels = stacked([image.resize((SIDE, SIDE)) for image in images])
    flat = [row for found in rows for row in found]
    sizes = torch.full((len(images), 2), SIDE)
    known = Instances(
        boxes=torch.tensor([row[1:] for row in flat]).view(-1, 4),
        labels=torch.tensor([row[0] for row in flat], dtype=torch.int64),
        starts=torch.tensor([0, *(len(found) for found in rows)]).cumsum(0),
        class_names=tuple(classes),
        sizes=sizes,
        inside=sizes,
    )
    names = tuple(f"{name}/{i}.jpg" for i in range(len(images)))
    places = {kind: tuple((names[0], place) for place in found) for kind, found in (mended or {}).items()}
    absent = torch.empty(len(images), 3, SIDE, SIDE, dtype=torch.uint8, device="meta")
    listing = None if mended is None else Listing(Path(), names, known, places)
    return MemorySamples(absent, known, names, pixel_digests(pixels), pixels, listing)


def resized(images: Split, inside: Sequence[tuple[int, int]]) -> Split:
    """The same, of which so much is not grey."""
    return replace(images, annotations=replace(images.annotations, inside=torch.tensor(inside)))


def own(name: str, i: int) -> Row:
    return (0, 1 + i / 4, 2.0 + {"train": 0, "val": 1, "test": 2, "other": 3}[name], 30 + i / 4, 40.0)


def audited(data: InstanceDataConfig | None = None, unreadable=None, **splits: Split) -> Audit:
    splits.setdefault("val", split("other", PHOTOS[55:57], classes=splits["train"].class_names))
    target = Target("drawn", splits, {}, unreadable or {})
    part = InstanceAudit(data or config())
    return audit_target(target, part, lambda name: splits[name].fingerprint(), test="test" in splits)


def found(images: int = 0, other_boxes: int = 0, examples=(), other_boxes_examples=()):
    return {
        "images": images,
        "other_boxes": other_boxes,
        "examples": [list(pair) for pair in examples],
        "other_boxes_examples": [list(pair) for pair in other_boxes_examples],
    }


def near(*as_found):
    """None of them mirrored or cropped."""
    return {**found(*as_found), "mirrored": 0, "mirrored_examples": [], "cropped": 0, "cropped_examples": []}


def leak(images: int, rows: int, of: int, *examples: tuple[str, str]):
    return {"images": images, "examples": [list(pair) for pair in examples], "rows": rows, "of": of}


def test_images_that_differ_give_counts_and_no_warning():
    train = split("train", PHOTOS[:4], [[own("train", 0), (1, 0, 0, 20, 20)], [], [own("train", 2)], []], CLASSES[:2])
    val = split("val", PHOTOS[4:6], [[own("val", 0), (1, 0, 0, 30, 30), (1, 5, 5, 30, 30)], []], CLASSES[:2])
    result = audited(train=train, val=val)
    assert result.warnings == []
    assert json.loads(json.dumps(result.section)) == {
        "counts": {
            "train": {"images": 4, "background": 2, "objects": {"cat": 2, "dog": 1}, "tiny": 0},
            "val": {"images": 2, "background": 1, "objects": {"cat": 1, "dog": 2}, "tiny": 0},
        },
        "small_classes": {},
        "unreadable": {"count": 0, "files": {}},
        "mended": {},
        "duplicates": {
            "exact": {"train-val": found()},
            "near": {"train-val": near()},
            "within": {"train": found(), "val": found()},
            "test_groups": None,
        },
        "label_leak": {"train-val": leak(0, 0, 3)},
    }


def test_exact_and_near_copies_are_told_apart():
    result = audited(
        config("coco"),
        train=split("train", PHOTOS[:20]),
        test=split("test", [PHOTOS[40], PHOTOS[6], recompressed(PHOTOS[4])]),
    )
    duplicates = result.section["duplicates"]
    exact, alike = ("train/6.jpg", "test/1.jpg"), ("train/4.jpg", "test/2.jpg")
    assert duplicates["exact"]["train-test"] == found(1, 1, [exact], [exact])
    assert duplicates["near"]["train-test"] == near(1, 1, [alike], [alike])
    assert duplicates["exact"]["train-val"] == found()
    assert duplicates["near"]["val-test"] == near()
    assert result.warnings == [
        "audit: exact copies across splits: 1 of 3 test images are in train (train/6.jpg = test/1.jpg): the results "
        "are flattered; remove one of each pair",
        "audit: equal images with different boxes: 1 pair (train/6.jpg = test/1.jpg): the labels of one are wrong; "
        "mend or remove it",
        "audit: near-duplicates across splits: 1 of 3 test images look like one in train (train/4.jpg ~ test/2.jpg): "
        "if they are copies or shots of one scene, and not merely alike, the results are flattered; remove one of each "
        "pair",
    ]


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({}, "flattered; use data.split=blocked if they are frames of videos, else remove one of each pair"),
        ({"split": "blocked"}, "flattered; remove one of each pair"),
    ],
)
def test_frames_that_look_alike_have_a_remedy_of_their_own(changes: dict[str, Any], remedy: str):
    splits = {"train": split("train", PHOTOS[:3]), "val": split("val", [recompressed(PHOTOS[1])])}
    (warning,) = audited(config(**changes), **splits).warnings
    assert warning.endswith(remedy)


def test_equal_images_may_have_their_boxes_in_any_order_but_no_others():
    one, two, moved = (0, 1, 2, 30, 40), (1, 5, 5, 20, 20), (1, 5, 5, 20, 20.001)
    rows = [[one, two], [two, one], [one, moved], [], [one, two, (0, 9, 9, 20, 20)]]
    train = split("train", [PHOTOS[0]] * 5, rows, CLASSES[:2])
    conflicts = [("train/0.jpg", f"train/{i}.jpg") for i in (2, 3, 4)]
    duplicates = audited(train=train).section["duplicates"]
    assert duplicates["within"]["train"] == found(4, 3, [("train/0.jpg", "train/1.jpg"), *conflicts], conflicts)


def test_grey_beside_the_images_does_not_make_them_alike():
    height = SIDE // 4
    squares = torch.full((8, 3, SIDE, SIDE), GREY, dtype=torch.uint8)
    pictures = [image.resize((SIDE, height)) for image in [*PHOTOS[:7], recompressed(PHOTOS[2])]]
    squares[:, :, :height] = stacked(pictures)
    wide = resized(split("train", PHOTOS[:8]), [(height, SIDE)] * 8)
    wide = replace(wide, thumbnails=squares)
    with_grey = looks_of(squares).thumbnails.reshape(8, -1)
    assert np.corrcoef(with_grey)[0, 1:].max() > np.corrcoef(looks_inside(wide).thumbnails.reshape(8, -1))[0, 1:].max()
    first, last = wide.take(torch.arange(7)), replace(wide.take(torch.tensor([7])), names=("copy.jpg",))
    near = audited(train=first, val=last).section["duplicates"]["near"]["train-val"]
    assert near["examples"] == [["train/2.jpg", "copy.jpg"]]


@pytest.mark.parametrize("cache", ["memory", "none"])
def test_no_grey_is_looked_at_in_rectangles(cache: str, tmp_path: Path, boxes_config):
    """White images of all shapes: what a thumbnail shows of the grey beside them would darken it."""
    shapes = [(40, 64), (300, 401), (301, 400), (64, 64), (99, 250), (250, 99), (130, 97), (480, 640), (481, 640)]
    for i, (height, width) in enumerate(shapes):
        for split in ("train", "val"):
            image, label = (tmp_path / "own" / kind / split / f"{i}" for kind in ("images", "labels"))
            image.parent.mkdir(parents=True, exist_ok=True)
            label.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (width, height), (255, 255, 255)).save(f"{image}.png")
            label.with_suffix(".txt").write_text("0 0.5 0.5 0.5 0.5\n")
    (tmp_path / "own" / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [a]\n")
    for size in ([96, 128], [128, 96], [96, 160]):
        data = boxes_config("yolo", root=str(tmp_path / "own"), image_size=size, cache=cache, val_fraction=0.25)
        train = open_target(data, 0, SILENT).splits["train"]
        inside = looks_inside(train)
        assert inside is not None
        assert (inside.thumbnails == 255).all()


def test_looks_keep_the_order_of_images_of_several_shapes():
    shapes = [(64, 64), (40, 64), (64, 30), (40, 64), (64, 64)]
    images = resized(split("train", PHOTOS[:5]), shapes)
    looks = looks_inside(images)
    for i, (height, width) in enumerate(shapes):
        alone = looks_of(images.thumbnails[i : i + 1, :, :height, :width])
        assert np.array_equal(looks.hashes[i], alone.hashes[0])
        assert np.array_equal(looks.thumbnails[i], alone.thumbnails[0])


def test_images_too_narrow_are_compared_exactly_only():
    train = resized(split("train", PHOTOS[:2]), [(64, 64), (64, 15)])
    duplicates = audited(train=train, val=split("val", [recompressed(PHOTOS[0]), PHOTOS[1]])).section["duplicates"]
    assert duplicates["near"] is None
    assert duplicates["exact"]["train-val"]["images"] == 1


ONE, TWO, THREE = (0, 1, 2, 30, 40), (0, 5, 5, 20, 21), (0, 7, 3, 40, 50)
WHOLE = (0, 0, 0, SIDE, SIDE)


@pytest.mark.promise("frames on both sides")
@pytest.mark.parametrize(
    ("rows", "images", "standing"),
    [
        ([ONE], 1, 1),
        ([TWO, ONE], 1, 2),
        ([ONE, THREE], 0, 2),  # of two training images
        ([ONE, (0, 50, 50, 60, 60)], 0, 1),
        ([(1, *ONE[1:])], 0, 0),
        ([(0, 1, 2, 30, 40.001)], 0, 0),
        ([], 0, 0),
        ([WHOLE], 0, 0),
        ([WHOLE, ONE], 0, 1),
    ],
)
def test_all_label_rows_of_an_image_must_stand_in_one_training_image(rows: list[Row], images: int, standing: int):
    train = split("train", PHOTOS[:3], [[WHOLE], [ONE, TWO], [THREE]], CLASSES[:2])
    test = split("test", PHOTOS[10:12], [[(1, 9, 9, 29, 29)], rows], CLASSES[:2])
    expected = leak(images, standing, 1 + len([row for row in rows if row is not WHOLE]))
    expected["examples"] = [["train/1.jpg", "test/1.jpg"]] * images
    assert audited(train=train, test=test).section["label_leak"]["train-test"] == expected


def test_labels_of_exact_copies_are_no_news():
    train = split("train", PHOTOS[:3], [[ONE], [TWO], [THREE]])
    val = split("val", [PHOTOS[1], PHOTOS[20]], [[TWO], [TWO]])
    result = audited(train=train, val=val)
    assert result.section["label_leak"]["train-val"] == leak(1, 2, 2, ("train/1.jpg", "val/1.jpg"))
    assert result.section["duplicates"]["exact"]["train-val"]["images"] == 1


@pytest.mark.promise("frames on both sides")
@pytest.mark.parametrize(
    ("name", "changes", "remedy"),
    [
        ("signature", {}, "use data.split=blocked"),
        ("yolo", {}, "use data.split=blocked"),
        ("coco", {}, "divide the images by video"),
        ("yolo", {"split": "blocked"}, "no blocks of these frames are independent; test on another video"),
    ],
)
def test_a_leak_of_labels_is_warned_of_with_a_remedy(name: str, changes: dict[str, Any], remedy: str):
    splits = {
        "train": split("train", PHOTOS[:3], [[ONE], [TWO], [THREE]]),
        "val": split("val", PHOTOS[20:22], [[TWO], [(0, 50, 50, 60, 60)]]),
        "test": split("test", PHOTOS[30:33], [[ONE], [TWO], [THREE]]),
    }
    assert audited(config(name, **changes), **splits).warnings == [
        "audit: label rows shared across splits: 1 of 2 val images have the very labels of one in train (train/1.jpg = "
        "val/0.jpg), 3 of 3 test images have the very labels of one in train (train/0.jpg = test/0.jpg, …), 1 of 3 "
        "test images have the very labels of one in val (val/0.jpg = test/1.jpg): neighbouring video frames on both "
        f"sides flatter the results; {remedy}"
    ]


def test_images_that_contain_a_class_are_counted_not_its_objects():
    dogs = [(1, 0, 0, 20 + i, 20) for i in range(9)]
    train = split("train", PHOTOS[:4], [[own("train", 0), *dogs], [own("train", 1)], [own("train", 2)], []], CLASSES)
    val = split("val", PHOTOS[10:12], [[own("val", 0), (2, 3, 3, 20, 20)], []], CLASSES)
    result = audited(config(min_images_per_class=3), train=train, val=val)
    assert result.section["small_classes"] == {"dog": 1, "eel": 0}
    assert result.section["counts"]["train"]["objects"] == {"cat": 3, "dog": 9, "eel": 0}
    assert result.warnings == [
        "audit: 2 of 3 classes without an object in a split (dog: val; eel: train): what is not in train cannot be "
        "learned, what is not in val or test is not measured; add images, or leave classes out with data.classes",
        "audit: 1 of 3 classes in fewer than 3 training images (dog 1): their metrics will vary; add images, or lower "
        "data.min_images_per_class",
    ]


def test_what_was_mended_is_counted_over_the_splits_and_named():
    clipped, rest = "boxes clipped to the image", "duplicate label rows left out"
    many = tuple(f"labels/b.txt:{i}" for i in range(EXAMPLES))
    train = split("train", PHOTOS[:2], mended={clipped: ("labels/a.txt:2", "labels/\n.txt:1")})
    val = split("val", PHOTOS[2:4], mended={clipped: ("labels/a.txt:2",), rest: many})
    test = split("test", PHOTOS[4:6], mended={rest: ("labels/c.txt:1",)})
    result = audited(train=train, val=val, test=test)
    assert result.section["mended"] == {
        clipped: {"count": 2, "places": ["labels/a.txt:2", r"labels/\n.txt:1"]},
        rest: {"count": EXAMPLES + 1, "places": list(many)},
    }
    assert result.warnings == [
        r"audit: labels were mended: 2 boxes clipped to the image (labels/a.txt:2, labels/\n.txt:1), 21 duplicate "
        "label rows left out (labels/b.txt:0, labels/b.txt:1, labels/b.txt:2, …): see whether these are meant so"
    ]


def test_images_with_tiny_objects_only_are_warned_of_where_they_are_many():
    tiny, thin = (0, 10, 10, 17.9, 17.9), (0, 10, 10, 12, 18)
    rows = [[tiny, own("train", 0)], [tiny, (0, 20, 20, 27, 22)], [thin], []]
    few = [[own("val", i)] for i in range(16)]
    train, val = split("train", PHOTOS[:4], rows), split("val", PHOTOS[10:26], few)
    result = audited(train=train, val=val)
    assert [result.section["counts"][s]["tiny"] for s in ("train", "val")] == [1, 0]
    assert result.warnings == [
        "audit: 1 of 19 images with objects have only such as are below 8 pixels at the network's input: too small to "
        "be found well; raise data.image_size (now 640), or cut the images into tiles"
    ]
    more = split("val", PHOTOS[10:27], [[own("val", i)] for i in range(17)])
    assert audited(train=train, val=more).warnings == []


def test_unreadable_files_are_named():
    result = audited(train=split("train", PHOTOS[:2]), unreadable={"a\n.jpg": "truncated"})
    assert result.section["unreadable"] == {"count": 1, "files": {r"a\n.jpg": "truncated"}}
    assert result.warnings == [r"audit: left out, as unreadable: 1 file (a\n.jpg: truncated)"]


def test_whatever_it_depends_on_makes_another(folder: Path):
    splits = {"train": split("train", PHOTOS[:3]), "val": split("val", PHOTOS[3:5])}
    audited(**splits)
    audited(**{**splits, "val": split("val", PHOTOS[3:5], [[ONE], [TWO]])})
    audited(**{**splits, "val": split("val", PHOTOS[3:5], mended={"boxes": ("a.txt:1",)})})
    audited(config(split="blocked"), **splits)
    audited(config("coco"), **splits)
    audited(config(antialias=False), **splits)
    assert len(list(folder.iterdir())) == 6

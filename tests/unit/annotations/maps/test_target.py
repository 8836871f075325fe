from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tlbench.annotations.maps.options import problems
from tlbench.annotations.maps.target import open_all_maps, open_maps
from tlbench.annotations.maps.was_read import maps_read
from tlbench.data.decode import WHOLE_FILES
from tlbench.data.was_read import lines
from tlbench.errors import DataError

NAMES = ["sky", "road", "void"]
SIZE = 64


def draw(draw_masks, root: Path, counts: dict[str, int], value: int | None = None) -> Path:
    """Masks with a horizon at a height of their own; or all of one value."""
    masks = {}
    for split, count in counts.items():
        for i in range(count):
            pixels = np.zeros((40, 60), np.uint8)
            pixels[10 + i :] = 1
            pixels[:2] = 2
            masks[f"{split}/{i}".removeprefix("/")] = pixels if value is None else np.full_like(pixels, value)
    return draw_masks(root, masks, NAMES)


@pytest.fixture
def config(tmp_path: Path, monkeypatch, maps_config):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))

    def make(data="masks", **changes):
        return maps_config(data, **{"root": "d", "image_size": SIZE, "test_fraction": 0.2, **changes})

    return make


def test_what_a_folder_lacks_is_carved_at_random(config, draw_masks, voice) -> None:
    draw(draw_masks, Path("d"), {"": 20})
    target = open_maps(config(val_fraction=0.25), 3, voice)
    assert {split: len(found) for split, found in target.splits.items()} == {"train": 11, "val": 5, "test": 4}
    assert target.split_rule["val"] == "carved out of all images, at random by image, not stratified"
    assert target.split_rule["train"] == "the rest of all images"
    other = open_maps(config(val_fraction=0.25, fraction=0.5), 3, voice)
    assert other.splits["test"].names == target.splits["test"].names
    assert set(other.splits["train"].names) < set(target.splits["train"].names)
    assert open_maps(config(val_fraction=0.25), 4, voice).splits["test"].names != target.splits["test"].names


def test_the_official_val_becomes_test(config, draw_masks, voice) -> None:
    draw(draw_masks, Path("d"), {"train": 8, "val": 3})
    target = open_maps(config(val_fraction=0.25), 0, voice)
    assert target.split_rule["test"] == "the folder's val"
    assert target.split_rule["val"] == "carved out of the folder's train, at random by image, not stratified"
    assert target.split_rule["counts"] == {"train": 6, "val": 2, "test": 3}
    assert target.split_rule["pixels"]["test"] == 3 * 38 * 60
    assert target.split_rule["unlabelled"] == {"train": 0, "val": 0, "test": 0}


def test_maps_go_with_their_images(config, draw_masks, voice) -> None:
    draw(draw_masks, Path("d"), {"": 20})
    for cache in ("memory", "none"):
        target = open_maps(config(cache=cache), 0, voice)
        for split in target.splits.values():
            assert split.thumbnails is not None
            assert split.annotations.sizes.tolist() == [[40, 60]] * len(split)
            assert split.annotations.inside.tolist() == [[43, 64]] * len(split)
            for i, name in enumerate(split.names or ()):
                horizon = 10 + int(Path(name).stem)
                column = split.annotations.unpacked(i)[:, 0]
                assert column.tolist() == [255] * 2 + [0] * (horizon - 2) + [1] * (40 - horizon)


def test_some_classes_alone(config, draw_masks, voice) -> None:
    root = draw(draw_masks, Path("d"), {"": 10})
    (root / "classes.txt").write_text("sky\nroad\ncar\n")
    target = open_maps(config(classes=["road", "car"]), 0, voice)
    assert target.class_names == ("road", "car")
    assert target.splits["train"].annotations.unpacked(0)[:, 0].tolist()[:3] == [1, 1, 255]


def test_splits_without_a_labelled_pixel_are_refused(config, draw_masks, voice) -> None:
    root = draw(draw_masks, Path("d"), {"train": 4, "val": 2})
    draw(draw_masks, root, {"test": 2}, value=255)
    with pytest.raises(DataError) as caught:
        open_maps(config(), 0, voice)
    assert str(caught.value) == (
        "d: test has 2 images and no pixel of sky, road, as all are ignored; mend its masks, or move its folder away"
    )


def test_unreadable_images_are_left_out_where_that_is_allowed(config, draw_masks, voice) -> None:
    root = draw(draw_masks, Path("d"), {"": 20})
    content = (root / "images/3.png").read_bytes()
    (root / "images/3.png").write_bytes(content[:-30])  # its header is whole
    (root / "masks/4.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"d/masks/4\.png: .*; replace or remove 1 file, or leave out"):
        open_maps(config(), 0, voice)
    with pytest.raises(DataError, match=re.escape("replace or remove 2 files")):
        open_maps(config(max_unreadable=1), 0, voice)
    target = open_maps(config(max_unreadable=2), 0, voice)
    assert sum(map(len, target.splits.values())) == 18
    assert set(target.unreadable) == {"images/3.png", "masks/4.png"}
    left_out = target.inventory.section()["left_out"]
    assert left_out["unreadable"] == {"count": 1, "examples": ["images/3.png"]}
    assert left_out["image of a mask that cannot be used"]["examples"] == ["images/4.png"]


def test_all_images_may_be_evaluated(config, draw_masks, voice) -> None:
    root = draw(draw_masks, Path("d"), {"train": 4, "val": 2})
    draw(draw_masks, root, {"test": 2}, value=255)
    parts = open_all_maps(config(), WHOLE_FILES, voice)
    assert [len(part) for part in parts] == [4, 2, 2]


def test_what_was_read_says_shares_of_pixels(config, draw_masks, voice) -> None:
    draw(draw_masks, Path("d"), {"train": 4, "val": 2, "test": 2})
    read = maps_read("any", open_maps(config(), 0, voice))
    assert read.maps is not None
    assert read.maps.pixels == 8 * 40 * 60
    assert read.maps.ignored == 0.05
    assert sum(read.maps.shares.values()) == pytest.approx(0.95)
    block = lines(read)
    assert block[1] == "  train   4 images, the folder's train; images with: sky 4, road 4"
    assert block[4] == "  pixels  19,200: road 72.5%, sky 22.5%; 5.0% ignored"
    assert block[6] == "  files   read 8 images, 8 masks, 1 class name; none left out"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"pages": 300}, "data.pages=300: only documents have it; use null"),
        ({"background": "ground"}, "data.background=ground: masks say of each pixel what it is; use null, or name"),
        (
            {"test_fraction": 0.9, "val_fraction": 0.2},
            "data.val_fraction=0.2 and data.test_fraction=0.9: nothing is le",
        ),
        (
            {"reduce_zero_label": True, "palette": "ade20k"},
            "data.reduce_zero_label=true: the palette ade20k says itself which value is no class; use false",
        ),
        ({"data": "camvid", "palette": "voc"}, "data.palette=voc: camvid says itself what its classes are; use null"),
    ],
)
def test_what_contradicts_itself(config, changes, says) -> None:
    assert problems(config(**changes), None)[0].startswith(says)
    assert problems(config(), None) == []


def test_other_splits_are_refused_with_the_reason(config) -> None:
    with pytest.raises(ValueError, match="class maps are divided as the data set is, and at random by image where it"):
        config(split="blocked")

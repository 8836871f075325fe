"""Images that keep their own sizes, of which the network sees windows and tiles (task.tile)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tlbench.annotations.maps.batches import MapBatches
from tlbench.annotations.maps.class_maps import VOID
from tlbench.config import TrainConfig
from tlbench.config.compose import compose_config
from tlbench.data.open import open_target
from tlbench.data.samples import Samples
from tlbench.errors import ConfigError
from tlbench.geometry.fits import GREY
from tlbench.system.voice import SILENT

SIZES = {"train": [(40, 70), (64, 30)], "val": [(20, 24)], "test": [(33, 90), (20, 24)]}
INPUT = (32, 32)
BOTH = pytest.mark.parametrize("cache", ["memory", "none"])


def run(root: Path, cache: str = "memory", *more: str) -> TrainConfig:
    return compose_config(
        [
            *("task=semantic_segmentation", "data=masks", f"data.root={root}", "task.tile=0.5", "data.image_size=32"),
            *(f"data.cache={cache}", "data.normalisation.mean=[0,0,0]", "data.normalisation.std=[1,1,1]", *more),
        ]
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Pixels say where they are: red is the column, green the row; the class changes every eighth column."""
    for split, sizes in SIZES.items():
        for i, (height, width) in enumerate(sizes):
            row, column = np.mgrid[:height, :width].astype(np.uint8)
            for folder, pixels in (("images", np.stack([column, row, row], 2)), ("masks", column // 8 % 2)):
                path = tmp_path / folder / split / f"{i}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)
    (tmp_path / "classes.txt").write_text("even\nodd\n")
    return tmp_path


def splits(config: TrainConfig) -> dict[str, Samples[Any]]:
    found = dict(open_target(config.data, 0, SILENT).splits)
    assert all(split.on_disk == (config.data.cache == "none") for split in found.values())
    return found


def own(root: Path, name: str) -> torch.Tensor:
    """(3, h, w) uint8."""
    return torch.from_numpy(np.array(Image.open(root / "images" / name))).permute(2, 0, 1)


@BOTH
def test_each_split_is_kept_in_the_rectangle_that_holds_its_images(root: Path, cache: str) -> None:
    found = splits(run(root, cache))
    assert {name: split.size for name, split in found.items()} == {
        "train": (64, 70),
        "val": INPUT,  # its image is smaller than the input
        "test": (33, 90),
    }
    for name, split in found.items():
        pictures = split.pictures(torch.arange(len(split)))
        for i, (height, width) in enumerate(SIZES[name]):
            assert torch.equal(pictures[i, :, :height, :width], own(root, f"{name}/{i}.png"))
            assert (pictures[i, :, height:] == GREY).all()
            assert (pictures[i, :, :, width:] == GREY).all()
        assert split.annotations.inside.tolist() == [list(size) for size in SIZES[name]]


@pytest.mark.promise("tiles")
@BOTH
def test_evaluation_sees_whole_images_at_their_own_size(root: Path, cache: str) -> None:
    config = run(root, cache)
    split, batches = splits(config)["test"], MapBatches(config)
    assert batches.evaluation_batch == 1  # as images have sizes of their own
    large, small = (batches.plain(split, given) for given in batches.loader(split, 1, passes=False))
    assert torch.equal((large[0][0] * 255).round().to(torch.uint8), own(root, "test/0.png"))
    assert torch.equal(large[1].maps[0], large[1].originals[0])
    assert small[0].shape == (1, 3, *INPUT)
    assert torch.equal((small[0][0, :, 6:26, 4:28] * 255).round().to(torch.uint8), own(root, "test/1.png"))
    assert torch.equal(small[1].maps[0, 6:26, 4:28], small[1].originals[0])
    assert int((small[1].maps != VOID).sum()) == 20 * 24


@pytest.mark.promise("tiles")
@BOTH
def test_training_sees_windows_of_the_inputs_size_at_the_images_scale(root: Path, cache: str) -> None:
    config = run(root, cache, "augmentation=maps_none")
    split, batches = splits(config)["train"], MapBatches(config)
    places = set()
    for epoch in range(6):
        (given,) = batches.loader(split, 2, training=True, passes=False)
        images, targets, _ = batches.training(split, given, epoch)
        assert images.shape == (2, 3, *INPUT)
        assert targets.maps.shape == (2, *INPUT)
        column, row = images[0, 0] * 255, images[0, 1] * 255
        assert torch.allclose(column.diff(dim=1), torch.ones(32, 31), atol=1e-3)  # a pixel for a pixel
        assert torch.allclose(row.diff(dim=0), torch.ones(31, 32), atol=1e-3)
        places.add((round(float(column[0, 0]), 3), round(float(row[0, 0]), 3)))
        known = (column % 8 - 7.5).abs() > 0.51  # not where the nearest column may be the next one's
        assert torch.equal(targets.maps[0][known], (column.round() // 8 % 2).to(torch.uint8)[known])
        narrow = images[1, 0] * 255  # 30 columns wide: all of them are there, and grey beside
        assert float(narrow.min()) < 1
        assert int((targets.maps[1] == VOID).sum()) == 32 * 2
    assert len(places) == 6


@BOTH
def test_the_scale_is_that_of_the_image(root: Path, cache: str) -> None:
    config = run(root, cache, "augmentation=maps_none", "augmentation.scale=[2.0,2.0]")
    split, batches = splits(config)["train"], MapBatches(config)
    (given,) = batches.loader(split, 2, training=True, passes=False)
    images, _, _ = batches.training(split, given, 0)
    assert torch.allclose((images[0, 0] * 255).diff(dim=1)[:, 2:-2], torch.tensor(0.5), atol=1e-3)


@BOTH
def test_small_images_beside_large_ones_are_compared_as_they_look(tmp_path: Path, cache: str) -> None:
    """An image a fifth as large as the largest; a copy of it is found, and one that equals a part of it is none."""
    draws = np.random.default_rng(0)

    def patches(side: int) -> Image.Image:
        coarse = Image.fromarray(draws.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        return coarse.resize((side, side), Image.Resampling.BICUBIC)

    large, small = patches(200), patches(80)
    part = patches(80)
    part.paste(small.crop((0, 0, 40, 40)))
    for name, image in {
        "train/large": large,
        "train/small": small,
        "val/narrow": patches(40),
        "test/copy": small.resize((78, 78)),
        "test/part": part,
    }.items():
        for folder in ("images", "masks"):
            path = tmp_path / folder / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            mask = Image.fromarray((np.arange(image.width * image.height) % 2).reshape(image.size).astype(np.uint8))
            (image if folder == "images" else mask).save(path)
    (tmp_path / "classes.txt").write_text("even\nodd\n")
    config = run(tmp_path, cache)
    target = open_target(config.data, 0, SILENT)
    audit = MapBatches(config).audit(target, lambda split: target.splits[split].fingerprint(), test=True)
    found = audit.section["duplicates"]["near"]
    assert {pair: of["images"] for pair, of in found.items()} == {"train-val": 0, "train-test": 1, "val-test": 0}
    assert found["train-test"]["examples"] == [["images/train/small.png", "images/test/copy.png"]]


def test_rare_places_are_the_same_however_many_maps_are_looked_through_together(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def windows() -> torch.Tensor:
        config = run(root, "memory", "augmentation.rare=1.0")
        split, batches = splits(config)["train"], MapBatches(config)
        return batches.training(split, torch.arange(2), 1)[0]

    together = windows()
    monkeypatch.setattr("tlbench.annotations.maps.augment._AT_ONCE", 1)
    assert torch.equal(windows(), together)


def test_a_fraction_of_the_training_images_leaves_the_other_splits_as_they_are(root: Path) -> None:
    whole, half = splits(run(root)), splits(run(root, "memory", "data.fraction=0.5"))
    assert len(half["train"]) == 1
    assert half["test"].fingerprint() == whole["test"].fingerprint()


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["data.native=null"], "data.native=null: it follows task.tile, which is 0.5; leave it out"),
        (["task.tile=null", "data.native=true"], "data.native=true: it follows task.tile, which is null; leave it out"),
        (["task.tile=0"], "task.tile=0"),
        (["task.tile=1"], "task.tile=1"),
        (
            ["data.decode=fast"],
            "data.decode=fast with task.tile=0.5: images keep their own sizes; use data.decode=whole",
        ),
    ],
)
def test_what_contradicts_itself(overrides: list[str], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compose_config(["task=semantic_segmentation", "data=masks", "data.root=d", "task.tile=0.5", *overrides])
    assert says in str(caught.value)

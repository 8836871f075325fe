"""Batches of images with class maps: from memory and from files alike, around rare classes, transformed by the user."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from tlbench.annotations.maps.augment import evaluation_maps, rarity_of, training_maps
from tlbench.annotations.maps.batches import MapBatches
from tlbench.annotations.maps.class_maps import VOID, ClassMaps
from tlbench.annotations.maps.targets import MapTargets
from tlbench.annotations.maps.transformed import transformed
from tlbench.config import TrainConfig
from tlbench.config.compose import compose_config
from tlbench.data.open import open_target
from tlbench.errors import ConfigError
from tlbench.geometry.letterbox import letterbox
from tlbench.system.voice import SILENT

SIZES = [(40, 60), (64, 48), (32, 32), (50, 70), (30, 90), (64, 64)]


def run(folder: Path, *overrides: str) -> TrainConfig:
    return compose_config(
        [
            *("task=semantic_segmentation", "data=masks", f"data.root={folder}", "data.image_size=[32,48]"),
            *("data.batch_size=2", *overrides),
        ]
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draws = np.random.default_rng(0)
    for split, some in (("train", SIZES), ("val", SIZES[:2]), ("test", SIZES[2:4])):
        for i, (height, width) in enumerate(some):
            for kind, shape in (("images", (5, 5, 3)), ("masks", (5, 5))):
                path = tmp_path / kind / split / f"{i}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                coarse = draws.integers(0, 3 if kind == "masks" else 256, shape, dtype=np.uint8)
                Image.fromarray(coarse).resize((width, height), Image.Resampling.NEAREST).save(path)
    (tmp_path / "classes.txt").write_text("sky\nroad\ncar\n")
    return tmp_path


@pytest.mark.promise("a map goes with its image")
@pytest.mark.parametrize("workers", [0, 1])
def test_batches_are_the_same_from_memory_and_from_files(folder: Path, workers: int) -> None:
    def given(cache: str) -> list[torch.Tensor]:
        c = run(folder, f"data.cache={cache}")
        split = open_target(c.data, 0, SILENT).splits["train"]
        assert split.on_disk == (cache == "none")
        batches, found = MapBatches(c), []
        for training in (True, False):
            for batch in batches.loader(split, 4, training=training, workers=workers):
                made = batches.training(split, batch, 3) if training else batches.plain(split, batch)
                images, targets, index = made
                assert images.shape == (len(index), 3, 32, 48)
                found += [images, targets.maps, index, *targets.originals]
        return found

    one, other = given("memory"), given("none")
    assert len(one) == len(other) == 2 * 3 + 2 * 3 + len(SIZES)
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.promise("a map goes with its image")
def test_evaluation_has_maps_at_their_own_size(folder: Path) -> None:
    c = run(folder)
    split = open_target(c.data, 0, SILENT).splits["test"]
    _, targets, _ = MapBatches(c).plain(split, torch.arange(2))
    for i, original in enumerate(targets.originals):
        stored = np.asarray(Image.open(folder / "masks" / "test" / f"{i}.png"))
        assert original.tolist() == stored.tolist()
    assert (targets.maps == VOID).any()  # beside an image of another shape


def test_a_sample_does_not_depend_on_its_batch(folder: Path) -> None:
    c = run(folder)
    split, batches = open_target(c.data, 0, SILENT).splits["train"], MapBatches(c)
    images, targets, _ = batches.training(split, torch.tensor([4, 1, 5]), 2)
    alone, own, _ = batches.training(split, torch.tensor([1]), 2)
    assert torch.equal(images[1], alone[0])
    assert torch.equal(targets.maps[1], own.maps[0])
    later, _, _ = batches.training(split, torch.tensor([1]), 3)
    assert not torch.equal(later, alone)


@pytest.mark.parametrize(("probability", "least", "most"), [(1.0, 1.0, 1.0), (0.5, 0.5, 0.8), (0.0, 0.0, 0.35)])
def test_crops_show_rare_classes_as_often_as_they_are_to(probability: float, least: float, most: float) -> None:
    """One pixel of class 1 in a corner region of a large image; windows show a quarter of it."""
    side, count = 64, 300
    plane = np.zeros((side, side), np.uint8)
    plane[5:7, 50:52] = 1
    maps = ClassMaps.of([plane] * count, ("much", "little"))
    wanted = SimpleNamespace(scale=[2.0, 2.0], flip=0.5, rare=probability, hsv_h=0, hsv_s=0, hsv_v=0)
    index, pixels = torch.arange(count), torch.zeros(1, 3, side, side, dtype=torch.uint8)
    rarity = torch.tensor([0.0, 1.0])  # class 1 alone is wanted
    _, targets = training_maps(
        pixels, torch.from_numpy(plane)[None], torch.zeros_like(index), maps, index, wanted, 0, 0, rarity, (side, side)
    )
    shown = float((targets.maps == 1).flatten(1).any(1).float().mean())
    assert least <= shown <= most


def test_rarity_is_the_root_of_how_rare_a_class_is() -> None:
    maps = ClassMaps.of([np.array([[0] * 16 + [1] * 4 + [VOID]], np.uint8)], ("a", "b", "c"))
    found = rarity_of(maps).tolist()
    assert found[1] / found[0] == pytest.approx(2)
    assert found[2] == 0


@pytest.mark.promise("a map goes with its image")
def test_evaluation_places_a_map_where_its_image_is() -> None:
    maps = ClassMaps.of([np.array([[0, 1], [1, 0]], np.uint8).repeat(10, 0).repeat(20, 1)], ("a", "b"))
    maps = maps.resized((32, 32))
    pixels = torch.full((1, 3, 32, 32), 114, dtype=torch.uint8)
    _, targets = evaluation_maps(pixels, torch.tensor([0]), maps, torch.tensor([0]), (32, 32))
    assert (targets.maps[0, :8] == VOID).all()
    assert (targets.maps[0, 24:] == VOID).all()
    assert targets.maps[0, 8:24].tolist() == maps.plane(0, (32, 32))[:16].tolist()


# ---- a transform of the user's own


def batch() -> tuple[torch.Tensor, MapTargets]:
    sizes = torch.full((2, 2), 4)
    maps = torch.tensor([[[0, 1, 1, VOID]] * 4, [[1] * 4] * 4], dtype=torch.uint8)
    return torch.rand(2, 3, 4, 4), MapTargets(maps, letterbox(sizes, sizes, (4, 4)))


class Transform:
    """In place of `OwnTransform`, without seeds."""

    key = "augmentation.own.import_path='mine:flip'"

    def __init__(self, call) -> None:
        self.call = call

    def samples(self, samples, index, epoch):
        return map(self.call, samples)


def test_a_transform_gets_image_and_mask() -> None:
    images, targets = batch()
    flip = Transform(lambda sample: {name: value.flip(-1) for name, value in sample.items()})
    found, moved = transformed(flip, images, targets, torch.arange(2), 0, 2)  # type: ignore[arg-type]
    assert torch.equal(found, images.flip(-1))
    assert torch.equal(moved.maps, targets.maps.flip(-1))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda mask: mask[:2], r"a mask that is torch.uint8 \(2, 4\); let it keep whole numbers \(4, 4\)"),
        (lambda mask: mask.float(), r"a mask that is torch.float32 \(4, 4\)"),
        (lambda mask: mask + 1, "a mask with values beyond 0 … 1 that are not 255"),
        (lambda mask: None, "a mask that is a NoneType"),
    ],
)
def test_a_mask_that_is_none_is_refused(change, why: str) -> None:
    images, targets = batch()
    bad = Transform(lambda sample: {**sample, "mask": change(sample["mask"].as_subclass(torch.Tensor))})
    with pytest.raises(ConfigError, match=why):
        transformed(bad, images, targets, torch.arange(2), 0, 2)  # type: ignore[arg-type]

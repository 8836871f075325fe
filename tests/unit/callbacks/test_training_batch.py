from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.composed import augmentation as some_augmentation
from tests.composed import config
from tests.recorded_batches import Recorder, quiet_trainer
from tlbench.annotations.labels.batches import LabelBatches
from tlbench.annotations.labels.labels import Labels
from tlbench.callbacks.training_batch import TrainingBatch
from tlbench.config import Seeds, TrainConfig
from tlbench.data.samples import MemorySamples
from tlbench.data.target import Target
from tlbench.data.target_module import TargetModule
from tlbench.geometry.augment import augment
from tlbench.pictures.sheet import Tile, sheet
from tlbench.seeds import permutation

SEEDS = Seeds(init=0, order=5, augment=6, split=0)
NAMES = ("cat", "dog")


def noise(count: int) -> MemorySamples[Labels]:
    images = torch.randint(0, 256, (count, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(count))
    return MemorySamples(images, Labels(torch.arange(count) % 2, NAMES))


@pytest.fixture
def sheets(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[Tile], dict[str, Any]]]:
    """Of each sheet that is drawn its tiles and options."""
    given: list[tuple[list[Tile], dict[str, Any]]] = []
    monkeypatch.setattr(
        "tlbench.callbacks.training_batch.sheet",
        lambda tiles, **options: (given.append((tiles, options)), sheet(tiles, **options))[1],
    )
    return given


def fitted(data_config: Any, file: Path | None, *, cached: bool = False, **augmentation: float) -> Recorder:
    data = data_config("digits", batch_size=24, image_size=8)
    varied = some_augmentation(**augmentation) if augmentation else config("augmentation=none").augmentation
    own = {"data": data, "augmentation": varied, "seeds": SEEDS}
    whole: TrainConfig = config().model_copy(update=own)
    splits = {"train": noise(50), "val": noise(6), "test": noise(7)}
    module = TargetModule(Target("noise", splits, {}), data, SEEDS, LabelBatches(whole))
    model, trainer = Recorder(), quiet_trainer()
    model.on_features = cached
    if file is not None:
        trainer.callbacks.append(TrainingBatch(file, whole))
    torch.manual_seed(3)
    trainer.fit(model, datamodule=module)
    model.after = torch.get_rng_state()
    return model


@pytest.mark.promise("pictures of a run")
def test_the_first_batch_is_shown_as_it_goes_into_the_network_and_nothing_changes(
    data_config, tmp_path, sheets
) -> None:
    wanted = {"crop_padding": 1, "flip": 0.5, "brightness": 0.2}
    model = fitted(data_config, tmp_path / "batch.png", **wanted)
    ((tiles, options),) = sheets  # of two epochs of two batches
    index = permutation(50, SEEDS.order, 0)[:16]
    images, varied = noise(50).images[index], some_augmentation(**wanted)
    seen = augment(images, index, varied, SEEDS.augment, 0, (8, 8))
    assert [tile.title for tile in tiles] == [NAMES[int(i) % 2] for i in index]
    shown = np.stack([tile.pixels for tile in tiles])
    np.testing.assert_array_equal(shown, (seen * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1))
    first, of, how = options["heading"].split("\n")
    assert first == "first training batch (epoch 1), as the network sees it"
    assert of == "16 of 24 images, 8 × 8 pixels"
    assert how == f"augmentation={varied.name}: flip 0.5, crop_padding 1, brightness 0.2"
    assert options["side"] == 152  # a whole number of times 8
    with Image.open(io.BytesIO((tmp_path / "batch.png").read_bytes())) as picture:
        assert picture.format == "PNG"
    without = fitted(data_config, None, **wanted)
    assert torch.equal(model.after, without.after)
    assert len(model.seen) == len(without.seen) > 0
    for (_, _, batch), (_, _, same) in zip(model.seen, without.seen, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(batch, same, strict=True))


def test_where_features_are_computed_once_their_images_are_shown_and_that_is_said(
    data_config, tmp_path, sheets
) -> None:
    fitted(data_config, tmp_path / "batch.png", cached=True)
    ((tiles, options),) = sheets
    index = permutation(50, SEEDS.order, 0)[:16]
    np.testing.assert_array_equal([tile.pixels for tile in tiles], noise(50).images[index].permute(0, 2, 3, 1))
    assert options["heading"].endswith("features of these images are computed once")


def test_other_processes_draw_nothing(data_config, tmp_path, sheets, monkeypatch) -> None:
    monkeypatch.setattr("tlbench.callbacks.training_batch.is_first_process", lambda: False)
    fitted(data_config, tmp_path / "batch.png")
    assert sheets == []
    assert not (tmp_path / "batch.png").exists()

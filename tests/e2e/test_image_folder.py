"""A user's own images in whole commands: kept in memory or decoded by workers, with equal results."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.commands import TINY_RANDOM, call, train
from tests.resuming import go, short_config, stop_at
from tlbench.records.record import Record, read_record
from tlbench.tasks.classification.task import ClassificationTask

FOLDER = ("data=image_folder", "data.root=images", "data.image_size=32", "data.shots=null", "data.val_fraction=0.2")
KINDS = ("jpeg", "png", "webp", "bmp")

pytestmark = pytest.mark.usefixtures("tiny_network", "own_images")


@pytest.fixture
def own_images(tmp_path: Path) -> None:
    """60 images of many kinds and sizes: bright above, or bright on the left."""
    rng = np.random.default_rng(0)
    for i in range(60):
        height, width = rng.integers(24, 70, 2)
        pixels = rng.integers(0, 90, (height, width, 3), dtype=np.uint8)
        if i % 2:
            pixels[: height // 2] += 150
        else:
            pixels[:, : width // 2] += 150
        image = Image.fromarray(pixels)
        image = image.convert(("RGB", "L", "P", "RGBA")[i // 2 % 4]) if KINDS[i // 2 % 4] == "png" else image
        folder = tmp_path / "images" / ("above", "left")[i % 2 == 0]
        folder.mkdir(parents=True, exist_ok=True)
        image.save(folder / f"{i}.{KINDS[i // 2 % 4]}")


def result(folder: str) -> Record:
    record = read_record(Path(folder))
    assert record is not None
    assert record.status == "complete"
    return record


@pytest.mark.promise("memory or workers")
@pytest.mark.slow
def test_memory_and_workers_give_the_same_run():
    records = []
    for name, *options in (("memory",), ("alone", "data.workers=0"), ("workers", "data.workers=2")):
        cache = "memory" if name == "memory" else "none"
        outcome = train(*TINY_RANDOM, *FOLDER, f"data.cache={cache}", *options, f"hydra.run.dir={name}")
        assert outcome.code == 0, outcome.err
        records.append(result(name))
    memory, *others = records
    assert memory.data.storage == "memory"
    for other in others:
        assert other.data.storage == "workers"
        assert other.metrics == memory.metrics
        assert other.curves == memory.curves
        assert other.data.split_rule == memory.data.split_rule


def test_it_learns():
    options = ("data.cache=none", "data.batch_size=8", "augmentation=resized_crop", "augmentation.flip=0")
    crop = "augmentation.resized_crop={scale:[0.7,1.0],ratio:[0.9,1.1]}"
    outcome = train(*TINY_RANDOM, *FOLDER, *options, crop, "trainer.max_epochs=8", "hydra.run.dir=run")
    assert outcome.code == 0, outcome.err
    assert result("run").metrics["test/oa"] > 0.8


@pytest.mark.promise("batches from any workers")
@pytest.mark.slow
def test_it_goes_on_in_the_middle_of_an_epoch():
    options = (*TINY_RANDOM, *FOLDER, "data.cache=none", "data.workers=1", "augmentation=resized_crop")
    config = short_config(*options)
    whole = go(config, Path("whole"))
    with stop_at(ClassificationTask, "training_step", 7, lambda: os.kill(os.getpid(), signal.SIGTERM)):
        stopped = go(config, Path("stopped"))
    assert stopped.code == 143
    resumed = go(config, Path("stopped"))
    assert resumed.code == 0
    assert [*stopped.batches, *resumed.batches] == whole.batches
    assert result("stopped").metrics == result("whole").metrics
    assert result("stopped").curves == result("whole").curves


@pytest.mark.slow
def test_features_are_computed_once_of_files_as_well():
    options = ("augmentation=none", "strategy=feature_extractor")
    for name in ("memory", "none"):
        outcome = train(*TINY_RANDOM, *FOLDER, *options, f"data.cache={name}", f"hydra.run.dir={name}")
        assert outcome.code == 0, outcome.err
        assert "features computed once" in outcome.out
    assert result("none").metrics == result("memory").metrics


@pytest.mark.slow
def test_a_csv_file_trains_as_its_folder():
    rows = [f"{path},{path.parent.name}" for path in sorted(Path("images").glob("*/*"))]
    Path("list.csv").write_text("\n".join(["path,label", *rows]))
    csv = ("data=image_csv", "data.root=list.csv", *FOLDER[2:])
    outcome = train(*TINY_RANDOM, *csv, "trainer.max_epochs=1", "hydra.run.dir=run")
    assert outcome.code == 0, outcome.err
    assert result("run").data.class_names == ["above", "left"]


def test_a_file_that_vanishes_while_training_ends_the_run_in_one_line():
    options = (*TINY_RANDOM, *FOLDER, "data.cache=none", "data.workers=1", "hydra.run.dir=run")

    def lose() -> None:
        for path in Path("images/above").iterdir():
            path.unlink()

    with stop_at(ClassificationTask, "on_validation_epoch_end", 1, lose):
        outcome = train(*options)
    assert outcome.code == 2
    assert "put it back as it was when the run began" in outcome.one_line()
    record = read_record(Path("run"))
    assert record is not None
    assert record.status == "failed"


@pytest.mark.promise("other images than before")
def test_a_run_does_not_go_on_with_other_images():
    options = (*TINY_RANDOM, *FOLDER, "hydra.run.dir=run")
    with stop_at(ClassificationTask, "training_step", 7, lambda: os.kill(os.getpid(), signal.SIGTERM)):
        assert train(*options).code == 143
    for path in sorted(Path("images/left").iterdir()):
        Image.new("RGB", (32, 32), (250, 0, 0)).save(path)
    outcome = train(*options)
    assert outcome.code == 2
    assert "are not those that the run began with" in outcome.one_line()


@pytest.mark.promise("other images than before")
@pytest.mark.slow
def test_other_images_are_another_configuration():
    assert train(*TINY_RANDOM, *FOLDER, "trainer.max_epochs=1", "hydra.run.dir=run").code == 0
    Path("images").rename("others")
    outcome = train(*TINY_RANDOM, *FOLDER, "data.root=others", "trainer.max_epochs=1", "hydra.run.dir=run")
    assert outcome.code == 2
    assert "data.root: 'images' → 'others'" in outcome.one_line()


@pytest.mark.slow
def test_corruptions_of_images_that_workers_decode():
    options = ("data.cache=none", "data.workers=2", "trainer.max_epochs=1", "hydra.run.dir=run")
    assert train(*TINY_RANDOM, *FOLDER, *options).code == 0
    outcome = call("evaluate", "run=run", "corruptions=common")
    assert outcome.code == 0, outcome.err

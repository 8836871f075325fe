"""`augmentation.own`."""

from __future__ import annotations

import random
import signal

import numpy as np
import pytest
import torch

from tests.commands import TINY_RANDOM, train
from tests.composed import config
from tests.doors.conftest import same_weights
from tests.drawn_boxes import box_images
from tests.resuming import stop_at
from tests.slow import thinned
from tlbench.annotations.instances.batches import BoxBatches
from tlbench.annotations.labels.batches import LabelBatches
from tlbench.annotations.labels.labels import Labels
from tlbench.config.compose import compose_config
from tlbench.data.samples import MemorySamples
from tlbench.errors import ConfigError
from tlbench.tasks.classification.task import ClassificationTask


def transform(name: str, **arguments: object) -> str:
    given = ", ".join(f"{key}: {value}" for key, value in arguments.items())
    return f"augmentation.own={{import_path: 'mine.transforms:{name}', arguments: {{{given}}}}}"


def label_batches(name: str, *overrides: str) -> LabelBatches:
    return LabelBatches(config("augmentation=none", "augmentation.name=mine", transform(name), *overrides))


@pytest.fixture
def split() -> MemorySamples[Labels]:
    images = torch.randint(0, 256, (12, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return MemorySamples(images, Labels(torch.arange(12) % 3, ("a", "b", "c")))


@pytest.mark.promise("a transform")
def test_it_draws_as_a_function_of_seed_epoch_and_sample_alone(split):
    batches = label_batches("drawn")
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()
    whole, _, _ = batches.training(split, torch.arange(12), 3)
    torch.testing.assert_close(torch.get_rng_state(), before[0], rtol=0, atol=0)
    assert random.getstate() == before[1]
    assert (np.random.get_state()[1] == before[2]).all()
    torch.rand(5), random.random(), np.random.rand()
    order = torch.tensor([7, 0, 11, 3])
    some, _, index = batches.training(split, order, 3)
    assert torch.equal(index, order)
    assert torch.equal(some, whole[order])
    alone, _, _ = batches.training(split, torch.tensor([3]), 3)
    assert torch.equal(alone[0], whole[3])
    other_epoch, _, _ = batches.training(split, torch.arange(12), 4)
    other_seed, _, _ = label_batches("drawn", "seed=1").training(split, torch.arange(12), 3)
    plain, _, _ = batches.plain(split, torch.arange(12))
    for other in (other_epoch, other_seed, plain):
        assert not any(torch.equal(a, b) for a, b in zip(whole, other, strict=True))


@pytest.mark.promise("a transform")
def test_what_it_does_is_done(split):
    flipped, _, _ = label_batches("flip_all").training(split, torch.arange(12), 0)
    plain, _, _ = label_batches("identity").plain(split, torch.arange(12))
    torch.testing.assert_close(flipped, plain.flip(3))  # resized afterwards


@pytest.mark.promise("a transform")
def test_one_that_does_nothing_changes_no_bit_of_a_run(plain, fit):
    run = fit("run", transform("identity"))
    assert same_weights(run, plain)
    assert run.record.code.files.keys() == {"mine", "mine.transforms"}
    assert not same_weights(fit("drawn", transform("drawn")), plain)


@pytest.mark.promise("a transform")
def test_a_resumed_run_draws_what_the_uninterrupted_one_would(fit, tiny_network):
    whole = fit("whole", transform("drawn"))
    with stop_at(ClassificationTask, "training_step", 3, lambda: signal.raise_signal(signal.SIGTERM)):
        assert train(*TINY_RANDOM, transform("drawn"), "hydra.run.dir=run").code == 143
    assert same_weights(fit("run", transform("drawn")), whole)


def boxes_config(name: str, **arguments: object):
    given = ("task=detection", "source=random", "trainer=cpu", "data.image_size=64", transform(name, **arguments))
    off = [f"augmentation.{k}=0" for k in ("mosaic", "scale", "translate", "flip", "hsv_h", "hsv_s", "hsv_v")]
    return compose_config((*given, *off, "augmentation.name=mine"))


@pytest.mark.promise("a transform")
def test_boxes_go_with_their_image():
    split, index = box_images(), torch.arange(5)
    images, targets, _ = BoxBatches(boxes_config("identity")).training(split, index, 0)
    flipped, with_it, _ = BoxBatches(boxes_config("flip_all")).training(split, index, 0)
    assert torch.equal(flipped, images.flip(3))
    x1, y1, x2, y2 = targets.boxes.unbind(1)
    torch.testing.assert_close(with_it.boxes, torch.stack([64 - x2, y1, 64 - x1, y2], 1))
    assert torch.equal(with_it.labels, targets.labels)
    assert torch.equal(with_it.image, targets.image)


def test_boxes_in_another_format_are_known_by_it():
    split, index = box_images(), torch.arange(5)
    _, targets, _ = BoxBatches(boxes_config("identity")).training(split, index, 0)
    _, same, _ = BoxBatches(boxes_config("by_centres")).training(split, index, 0)
    torch.testing.assert_close(same.boxes, targets.boxes)


@pytest.mark.promise("a transform")
def test_what_it_drops_is_dropped_and_a_sample_is_the_same_in_any_batch():
    split, batches = box_images(), BoxBatches(boxes_config("some_boxes", least=8))
    _, all_targets, _ = BoxBatches(boxes_config("identity")).training(split, torch.arange(5), 2)
    images, targets, _ = batches.training(split, torch.arange(5), 2)
    large = ((all_targets.boxes[:, 2:] - all_targets.boxes[:, :2]) >= 8).all(dim=1)
    assert 0 < len(targets.boxes) == int(large.sum()) < len(all_targets.boxes)
    assert torch.equal(targets.labels, all_targets.labels[large])
    assert torch.equal(targets.image, all_targets.image[large])
    for i in (3, 1, 4):
        image, target, _ = batches.training(split, torch.tensor([i]), 2)
        assert torch.equal(image[0], images[i])
        assert torch.equal(target.boxes, targets.boxes[targets.image == i])


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("of_some_size", "it gives images of different sizes ("),
        ("grey", "it gives a tensor (8, 8), no image (3, height, width); let it return one"),
        ("failing", "calling it fails: IndexError: "),
        ("nan", "it gives an image with values from nan to nan, where black is 0 and white 1; "),
        ("far", "it gives an image with values from "),
        ("integers", "it gives an image of torch.int32; "),
    ],
)
def test_what_is_no_transform_of_images_is_refused(name, says, split):
    with pytest.raises(ConfigError) as caught:
        label_batches(name).training(split, torch.arange(12), 0)
    assert str(caught.value).startswith(f"augmentation.own.import_path='mine.transforms:{name}': ")
    assert says in str(caught.value)


def test_one_that_cannot_be_called_is_refused_before_training(refused):
    assert "it gives a str, which cannot be called; " in refused(transform("not_callable"))
    assert "it is called with strength, but takes (scale" in refused(transform("drawn", strength=1))


@pytest.mark.parametrize(
    ("name", "says"),
    thinned(
        [
            ("shrunk", "it makes an image of (3, 8, 8) of one of (3, 64, 64); "),
            ("no_mapping", "it is called with a mapping of image, boxes, labels, and gives a tensor (3, 64, 64); "),
            ("one_box_less", "it gives 1 boxes and 2 labels for an image; drop both of an object"),
            ("other_labels", "or a label beyond 0 … 2; "),
            ("no_boxes", "it gives boxes of type str; let it keep tensors"),
            ("nan_boxes", "it gives a box that is not finite, "),
        ],
        2,
    ),
)
def test_what_is_no_transform_of_boxes_is_refused(name, says):
    with pytest.raises(ConfigError) as caught:
        BoxBatches(boxes_config(name)).training(box_images(), torch.arange(5), 0)
    assert says in str(caught.value)


def test_it_is_no_part_of_none(refused):
    assert "augmentation.name" in refused("augmentation=none", transform("identity"))

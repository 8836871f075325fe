"""What makes statistics paired by seed valid: arms of one seed differ in nothing but their weights."""

from __future__ import annotations

import json

import pytest
import torch

from tests.commands import TINY, TINY_RANDOM
from tests.fits import SOURCES, fit
from tlbench.config.compose import compose_config
from tlbench.data.open import open_target
from tlbench.geometry.augment import prepare


@pytest.mark.promise("the head is replaced")
def test_arms_of_one_seed_share_head_order_and_augmented_batches(fits):
    a, b = (fits[source] for source in SOURCES)
    assert torch.equal(a.heads[0], b.heads[0])
    assert not torch.equal(a.heads[1], b.heads[1])
    assert len(a.batches) == len(b.batches) == 4
    for one, other in zip(a.batches, b.batches, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(one, other, strict=True))
    first_epoch, second_epoch = a.batches[:2], a.batches[2:]
    assert not torch.equal(torch.cat([b[2] for b in first_epoch]), torch.cat([b[2] for b in second_epoch]))


def test_training_images_are_augmented(fits):
    config = compose_config(TINY)
    train = open_target(config.data, 0).splits["train"]
    images, _, index = fits["random"].batches[0]
    plain = prepare(train.images[index], config.data.input_size, config.data.normalisation)
    assert images.shape == plain.shape
    assert not torch.equal(images, plain)


@pytest.mark.usefixtures("tiny_network")
def test_seed_zero_is_a_seed_and_seed_one_another(tmp_path):
    quick = (*TINY_RANDOM, "trainer.max_epochs=1")
    first = fit(tmp_path / "a", *quick, "seed=0")
    torch.manual_seed(123)  # whatever was drawn before must not matter
    again = fit(tmp_path / "b", *quick, "seed=0")
    other = fit(tmp_path / "c", *quick, "seed=1")
    assert torch.equal(first.heads[0], again.heads[0])
    assert all(torch.equal(x, y) for x, y in zip(first.batches[0], again.batches[0], strict=True))
    assert first.losses == again.losses
    assert not torch.equal(first.heads[0], other.heads[0])
    assert first.batches[0][2].tolist() != other.batches[0][2].tolist()
    records = [json.loads((run.folder / "record.json").read_text()) for run in (first, other)]
    assert records[0]["data"] == records[1]["data"]  # the split's seed stays

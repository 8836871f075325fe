"""On what corruptions act: the images as the network sees them, however they are stored."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.drawn_photos import photos
from tests.drawn_run import draw_run
from tlbench.tasks.classification.loaded import LoadedClassifier
from tlbench.tasks.classification.on_data import ClassifierOnData
from tlbench.tools.complete_run import open_run
from tlbench.tools.data_overrides import with_data
from tlbench.tools.loaded_run import load_run

pytestmark = pytest.mark.usefixtures("tiny_network")

NAMES = ("cat", "dog")


@pytest.fixture
def evaluation(tmp_path):
    """Of a run at a size, on 6 photographs of 96 pixels stored at another size."""

    def made(size: int, stored: int, cache: str = "memory") -> ClassifierOnData:
        for name, seed in zip(NAMES, (0, 1), strict=True):
            (tmp_path / "images" / name).mkdir(parents=True, exist_ok=True)
            for i, image in enumerate(photos(3, 96, seed)):
                image.save(tmp_path / "images" / name / f"{i}.png")
        data = ("data.name=image_folder", f"data.stored_size={stored}", f"data.image_size={size}", "data.workers=0")
        config = draw_run(
            tmp_path / "run", *data, f"data.cache={cache}", f"data.root={tmp_path / 'images'}", names=NAMES
        )
        return ClassifierOnData(
            load_run(LoadedClassifier, open_run(tmp_path / "run"), "cpu"), with_data(config, ["data.batch_size=4"])
        )

    return made


def record(evaluation: ClassifierOnData) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """What a transform that inverts images is given, its indices, and what the network is given then."""
    given: list[Tensor] = []
    index: list[Tensor] = []
    inputs: list[Tensor] = []

    def invert(images: Tensor, samples: Tensor) -> Tensor:
        given.append(images.clone())
        index.append(samples)
        return 255 - images

    hook = evaluation.inference.network.register_forward_pre_hook(lambda _, taken: inputs.append(taken[0].clone()))
    evaluation.logits_of("all", invert)
    hook.remove()
    return given, index, inputs


@pytest.mark.promise("corruptions at the input's size")
@pytest.mark.parametrize(("size", "stored"), [(32, 64), (64, 32), (48, 48)])
def test_the_images_have_the_networks_size_and_8_bits_and_are_normalised_afterwards(evaluation, size, stored):
    made = evaluation(size, stored)
    given, index, inputs = record(made)
    (images,) = made.parts("all")
    assert images.images.shape == (6, 3, stored, stored)
    assert torch.cat(index).tolist() == [0, 1, 2, 3, 4, 5]
    taken = torch.cat(given)
    assert (taken.dtype, taken.shape) == (torch.uint8, (6, 3, size, size))
    if size == stored:
        assert torch.equal(taken, images.images)
    resized = F.interpolate(images.images.float() / 255, size=(size, size), mode="bilinear", antialias=True)
    assert torch.equal(taken, (resized * 255).round().to(torch.uint8))
    norm = made.data.normalisation
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (norm.mean, norm.std))
    torch.testing.assert_close(torch.cat(inputs), ((255 - taken) / 255 - mean) / std, rtol=0, atol=1e-5)


@pytest.mark.promise("corruptions from workers")
def test_images_that_workers_decode_are_corrupted_alike(evaluation):
    kept = record(evaluation(32, 64))
    decoded = record(evaluation(32, 64, "none"))
    for a, b in zip(kept, decoded, strict=True):
        assert torch.equal(torch.cat(a), torch.cat(b))


def test_without_a_transform_nothing_is_rounded(evaluation):
    made = evaluation(32, 64)
    inputs: list[Tensor] = []
    made.inference.network.register_forward_pre_hook(lambda _, taken: inputs.append(taken[0].clone()))
    made.logits_of("all")
    norm = made.data.normalisation
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (norm.mean, norm.std))
    levels = (torch.cat(inputs) * std + mean) * 255
    assert float((levels - levels.round()).abs().max()) > 0.2

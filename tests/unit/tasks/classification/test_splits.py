from __future__ import annotations

import pytest
import torch
from PIL import Image
from tlbench.annotations.labels.image_files import open_image_files
from tlbench.tasks.classification.splits import open_split
from tlbench.tools.classes import check_classes

from tests.composed import config
from tlbench.errors import DataError
from tlbench.system.voice import PRINTING
from tlbench.tasks.classification.on_data import ClassifierOnData
from tlbench.tools.data_overrides import with_data

FEW = ("cat", "dog")


@pytest.fixture
def folder(tmp_path):
    """Two cats and three dogs: too few to carve splits out of."""
    for name, count in (("cat", 2), ("dog", 3)):
        (tmp_path / "few" / name).mkdir(parents=True)
        for i in range(count):
            Image.new("RGB", (8, 8), (i, 0, 0)).save(tmp_path / "few" / name / f"{i}.png")
    return with_data(config(), ["data=image_folder", "data.root=few"])


def test_all_takes_every_image_and_carves_nothing(folder):
    with pytest.raises(DataError, match="too few"):
        open_image_files(folder.data, 0, PRINTING)
    (images,) = open_split(folder, "all", FEW)
    assert images.labels.tolist() == [0, 0, 1, 1, 1]


def test_all_of_data_with_splits_of_their_own():
    parts = open_split(config(), "all", [str(i) for i in range(10)])
    assert sum(len(images) for images in parts) == 1797
    (test,) = open_split(config(), "test", [str(i) for i in range(10)])
    assert torch.equal(test.images, parts[2].images)


def test_all_holds_the_images_that_a_run_did_not_train_on_for_want_of_shots():
    (train, val, test) = open_split(config("data.shots=3"), "all", [str(i) for i in range(10)])
    assert len(train) + len(val) + len(test) == 1797
    (few,) = open_split(config("data.shots=3"), "train", [str(i) for i in range(10)])
    assert len(few) == 30


def test_labels_are_the_runs_whatever_the_order_of_the_names(folder):
    (images,) = open_split(folder, "all", ("dog", "cat"))
    assert images.class_names == ("dog", "cat")
    assert images.labels.tolist() == [1, 1, 0, 0, 0]


def test_classes_that_differ_are_named(folder):
    with pytest.raises(DataError, match=r"lack 'mouse' and have besides 'cat'; .* data\.classes"):
        open_split(folder, "all", ("dog", "mouse"))
    with pytest.raises(DataError, match="lack '5', '6', '7', '8', '9' and 15 more"):
        check_classes([str(i) for i in range(5)], [str(i) for i in range(25)])


def test_batches_hold_every_image_in_order_however_it_is_kept(folder):
    (kept,) = open_split(folder, "all", FEW)
    on_disk = folder.model_copy(update={"data": folder.data.model_copy(update={"cache": "none", "workers": 0})})
    (files,) = open_split(on_disk, "all", FEW)
    loaders = (ClassifierOnData(None, config).loader(images) for config, images in ((folder, kept), (on_disk, files)))
    for a, b in zip(*loaders, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
    assert a[2].tolist() == [0, 1, 2, 3, 4]

"""`data.image_size` and `data.stored_size`: one number of a square, or height and width."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from tests.composed import config
from tests.slow import thinned
from tlbench.annotations.labels.batches import LabelBatches
from tlbench.config.arms import arm_name
from tlbench.config.compose import compose_config
from tlbench.config.hash import config_hash
from tlbench.config.size import as_written, size_of, size_text
from tlbench.errors import ConfigError

BOXES = ("task=detection", "data=documents")


def test_a_square_is_one_number_however_it_is_given():
    one, pair = config("data.image_size=224").data, config("data.image_size=[224, 224]").data
    assert one == pair
    assert pair.model_dump(mode="json")["image_size"] == 224
    assert one.input_size == one.input_size == (224, 224)


@pytest.mark.promise("rectangles")
def test_the_hash_of_a_square_is_that_of_its_number():
    hashes = [
        config_hash(config(f"data.image_size={given}").model_dump(mode="json"))
        for given in ("96", "[96, 96]", "[96, 128]", "[128, 96]")
    ]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def test_a_rectangle_is_height_and_width():
    data = config("data.image_size=[192, 256]").data
    assert data.image_size == data.model_dump(mode="json")["image_size"] == [192, 256]
    assert data.input_size == (192, 256)
    assert compose_config([*BOXES, "data.image_size=[192,256]"]).data.storage_size == (192, 256)


def test_images_are_stored_in_the_inputs_size_or_their_own():
    own = ("data=image_folder", "data.root=x", "data.image_size=[96,128]")
    assert compose_config(own).data.storage_size == (96, 128)
    assert compose_config([*own, "data.stored_size=[120,160]"]).data.storage_size == (120, 160)
    assert compose_config([*own, "data.stored_size=128"]).data.storage_size == (128, 128)
    assert config("data.image_size=[96, 128]").data.storage_size == (8, 8)  # digits


def test_arms_are_named_by_sizes():
    for given, name in ((224, "size-224"), ([224, 224], "size-224"), ([192, 256], "192x256"), (None, "size-null")):
        arms = [
            arm_name({"data": {"image_size": given}}, ["data.image_size"]),
            arm_name(OmegaConf.create({"data": {"stored_size": given}}), ["data.stored_size"]),
        ]
        assert [arm.removeprefix("image_").removeprefix("stored_") for arm in arms] == [name, name]


def test_what_is_kept_in_memory_and_how_many_are_evaluated_at_once_goes_by_the_area():
    data = config("data.cache=auto", "data.memory_budget_mb=1", "data.batch_size=2", "data.image_size=[32, 128]").data
    assert data.keeps_in_memory([(2**20 // (3 * 32 * 128), (32, 128))])
    assert not data.keeps_in_memory([(2**20 // (3 * 32 * 128) + 1, (32, 128))])
    assert LabelBatches.evaluation_batch_of(data) == 256  # as many as of 64 × 64
    assert LabelBatches.evaluation_batch_of(data.model_copy(update={"image_size": [64, 128]})) == 128


def test_sizes_as_they_are_written():
    for given, size, text in ((224, (224, 224), "224"), ([192, 256], (192, 256), "[192,256]")):
        assert (size_of(given), as_written(size), size_text(size)) == (size, given, text)


@pytest.mark.parametrize(
    ("given", "said"),
    thinned(
        [
            ("0", "data.image_size=0: input should be greater than or equal to 32"),
            ("[0,64]", "data.image_size=0: input should be greater than or equal to 32"),
            ("[64,100]", "data.image_size=100: input should be a multiple of 32"),
            ("[64,4096]", "data.image_size=4096: input should be less than or equal to 2048"),
            ("64.5", "data.image_size=64.5: input should be a valid integer"),
            ("[64.5,96]", "data.image_size=64.5: input should be a valid integer"),
            ("[64]", "data.image_size=[64]: give one number of a square, or [height, width]"),
            ("[64,96,3]", "data.image_size=[64, 96, 3]: give one number of a square, or [height, width]"),
            ("[]", "data.image_size=[]: give one number of a square, or [height, width]"),
            ("null", "data.image_size=null: input should be a valid integer"),
            ("true", "data.image_size=True: input should be a valid integer"),
            ("big", "data.image_size='big': input should be a valid integer"),
        ],
        3,
    ),
)
def test_what_is_no_size(given, said):
    with pytest.raises(ConfigError) as refused:
        compose_config([*BOXES, f"data.image_size={given}"])
    assert str(refused.value) == said


def test_a_stored_size_has_limits_of_its_own():
    for given, said in (
        ("[4,64]", "data.stored_size=4: input should be greater"),
        ("[64]", "data.stored_size=[64]: give"),
    ):
        with pytest.raises(ConfigError, match=said.replace("[", r"\[").replace("]", r"\]")):
            compose_config(["data=image_folder", "data.root=x", f"data.stored_size={given}"])

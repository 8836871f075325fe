from __future__ import annotations

import pytest
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from tlbench.compose import compose_config, config_dir, explain
from tlbench.errors import ConfigError


def explained(*overrides: str) -> str:
    with pytest.raises((HydraException, OmegaConfBaseException)) as caught:
        compose_config(overrides)
    text = explain(caught.value)
    assert "\n" not in text
    return text


def test_the_configs_of_a_checkout_lie_beside_the_package():
    assert (config_dir() / "train.yaml").is_file()


def test_an_unknown_key_is_named_with_the_nearest_one_and_its_neighbours():
    assert explained("optimizer.lrr=1") == (
        "unknown key 'optimizer.lrr' (did you mean 'optimizer.lr'?); allowed under optimizer: "
        "betas, clip_norm, final_lr, lr, momentum, name, nominal_batch, schedule, warmup_epochs, warmup_momentum, "
        "weight_decay"
    )
    assert explained("qqq=1").startswith("unknown key 'qqq'; allowed at the top: augmentation, callbacks, ")


def test_the_neighbours_of_an_unknown_key_are_those_of_the_chosen_options():
    text = explained("task=detection", "data.shots=2")
    assert text.startswith(
        "unknown key 'data.shots' (did you mean 'data.root'?); allowed under data: antialias, batch_size, "
    )
    assert " pages, " in text
    assert "stored_size" not in text


def test_a_key_of_a_group_that_is_null_is_answered_with_the_whole_group_and_the_options_that_have_it():
    assert explained("augmentation.resized_crop.scale=[0.3,1.0]") == (
        "augmentation.resized_crop.scale: augmentation.resized_crop is null, and is given whole: "
        "'augmentation.resized_crop={scale: …, ratio: …}' or augmentation=rand_augment or augmentation=resized_crop"
    )
    assert explained("augmentation.rand_augment.bins=3").startswith("unknown key 'augmentation.rand_augment.bins'")
    scale = compose_config(["augmentation=resized_crop", "augmentation.resized_crop.scale=[0.5,1.0]"])
    assert scale.augmentation.resized_crop.scale == [0.5, 1.0]


def test_a_missing_option_is_named_with_those_there_are():
    text = explained("optimizer=adam")
    assert "optimizer/adam" in text
    assert text.endswith("available options in 'optimizer': adamw, sgd, yolo, yolo_sgd")


@pytest.mark.parametrize("override", ["optimizer.betas=[1", "data.normalisation={mean:", "optimizer.lr", "a=b=[c"])
def test_an_override_that_is_no_override_is_quoted_whole(override):
    assert override in explained(override)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model=timm"], "model.name=???: it has no value; give model.name=resnet50, or another of timm.list_models()"),
        (["study=???"], "study=???: it has no value; give study=…"),
        (
            ["seeds.init=???", "data.shots=???"],
            "data.shots=???: it has no value; give data.shots=…; seeds.init=???: it has no value; give seeds.init=…",
        ),
    ],
)
def test_a_key_without_a_value_is_named(overrides, message):
    with pytest.raises((ConfigError, OmegaConfBaseException)) as caught:
        compose_config(overrides)
    error = caught.value  # the second where another key is made of it, as the study's name of the model's
    assert (str(error) if isinstance(error, ConfigError) else explain(error)) == message


def test_an_experiment_in_a_further_folder_is_found(tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text("# @package _global_\ndata: {shots: 7}\n")
    assert compose_config(["+experiment=mine"], [str(tmp_path)]).data.shots == 7
    assert "mine" in explained("+experiment=mine")


def test_composing_twice_gives_the_same():
    assert compose_config(["seed=3"]) == compose_config(["seed=3"])

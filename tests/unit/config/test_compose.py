from __future__ import annotations

from pathlib import Path

import pytest
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from tests.composed import unresolved
from tests.slow import thinned
from tlbench.config.compose import compose_config, explain, known_keys
from tlbench.config.conf_folder import config_dir
from tlbench.config.option_files import data_values
from tlbench.config.suggestions import nearest_keys, nearest_options
from tlbench.config.task_choice import why_no_data
from tlbench.errors import ConfigError, did_you_mean
from tlbench.tasks.registry import specs


def explained(*overrides: str) -> str:
    with pytest.raises((HydraException, OmegaConfBaseException)) as caught:
        compose_config(overrides)
    text = explain(caught.value)
    assert "\n" not in text
    return text


def explained_by_parse(*overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        compose_config(overrides)
    return str(caught.value)


def test_the_configs_of_a_checkout_lie_beside_the_package():
    assert (config_dir() / "train.yaml").is_file()


def test_an_unknown_key_is_named_with_the_nearest_one_and_its_neighbours():
    assert explained("optimizer.lrr=1") == (
        "unknown key 'optimizer.lrr' (did you mean 'optimizer.lr'?); allowed under optimizer: "
        "betas, clip_norm, final_lr, import_path, lr, momentum, name, nominal_batch, schedule, warmup_epochs, "
        "warmup_momentum, weight_decay"
    )
    assert explained("qqq=1").startswith("unknown key 'qqq'; allowed at the top: augmentation, callbacks, ")


def test_the_neighbours_of_an_unknown_key_are_those_of_the_chosen_options():
    text = explained("task=detection", "data.shots=2")
    assert text.startswith(
        "unknown key 'data.shots', which other options of data have; allowed under data: antialias, batch_size, "
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
    there = "there are adamw, module, sgd, yolo, yolo_sgd"
    assert text == f"optimizer=adam: there is no such option (did you mean 'optimizer=adamw'?); {there}"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("lr", "'optimizer.lr'"),
        ("epochs", "'trainer.max_epochs'"),
        ("batch-size", "'data.batch_size'"),
        ("imgsz", "'data.image_size'"),
        ("weights", "'source' or 'checkpoint'"),
        ("freeze", "'strategy'"),
        ("amp", "'trainer.precision'"),
        ("gpus", "'trainer.devices'"),
        ("device", "'trainer.accelerator'"),
        ("seed.init", "'seeds.init'"),
        ("trainer.epochs", "'trainer.max_epochs'"),
        ("optimizer.learning_rate", "'optimizer.lr'"),
        ("regularizer", "'regulariser'"),
        ("warmup_epoch", "'optimizer.warmup_epochs'"),
        ("head_lr", None),
    ],
)
def test_a_key_as_other_tools_call_it_is_answered_with_ours(given, meant):
    hint = "" if meant is None else f" (did you mean {meant}?)"
    known = known_keys(DictConfig(unresolved()))
    assert did_you_mean(nearest_keys(given, known)) == hint


def test_an_added_key_is_answered_so_too():
    assert explained_by_parse("+lr=0.1") == (
        "unknown key 'lr' (value 0.1) (did you mean 'optimizer.lr'?); see `python -m tlbench.train --cfg "
        "job` for all keys"
    )


@pytest.mark.parametrize(
    ("group", "option", "meant"),
    [
        ("model", "resnet81", ["resnet18"]),
        ("model", "yolov8n", ["yolo11n"]),
        ("data", "cifar", ["cifar10"]),
        ("data", "ImageFolder", ["image_folder"]),
        ("data", "csv", ["image_csv"]),
        ("optimizer", "SGD", ["sgd"]),
        ("strategy", "linear-probe", ["feature_extractor"]),
        ("strategy", "finetune", ["full"]),
        ("source", "scratch", ["random"]),
        ("source", "imagenet1k", ["imagenet"]),
        ("regulariser", "l2sp", ["l2_sp"]),
        ("experiment", "cifar", ["cifar_strategies", "cifar_transfer"]),
        ("task", "segmentation", ["semantic_segmentation"]),
    ],
)
def test_an_option_that_is_not_there_is_answered_with_the_nearest(group, option, meant):
    options = sorted(file.stem for file in (config_dir() / group).glob("*.yaml"))
    assert nearest_options(group, option, options)[: max(len(meant), 1)] == meant


def test_a_file_in_place_of_an_option_is_told_where_it_belongs(tmp_path):
    Path("photos").mkdir()
    text = explained("data=photos")
    assert text.startswith(
        "data=photos: there is no such option; give data=image_folder task=classification data.root=photos for one "
        "label an image, or data=yolo task=detection data.root=photos for boxes"
    )
    Path("best.pt").touch()
    assert "; give source=checkpoint checkpoint=best.pt; there are " in explained("model=best.pt")
    assert "no such option; give source=checkpoint checkpoint=photos/a.pt" not in explained("source=photos/a.pt")


def test_a_key_below_a_value_is_told_that_there_are_none():
    assert explained("seed.init=3") == "unknown key 'seed.init' (did you mean 'seeds.init'?); seed has no keys below it"


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


@pytest.mark.parametrize("name", ["documents", "coco", "yolo"])
def test_data_that_tasks_share_say_which_tasks_have_them_where_another_asks_for_them(name):
    assert explained(f"data={name}", "augmentation=none") == (
        f"data={name}: not for task=classification; use cifar10, digits, image_folder, image_csv or module, or "
        + " or ".join(f"task={spec.name}" for spec in specs().values() if name in spec.data)
    )
    assert explained(f"data={name}", "~task").startswith("missing key 'task'; ")


def test_a_task_that_has_data_of_tlbench_brings_what_its_data_have_in_common():
    assert why_no_data("documents", "detection", "data/of") == (
        "data=documents: there is no conf/data/of/detection.yaml; add it, with what all data of task=detection say"
    )
    assert why_no_data("module", "classification", "data/by_code") == (
        "data=module: there is no conf/data/by_code/classification.yaml; add it, with what data by code of "
        "task=classification say"
    )


def test_data_by_code_have_the_keys_and_the_augmentation_of_the_task():
    given = ("data=module", "data.import_path=m:data")
    labels, maps = compose_config(given), compose_config(["task=semantic_segmentation", *given, "data.ignore_index=11"])
    assert (labels.augmentation.name, labels.data.fit, labels.data.image_size) == ("crop_flip", "crop", 224)
    assert (maps.augmentation.name, maps.data.fit, maps.data.image_size) == ("maps", "corner", 256)


def test_data_by_code_say_which_tasks_have_them_where_another_asks_for_them():
    assert explained("task=detection", "data=module", "data.import_path=m:data") == (
        "data=module: not for task=detection; use signature, documents, yolo, coco or box_module, or "
        "task=classification or task=semantic_segmentation"
    )


@pytest.mark.parametrize(
    ("task", "name"), thinned([(task, name) for task, spec in specs().items() for name in spec.data], 3)
)
def test_what_an_option_of_data_says_is_what_hydra_composes_of_it(task, name):
    composed = dict(unresolved(f"task={task}", f"data={name}")["data"])
    del composed["limits"]
    assert data_values(name, task) == composed


def test_few_images_are_repeated_to_make_as_many():
    found = [compose_config(["+experiment=label_efficiency", f"data.shots={n}"]).data for n in (10, 300, "null")]
    assert [(data.repeat, data.shots) for data in found] == [(30, 10), (1, 300), (1, None)]
    with pytest.raises(Exception, match=r"70 images cannot be repeated to make 300; 300 must be a multiple"):
        compose_config(["+experiment=label_efficiency", "data.shots=70"])

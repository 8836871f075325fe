from __future__ import annotations

import copy
import re
from operator import attrgetter

import pytest

from tests.composed import config as composed
from tlbench.config.arms import arm_name, earlier_arm_name
from tlbench.config.compose import compose_config
from tlbench.config.hash import affecting_results, config_hash, difference
from tlbench.config.parse import parse
from tlbench.errors import ConfigError


def dumped(*overrides: str) -> dict:
    return compose_config(overrides).model_dump(mode="json")


def test_seed_zero_reaches_every_stream_but_the_split():
    config = compose_config(["seed=7"])
    assert (config.seeds.init, config.seeds.order, config.seeds.augment, config.seeds.split) == (7, 7, 7, 0)
    assert compose_config([]).seeds.init == 0


def test_all_errors_of_a_config_are_reported_at_once_with_key_value_and_what_is_allowed():
    config = dumped()
    config["optimizer"]["lr"] = -1.0
    config["trainer"]["max_epochs"] = "many"
    config["data"]["shot"] = 3
    config["strategy"]["lr_scale"] = 0.1
    with pytest.raises(ConfigError) as caught:
        parse(config)
    message = str(caught.value)
    assert "optimizer.lr=-1.0: input should be greater than 0" in message
    assert "trainer.max_epochs='many': input should be a valid integer" in message
    assert "unknown key 'data.shot' (value 3)" in message
    assert "unknown key 'strategy.lr_scale' (value 0.1)" in message
    assert "\n" not in message


@pytest.mark.promise("refused before the start")
@pytest.mark.parametrize(
    ("overrides", "key"),
    [
        (["source=checkpoint"], "source.path=null"),
        (["source=random", "source.path=x"], "source.path='x'"),
        (["source=timm"], "source=timm: has no weights for model.library=torchvision"),
        (["source=tin200", "source.tag=a1_in1k"], "source.tag='a1_in1k'"),
        (["data.shots=3", "data.fraction=0.5"], "data.shots=3 and data.fraction=0.5"),
        (["optimizer=sgd", "optimizer.momentum=null"], "optimizer.momentum=null"),
        (["optimizer.warmup_epochs=11"], "optimizer.warmup_epochs=11"),
        (["factors=[sorce]"], "factors=['sorce']"),
        (["factors=[trainer]"], "'trainer' is a group without a name"),
        (["factors=[seeds.init]"], "'seeds.init' is a seed"),
        (["optimizer.momentum=0.9"], "optimizer.momentum=0.9"),
        (["optimizer=sgd", "optimizer.betas=[0.9,0.9]"], "optimizer.betas=[0.9, 0.9]"),
        (["study='a b'"], "study="),
        (["study='../up'"], "study='../up'"),
        (["optimizer.betas=[0.9,1.0]"], "optimizer.betas=[0.9, 1.0]"),
        (["seed=true"], "seed=True"),
        (["optimizer.lr=inf"], "optimizer.lr=inf"),
        (["optimizer=yolo", "optimizer.warmup_momentum=0.8"], "optimizer.warmup_momentum=0.8: AdamW has no"),
        (
            ["optimizer=yolo_sgd", "optimizer.momentum=0", "optimizer.warmup_momentum=0.8"],
            "optimizer.warmup_momentum=0.8: SGD without momentum",
        ),
        (["optimizer=yolo", "optimizer.final_lr=null"], "optimizer.final_lr=null: schedule=linear needs"),
        (["optimizer.final_lr=0.01"], "optimizer.final_lr=0.01: schedule=cosine ends where it ends"),
        (["optimizer=yolo", "optimizer.final_lr=0"], "optimizer.final_lr=0"),
        (["optimizer=yolo", "optimizer.clip_norm=0"], "optimizer.clip_norm=0"),
        (["optimizer=yolo", "optimizer.nominal_batch=0"], "optimizer.nominal_batch=0"),
        (["task=detection", "data.antialias=maybe"], "data.antialias='maybe': give true or false"),
        (["task=detection", "data.antialias=null"], "data.antialias=null: give true or false"),
        (["callbacks.ema_tau=2000"], "callbacks.ema_tau=2000.0: without callbacks.ema_decay there is no average"),
    ],
)
def test_checks_name_the_key(overrides, key):
    if overrides == ["study='a b'"]:
        config = dumped()
        config["study"] = "a b"
        with pytest.raises(ConfigError) as caught:
            parse(config)
    else:
        with pytest.raises(ConfigError) as caught:
            compose_config(overrides)
    assert key in str(caught.value)


@pytest.mark.parametrize(
    ("classes", "found"),
    [
        (["cat", "dog"], ["cat", "dog"]),
        ([0, 1], ["0", "1"]),
        ([-1, "01"], ["-1", "01"]),
        (
            [True, "a"],
            "data.classes.0=true: is read as a truth value, and wanted is a text; write it in quotes, in a file "
            'as "true", in a shell as \'data.classes=["true"]\'',
        ),
        (
            ["a", 1000.0],
            "data.classes.1=1000.0: is read as a number, and wanted is a text; write it in quotes, in a file as "
            '"1000.0", in a shell as \'data.classes=["1000.0"]\'',
        ),
        (
            [None, "a"],
            "data.classes.0=null: is read as null, and wanted is a text; write it in quotes, in a file as "
            '"null", in a shell as \'data.classes=["null"]\'',
        ),
        ("cat", "data.classes='cat': wanted is a list, such as 'data.classes=[cat]'"),
    ],
)
def test_names_that_are_numbers_are_names_and_what_may_be_another_text_is_refused(classes, found):
    values = copy.deepcopy(composed().model_dump(mode="json"))
    values["data"]["classes"] = classes
    if isinstance(found, list):
        assert parse(values).data.classes == found
        return
    with pytest.raises(ConfigError) as caught:
        parse(values)
    assert str(caught.value) == found


@pytest.mark.parametrize(
    ("monitor", "meant"),
    [
        ("val/f2", "val/f1"),
        ("val/accuracy", "val/oa"),
        ("val/acc", "val/oa"),
        ("val/los", "val/loss"),
        ("val/F1", "val/f1"),
    ],
)
def test_a_metric_that_the_task_lacks_is_answered_with_the_nearest(monitor, meant):
    with pytest.raises(ConfigError, match=re.escape(f"val/loss (did you mean {meant!r}?)")):
        composed(f"callbacks.monitor={monitor}")


def test_an_argument_of_the_network_can_be_a_factor():
    values = composed("model=timm", "model.name=resnet50").model_dump(mode="json")
    values["model"]["arguments"] = {"drop_path_rate": 0.1}
    values["factors"] = ["source", "model.arguments.drop_path_rate"]
    assert arm_name(parse(values).model_dump(mode="json"), values["factors"]) == "tin200-drop_path_rate-0.1"


@pytest.mark.parametrize("optimizer", ["yolo", "yolo_sgd"])
def test_the_recipes_warm_up_fits_runs_of_any_length(optimizer):
    config = compose_config([f"optimizer={optimizer}", "callbacks=yolo", "trainer.max_epochs=1"])
    assert (config.optimizer.warmup_epochs, config.optimizer.nominal_batch, config.optimizer.clip_norm) == (3.0, 64, 10)
    assert (config.callbacks.ema_decay, config.callbacks.ema_tau) == (0.9999, 2000.0)


def test_the_hash_covers_what_affects_results_and_nothing_else():
    plain = config_hash(dumped())
    assert config_hash(dumped("study=other", "on_missing=embedded", "logger.mistakes=3")) == plain
    assert config_hash(dumped("data=cifar10", "data.root=/x")) == config_hash(dumped("data=cifar10"))
    assert config_hash(dumped("data.limits.max_classes=7", "data.limits.max_label_mb=1")) == plain
    assert config_hash(dumped("rerun=true", "factors=[source,data.shots]")) == plain
    for override in ("seed=1", "source=random", "optimizer.lr=0.1", "data.shots=3", "trainer.precision=bf16-mixed"):
        assert config_hash(dumped(override)) != plain, override
    assert "augmentation.flip" in affecting_results(dumped())


def test_the_search_counts_where_something_is_tuned_and_only_there():
    plain = config_hash(dumped())
    assert config_hash(dumped("tuning.trials=3", "tuning.ranges.optimizer.lr=[0.1,1]")) == plain
    tuned = config_hash(dumped("tune=optimizer.lr"))
    assert tuned != plain
    assert config_hash(dumped("tune=[optimizer.lr]")) == tuned
    assert config_hash(dumped("tune=optimizer.lr", "tuning.ranges.optimizer.weight_decay=[0.1,1]")) == tuned
    for override in ("tuning.trials=3", "tuning.seed=1", "tuning.max_epochs=1", "tuning.ranges.optimizer.lr=[0.1,1]"):
        assert config_hash(dumped("tune=optimizer.lr", override)) != tuned, override


def test_difference_names_every_key_with_both_values():
    assert difference(dumped(), dumped("optimizer.lr=0.5", "seed=1", "study=x")) == [
        "optimizer.lr: 0.001 → 0.5",
        "seed: 0 → 1",
        "seeds.augment: 0 → 1",
        "seeds.init: 0 → 1",
        "seeds.order: 0 → 1",
    ]


def test_arms_are_named_by_the_factors_values_and_fit_a_folder():
    config = {
        "source": {"name": "tin200", "path": None},
        "data": {"shots": 30, "root": "a b/c=d"},
        "strategy": {"name": "full"},
    }
    assert arm_name(config, ["source"]) == "tin200"
    assert arm_name(config, ["source", "strategy", "data.shots"]) == "tin200-full-shots-30"
    assert arm_name(config, ["data.root"]) == "a_b_c_d"
    assert arm_name(config, ["data.shots", "source"]) == "shots-30-tin200"
    assert earlier_arm_name(config, ["data.shots", "source"]) == "30-tin200"
    assert arm_name({"lr": 1.0}, ["lr"]) == arm_name({"lr": 1}, ["lr"]) == "lr-1"


@pytest.mark.promise("arms named by numbers")
@pytest.mark.parametrize(
    ("value", "name"),
    [
        (0.001, "lr-0.001"),
        (1e-5, "lr-1e-05"),
        (-3, "lr--3"),
        ("+1", "lr-+1"),
        ("1e-3", "lr-1e-3"),
        (float("inf"), "lr-inf"),
        (True, "lr-true"),
        (False, "lr-false"),
        (None, "lr-null"),
        ("1e-3x", "1e-3x"),
        ("v1", "v1"),
        ("infinite", "infinite"),
        ([1, 2], "_1_2_"),
    ],
)
def test_what_does_not_say_of_what_it_is_comes_behind_its_keys_last_part(value, name):
    assert arm_name({"optimizer": {"lr": value}}, ["optimizer.lr"]) == name


GRADUAL = "strategy=gradual_unfreezing"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["strategy=head_then_full", "strategy.head_epochs=10"],
            "strategy.head_epochs=10: the stage 'full' would never begin; use less than trainer.max_epochs=10, "
            "or trainer.max_epochs=11",
        ),
        (
            [GRADUAL, "strategy.at_epochs=[1]", "strategy.every_n_epochs=1"],
            "strategy.at_epochs=[1], strategy.every_n_epochs=1, strategy.stall_patience=null: exactly one must be "
            "given, the others null",
        ),
        (
            [GRADUAL, "strategy.every_n_epochs=null"],
            "strategy.at_epochs=null, strategy.every_n_epochs=null, strategy.stall_patience=null: exactly one must be "
            "given, the others null",
        ),
        (
            [
                GRADUAL,
                "strategy.every_n_epochs=null",
                "strategy.stall_patience=2",
                "callbacks.early_stopping.patience=3",
            ],
            "callbacks.early_stopping.patience=3 and strategy.stall_patience=2: a stall in the last stage already ends "
            "the run; set one of them to null",
        ),
        (
            ["trainer=ddp", "data.batch_size=15"],
            "data.batch_size=15: 2 devices (trainer.devices) share a batch; use a multiple of 2, such as "
            "data.batch_size=16",
        ),
        (
            ["trainer.sync_batchnorm=true"],
            "trainer.sync_batchnorm=true: needs several GPUs (trainer=ddp); use false, or model.norm=group, which "
            "needs no statistics of the batch",
        ),
        (
            ["regulariser=bss", "regulariser.bss_k=33"],
            "regulariser.bss_k=33: a batch of 32 images a process (data.batch_size=32, trainer.devices=1) has at most "
            "32 singular values; use less",
        ),
    ],
)
def test_parts_that_contradict_one_another_are_named_with_a_way_out(overrides, message):
    with pytest.raises(ConfigError) as caught:
        composed(*overrides)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "overrides",
    [
        ["strategy=head_then_full", "strategy.head_epochs=9"],
        [GRADUAL, "strategy.every_n_epochs=null", "strategy.stall_patience=2", "trainer.max_epochs=16"],
        ["trainer=ddp", "data.batch_size=16", "trainer.sync_batchnorm=true"],
        ["regulariser=bss", "regulariser.bss_k=32"],
        ["regulariser.bss_k=33"],  # no penalty
    ],
)
def test_what_is_just_allowed(overrides):
    config = composed(*overrides)
    key, _, value = overrides[-1].partition("=")
    assert str(attrgetter(key)(config)).lower() == value


@pytest.mark.parametrize(
    ("overrides", "key"),
    [
        (["strategy.lr_decay=0"], "strategy.lr_decay=0"),
        (["strategy.name=half"], "strategy.name='half': input should be one of 'full', 'feature_extractor', "),
        (["strategy.lr_decay=1.5"], "strategy.lr_decay=1.5"),
        (["strategy.lr_scales={layer4: 0}"], "strategy.lr_scales.layer4=0"),
        ([GRADUAL, "strategy.at_epochs=[0]"], "strategy.at_epochs.0=0"),
        ([GRADUAL, "strategy.unfreeze_warmup_epochs=-1"], "strategy.unfreeze_warmup_epochs=-1"),
        (["strategy=head_then_full", "strategy.head_epochs=0"], "strategy.head_epochs=0"),
        (["callbacks.freeze_batch_norm=affine"], "callbacks.freeze_batch_norm='affine'"),
        (["callbacks.ema_decay=1.0"], "callbacks.ema_decay=1.0"),
        (["trainer.max_time_s=0"], "trainer.max_time_s=0"),
        (
            ["trainer.extra={max_time: 60}"],
            "trainer.extra.max_time=60: not to be given, as it is trainer.max_time_s, which ends a run with an epoch",
        ),
        (["callbacks.early_stopping.patience=0"], "callbacks.early_stopping.patience=0"),
        (["callbacks.monitor=test/oa"], "callbacks.monitor='test/oa': the best epoch is chosen on validation only"),
        (["model.norm=layer"], "model.norm='layer'"),
        (
            [GRADUAL, "strategy.stages=[head,layer4]"],
            "strategy.stages=['head', 'layer4']: each stage is a list of patterns, such as [[head],[layer4],",
        ),
        (
            ["regulariser.bss=0.1", "regulariser.name=none"],
            "regulariser=none with regulariser.bss=0.1: use regulariser=l2_sp or regulariser=bss",
        ),
        (["augmentation=none", "augmentation.flip=0.5"], "augmentation=none with augmentation.flip=0.5: use another"),
        (
            ["augmentation=none", "augmentation.mixup=0.2", "augmentation.rand_augment={operations: 2, magnitude: 9}"],
            "augmentation=none with augmentation.rand_augment={'operations': 2, 'magnitude': 9}, "
            "augmentation.mixup=0.2: use another",
        ),
        (
            ["augmentation.resized_crop={scale: [0.3, 1.0]}"],
            "augmentation.resized_crop={'scale': [0.3, 1.0]}: 'ratio' is missing; give scale and ratio, or null",
        ),
        (
            ["augmentation.resized_crop={scale: [0.9, 0.3], ratio: [1, 1]}"],
            "augmentation.resized_crop.scale=[0.9, 0.3]: the least comes first",
        ),
        (["augmentation.resized_crop={scale: [0, 1], ratio: [1, 1]}"], "augmentation.resized_crop.scale.0=0: "),
        (["augmentation.rand_augment={operations: 2, magnitude: 31}"], "augmentation.rand_augment.magnitude=31: "),
        (["augmentation.cutmix=-1"], "augmentation.cutmix=-1: "),
        (["task.label_smoothing=1.0"], "task.label_smoothing=1.0: "),
        # what does not fit the network or the task is found before anything is built
        (
            ["strategy.lr_scales={neck: 0.5}"],
            "strategy.lr_scales: the pattern 'neck' matches no layer group; there are stem, ",
        ),
        (
            [GRADUAL, "trainer.max_epochs=5"],
            "strategy.every_n_epochs=1: stage 6 (stem) would begin after 5 epochs and never unfreeze",
        ),
        (["callbacks.monitor=val/map50"], "callbacks.monitor='val/map50': the best epoch is chosen on validation"),
    ],
)
def test_values_of_strategies_and_callbacks_out_of_range_are_named(overrides, key):
    with pytest.raises(ConfigError) as caught:
        composed(*overrides)
    assert str(caught.value).startswith(key), str(caught.value)

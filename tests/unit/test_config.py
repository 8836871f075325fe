from __future__ import annotations

import pytest

from tlbench.arms import arm_name
from tlbench.compose import compose_config
from tlbench.config import affecting_results, config_hash, difference, parse
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
    with pytest.raises(ConfigError) as caught:
        parse(config)
    message = str(caught.value)
    assert "optimizer.lr=-1.0: input should be greater than 0" in message
    assert "trainer.max_epochs='many': input should be a valid integer" in message
    assert "unknown key 'data.shot' (value 3)" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("overrides", "key"),
    [
        (["source=checkpoint"], "source.path=null"),
        (["source=random", "source.path=x"], "source.path='x'"),
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


def test_the_hash_covers_what_affects_results_and_nothing_else():
    plain = config_hash(dumped())
    assert config_hash(dumped("study=other", "on_missing=embedded", "data.root=/x", "logger.mistakes=3")) == plain
    assert config_hash(dumped("rerun=true", "factors=[source,data.shots]")) == plain
    for override in ("seed=1", "source=random", "optimizer.lr=0.1", "data.shots=3", "trainer.precision=bf16-mixed"):
        assert config_hash(dumped(override)) != plain, override
    assert "augmentation.flip" in affecting_results(dumped())


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
    assert arm_name(config, ["source", "strategy", "data.shots"]) == "tin200-full-30"
    assert arm_name(config, ["data.root"]) == "a_b_c_d"
    assert arm_name(config, ["data.shots", "source"]) == "30-tin200"
    assert arm_name({"lr": 1.0}, ["lr"]) == arm_name({"lr": 1}, ["lr"]) == "1"

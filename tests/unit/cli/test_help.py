"""`python -m tlbench.train --help …`."""

from __future__ import annotations

import pytest

from tests.commands import train
from tlbench.cli.help import GROUPS, MAIN
from tlbench.config.conf_folder import config_dir
from tlbench.config.option_files import option_files


def said(*arguments: str) -> str:
    outcome = train("--help", *arguments)
    assert (outcome.code, outcome.err) == (0, "")
    return outcome.out


@pytest.mark.promise("described keys")
def test_the_overview_names_groups_with_their_options_and_main_keys():
    text = said()
    strategies = ", ".join(sorted(option_files("strategy")))
    assert f"strategy which layer groups train, and from when on: {strategies} " in " ".join(text.split())
    assert "vgg16" not in text
    assert "  optimizer.lr=0.001                learning rate" in text
    shown = [line.split("=")[0].strip() for line in text.splitlines() if line.startswith("  ")]
    assert [key for key in (*MAIN, "seed", "study", "plan") if key not in shown] == []
    assert "stand_ins" not in shown
    assert "Exit codes: 0 complete" in text


def test_every_group_of_the_first_level_is_in_it():
    assert {path.name for path in config_dir().iterdir() if path.is_dir()} == set(GROUPS)


@pytest.mark.promise("described keys")
def test_a_group_has_its_options_and_all_its_keys():
    text = said("optimizer=sgd", "optimizer")
    assert text.startswith("optimizer: the optimizer, its learning rate and schedule\n  optimizer= adamw, module, sgd")
    assert "  optimizer.name=sgd  " in text
    assert "  optimizer.betas=null  " in text
    assert "of groups with factor 1, as the head is (number > 0) optimizer.weight_decay" in " ".join(text.split())
    assert "trainer." not in text.replace("trainer.max_epochs - 1", "")
    assert "vgg16" in said("model")


def test_the_chosen_options_keys_are_shown():
    assert "strategy.head_epochs" not in said("strategy")
    assert "  strategy.head_epochs=2  " in said("strategy=head_then_full", "strategy")
    assert "  augmentation.mosaic=1.0  " in said("task=detection", "augmentation")
    assert "  model.name=…  " in said("model=timm", "model.name")


def test_several_topics_one_key_and_all():
    text = said("trainer.precision", "data.limits")
    assert text.count("Keys with their defaults, as task=classification has them") == 2
    assert "(32-true | bf16-mixed | 16-mixed)" in " ".join(text.split())
    assert "  data.limits.max_label_mb=16  " in text
    everything = said("all")
    assert "  callbacks.own.NAME.import_path=…  " in everything
    assert "  augmentation.resized_crop.scale=… least and largest fraction" in everything


@pytest.mark.parametrize(
    ("topic", "line"),
    [
        ("optimiser", "(did you mean 'optimizer'?); groups are task, data, model"),
        ("optimizer.learning_rate", "(did you mean 'optimizer.lr'?); groups are task"),
    ],
)
def test_a_word_that_is_no_group_and_no_key(topic, line):
    outcome = train("--help", topic)
    assert outcome.code == 2
    assert outcome.one_line().startswith(f"ConfigError: --help {topic}: no group and no key as task=classification has")
    assert line in outcome.one_line()


def test_a_folder_of_ones_own_is_listed(tmp_path):
    (tmp_path / "optimizer").mkdir()
    (tmp_path / "optimizer" / "mine.yaml").write_text("name: mine\n")
    assert "optimizer= adamw, mine, module" in said("--config-dir", str(tmp_path), "optimizer")

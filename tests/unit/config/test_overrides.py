from __future__ import annotations

import shlex

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from tests.commands import train
from tlbench.config.overrides import check_overrides, quoted, several_values, within_grammar
from tlbench.errors import ConfigError

TEXTS = [
    "it's",
    "a b",
    "$HOME",
    "${x}",
    "%41",
    "a\nb",
    "a\\b",
    "a\\'b",
    "trail\\",
    "ünï ☃",
    "-x",
    "a,b",
    'say "x"',
    "[a]",
    "~",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_quoted_text_is_taken_as_it_is(text):
    value = OverridesParser.create().parse_override(f"key={quoted(text)}").value()
    assert OmegaConf.create({"key": value}).key == text


ARGUMENTS = {
    "data.root=photos/für": "photos/für",
    "data.root=~/my photos#1": "~/my photos#1",
    "data.classes=[Äpfel, Birnen]": ["Äpfel", "Birnen"],
    "model.groups={a:[ü],b:c}": {"a": ["ü"], "b": "c"},
    "hydra.run.dir='ü'": "ü",
    "trainer.max_epochs=3": 3,
    "data.root=a b": "a b",
    "tune=null": None,
}


ARGUMENTS |= {
    "data.classes=[0,1]": ["0", "1"],
    "data.classes=[01, true,1e3]": ["01", "true", "1e3"],
    "data.classes=[null]": [None],
    "study=2024": "2024",
    "source.path=1_000": "1_000",
    "seed=1": 1,
    "data.root=C:/x:ü": "C:/x:ü",
    "data.root=null": None,
    "optimizer.betas=[0,1]": [0, 1],
    "strategy.stages=[[head],[1]]": [["head"], ["1"]],
}


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_letters_beyond_ascii_need_no_quotes(argument):
    assert OverridesParser.create().parse_override(within_grammar(argument)).value() == ARGUMENTS[argument]


def test_a_sweep_stays_one():
    override = OverridesParser.create().parse_override(within_grammar("source.path=ä.pt,ö.pt"))
    assert [o.text for o in override.sweep_iterator(transformer=lambda value: value)] == ["ä.pt", "ö.pt"]


@pytest.mark.parametrize("argument", ["--config-dir=ü", "-m", "ü", "a=it's ü", "a=${b}ü"])
def test_what_is_no_plain_value_is_left_alone(argument):
    assert within_grammar(argument) == argument


def test_numbers_stay_numbers_where_a_function_takes_them():
    assert within_grammar("study=range(1,3)") == "study=range(1,3)"
    assert within_grammar("study=choice(1,2)") == "study=choice('1','2')"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("model.arguments.width=4,8", "++model.arguments.width=4,8"),
        ("strategy.lr_scales.layer4=0.1", "++strategy.lr_scales.layer4=0.1"),
        ("model.groups.head=[fc]", "++model.groups.head=[fc]"),
        ("+model.arguments.x=1", "+model.arguments.x=1"),
        ("~model.arguments.x", "~model.arguments.x"),
        ("tuning.ranges.optimizer.lr=[0.1,1]", "tuning.ranges.optimizer.lr=[0.1,1]"),
    ],
)
def test_a_key_below_a_mapping_of_the_users_own_is_added(given, meant):
    assert within_grammar(given) == meant


PATHS = [
    "epoch=9-step=100.ckpt",
    "my images (1)",
    "lr=0.1,bs=8",
    "50% [new]{a}",
    "it's",
    'say "x"',
    "a:[b",
    "${HOME}(1)",
    "end\\\\(",
]


@pytest.mark.promise("what is typed arrives")
@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_hydra_cannot_read_is_answered_with_what_to_type(path):
    """What is told to be typed is what a shell hands over, and Hydra then reads, as the path."""
    with pytest.raises(ConfigError) as caught:
        check_overrides([f"checkpoint={path}"])
    text = str(caught.value)
    line = text.partition("; for one text type ")[2]
    assert text.startswith(f"checkpoint={path}: cannot be read as it stands, as ")
    (argument,) = shlex.split(line)
    read = OverridesParser.create().parse_override(within_grammar(argument))
    assert read.key_or_group == "checkpoint"
    assert OmegaConf.create({"key": read.value()}).key == path


def test_a_path_with_equals_signs_word_for_word():
    with pytest.raises(ConfigError) as caught:
        check_overrides(["checkpoint=epoch=9-step=100.ckpt"])
    assert str(caught.value) == (
        "checkpoint=epoch=9-step=100.ckpt: cannot be read as it stands, as '=' has a meaning there; for one text type "
        "'checkpoint=\"epoch=9-step=100.ckpt\"'"
    )


@pytest.mark.parametrize("path", [r"C:\Users\x", r"C:\\Users\\x", "D:/photos", "a b"])
def test_paths_that_need_no_quotes(path):
    check_overrides([f"data.root={path}"])
    read = OverridesParser.create().parse_override(f"data.root={path}").value()
    assert read == path.replace(r"\\", "\\")  # two are one to Hydra


def test_what_the_shell_took_apart_is_put_together():
    with pytest.raises(ConfigError) as caught:
        check_overrides(["seed=1", "data.root=my", "images", "(1)", "study=x"])
    assert str(caught.value) == (
        "'images (1)': is no key=value; as a part of data.root=my type 'data.root=\"my images (1)\"'"
    )
    with pytest.raises(ConfigError, match=r"^'images': is no key=value$"):
        check_overrides(["images"])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.root=[a]", "data.root=[a]: is read as a list, and wanted is one text; type 'data.root=\"[a]\"'"),
        (
            "data.root={a: 1}",
            "data.root={a: 1}: is read as a mapping, and wanted is one text; type 'data.root=\"{a: 1}\"'",
        ),
        (
            "optimizer.betas=[1",
            "optimizer.betas=[1: is no list that can be read; write 'key=[a,b]', with its closing bracket",
        ),
        (
            "strategy.lr_scales.layer*=0.1",
            "'strategy.lr_scales.layer*=0.1': such a key is given with its group: 'strategy.lr_scales={layer*: 0.1}'",
        ),
        (
            "optimizer.lr = 1",
            "'optimizer.lr = 1': 'optimizer.lr ' is no key; write key=value, without spaces around the =",
        ),
    ],
)
def test_what_else_cannot_be_read_is_answered_with_the_way_out(override, message):
    with pytest.raises(ConfigError) as caught:
        check_overrides([override])
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("seed=0,1", "seed=0,1: several values make a study: add -m for that"),
        (
            "data.root=a,b",
            "data.root=a,b: several values make a study: add -m for that, for one text type 'data.root=\"a,b\"'",
        ),
        (
            "data.classes=a,b",
            "data.classes=a,b: are several values; as a list type 'data.classes=[a,b]', for a study add -m",
        ),
    ],
)
def test_several_values_without_a_study(override, message):
    assert several_values(override) == message


def test_what_cannot_be_read_is_said_with_its_place():
    outcome = train("study=it's")
    assert outcome.code == 2
    assert outcome.one_line() == (
        "ConfigError: study=it's: cannot be read as it stands, as \"'\" has a meaning there; for one text type "
        """'study="it'"'"'s"'"""
    )

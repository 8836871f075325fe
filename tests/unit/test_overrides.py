from __future__ import annotations

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from tests.commands import train
from tlbench.overrides import quoted, within_grammar

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


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_letters_beyond_ascii_need_no_quotes(argument):
    assert OverridesParser.create().parse_override(within_grammar(argument)).value() == ARGUMENTS[argument]


def test_a_sweep_stays_one():
    override = OverridesParser.create().parse_override(within_grammar("source.path=ä.pt,ö.pt"))
    assert [o.text for o in override.sweep_iterator(transformer=lambda value: value)] == ["ä.pt", "ö.pt"]


@pytest.mark.parametrize("argument", ["--config-dir=ü", "-m", "ü", "a=it's ü", "a=${b}ü"])
def test_what_is_no_plain_value_is_left_alone(argument):
    assert within_grammar(argument) == argument


def test_what_cannot_be_read_is_said_with_its_place():
    outcome = train("study=it's")
    assert outcome.code == 2
    assert outcome.one_line() == (
        'ConfigError: "study=it\'s": cannot be read, from its character 9 on; put the value into quotes, such as '
        "'key=\"value\"' in a shell"
    )

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field

from tlbench.errors import ConfigError
from tlbench.tools.options import Options, help_text, parse_options, wants_help


class Some(Options):
    run: str = Field(description="folder of a complete run")
    split: Literal["test", "val"] = Field("test", description="which")
    calibrated: bool = Field(False, description="whether")
    output: str | None = Field(None, description="a file")
    seed: Annotated[int, Field(ge=0)] = Field(3, description="a number")


def test_values_are_taken_as_they_stand_behind_the_first_equals_sign():
    options = parse_options(Some, ["run=a=b, (c) [d]/*", "calibrated=true", "seed=7", "output=null"])
    assert options == Some(run="a=b, (c) [d]/*", calibrated=True, seed=7)


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        (["rum=x"], ["unknown key 'rum'", "did you mean 'run'", "split, calibrated, output, seed"]),
        (["run"], ["'run'", "key=value"]),
        ([], ["run is missing", "folder of a complete run"]),
        (["run=a", "run=b"], ["run is given twice", "'a'", "'b'"]),
        (["run=a", "split=tests"], ["split='tests'", "'test' or 'val'"]),
        (["run=a", "calibrated=maybe"], ["calibrated='maybe'", "boolean"]),
        (["run=a", "seed=-1", "split=x"], ["seed='-1'", "greater than or equal to 0", "split='x'"]),
        (["run=null"], ["run=None", "valid string"]),
    ],
)
def test_what_is_wrong_is_one_line(arguments, fragments):
    with pytest.raises(ConfigError) as error:
        parse_options(Some, arguments)
    assert [fragment for fragment in fragments if fragment not in str(error.value)] == []
    assert "\n" not in str(error.value)


def test_help_names_every_key_with_its_default():
    text = help_text(Some, "usage", "footer")
    assert text.startswith("usage")
    assert "  run=…               folder of a complete run\n" in text
    assert "which (test | val; default test)" in text
    assert "whether (true | false; default false)" in text
    assert "a file (text, or null; default null)" in text
    assert "Exit codes" in text
    assert wants_help(["run=x", "--help"])
    assert wants_help(["-h"])
    assert not wants_help(["run=-h"])

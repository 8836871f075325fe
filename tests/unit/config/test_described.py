"""What `--help` and docs/keys.md say of a key is what the schema checks."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from tlbench.cli.compare_options import CompareOptions
from tlbench.cli.report_options import ReportOptions
from tlbench.cli.status_options import StatusOptions
from tlbench.config.described import Key, key_lines, keys_of, meaning, shown
from tlbench.config.size import ImageSize, Sides
from tlbench.tasks.registry import built_in, run_schema
from tlbench.tools.evaluate_options import EvaluateOptions
from tlbench.tools.export_options import ExportOptions
from tlbench.tools.options import of_all_tasks
from tlbench.tools.predict_options import PredictOptions


class Inner(BaseModel):
    depth: int = Field(description="how deep")


class A(BaseModel):
    name: Literal["a"] = Field(description="which")


class B(BaseModel):
    name: Literal["b"] = Field(description="which")
    more: bool = Field(description="of b alone")


class Some(BaseModel):
    one: Annotated[float, Field(gt=0, le=1)] | None = Field(description="one")
    two: Annotated[int, Field(ge=2)]
    three: Annotated[int, Field(ge=0, lt=2**32)]
    four: Annotated[float, Field(lt=5)]
    kind: Literal["x", "y"] | None
    either: Literal["x"] | list[float] | None
    ends: Annotated[list[float], Field(min_length=2, max_length=2)]
    many: Annotated[list[list[str]], Field(min_length=2)]
    side: Annotated[ImageSize, Sides(ge=32, le=64, multiple_of=32)] | None
    any: dict[str, Any]
    rates: dict[str, Annotated[float, Field(gt=0)]]
    part: Inner
    perhaps: Inner | None = Field(description="or not")
    named: dict[str, Inner] = Field(description="of your own")
    choice: Annotated[A | B, Field(discriminator="name")]


def test_values_in_words():
    assert {key.name: key.takes for key in keys_of(Some)} == {
        "one": "number in (0, 1], or null",
        "two": "integer >= 2",
        "three": "integer in [0, 2^32)",
        "four": "number < 5",
        "kind": "x | y, or null",
        "either": "x, or list of numbers, or null",
        "ends": "list of 2 numbers",
        "many": "list of 2 or more lists of texts",
        "side": "integer in [32, 64], a multiple of 32, or [height, width], or null",
        "any": "mapping",
        "rates": "mapping of names to numbers > 0",
        "part.depth": "integer",
        "perhaps": "the keys below, all of them, or null",
        "perhaps.depth": "integer",
        "named": "mapping of names to mappings",
        "named.NAME.depth": "integer",
        "choice.name": "a | b",
        "choice.more": "true | false",
    }


def test_of_a_group_with_several_classes_the_chosen_one():
    assert [key for key in keys_of(Some, {"choice": "a"}) if key.name.startswith("choice")] == [
        Key("choice.name", "a", "which")
    ]


@pytest.mark.promise("described keys")
@pytest.mark.parametrize("task", built_in())
def test_every_key_of_a_run_is_described(task):
    keys = keys_of(run_schema(task))
    assert [key.name for key in keys if not key.what] == []
    assert [key.name for key in keys if "anything" in key.takes] == []
    assert len(keys) > 100


@pytest.mark.promise("described keys")
@pytest.mark.parametrize(
    "options",
    [EvaluateOptions, PredictOptions, ExportOptions, CompareOptions, ReportOptions, StatusOptions],
    ids=lambda kind: kind.__name__,
)
def test_every_key_of_a_tool_is_described(options):
    kind = of_all_tasks(options) if hasattr(options, "tool") else options
    keys = keys_of(kind)
    assert [key.name for key in keys] == list(kind.model_fields)
    assert [key.name for key in keys if not key.what or "anything" in key.takes] == []


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "null"), (True, "true"), (0.001, "0.001"), (["a", [1, None]], "[a,[1,null]]"), ({"a": {}}, "{a:{}}")],
)
def test_a_value_as_on_a_command_line(value, text):
    assert shown(value) == text


def test_meaning_names_what_is_taken_and_the_default():
    key = Key("a.b", "number > 0", "how much")
    assert meaning(key) == "how much (number > 0)"
    assert meaning(key, "3") == "how much (number > 0; default 3)"
    assert meaning(Key("a", "text", "a name"), "b") == "a name (default b)"
    assert meaning(Key("a", "text", "a name")) == "a name"


def test_a_long_key_has_a_line_of_its_own():
    assert key_lines([("a=1", "one two three"), ("long.key=2", "four")], 8, 16) == [
        "  a=1   one two",
        "        three",
        "  long.key=2",
        "        four",
    ]

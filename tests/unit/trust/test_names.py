from __future__ import annotations

import json
from typing import Any

import pytest

from tests.composed import config
from tests.own_code import own_config
from tlbench.system.names import without_nan
from tlbench.trust.names import CodeName, canonical, claim, code_names

ARGUMENTS: dict[str, Any] = {
    "widths": [1, 2.5, [True, None]],
    "ünïcode": "\N{SNOWMAN}\udc80 \n",
    "nested": {"z": 1e-300, "a": {"1": -0.0}},
    "rate": 0.1,
    "none": float("nan"),
}


def test_what_a_configuration_names() -> None:
    assert code_names(config()) == []
    assert code_names(own_config("model.arguments={width: 4}")) == [
        CodeName("model", "sent_nets:Small", {"width": 4}),
    ]


def test_the_same_before_a_record_is_written_and_after_it_is_read() -> None:
    name = CodeName("model", "a.b:C", ARGUMENTS)
    before = claim([name], "data", {"b": "2", "a": "1"})
    read = json.loads(json.dumps(without_nan(ARGUMENTS)))
    shuffled = dict(reversed(read.items()))
    assert claim([CodeName("model", "a.b:C", shuffled)], "data", {"a": "1", "b": "2"}) == before
    before.decode("ascii")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"x": 1}, {"x": 1.0}),
        ({"x": 1}, {"x": True}),
        ({"x": "1"}, {"x": 1}),
        ({"x": None}, {}),
        ({"x": ["a,b"]}, {"x": ["a", "b"]}),
        ({"a": {"b": 1}}, {"a.b": 1}),
        ({"x": "é"}, {"x": "e\u0301"}),
    ],
)
def test_values_that_differ_never_look_the_same(one: Any, other: Any) -> None:
    assert canonical(one) != canonical(other)


def test_every_part_of_a_claim_counts() -> None:
    claims = {
        claim([CodeName("model", "a:b", {"x": 1})], None, {"a": "1"}),
        claim([CodeName("model", "a:c", {"x": 1})], None, {"a": "1"}),
        claim([CodeName("loss", "a:b", {"x": 1})], None, {"a": "1"}),
        claim([CodeName("model", "a:b", {"x": 2})], None, {"a": "1"}),
        claim([CodeName("model", "a:b", {"x": 1})], "null", {"a": "1"}),
        claim([CodeName("model", "a:b", {"x": 1})], None, {"a": "2"}),
        claim([CodeName("model", "a:b", {"x": 1})], None, {"b": "1"}),
        claim([CodeName("model", "a:b", {"x": 1})], None, {}),
        claim([], None, {"a": "1"}),
    }
    assert len(claims) == 9

from __future__ import annotations

from pathlib import Path

import pytest

from tlbench.api.settings import as_overrides, as_sweeps
from tlbench.config.compose import compose_config
from tlbench.config.overrides import parsed
from tlbench.errors import ConfigError


@pytest.mark.parametrize(
    "value",
    [
        0,
        -1.5,
        1e-4,
        True,
        False,
        None,
        "plain",
        "1",
        "true",
        "null",
        "",
        "a b, c=[d]{e}:'f\"g\\",
        "für ${x}",
        [1, "2", None],
        ["a,b", ["c"]],
        {"a": 1, "b": "x: y"},
        [],
    ],
)
def test_a_value_arrives_as_it_was_given(value):
    (override,) = parsed(as_overrides([{"key": value}], {}))
    found = override.value()
    assert found == (value.replace("${", r"\${") if isinstance(value, str) else value)
    assert type(found) is type(value) or isinstance(value, str)


def test_mappings_overrides_and_keywords_come_in_order_and_paths_are_texts():
    given = as_overrides(["+experiment=quickstart", {"data.shots": 3, "data.root": Path("a b")}, "seed=1"], {"seed": 2})
    assert given == ["+experiment=quickstart", "data.shots=3", "data.root='a b'", "seed=1", "seed=2"]
    assert compose_config(["+experiment=quickstart", *as_overrides([], {"data.classes": ["1", "2"]})]).data.classes == [
        "1",
        "2",
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--multirun"], "'--multirun': options of the command line are not for Python; give settings key=value"),
        ([3], "3: neither an override such as 'seed=1' nor a mapping such as {'seed': 1}"),
        (
            [{"seed": {1}}],
            "seed={1}: no setting is of type set; give a text, a number, True, False, None, or",
        ),
        ([{"a": [object]}], "a=<class 'object'>: no setting is of type type; "),
    ],
)
def test_what_is_no_setting_is_refused(given, message: str):
    with pytest.raises(ConfigError) as caught:
        as_overrides(given, {})
    assert str(caught.value).startswith(message)


def test_sweeps():
    assert as_sweeps({"seed": range(3), "source": ["tin200", "random"]}) == ["seed=0,1,2", "source='tin200','random'"]
    with pytest.raises(ConfigError, match=r"sweep=\{'seed': 3\}: not several values; give a list, such as \[3\]"):
        as_sweeps({"seed": 3})
    with pytest.raises(ConfigError, match=r"sweep=\{'study': 'abc'\}: not several values"):
        as_sweeps({"study": "abc"})
    with pytest.raises(ConfigError, match=r"sweep=\{'seed': \[\]\}: no value to sweep over; give one or more"):
        as_sweeps({"seed": []})

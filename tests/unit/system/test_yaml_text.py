from __future__ import annotations

import pytest
import yaml

from tlbench.system import yaml_text
from tlbench.system.yaml_text import RepeatedKeyError, UnsoundYamlError, check_yaml, load_yaml

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
)
MERGES = "a0: &a0 {k: 1}\n" + "".join(f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}\n" for i in range(1, 12))


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LAUGHS, "its aliases stand for more than 100,000 entries"),
        (LAUGHS + "names: *a11\n", "its aliases stand for more than 100,000 entries"),
        (MERGES, "its aliases stand for more than 100,000 entries"),
        ("a: &a [*a]", "an alias stands for what it lies in"),
        ("a: &a {b: {c: *a}}", "an alias stands for what it lies in"),
        ("[" * 20_000, "nested too deeply"),
        ("{a: " * 20_000, "nested too deeply"),
        ("- " * 20_000, "nested too deeply"),
        ("nc: " + "1:" * 200_000 + "1", "a number of 400001 characters"),
        ("nc: " + "9" * 200_000, "a number of 200000 characters"),
        ("[" + "1," * 3_000 + "]", "more than 2,000 entries"),
    ],
)
def test_small_texts_that_grow_are_refused(text, message, monkeypatch):
    if "2,000" in message:
        monkeypatch.setattr(yaml_text, "_MOST_ENTRIES", 2_000)
    for read in (load_yaml, check_yaml):
        with pytest.raises(UnsoundYamlError, match=message):
            read(text)


def test_others_are_read_as_by_pyyaml_aliases_and_merges_included():
    text = "base: &base {a: 1, b: [x, 2.5]}\nmore: {<<: *base, c: *base}\ndate: 2020-02-02\nempty:\n"
    assert load_yaml(text) == yaml.safe_load(text)
    assert load_yaml("") is None


def test_what_is_no_yaml_is_an_error_when_it_is_loaded_and_nothing_to_the_check():
    for text in ("names: [a", "a: !!python/object/apply:os.system ['true']"):
        with pytest.raises(yaml.YAMLError):
            load_yaml(text)
        check_yaml(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{1: a, 1.0: b}", r"^1\.0 stands in it twice \(as 1 too\)$"),
        ("{yes: a, on: b}", r"^on stands in it twice \(as yes too\)$"),
        ("{0x10: a, 16: b}", r"^16 stands in it twice \(as 0x10 too\)$"),
        ("{a: 1, a: 2}", r"^a stands in it twice$"),
    ],
)
def test_keys_that_are_one_in_python_are_refused(text, message):
    with pytest.raises(RepeatedKeyError, match=message):
        load_yaml(text)
    assert load_yaml("{1: a, 1.0: a, '1': b}") == {1: "a", "1": "b"}

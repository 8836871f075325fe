"""What each key takes and what it means, by the schema alone: `--help` and docs/keys.md say it.

Any pydantic class will do: the configuration of a run, or the options of a tool. Pydantic's own JSON schema is what is
read, so that a key's range is written once, where it is checked.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

OWN = "NAME"
"""Stands in a key for a name that the user gives, as in `metrics.NAME.import_path`."""

_KEYS_BELOW = "the keys below, all of them"

_Node = Mapping[str, Any]


@dataclass(frozen=True)
class Key:
    """A key.

    Attributes:
        name: Dotted.
        takes: Its values, such as `number > 0, or null`.
        what: Its meaning, in a line without a full stop; empty where the schema says none.
    """

    name: str
    takes: str
    what: str


def keys_of(schema: type[BaseModel], chosen: Mapping[str, str] | None = None) -> list[Key]:
    """The keys of a configuration, in the order of the schema.

    Args:
        schema: Its class.
        chosen: Of a group with several classes, such as `strategy`, the name of the one meant; where it is not here,
            the keys of all.
    """
    root = schema.model_json_schema(mode="validation")
    found = _keys(root, "", root.get("$defs", {}), chosen or {})
    takes: dict[tuple[str, str], list[str]] = {}
    for key in found:
        takes.setdefault((key.name, key.what), []).append(key.takes)
    return [Key(name, " | ".join(dict.fromkeys(each)), what) for (name, what), each in takes.items()]


def _keys(model: _Node, prefix: str, defs: _Node, chosen: Mapping[str, str]) -> Iterator[Key]:
    for name, field in model.get("properties", {}).items():
        key = f"{prefix}{name}"
        choices = list(_choices(field, defs, chosen.get(key)))
        models = [choice for choice in choices if "properties" in choice]
        named = [inner for choice in choices for inner in _by_own_name(choice, defs)]
        if len(models) < len(choices):  # a value of its own, be it null
            yield Key(key, _takes(choices, defs), field.get("description", ""))
        for inner in models:
            yield from _keys(inner, f"{key}.", defs, chosen)
        for inner in named:
            yield from _keys(inner, f"{key}.{OWN}.", defs, chosen)


def _choices(node: _Node, defs: _Node, chosen: str | None = None) -> Iterator[_Node]:
    """What a value may be, one by one, with references followed."""
    by_name = node.get("discriminator", {}).get("mapping", {})
    if chosen in by_name:
        yield from _choices({"$ref": by_name[chosen]}, defs)
    elif "$ref" in node:
        yield from _choices(defs[node["$ref"].rpartition("/")[2]], defs)
    elif "anyOf" in node or "oneOf" in node:
        for each in node.get("anyOf") or node["oneOf"]:
            yield from _choices(each, defs)
    else:
        yield node


def _by_own_name(node: _Node, defs: _Node) -> Iterator[_Node]:
    """The classes that a mapping with names of the user's own leads to."""
    values = [*node.get("patternProperties", {}).values(), node.get("additionalProperties")]
    for value in values if "properties" not in node else ():
        if isinstance(value, Mapping):
            yield from (choice for choice in _choices(value, defs) if "properties" in choice)


def _takes(choices: Sequence[_Node], defs: _Node) -> str:
    said = dict.fromkeys(_of_one(choice, defs) for choice in choices)
    return ", or ".join([word for word in said if word != "null"] + ["null"] * ("null" in said))


def _of_one(node: _Node, defs: _Node) -> str:
    if "enum" in node or "const" in node:
        return " | ".join(shown(value) for value in node.get("enum", [node.get("const")]))
    kind = node.get("type")
    if "properties" in node:
        return _KEYS_BELOW
    if kind in ("integer", "number"):
        return f"{kind}{_range(node)}"
    if kind == "array":
        return _of_list(node, defs)
    if kind == "object":
        values = [value for value in node.get("patternProperties", {}).values() if isinstance(value, Mapping)]
        extra = node.get("additionalProperties")
        values += [extra] if isinstance(extra, Mapping) else []
        of = [_takes(list(_choices(value, defs)), defs) for value in values]
        return f"mapping of names to {_several(of[0])}" if of and of[0] != "anything" else "mapping"
    return {"boolean": "true | false", "null": "null", "string": "text"}.get(str(kind), "anything")


def _of_list(node: _Node, defs: _Node) -> str:
    if "prefixItems" in node:
        return f"[{', '.join(map(str, (each.get('title') for each in node['prefixItems'])))}]"
    inner = _takes(list(_choices(node.get("items", {}), defs)), defs)
    least, most = node.get("minItems", 0), node.get("maxItems")
    count = f"{least} " if least == most else f"{least} or more " if least > 1 else ""
    return f"list of {count}{_several(inner)}"


def _several(inner: str) -> str:
    first, blank, rest = inner.partition(" ")
    if inner == _KEYS_BELOW:
        return "mappings"
    several = {"integer": "integers", "number": "numbers", "text": "texts", "list": "lists", "mapping": "mappings"}
    return f"{several.get(first, first)}{blank}{rest}"


def _range(node: _Node) -> str:
    """`>= 1`, `in (0, 1]`, or nothing."""
    least, above = node.get("minimum"), node.get("exclusiveMinimum")
    most, below = node.get("maximum"), node.get("exclusiveMaximum")
    multiple = f", a multiple of {node['multipleOf']}" if "multipleOf" in node else ""
    low = f"[{least:g}" if least is not None else f"({above:g}" if above is not None else ""
    high = f"{_number(most)}]" if most is not None else f"{_number(below)})" if below is not None else ""
    if low and high:
        return f" in {low}, {high}{multiple}"
    if low:
        return f" {'>=' if least is not None else '>'} {low[1:]}{multiple}"
    if high:
        return f" {'<=' if most is not None else '<'} {high[:-1]}{multiple}"
    return multiple


def _number(bound: float | None) -> str:
    return "2^32" if bound == 2**32 else f"{bound:.10g}"


def shown(value: Any) -> str:
    """A value as one would write it on a command line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{key}:{shown(each)}' for key, each in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(shown, value))}]"
    return str(value)


def key_lines(rows: Iterable[tuple[str, str]], column: int, width: int) -> list[str]:
    """Two columns for `--help`.

    Args:
        rows: What stands left, and what it means; the latter is wrapped.
        column: Where the right one begins; what is longer on the left has a line of its own.
        width: Of both, characters.
    """
    lines: list[str] = []
    for left, right in rows:
        first, *more = textwrap.wrap(right, width - column, break_on_hyphens=False) or [""]
        name = f"  {left}"
        lines += [f"{name:<{column}}{first}"] if len(name) < column else [name, " " * column + first]
        lines += [" " * column + line for line in more]
    return [line.rstrip() for line in lines]


def meaning(key: Key, default: str | None = None) -> str:
    """What a key means, takes and, if that is given, is by default, in one text."""
    known = [*([] if key.takes == "text" else [key.takes]), *([] if default is None else [f"default {default}"])]
    return " ".join([*([key.what] if key.what else []), *([f"({'; '.join(known)})"] if known else [])])

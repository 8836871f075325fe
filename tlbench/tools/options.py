"""The `key=value` options of the tools around a run; nothing heavy is imported here."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from tlbench.config.described import key_lines, keys_of, meaning, shown
from tlbench.errors import ConfigError
from tlbench.system.names import is_text
from tlbench.tasks.registry import spec_named, specs
from tlbench.tasks.spec import AnyToolOptions, TaskSpec

_WIDTH = 100
_COLUMN = 22


class Options(BaseModel):
    """Base of a tool's options: a field is a key, its description is what `--help` says of it.

    Values come as text and are converted; `null` is None. The keys of single tasks (`TaskSpec.options`) are declared by
    `of_all_tasks`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    tool: ClassVar[str]

    def of(self, own: type[AnyToolOptions]) -> AnyToolOptions:
        """The values of a task's own keys."""
        return own.model_construct(**{key: getattr(self, key) for key in own.model_fields})

    def check_task(self, name: str) -> None:
        """Refuse what has no meaning for a run's task.

        Raises:
            ConfigError: Naming it.
        """
        own = _keys_of(spec_named(name), self.tool)
        for key, tasks in _tasks_with(self.tool).items():
            value = getattr(self, key)
            if key not in own and value != type(self).model_fields[key].default:
                given = str(value).lower() if isinstance(value, bool) else value
                raise ConfigError(
                    f"{key}={given}: only for {' and '.join(tasks)} runs, and this one is of {name}; leave it out"
                )


AnyOptions = TypeVar("AnyOptions", bound=Options)


def of_all_tasks(kind: type[AnyOptions]) -> type[AnyOptions]:
    """A tool's options with the keys of all tasks, each of which says whose it is."""
    fields: dict[str, Any] = {}
    for key, tasks in _tasks_with(kind.tool).items():
        field = _keys_of(spec_named(tasks[0]), kind.tool)[key]
        described = copy(field)
        described.description = f"{', '.join(tasks)}: {field.description}"
        fields[key] = (field.annotation, described)
    return create_model(kind.__name__, __base__=kind, __doc__=kind.__doc__, **fields)


def about_tasks(tool: str) -> str:
    """What each task adds to a tool's `--help`."""
    return "\n\n".join(own.about for spec in specs().values() if (own := spec.options.get(tool)) and own.about)


def _keys_of(spec: TaskSpec, tool: str) -> Mapping[str, FieldInfo]:
    own = spec.options.get(tool)
    return own.model_fields if own else {}


def _tasks_with(tool: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for spec in specs().values():
        for key in _keys_of(spec, tool):
            found.setdefault(key, []).append(spec.name)
    return found


def wants_help(arguments: Sequence[str]) -> bool:
    """Whether `--help` or `-h` is among the arguments."""
    return any(argument in ("-h", "--help") for argument in arguments)


def parse_options(kind: type[AnyOptions], arguments: Sequence[str]) -> AnyOptions:
    """The options of a command line.

    A value is taken as it stands behind the first `=`, so that a path needs no quotes but the shell's.

    Args:
        kind: Declares the keys.
        arguments: `key=value` each.

    Raises:
        ConfigError: A key is unknown, missing or given twice, or its value not allowed.
    """
    keys = list(kind.model_fields)
    given: dict[str, str | None] = {}
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals:
            raise ConfigError(f"{argument!r}: write key=value; keys: {', '.join(keys)}")
        if key not in keys:
            close = difflib.get_close_matches(key, keys, n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise ConfigError(f"unknown key {key!r}{hint}; allowed: {', '.join(keys)}")
        if key in given:
            raise ConfigError(f"{key} is given twice ({given[key]!r} and {value!r}); give it once")
        if not is_text(value):
            raise ConfigError(f"{key}={value!r}: holds bytes that are no UTF-8 text; name the folder that it lies in")
        given[key] = None if value == "null" else value
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise ConfigError("; ".join(_describe(kind, e) for e in error.errors())) from None


def _describe(kind: type[Options], error: object) -> str:
    assert isinstance(error, dict)
    key = str(error["loc"][0])
    if error["type"] == "missing":
        return f"{key} is missing; give {key}=…: {kind.model_fields[key].description}"
    message = error["msg"].removeprefix("Value error, ")
    return f"{key}={error['input']!r}: {message[0].lower()}{message[1:]}"


def help_text(kind: type[Options], usage: str, footer: str = "") -> str:
    """What `--help` prints.

    Args:
        kind: Declares the keys.
        usage: The first lines.
        footer: The last lines.
    """
    rows = []
    for key in keys_of(kind):
        of_key = kind.model_fields[key.name].default
        default = None if of_key is PydanticUndefined else shown(of_key)
        rows.append((f"{key.name}=…", meaning(key, default)))
    lines = [usage, "", *key_lines(rows, _COLUMN, _WIDTH)]
    exits = "Exit codes: 0 done, 1 it failed or a check of it did, 2 the input is at fault, 130/143 interrupted."
    return "\n".join([*lines, *(["", footer] if footer else []), "", exits])

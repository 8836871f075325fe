"""Code of the user's own is imported and called, with errors that name the key."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tlbench.errors import ConfigError
from tlbench.system.exceptions import in_a_few_words
from tlbench.system.search_path import add_working_folder
from tlbench.trust.names import CodeName


def own(
    name: CodeName,
    kind: type,
    what: str,
    *,
    given: Mapping[str, Any] | None = None,
    positional: Sequence[Any] = (),
) -> Any:
    """Import and call code of the user's own; modules of the working folder can be imported.

    Args:
        name: The code.
        kind: What it must give.
        what: That in words, such as "torch.nn.Module".
        given: Keyword arguments that tlbench gives beside the user's.
        positional: Arguments before these.

    Raises:
        ConfigError: It cannot be imported or called, fails, or gives something else.
    """
    key = f"{name.key}.import_path={name.import_path!r}"
    build = imported(name)
    arguments = {**(given or {}), **name.arguments}
    _check_call(build, positional, arguments, key, _how_to_take(name, given or {}))
    try:
        built = build(*positional, **arguments)
    except Exception as error:
        shown = ", ".join(f"{argument}={value!r}" for argument, value in arguments.items()) or "no arguments"
        raise ConfigError(f"{key}: building it with {shown} fails: {in_a_few_words(error)}; correct it") from error
    if not isinstance(built, kind):
        raise ConfigError(f"{key}: it gives an object of type {type(built).__name__}, no {what}; let it return one")
    return built


def takes_argument(name: CodeName, argument: str) -> bool:
    """Whether what an import path names takes a keyword argument by name.

    Raises:
        ConfigError: As `imported`.
    """
    try:
        return argument in inspect.signature(imported(name)).parameters
    except ValueError:  # of some that are written in C
        return False


def imported(name: CodeName) -> Callable[..., Any]:
    """Import what an import path names: a class or a function.

    Raises:
        ConfigError: There is no such module or nothing of that name in it, importing it fails, or it cannot be called.
    """
    key = f"{name.key}.import_path={name.import_path!r}"
    path, _, attribute = name.import_path.partition(":")
    add_working_folder()
    try:
        module = importlib.import_module(path)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name and (path + ".").startswith(error.name + "."):
            raise ConfigError(
                f"{key}: there is no module {error.name!r} in the working folder {Path.cwd()} or among the installed "
                "packages; correct the path, start in its folder, or add that to PYTHONPATH"
            ) from None
        raise ConfigError(f"{key}: importing {path} fails: {in_a_few_words(error)}; correct it") from error
    found: Any = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            close = difflib.get_close_matches(part, dir(found), n=1)
            hint = f"did you mean {close[0]!r}?" if close else "name what is defined there"
            raise ConfigError(f"{key}: {getattr(module, '__file__', None) or path} has no {attribute!r}; {hint}")
        found = getattr(found, part)
    if not callable(found):
        raise ConfigError(
            f"{key}: it is of type {type(found).__name__}, which cannot be called; name a class or a function"
        )
    built: Callable[..., Any] = found
    return built


def _how_to_take(name: CodeName, given: Mapping[str, Any]) -> str:
    if not given:
        return f"give its arguments in {name.key}.arguments"
    return f"let it take {' and '.join(given)} by name, and give its other arguments in {name.key}.arguments"


def _check_call(
    build: Callable[..., Any], positional: Sequence[Any], arguments: Mapping[str, Any], key: str, way_out: str
) -> None:
    try:
        signature = inspect.signature(build)
    except ValueError:  # of some that are written in C; calling it will tell
        return
    try:
        signature.bind(*positional, **arguments)
    except TypeError as error:
        called = ", ".join(arguments) or "no arguments"
        raise ConfigError(f"{key}: it is called with {called}, but takes {signature}: {error}; {way_out}") from None

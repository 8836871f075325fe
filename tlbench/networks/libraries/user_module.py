"""A network of the user's own, by import path."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from tlbench.config import ModelConfig
from tlbench.errors import ConfigError
from tlbench.networks.network import Network
from tlbench.networks.probe import check_outputs, in_a_few_words
from tlbench.networks.user_groups import with_groups
from tlbench.system.search_path import add_working_folder


def user_network(model: ModelConfig, num_classes: int, image_size: int) -> Network:
    """Import and build a network of the user's own; modules of the working folder can be imported.

    It must give logits (B, num_classes) for images (B, 3, image_size, image_size), also on a CPU.

    Args:
        model: `import_path` names a class or function, called with `num_classes` and `arguments`; `groups` are its
            layer groups.
        num_classes: Outputs of the head.
        image_size: Side of the images in pixels.

    Raises:
        ConfigError: It cannot be imported, called or built; it is no `nn.Module`; its outputs are no such logits; the
            groups are no partition of its parameters and buffers.
    """
    assert model.import_path is not None
    assert model.groups is not None
    key = f"model.import_path={model.import_path!r}"
    build = _imported(model.import_path, key)
    arguments = {"num_classes": num_classes, **model.arguments}
    _check_call(build, arguments, key)
    try:
        module = build(**arguments)
    except Exception as error:
        given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        raise ConfigError(f"{key}: building it with {given} fails: {in_a_few_words(error)}; correct it") from error
    if not isinstance(module, nn.Module):
        raise ConfigError(
            f"{key}: it gives an object of type {type(module).__name__}, no torch.nn.Module; let it return one"
        )
    check_outputs(module, num_classes, image_size, key, "correct it, or use another data.image_size")
    return with_groups(module, model.groups)


def _imported(import_path: str, key: str) -> Callable[..., Any]:
    name, _, attribute = import_path.partition(":")
    add_working_folder()
    try:
        module = importlib.import_module(name)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name and (name + ".").startswith(error.name + "."):
            raise ConfigError(
                f"{key}: there is no module {error.name!r} in the working folder {Path.cwd()} or among the installed "
                "packages; correct the path, start in its folder, or add that to PYTHONPATH"
            ) from None
        raise ConfigError(f"{key}: importing {name} fails: {in_a_few_words(error)}; correct it") from error
    found: Any = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            close = difflib.get_close_matches(part, dir(found), n=1)
            hint = f"did you mean {close[0]!r}?" if close else "name what is defined there"
            raise ConfigError(f"{key}: {getattr(module, '__file__', None) or name} has no {attribute!r}; {hint}")
        found = getattr(found, part)
    if not callable(found):
        raise ConfigError(
            f"{key}: it is of type {type(found).__name__}, which cannot be called; name a class or a function that "
            "builds the network"
        )
    built: Callable[..., Any] = found
    return built


def _check_call(build: Callable[..., Any], arguments: dict[str, Any], key: str) -> None:
    try:
        signature = inspect.signature(build)
    except ValueError:  # of some that are written in C; calling it will tell
        return
    try:
        signature.bind(**arguments)
    except TypeError as error:
        raise ConfigError(
            f"{key}: it is called with {', '.join(arguments)}, but takes {signature}: {error}; let it take num_classes "
            "by name, and give its other arguments in model.arguments"
        ) from None

"""What of a model's configuration contradicts itself; found before anything heavy is imported."""

from __future__ import annotations

import difflib
import re

from tlbench.config import ModelConfig
from tlbench.config.code import IMPORT_PATH
from tlbench.networks.layer_groups import HEAD, LIBRARIES

GROUP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

SET_BY_TLBENCH = {
    "num_classes": "it is the target's number of classes",
    "in_chans": "images have three channels",
    "pretrained": "weights come from the source; use source=timm",  # and whatever begins so
    "checkpoint_path": "weights come from the source; use source=checkpoint source.path=…",
    "cache_dir": "weights come from the source; use source=timm",
    "model_name": "it is model.name",
    "features_only": "a network without a head cannot be trained",
}
"""Arguments that are not for the user to give, and why."""


def model_problems(model: ModelConfig) -> list[str]:
    """One line each, naming key, value and what is allowed."""
    check = {"torchvision": _torchvision, "timm": _timm, "ultralytics": _ultralytics, "module": _module}[model.library]
    return [*check(model), *_groups(model)]


def _torchvision(model: ModelConfig) -> list[str]:
    problems = []
    if model.name not in LIBRARIES["torchvision"]:
        close = difflib.get_close_matches(model.name, LIBRARIES["torchvision"], n=3)
        hint = f"did you mean {', '.join(close)}? " if close else ""
        problems.append(
            f"model.name={model.name!r}: torchvision has no such classifier; {hint}Use another of its networks, "
            "model=timm model.name=… for one of timm's, or model=module for one of your own"
        )
    if model.arguments:
        problems.append(f"model.arguments={model.arguments!r}: {model.name} takes none; use {{}}, or model=timm")
    return [*problems, *_no_import_path(model)]


def _ultralytics(model: ModelConfig) -> list[str]:
    problems = []
    if model.name not in LIBRARIES["ultralytics"]:
        problems.append(
            f"model.name={model.name!r}: of ultralytics' networks there are {', '.join(LIBRARIES['ultralytics'])}; use "
            "one of these"
        )
    if model.arguments:
        problems.append(f"model.arguments={model.arguments!r}: {model.name} takes none; use {{}}")
    return [*problems, *_no_import_path(model)]


def _timm(model: ModelConfig) -> list[str]:
    problems, (name, _, tag) = [], model.name.partition(".")
    if tag:
        problems.append(
            f"model.name={model.name!r}: {tag!r} names weights, not an architecture; use model.name={name}, and "
            f"source=timm source.tag={tag} for those weights"
        )
    problems += [
        f"model.arguments.{key}={value!r}: not to be given, as {reason}"
        for key, value in model.arguments.items()
        if (reason := SET_BY_TLBENCH.get("pretrained" if key.startswith("pretrained") else key))
    ]
    return [*problems, *_no_import_path(model)]


def _module(model: ModelConfig) -> list[str]:
    problems = []
    if model.import_path is None or not IMPORT_PATH.fullmatch(model.import_path):
        given = "null" if model.import_path is None else repr(model.import_path)
        problems.append(
            f"model.import_path={given}: name what builds the network as package.module:Name, such as my_nets:SmallNet "
            "for SmallNet in my_nets.py of the working folder"
        )
    if model.groups is None:
        problems.append(
            "model.groups=null: name the layer groups from input to head, each with prefixes of module names, such as "
            "{stem: [conv1], body: [blocks], head: [fc]}"
        )
    if "num_classes" in model.arguments:
        problems.append(
            f"model.arguments.num_classes={model.arguments['num_classes']!r}: not to be given, as "
            f"{SET_BY_TLBENCH['num_classes']}"
        )
    return problems


def _no_import_path(model: ModelConfig) -> list[str]:
    if model.import_path is None:
        return []
    return [f"model.import_path={model.import_path!r}: only for model=module; use null with library={model.library}"]


def _groups(model: ModelConfig) -> list[str]:
    if model.groups is None:
        return []
    problems = []
    if list(model.groups)[-1:] != [HEAD]:
        problems.append(
            f"model.groups: the last of {', '.join(model.groups) or 'no groups'} is not {HEAD!r}; name the groups from "
            f"input to head, and the one that is new for the target's labels {HEAD!r}"
        )
    problems += [
        f"model.groups: {name!r} is no name for a group; use letters, digits, '_', '.' and '-'"
        for name in model.groups
        if not GROUP_NAME.fullmatch(name)
    ]
    problems += [
        f"model.groups.{name}=[]: name the modules or parameters in it, or drop the group"
        for name, prefixes in model.groups.items()
        if not prefixes
    ]
    return problems

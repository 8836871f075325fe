"""What of a model's configuration contradicts itself; found before anything heavy is imported."""

from __future__ import annotations

import difflib
import importlib.util
import re
from collections.abc import Mapping

from tlbench.config import ModelConfig, TrainConfig
from tlbench.config.code import IMPORT_PATH
from tlbench.errors import ConfigError
from tlbench.networks.layer_groups import HEAD, LIBRARIES, SMP_ENCODERS, TIMM_ENCODER, gives_maps
from tlbench.tasks.spec import TaskSpec

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


OF_ENCODER = {
    "encoder_name": "it is model.name",
    "encoder_weights": "weights come from the source",
    "encoder_depth": "an encoder is used whole",
    "classes": "it is the target's number of classes",
    "in_channels": "images have three channels",
    "activation": "losses and metrics take logits",
    "aux_params": "a network has one output",
    "output_stride": "it is encoder_output_stride of model.decoder=deeplabv3plus",
    "out_indices": "an encoder is used whole",
}
"""Likewise, of networks that have a decoder."""

SMP = "segmentation_models_pytorch"


def check_installed(model: ModelConfig) -> None:
    """Refuse a network whose library comes with an extra that is not installed.

    Raises:
        ConfigError: It is not.
    """
    if model.library == "smp" and importlib.util.find_spec(SMP) is None:
        raise ConfigError(
            f"model.library=smp: the package {SMP} is not installed; run pip install 'tlbench[segmentation]', or use "
            "another model, such as model=deeplabv3_resnet50"
        )


def model_problems(model: ModelConfig) -> list[str]:
    """One line each, naming key, value and what is allowed."""
    checks = {
        "torchvision": _torchvision,
        "timm": _timm,
        "ultralytics": _ultralytics,
        "smp": _smp,
        "module": _module,
    }
    decoder = []
    if model.decoder is not None and model.library != "smp":
        decoder = [f"model.decoder={model.decoder}: only for model=smp; use null with library={model.library}"]
    return [*checks[model.library](model), *decoder, *_groups(model)]


def kind_problems(model: ModelConfig, task: TaskSpec) -> list[str]:
    """A network whose outputs are of the other kind than the task's: of images, or of each place in them."""
    dense = gives_maps(model.library, model.name)
    if dense is None or dense == task.dense:
        return []
    what = "for each place of an image" if dense else "for an image as a whole"
    return [f"model.name={model.name!r}: gives logits {what}, not for task={task.name}; use {task.networks}"]


def check_kind(dense: bool, model: ModelConfig, task: TaskSpec) -> None:
    """The same of a network that is built, also of the user's own.

    Args:
        dense: Whether it gives logits for each place of an image.
        model: What it was built from.
        task: The task that is to train it.

    Raises:
        ConfigError: The task wants the others.
    """
    if dense != task.dense:
        shapes = ("(B, C), one for each image", "(B, C, H, W), one for each place")
        raise ConfigError(
            f"model.name={model.name!r}: it gives logits {shapes[dense]}, and task={task.name} wants "
            f"{shapes[task.dense]}; let it return these, or use another network"
        )


def batch_problems(c: TrainConfig) -> list[str]:
    """A process that would train on one image where the network normalises what is one value a channel and image.

    Their pyramids have maps of one pixel, the average of a whole image, and BatchNorm needs two values.
    """
    batch, processes = c.data.batch_size, c.trainer.devices
    pools = c.model.decoder in ("deeplabv3plus", "upernet") or c.model.name.startswith("deeplabv3")
    normalises = c.model.norm == "batch" and c.callbacks.freeze_batch_norm is None and not c.trainer.sync_batchnorm
    if batch // processes > 1 or not pools or not normalises:
        return []
    of = c.model.name if c.model.decoder is None else f"model.decoder={c.model.decoder}"
    return [
        f"data.batch_size={batch} with trainer.devices={processes}: each process would train on one image, and {of} "
        f"normalises averages over whole images, for which BatchNorm needs two; use data.batch_size={2 * processes} or "
        "more, model.norm=group, or another network"
    ]


def _torchvision(model: ModelConfig) -> list[str]:
    problems = []
    if model.name not in LIBRARIES["torchvision"]:
        close = difflib.get_close_matches(model.name, LIBRARIES["torchvision"], n=3)
        hint = f"did you mean {', '.join(close)}? " if close else ""
        problems.append(
            f"model.name={model.name!r}: torchvision has no such network; {hint}Use another of its networks, "
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
    problems = [*_of_timm(model), *_not_to_be_given(model, SET_BY_TLBENCH)]
    return [*problems, *_no_import_path(model)]


def _smp(model: ModelConfig) -> list[str]:
    problems, of_timm = [], model.name.startswith(TIMM_ENCODER)
    if model.decoder is None:
        problems.append("model.decoder=null: library=smp needs one, such as model.decoder=fpn")
    if of_timm:
        problems += _of_timm(model)
    elif model.name not in SMP_ENCODERS:
        problems.append(
            f"model.name={model.name!r}: of {SMP}'s own encoders there are {', '.join(SMP_ENCODERS)}; use one of "
            f"these, or {TIMM_ENCODER}NAME for timm's NAME"
        )
    if model.decoder == "dpt" and not of_timm:
        problems.append(
            f"model.decoder=dpt with model.name={model.name!r}: dpt is for vision transformers; use "
            "model.name=tu-vit_tiny_patch16_224, or another decoder"
        )
    return [*problems, *_not_to_be_given(model, {**SET_BY_TLBENCH, **OF_ENCODER}), *_no_import_path(model)]


def _of_timm(model: ModelConfig) -> list[str]:
    name, _, tag = model.name.partition(".")
    if not tag:
        return []
    return [
        f"model.name={model.name!r}: {tag!r} names weights, not an architecture; use model.name={name}, and "
        f"source=timm source.tag={tag} for those weights"
    ]


def _not_to_be_given(model: ModelConfig, reasons: Mapping[str, str]) -> list[str]:
    return [
        f"model.arguments.{key}={value!r}: not to be given, as {reason}"
        for key, value in model.arguments.items()
        if (reason := reasons.get("pretrained" if key.startswith("pretrained") else key))
    ]


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

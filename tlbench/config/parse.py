"""Check a configuration: each value by the schema, then what crosses its groups.

Nothing heavy is imported here: a wrong key or value is answered before torch is loaded. Every message names the key,
the value and what is allowed; all errors of a config are reported at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from tlbench.adaptation.parameter_groups import learning_rate_scales
from tlbench.adaptation.stages import plan_stages
from tlbench.config import GradualUnfreezingConfig, HeadThenFullConfig, TrainConfig
from tlbench.config.hash import flatten
from tlbench.config.keys import in_every_option, keys_of_optional
from tlbench.config.optimizer_checks import optimizer_problems
from tlbench.config.own_checks import own_problems
from tlbench.config.suggestions import nearest_keys
from tlbench.config.task_choice import chosen_task, of_another_task
from tlbench.config.varied import seed_problems
from tlbench.errors import ConfigError, did_you_mean
from tlbench.networks.checks import batch_problems, kind_problems, model_problems
from tlbench.networks.layer_groups import HEAD, TIMM_ENCODER, as_classifier, known_groups
from tlbench.system.names import is_text
from tlbench.tasks.registry import run_schema, spec_of

SEED_KEYS = ("seed", "seeds")
"""Keys in which the runs of one arm differ."""


def parse(config: Mapping[str, Any]) -> TrainConfig:
    """Check a resolved configuration.

    Args:
        config: Plain containers, interpolations resolved.

    Raises:
        ConfigError: Naming every key at fault with its value and what is allowed.
    """
    spec = chosen_task(config)
    foreign = of_another_task(config, spec)
    if foreign:
        raise ConfigError("; ".join(foreign))
    schema = run_schema(spec.name)
    try:
        parsed = schema.model_validate(config)
    except ValidationError as error:
        raise ConfigError("; ".join(_described(error, config, schema))) from None
    problems = _not_text(parsed) or list(_cross_checks(parsed))
    if problems:
        raise ConfigError("; ".join(problems))
    return parsed


def _described(error: ValidationError, config: Mapping[str, Any], schema: type[TrainConfig]) -> list[str]:
    """One line for each error; those of a group whose option was changed by its name alone are one."""
    renamed = {}
    for e in error.errors():
        group, name = str(e["loc"][0]), None
        of_option = e["type"] == "missing" and len(e["loc"]) == 3 and _is_union(schema, group)  # group, its option, key
        if of_option and not in_every_option(f"{group}.{e['loc'][-1]}"):
            name = config[group].get("name")
        if name is not None:
            renamed[group] = f"{group}.name={name!r}: an option has keys of its own; choose it as {group}={name}"
    said = {e["loc"] for e in error.errors()}
    # the study's name is made of the model's, unless it is given
    of_another = {("study",)} if ("study",) in said and ("model", "name") in said else set()
    others = [e for e in error.errors() if e["loc"][0] not in renamed and e["loc"] not in of_another]
    return [*renamed.values(), *(_describe(e, config, schema) for e in others)]


def _is_union(schema: type[TrainConfig], group: str) -> bool:
    """Whether a group's options have schemas of their own, chosen by their names."""
    field = schema.model_fields.get(group)
    return field is not None and field.discriminator is not None


def _describe(error: Any, config: Mapping[str, Any], schema: type[TrainConfig]) -> str:
    location = [str(part) for part in error["loc"]]
    if len(location) > 1 and _is_union(schema, location[0]):
        del location[1]  # pydantic names the option there, as the tag of a union
    key, given = ".".join(location), error["input"]
    if error["type"] == "union_tag_invalid":
        return f"{key}.name={error['ctx']['tag']!r}: input should be one of {error['ctx']['expected_tags']}"
    if error["type"] == "extra_forbidden":
        others = [name for name in _with_groups(config) if name != key and not name.startswith(f"{key}.")]
        hint = did_you_mean(nearest_keys(key, others))
        return f"unknown key {key!r} (value {given!r}){hint}; see `python -m tlbench.train --cfg job` for all keys"
    needed = keys_of_optional(".".join(location[:-1]))
    if error["type"] == "missing" and needed:
        group = ".".join(location[:-1])
        return f"{group}={given!r}: {location[-1]!r} is missing; give {' and '.join(needed)}, or null"
    if error["type"] == "missing":
        return f"missing key {key!r}; see `python -m tlbench.train --cfg job` for all keys"
    value = "null" if given is None else str(given).lower() if isinstance(given, bool) else repr(given)
    if error["type"] == "string_type" and (given is None or isinstance(given, int | float)):
        kind = "null" if given is None else "a truth value" if isinstance(given, bool) else "a number"
        return (
            f'{key}={value}: is read as {kind}, and wanted is a text; write it in quotes, in a file as "{value}", in a '
            f"shell as {_in_quotes(key, value)}"
        )
    if error["type"] == "list_type" and isinstance(given, str | int | float) and not isinstance(given, bool):
        return f"{key}={value}: wanted is a list, such as '{key}=[{given}]'"
    value = repr(given) if isinstance(given, bool) else value
    message = "give true or false" if error["type"].startswith("bool_") else error["msg"].removeprefix("Value error, ")
    return f"{key}={value}: {message[0].lower()}{message[1:]}"


def _in_quotes(key: str, value: str) -> str:
    """A text as a key's value, or as an entry of a list that is one, for a shell."""
    group, _, last = key.rpartition(".")
    return f"'{group}=[\"{value}\"]'" if last.isdecimal() else f"'{key}=\"{value}\"'"


def _with_groups(config: Mapping[str, Any]) -> list[str]:
    keys = list(flatten(config))
    return keys + sorted({".".join(key.split(".")[:n]) for key in keys for n in range(1, key.count(".") + 1)})


def _not_text(c: TrainConfig) -> list[str]:
    """Values that cannot be kept in a record, nor shown by loggers."""
    return [
        f"{key}={value!r}: holds bytes that are no UTF-8 text; rename the file or folder"
        for key, value in flatten(c.model_dump(mode="python")).items()
        if not is_text(str(value))
    ]


def _cross_checks(c: TrainConfig) -> list[str]:
    problems = spec_of(c).problems(c)
    if c.source.name == "checkpoint" and c.source.path is None:
        problems.append(
            "source.path=null: source=checkpoint needs a weights file or a run's folder; "
            "give checkpoint=… or source.path=…"
        )
    if c.source.name == "random" and c.source.path is not None:
        problems.append(f"source.path={c.source.path!r}: source=random takes no file; use source=checkpoint or drop it")
    of_library, _ = as_classifier(c.model.library, c.model.name)
    if c.source.name == "timm" and of_library != "timm":
        problems.append(
            f"source=timm: has no weights for model.library={c.model.library}; use model=timm model.name=…, or "
            "source=imagenet, source=checkpoint or source=random"
            if c.model.library != "smp"
            else f"source=timm: has no weights for model.name={c.model.name}; use model.name={TIMM_ENCODER}"
            f"{c.model.name}, or source=imagenet, source=checkpoint or source=random"
        )
    of_torchvision = c.source.name == "imagenet" and of_library == "torchvision"
    if c.source.tag is not None and c.source.name != "timm" and not of_torchvision:
        problems.append(f"source.tag={c.source.tag!r}: source={c.source.name} has no tags; use source=timm, or null")
    problems += [
        f"source.{key}={value!r}: source=random reads no file; use source=checkpoint, or null"
        for key, value in (("entry", c.source.entry), ("prefix", c.source.prefix))
        if value is not None and c.source.name == "random"
    ]
    problems.extend(optimizer_problems(c))
    problems.extend(own_problems(c))
    of_model = model_problems(c.model) or kind_problems(c.model, spec_of(c))
    problems.extend(of_model)
    problems.extend(_check_stages(c) or ([] if of_model else _check_network(c)))
    problems.extend(_check_names(c))
    problems.extend(seed_problems(c))
    if c.data.batch_size % c.trainer.devices:
        problems.append(
            f"data.batch_size={c.data.batch_size}: {c.trainer.devices} devices (trainer.devices) share a batch; "
            f"use a multiple of {c.trainer.devices}, such as data.batch_size="
            f"{-(-c.data.batch_size // c.trainer.devices) * c.trainer.devices}"
        )
    each = c.data.batch_size // c.trainer.devices
    problems.extend(batch_problems(c))
    if c.regulariser.bss > 0 and c.regulariser.bss_k > each:
        problems.append(
            f"regulariser.bss_k={c.regulariser.bss_k}: a batch of {each} images a process (data.batch_size="
            f"{c.data.batch_size}, trainer.devices={c.trainer.devices}) has at most {each} singular values; use less"
        )
    if c.trainer.sync_batchnorm and (c.trainer.devices == 1 or c.trainer.accelerator == "cpu"):
        problems.append(
            "trainer.sync_batchnorm=true: needs several GPUs (trainer=ddp); use false, or model.norm=group, which "
            "needs no statistics of the batch"
        )
    problems.extend(_check_tuning(c))
    for factor in c.factors:
        value = _value(c, factor)
        if factor.split(".")[0] in SEED_KEYS:
            problems.append(f"factors={c.factors!r}: {factor!r} is a seed; the runs of an arm differ in it already")
        elif isinstance(value, BaseModel) and "name" not in type(value).model_fields:
            problems.append(f"factors={c.factors!r}: {factor!r} is a group without a name; name one of its keys")
        elif value is _ABSENT:
            problems.append(
                f"factors={c.factors!r}: no key {factor!r} in the config; name keys like source or data.shots"
            )
    return problems


def _check_tuning(c: TrainConfig) -> list[str]:
    """Keys that cannot be tuned in this study."""
    keys = c.tune or []
    problems = [
        f"tune={keys!r}: {key!r} is a factor too (declared in factors, or swept); its values either make arms or are "
        "chosen for each arm: drop one of the two"
        for key in dict.fromkeys(keys)
        if key in c.factors
    ]
    if len(set(keys)) < len(keys):
        problems.append(f"tune={keys!r}: a key occurs twice; name each once")
    return problems


def _check_stages(c: TrainConfig) -> list[str]:
    """What is wrong with the strategy's stages whatever the network; `plan_stages` checks the rest."""
    s, epochs, problems = c.strategy, c.trainer.max_epochs, []
    if isinstance(s, HeadThenFullConfig) and s.head_epochs >= epochs:
        less = f"use less than trainer.max_epochs={epochs}, or" if epochs > 1 else "give"
        problems.append(
            f"strategy.head_epochs={s.head_epochs}: the stage 'full' would never begin; {less} "
            f"trainer.max_epochs={s.head_epochs + 1}"
        )
    if isinstance(s, GradualUnfreezingConfig):
        triggers = {key: getattr(s, key) for key in ("at_epochs", "every_n_epochs", "stall_patience")}
        if sum(value is not None for value in triggers.values()) != 1:
            given = ", ".join(f"strategy.{key}={value}" for key, value in triggers.items())
            problems.append(f"{given}: exactly one must be given, the others null".replace("None", "null"))
        if s.stall_patience is not None and c.callbacks.early_stopping.patience is not None:
            problems.append(
                f"callbacks.early_stopping.patience={c.callbacks.early_stopping.patience} and "
                f"strategy.stall_patience={s.stall_patience}: a stall in the last stage already ends the run; set one "
                "of them to null"
            )
    return problems


def _check_network(c: TrainConfig) -> list[str]:
    """What does not fit the network's layer groups or the task's metrics."""
    s = c.strategy
    checks: list[Callable[[], object]] = [
        lambda: c.callbacks.monitor is None or spec_of(c).mode_of(c.callbacks.monitor),
    ]
    known = c.model.groups or known_groups(c.model.library, c.model.name)
    if known is not None:  # those of other networks are known once they are built
        groups = list(known)
        checks += [
            lambda: plan_stages(s, groups, HEAD, c.trainer.max_epochs),
            lambda: learning_rate_scales(groups, s.lr_decay, s.lr_scales),
        ]
    problems = []
    for check in checks:
        try:
            check()
        except ConfigError as error:
            problems.append(str(error))
    return problems


def _check_names(c: TrainConfig) -> list[str]:
    """Options whose name, which names arms, belies their values."""
    strengths = {"l2_sp": c.regulariser.l2_sp, "l2_sp_head": c.regulariser.l2_sp_head, "bss": c.regulariser.bss}
    regularised = [f"regulariser.{key}={value:g}" for key, value in strengths.items() if value > 0]
    problems = []
    if c.regulariser.name == "none" and regularised:
        problems.append(f"regulariser=none with {', '.join(regularised)}: use regulariser=l2_sp or regulariser=bss")
    if c.augmentation.name == "none" and not c.augmentation.is_none:
        given = {key: value for key, value in c.augmentation.model_dump().items() if key != "name" and value}
        problems.append(
            f"augmentation=none with {', '.join(f'augmentation.{key}={value}' for key, value in given.items())}: use "
            "another option, such as augmentation=crop or augmentation=resized_crop, or give augmentation.name"
        )
    return problems


_ABSENT = object()


def has_key(config: TrainConfig, key: str) -> bool:
    """Whether a configuration has a dotted key."""
    return _value(config, key) is not _ABSENT


def _value(config: BaseModel, key: str) -> Any:
    node: Any = config
    for part in key.split("."):
        if isinstance(node, Mapping):  # its keys are the user's own, and an arm may be without one of another's
            node = node.get(part)
        elif isinstance(node, BaseModel) and part in type(node).model_fields:
            node = getattr(node, part)
        else:
            return _ABSENT
    return node

"""Compose a configuration with Hydra, and say in one line what is wrong with it. Nothing heavy is imported here."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from hydra.types import RunMode, TaskFunction
from omegaconf import DictConfig, Node, OmegaConf, open_dict, read_write
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from tlbench.config import TrainConfig
from tlbench.config.conf_folder import config_dir
from tlbench.config.hash import flatten
from tlbench.config.hydra_internals import OnceHydra
from tlbench.config.keys import exists, keys_of_optional
from tlbench.config.launchers import check_launching, refusal
from tlbench.config.option_files import option_files
from tlbench.config.overrides import parsed, several_values, unreadable
from tlbench.config.parse import parse
from tlbench.config.resolvers import register_resolvers
from tlbench.config.suggestions import file_meant, nearest_keys, nearest_options
from tlbench.config.task_choice import NO_TASK, why_no_data
from tlbench.errors import ConfigError, did_you_mean, short
from tlbench.tasks.registry import why_unknown

CONFIG_NAME = "train"


@dataclass(frozen=True)
class Primary:
    """The configuration that all else is composed into, as `--config-name` and `--config-path` give it.

    Attributes:
        name: Of the file, without its ending.
        folder: That it lies in; None: tlbench's own.
    """

    name: str = CONFIG_NAME
    folder: Path | None = None


class Composer:
    """Composes configurations out of overrides, `conf/` and a user's folders, and lets Hydra run them as they are.

    Args:
        searched: Further folders with config groups (`--config-dir`).
        primary: What all is composed into; None: tlbench's own.
    """

    def __init__(self, searched: Sequence[str] = (), primary: Primary | None = None) -> None:
        register_resolvers()
        primary = primary or Primary()
        self._name = primary.name
        self._hydra = OnceHydra(primary.folder or config_dir(), searched)

    def compose(self, overrides: Sequence[str], *, study: bool = False) -> DictConfig:
        """Compose a configuration, unchecked and with Hydra's own node.

        Args:
            overrides: Hydra overrides; with `study` they may hold sweeps, which are left out.
            study: Whether it is to be the one that all runs of a study have in common.

        Raises:
            HydraException: It cannot be composed; see `explain`.
            ConfigError: Likewise, or another launcher or sweeper is chosen.
        """
        mode = RunMode.MULTIRUN if study else RunMode.RUN
        return _checked(
            lambda: self._hydra.compose_config(self._name, list(overrides), mode, from_shell=False), overrides
        )

    def compose_run(self, study: DictConfig, overrides: Sequence[str]) -> DictConfig:
        """The configuration of one of a study's runs, as `compose` gives it; do not change it.

        Args:
            study: As `compose` gives it.
            overrides: One of `runs_of`, or one made of it.

        Raises:
            HydraException, ConfigError: As `compose`.
        """
        return _checked(lambda: self._hydra.compose_run(study, overrides), overrides)

    def runs_of(self, study: DictConfig) -> list[list[str]]:
        """The overrides of each run of a study."""
        return self._hydra.runs_of(study)

    def options_of(self, group: str) -> list[str]:
        """The options of a config group, those in a user's folders as well, in alphabetical order."""
        return self._hydra.config_loader.get_group_options(group)

    def run(self, composed: DictConfig, task: TaskFunction, *, multirun: bool) -> None:
        """Let Hydra do all that it does around a run or a study; see `OnceHydra.run_composed`."""
        self._hydra.run_composed(composed, multirun, task)


def _checked(compose: Callable[[], DictConfig], overrides: Sequence[str]) -> DictConfig:
    try:
        config = compose()
    except ValueError as error:  # Hydra's own check of what a config group is set to
        raise ConfigError(f"{' '.join(overrides)}: {error}; write key=value, and a group's option by name") from None
    check_launching(config)
    return config


def compose_config(overrides: Sequence[str], searched: Sequence[str] = ()) -> TrainConfig:
    """Compose and check the configuration that a command line asks for.

    Args:
        overrides: Hydra overrides, without sweeps.
        searched: Further folders with config groups (`--config-dir`).

    Raises:
        HydraException: If Hydra cannot compose it; see `explain`.
        ConfigError: If a value is not allowed.
    """
    return parse(plain(Composer(searched).compose(overrides)))


def sweep_size(composed: DictConfig) -> tuple[int, int]:
    """How many runs `-m` would make of a single run, and how many at a time."""
    hydra = composed.hydra
    given = {o.partition("=")[0].lstrip("+") for o in (*hydra.overrides.hydra, *hydra.overrides.task)}
    swept = [f"{key}={value}" for key, value in (hydra.sweeper.params or {}).items() if key not in given]
    runs = math.prod(len(list(o.sweep_iterator())) for o in parsed(swept) if o.is_sweep_override())
    return runs, int(hydra.launcher.get("n_jobs", 1))


def plain(config: DictConfig) -> dict[str, Any]:
    """Resolved plain containers, without Hydra's own node."""
    task = copy.deepcopy(config)
    with open_dict(task), read_write(task):
        task.pop("hydra", None)
    missing = OmegaConf.missing_keys(task)
    if missing:
        raise ConfigError(_without_value(sorted(missing)))
    container = OmegaConf.to_container(task, resolve=True)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def explain(error: HydraException | OmegaConfBaseException) -> str:
    """What Hydra or OmegaConf found wrong, as one line that names the key and what is allowed."""
    cause = error if isinstance(error, OmegaConfBaseException) else error.__cause__
    key = getattr(cause, "full_key", None)
    if isinstance(cause, ConfigAttributeError | ConfigKeyError) and key:
        return _unknown_key(str(key), cause.parent_node)
    missing = re.search(r"Missing mandatory value: ([\w.]+)", str(error))
    if missing:
        return _without_value([missing[1]])
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options is not None:
        return _unknown_option(error.missing_cfg_file, error.options, str(error))
    text = str(error).split("Config search path:")[0]
    if "interpolation '${task}'" in text:  # data that tasks share ask for it
        return NO_TASK
    several = re.search(r"(?:Ambiguous value for argument|Sweep parameters) '(.*)'", text)
    if several:
        return several_values(several[1])
    override = getattr(error, "override", None)  # of an error in Hydra's grammar, which does not always name it
    lexed = re.match(r"LexerNoViableAlt: (.*)", text)
    if lexed or (isinstance(error, OverrideParseException) and override):
        return unreadable(lexed[1] if lexed else str(override), text)
    if isinstance(cause, OmegaConfBaseException) and cause is not error:
        text = f"{text} ({str(cause).splitlines()[0]})"
    return " ".join(text.split())


def _unknown_option(path: str, options: Sequence[str], text: str) -> str:
    """What to say of an option that a group does not have; `path` is the file that would be it, below `conf/`."""
    group, _, option = path.rpartition("/")
    if group in ("hydra/launcher", "hydra/sweeper"):
        return refusal(group.partition("/")[2], option)
    where = re.match(r"In '(.+?)'", text)
    if group in ("data/of", "data/by_code") and where is not None:
        return why_no_data(where[1].partition("/")[2], option, group)
    if not options or "/" in group:
        whole = re.match(r".*?/(.+)", path)  # a path that somebody gave as an option has slashes of its own
        group, option = path.partition("/")[0], whole[1] if whole else option
    inside = "" if where is None or where[1] == CONFIG_NAME else f"in {where[1]}: "
    instead = file_meant(group, option)
    found = nearest_options(group, option, options)
    added = "+" if group == "experiment" else ""
    hint = f"; give {instead}" if instead else did_you_mean([f"{added}{group}={name}" for name in found])
    others = ", or another network of timm's with model=timm model.name=…" if group == "model" else ""
    there = short(", ".join(options), 300)
    if group == "task" and not hint:
        return f"{inside}task={option}: {why_unknown(option)}"
    return f"{inside}{added}{group}={option}: there is no such option{hint}; there are {there}{others}"


def _without_value(keys: Sequence[str]) -> str:
    """What to say of keys that are `???`."""
    hints = {"model.name": "resnet50, or another of timm.list_models()"}
    return "; ".join(f"{key}=???: it has no value; give {key}={hints.get(key, '…')}" for key in keys)


def _unknown_key(key: str, where: Node | None) -> str:
    """What to say of a key that the configuration does not have in which `where`, if known, is a node."""
    parent, _, last = key.rpartition(".")
    needed = keys_of_optional(parent)
    if last in needed:
        others = "".join(f" or {option}" for option in _options_with(parent))
        whole = ", ".join(f"{name}: …" for name in needed)
        return f"{key}: {parent} is null, and is given whole: '{parent}={{{whole}}}'{others}"
    root = None if where is None else where._get_root()  # its groups are those chosen, which have keys of their own
    if not isinstance(root, DictConfig):
        with initialize_config_dir(str(config_dir()), version_base="1.3"):
            root = compose(CONFIG_NAME)
    known = known_keys(root)
    prefix = f"{parent}." if parent else ""
    below = sorted({k.removeprefix(prefix).split(".")[0] for k in known if k.startswith(prefix)})
    group = key.partition(".")[0]
    hint = f", which other options of {group} have" if exists(key) else did_you_mean(nearest_keys(key, known))
    if not below:
        return f"unknown key {key!r}{hint}; {parent} has no keys below it"
    return f"unknown key {key!r}{hint}; allowed {'under ' + parent if parent else 'at the top'}: {', '.join(below)}"


def known_keys(config: DictConfig) -> list[str]:
    """The dotted keys of a composed configuration, then those of its groups."""
    known = list(flatten(_unresolved(config)))
    return known + sorted({".".join(k.split(".")[:n]) for k in known for n in range(1, k.count(".") + 1)})


def _options_with(key: str) -> list[str]:
    """The options of a config group in which a key of it is not null, such as `augmentation=resized_crop`."""
    group, _, path = key.partition(".")
    files = option_files(group)
    return [
        f"{group}={name}" for name in sorted(files) if OmegaConf.select(OmegaConf.load(files[name]), path) is not None
    ]


def _unresolved(config: DictConfig) -> dict[str, Any]:
    container = OmegaConf.to_container(config, resolve=False)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items() if key != "hydra"}

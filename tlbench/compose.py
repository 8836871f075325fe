"""Compose a configuration with Hydra, and say in one line what is wrong with it. Nothing heavy is imported here."""

from __future__ import annotations

import copy
import difflib
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import Container, DictConfig, Node, OmegaConf, open_dict, read_write
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from tlbench.arms import arm_name
from tlbench.config import TrainConfig
from tlbench.config_hash import flatten
from tlbench.errors import ConfigError
from tlbench.model_options import register_networks
from tlbench.optional_groups import keys_of_optional
from tlbench.overrides import quoted
from tlbench.parsing import parse

CONFIG_NAME = "train"


def config_dir() -> Path:
    """`conf/` of a checkout, or `tlbench/conf` of an installed wheel."""
    here = Path(__file__).resolve().parent
    return here / "conf" if (here / "conf").is_dir() else here.parent / "conf"


def register_resolvers() -> None:
    """Make `${arm:${factors}}` known, the run's arm name, and `model=` of networks that have no file."""
    register_networks()

    def arm(factors: Any, *, _root_: Container) -> str:
        root = OmegaConf.to_container(_root_, resolve=False)
        assert isinstance(root, dict)
        return arm_name({str(k): v for k, v in root.items()}, list(factors))

    OmegaConf.register_new_resolver("arm", arm, replace=True)


def compose_config(overrides: Sequence[str], searched: Sequence[str] = ()) -> TrainConfig:
    """Compose and check the configuration that a command line asks for.

    Args:
        overrides: Hydra overrides, without sweeps.
        searched: Further folders with config groups (`--config-dir`).

    Raises:
        HydraException: If Hydra cannot compose it; see `explain`.
        ConfigError: If a value is not allowed.
    """
    return compose_run(overrides, searched)[0]


def compose_run(overrides: Sequence[str], searched: Sequence[str] = ()) -> tuple[TrainConfig, Path]:
    """As `compose_config`, with the run's folder."""
    config = compose_with_hydra(overrides, searched)
    return parse(plain(config)), Path(config.hydra.run.dir)


def compose_with_hydra(overrides: Sequence[str], searched: Sequence[str] = ()) -> DictConfig:
    """As `compose_config`, unchecked and with Hydra's own node.

    Raises:
        HydraException, ConfigError: It cannot be composed.
    """
    register_resolvers()
    places = ",".join(quoted("file://" + str(Path(place).absolute())) for place in searched)
    extra = [f"hydra.searchpath=[{places}]"] if searched else []
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        try:
            return compose(CONFIG_NAME, overrides=[*overrides, *extra], return_hydra_config=True)
        except ValueError as error:  # Hydra's own check of what a config group is set to
            raise ConfigError(
                f"{' '.join(overrides)}: {error}; write key=value, and a group's option by name"
            ) from None


def sweep_size(overrides: Sequence[str], searched: Sequence[str] = ()) -> tuple[int, int]:
    """How many runs `-m` would make of these overrides (without sweeps of their own), and how many at a time."""
    hydra = compose_with_hydra(overrides, searched).hydra
    given = {override.partition("=")[0].lstrip("+") for override in overrides}
    swept = [f"{key}={value}" for key, value in (hydra.sweeper.params or {}).items() if key not in given]
    parsed = OverridesParser.create().parse_overrides(swept)
    runs = math.prod(len(list(o.sweep_iterator())) for o in parsed if o.is_sweep_override())
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
    text = str(error).split("Config search path:")[0]
    if text.startswith("LexerNoViableAlt"):
        return _not_in_the_grammar(text)
    override = getattr(error, "override", None)  # of an error in Hydra's grammar, which does not always name it
    if override and override not in text:
        text = f"{override}: {text}"
    text = re.sub(r"Available options in ('[^']+'):\s*(.+)", _listed, text, flags=re.DOTALL)
    if isinstance(cause, OmegaConfBaseException) and cause is not error:
        text = f"{text} ({str(cause).splitlines()[0]})"
    return " ".join(text.split())


def _not_in_the_grammar(text: str) -> str:
    """What to say where Hydra cannot even take an override apart; below it stands `^` where it gave up."""
    lines = text.split("\n")
    _, _, override = lines[0].partition(": ")
    before = len(lines[0]) - len(override)
    place = next((line.index("^") for line in lines[1:] if line.strip() == "^"), None)
    at = "" if place is None else f", from its character {place - before + 1} on"
    return f"{override!r}: cannot be read{at}; put the value into quotes, such as 'key=\"value\"' in a shell"


def _without_value(keys: Sequence[str]) -> str:
    """What to say of keys that are `???`."""
    hints = {"model.name": "resnet50, or another of timm.list_models()"}
    return "; ".join(f"{key}=???: it has no value; give {key}={hints.get(key, '…')}" for key in keys)


def _listed(match: re.Match[str]) -> str:
    return f"available options in {match[1]}: {', '.join(match[2].split())}"


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
    known = list(flatten(_unresolved(root)))
    known += sorted({".".join(k.split(".")[:n]) for k in known for n in range(1, k.count(".") + 1)})
    close = difflib.get_close_matches(key, known, n=1)
    prefix = f"{parent}." if parent else ""
    below = sorted({k.removeprefix(prefix).split(".")[0] for k in known if k.startswith(prefix)})
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    return f"unknown key {key!r}{hint}; allowed {'under ' + parent if parent else 'at the top'}: {', '.join(below)}"


def _options_with(key: str) -> list[str]:
    """The options of a config group in which a key of it is not null, such as `augmentation=resized_crop`."""
    group, _, path = key.partition(".")
    files = sorted((config_dir() / group).glob("*.yaml"))
    return [f"{group}={file.stem}" for file in files if OmegaConf.select(OmegaConf.load(file), path) is not None]


def _unresolved(config: DictConfig) -> dict[str, Any]:
    container = OmegaConf.to_container(config, resolve=False)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items() if key != "hydra"}

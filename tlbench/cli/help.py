"""`python -m tlbench.train --help`: groups, options and keys, with what each takes and means, by the schema."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tlbench.config.compose import Composer
from tlbench.config.described import OWN, Key, key_lines, keys_of, meaning, shown
from tlbench.config.suggestions import nearest_keys
from tlbench.errors import ConfigError, did_you_mean
from tlbench.networks.layer_groups import LIBRARIES
from tlbench.tasks.registry import run_schema, spec_named

GROUPS: Mapping[str, str] = {
    "task": "what is learnt; brings its own data, network, source and recipe",
    "data": "the target: a published data set, or a layout that your own data have",
    "model": "the network: torchvision's classifiers by name (resnet18, …), or timm's: model=timm model.name=NAME",
    "source": "where the initial weights come from",
    "strategy": "which layer groups train, and from when on",
    "augmentation": "how training images are varied",
    "optimizer": "the optimizer, its learning rate and schedule",
    "trainer": "how long, on what and how precisely it trains",
    "callbacks": "early stopping, checkpoints, BatchNorm, moving averages",
    "regulariser": "what holds the weights near the source",
    "loss": "what training minimises: the task's own, or one of your own",
    "logger": "where the curves go beside curves.csv",
    "experiment": "a whole study or run, with a plus: +experiment=quickstart",
}
"""Config group → what it is, for a line."""

MAIN = (
    *("data.root", "data.image_size", "data.batch_size", "data.classes", "data.group"),
    *("optimizer.lr", "strategy.lr_decay", "trainer.max_epochs", "trainer.precision"),
    *("callbacks.early_stopping.patience", "callbacks.freeze_batch_norm"),
)
"""Keys of groups that most people ask for; those that are in no group are shown with them."""

TORCHVISION = LIBRARIES["torchvision"]
_WIDTH = 110
_COLUMN = 36
_GROUP_COLUMN = 16
_OF_TLBENCH = ("stand_ins",)
_ALL = "all"

_HEADER = """\
tlbench trains one model from pretrained and from random weights under equal settings and reports the difference.

  one run      python -m tlbench.train +experiment=cifar_transfer
  a study      python -m tlbench.train -m +experiment=quickstart
  your images  python -m tlbench.train -m data=image_folder data.root=FOLDER source=imagenet,random seed=0,1,2

Everything is group=option or key=value; with -m, values with commas between them are a study's arms and seeds."""

_MORE = (
    ("--help GROUP", "the keys of a group, such as --help optimizer, or of a part: --help data.limits"),
    ("--help KEY", "one key, such as --help trainer.precision"),
    ("--help all", "all keys; docs/keys.md has them for all tasks and options"),
    ("--help task=NAME", "the same of other options, such as --help task=NAME strategy=gradual_unfreezing all"),
    ("-m, --multirun", "a study: every combination of the values is a run; hydra.launcher.n_jobs=2 for two at a time"),
    ("plan=true", "a dry run: what each stage would train, and how long it would take"),
    ("--config-dir FOLDER", "a folder with options and experiments of your own"),
    ("--cfg job", "the whole configuration, nothing is trained; with --resolve without its references"),
    ("--hydra-help", "what else Hydra has"),
)

_FOOTER = """\
The result is in record.json in the run's folder (hydra.run.dir, for a study hydra.sweep.dir).
Exit codes: 0 complete, 1 a run failed, 2 the input is at fault, 130/143 interrupted (the same command goes on)."""


def help_text(composer: Composer, given: Sequence[str]) -> str:
    """What `--help` prints.

    Args:
        composer: Composes what the keys' defaults are read from.
        given: What stands beside `--help`: overrides, whose options' keys and defaults are shown, and words without
            `=`: groups, keys, or `all`; none of these for the overview.

    Raises:
        HydraException, ConfigError: The overrides cannot be composed, or a word is no group and no key.
    """
    topics = [word for word in given if "=" not in word and not word.startswith("~")]
    config = composer.compose([word for word in given if word not in topics])
    keys = _keys_of(config)
    if not topics:
        return _overview(composer, config, keys)
    return "\n\n".join(_topic(topic, composer, config, keys) for topic in topics)


def _overview(composer: Composer, config: DictConfig, keys: Sequence[Key]) -> str:
    groups = [
        (group, f"{what}: {', '.join(option for option in composer.options_of(group) if option not in TORCHVISION)}")
        for group, what in GROUPS.items()
    ]
    main = [key for key in keys if "." not in key.name and key.name not in _OF_TLBENCH]
    main += sorted((key for key in keys if key.name in MAIN), key=lambda key: MAIN.index(key.name))
    blocks = [
        [_HEADER],
        ["Groups (group=option)", *key_lines(groups, _GROUP_COLUMN, _WIDTH)],
        [f"Main keys (key=value) with their defaults, {_of(config)}", *_lines(main, config)],
        ["More", *key_lines(_MORE, 26, _WIDTH)],
        [_FOOTER],
    ]
    return "\n\n".join("\n".join(block) for block in blocks)


def _topic(topic: str, composer: Composer, config: DictConfig, keys: Sequence[Key]) -> str:
    found = [key for key in keys if topic == _ALL or key.name == topic or key.name.startswith(f"{topic}.")]
    if not found and topic not in GROUPS:
        names = [key.name for key in keys]
        near = difflib.get_close_matches(topic, [*GROUPS, _ALL], n=1) or nearest_keys(topic, names)
        raise ConfigError(
            f"--help {topic}: no group and no key {_of(config)}{did_you_mean(near)}; groups are {', '.join(GROUPS)}"
        )
    lines = []
    if topic in GROUPS:
        plus = "+" if topic == "experiment" else ""
        options = textwrap.wrap(f"{plus}{topic}= {', '.join(composer.options_of(topic))}", _WIDTH - 4)
        lines += [f"{topic}: {GROUPS[topic]}", *(f"  {line}" for line in options)]
    if found:
        lines += [*([""] if lines else []), f"Keys with their defaults, {_of(config)}", *_lines(found, config)]
    return "\n".join(lines)


def _of(config: DictConfig) -> str:
    return f"as task={OmegaConf.select(config, 'task.name')} has them"


def _keys_of(config: DictConfig) -> list[Key]:
    chosen = {group: str(OmegaConf.select(config, f"{group}.name")) for group in ("strategy", "data")}
    task = spec_named(str(OmegaConf.select(config, "task.name"))).name
    return keys_of(run_schema(task), chosen)


def _lines(keys: Sequence[Key], config: DictConfig) -> list[str]:
    return key_lines([(f"{key.name}={default(config, key.name)}", meaning(key)) for key in keys], _COLUMN, _WIDTH)


def default(config: DictConfig, key: str) -> str:
    """The value of a key in a composed configuration, as one would write it; `…` where it has none."""
    parent, _, last = key.rpartition(".")
    try:
        above = OmegaConf.select(config, parent) if parent else config
        if OWN in key or not isinstance(above, DictConfig) or last not in above:
            return "…"
        value: Any = above[last]
    except OmegaConfBaseException:  # it has none, or is made of one that has none
        return "…"
    return shown(OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value)

"""Write docs/keys.md, every key of every command: `make keys`.

What a key takes and means is the schema's, its defaults are those of the files in conf/; `--help` shows the same.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from tlbench.cli import compare_options, report_options, status_options
from tlbench.cli.help import GROUPS, default
from tlbench.config.compose import Composer
from tlbench.config.described import OWN, Key, keys_of, shown
from tlbench.config.option_files import data_values, option_files
from tlbench.tasks.registry import built_in, run_schema
from tlbench.tools import evaluate_options, export_options, predict_options
from tlbench.tools.options import Options, of_all_tasks

PAGE = Path(__file__).parent / "keys.md"

OF_TASKS = ("task", "data", "augmentation")
"""Groups whose keys each task has its own of."""

_MANY = 4  # different defaults, from which on they are not listed
_TOP = "Of the run and the study"

TOOLS: Mapping[str, type[Options]] = {
    "evaluate": of_all_tasks(evaluate_options.EvaluateOptions),
    "predict": of_all_tasks(predict_options.PredictOptions),
    "export": of_all_tasks(export_options.ExportOptions),
    "compare": compare_options.CompareOptions,
    "report": report_options.ReportOptions,
    "status": status_options.StatusOptions,
}

INTRODUCTION = """\
# All keys

Written by `make keys` from the schema that checks them; `python -m tlbench.train --help` shows the groups and main
keys, `--help optimizer` those of a group with the defaults of the options that you choose, `--help trainer.precision`
one key.

Everything is `group=option` or `key=value`. With `-m` a value may be several, with commas between them: each
combination is a run, and a swept key a factor of the study. Lists are `[a,b]`, mappings `{a: 1, b: 2}`, in quotes
where the shell would take them apart. A misspelt key or a value that is not allowed is answered in one line.

*takes* is what the check allows. *default* is that of the options in brackets where they differ, and `…` where a key
has none until its group is given whole.
"""

HYDRA = """\
## Of the command line

| | what |
|---|---|
| `-m`, `--multirun` | a study: every combination of the given values is a run |
| `hydra.launcher.n_jobs=2` | runs of a study at a time |
| `hydra.run.dir=FOLDER` | where a run goes, instead of `outputs/<study>/<arm>/seed_<n>` |
| `hydra.sweep.dir=FOLDER`, `hydra.sweep.subdir=…` | where a study goes, and each of its runs below it |
| `--config-dir FOLDER` | a folder with options and experiments of your own |
| `--cfg job`, `--resolve` | print the configuration, its references resolved, and train nothing |
| `--help`, `--hydra-help` | keys and options; what else Hydra has |
"""


class Defaults:
    """What the options of a group say, in the configuration of each task."""

    def __init__(self) -> None:
        composer = Composer()
        self._of_task = {task: composer.compose([f"task={task}"]) for task in built_in()}
        self._with_option: dict[tuple[str, str, str], DictConfig] = {}

    def of_run(self, key: str) -> str:
        """The default of a key that is in no group."""
        values = {default(config, key) for config in self._of_task.values()}
        return f"`{values.pop()}`" if len(values) == 1 else "by task and options"

    def of_group(self, key: str, tasks: Sequence[str]) -> str:
        """The defaults of a group's key, with the options that have them."""
        group = key.partition(".")[0]
        if key == f"{group}.name" or OWN in key:
            return "its option" if key == f"{group}.name" else "…"
        found: dict[str, dict[str, None]] = {}
        for task in tasks if group in OF_TASKS else tasks[:1]:
            for option in _options(group, task):
                found.setdefault(default(self._with(group, option, task), key), {})[option] = None
        several = len(found) > 1
        if several:
            found.pop("…", None)  # options that do not have it
        if len(found) > _MANY:
            return "by option"
        most = max(found, key=lambda value: len(found[value]))
        return "; ".join(
            f"`{value}`" + (f" ({', '.join(options)})" if len(found) > 1 and value != most else "")
            for value, options in sorted(found.items(), key=lambda item: item[0] != most)
        )

    def _with(self, group: str, option: str, task: str) -> DictConfig:
        """The configuration of a task with another option of a group."""
        known = self._with_option.get((group, option, task))
        if known is not None:
            return known
        config = copy.copy(self._of_task[task])
        if group == "data":
            values = {"limits": config.data.limits, **_plain("data/dividing", "default"), **data_values(option, task)}
        else:
            values = _plain(group, option)
        with open_dict(config), read_write(config):
            config[group] = values
        return self._with_option.setdefault((group, option, task), config)


def _plain(group: str, option: str) -> dict[str, object]:
    values = OmegaConf.to_container(OmegaConf.load(option_files(group)[option]), resolve=False)
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items() if key != "defaults"}


def _options(group: str, task: str) -> list[str]:
    """The options that a group has for a task."""
    spec = built_in()[task]
    only: Mapping[str, Iterable[str]] = {
        "task": (task,),
        "data": spec.data,
        "augmentation": spec.augmentations,
    }
    return [option for option in option_files(group) if option in only.get(group, [option])]


def page() -> str:
    """The text of docs/keys.md."""
    defaults = Defaults()
    found: dict[Key, list[str]] = {}
    for task in built_in():
        for key in keys_of(run_schema(task)):
            found.setdefault(key, []).append(task)
    blocks = [INTRODUCTION, HYDRA, _of_run(found, defaults)]
    blocks += [_of_group(group, found, defaults) for group in GROUPS if group != "experiment"]
    blocks += [_of_tool(name, options) for name, options in TOOLS.items()]
    return "\n".join(blocks)


def _of_run(found: Mapping[Key, Sequence[str]], defaults: Defaults) -> str:
    rows = [
        (key, defaults.of_run(key.name) if OWN not in key.name else "…")
        for key in found
        if key.name.partition(".")[0] not in GROUPS
    ]
    return f"## {_TOP}\n\n{_table(rows)}"


def _of_group(group: str, found: Mapping[Key, Sequence[str]], defaults: Defaults) -> str:
    of_group = {key: tasks for key, tasks in found.items() if key.name.startswith(f"{group}.")}
    by_tasks: dict[tuple[str, ...], list[Key]] = {}
    for key, tasks in of_group.items():
        by_tasks.setdefault(tuple(tasks), []).append(key)
    options = ", ".join(f"`{option}`" for option in option_files(group))
    text = f"## {group}\n\n{GROUPS[group][0].upper()}{GROUPS[group][1:]}. Options: {options}.\n"
    for tasks, keys in sorted(by_tasks.items(), key=lambda item: -len(item[0])):
        rows = [(key, defaults.of_group(key.name, tasks)) for key in keys]
        whose = f"\nOf {' and '.join(tasks)}:\n" if group in OF_TASKS and len(tasks) < len(built_in()) else ""
        text += f"{whose}\n{_table(rows)}"
    return text


def _of_tool(name: str, options: type[Options]) -> str:
    rows = []
    for key in keys_of(options):
        field = options.model_fields[key.name]
        rows.append((key, "required" if field.is_required() else f"`{shown(field.default)}`"))
    return f"## tlbench.{name}\n\nKeys of `python -m tlbench.{name}`.\n\n{_table(rows)}"


def _table(rows: Iterable[tuple[Key, str]]) -> str:
    lines = ["| key | takes | default | what |", "|---|---|---|---|"]
    for key, of_key in rows:
        cells = (f"`{key.name}`", _words(key.takes), of_key, key.what)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _words(takes: str) -> str:
    """Values as code, what describes them as words."""
    parts = []
    for part in takes.split(", or "):
        plain = part.split(" ")[0] in ("integer", "number", "list", "mapping", "text", "the", "[height,")
        parts.append(part if plain else ", ".join(f"`{value}`" for value in part.split(" | ")))
    return ", or ".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

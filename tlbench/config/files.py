"""YAML files of configurations that lie in a user's folders; nothing heavy is imported."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from yaml import YAMLError

from tlbench.errors import ConfigError
from tlbench.system.folders import walk
from tlbench.system.regular_file import read_regular
from tlbench.system.yaml_text import check_yaml

_LARGEST = 4 << 20  # bytes


def check_config_folder(folder: Path | str) -> None:
    """Refuse a folder of configurations that Hydra must not read: it expands aliases, and waits for FIFOs.

    Raises:
        ConfigError: The folder cannot be read; a YAML file in it is no regular file, too large, or grows.
    """
    try:
        for below, files in walk(folder):
            for entry in files:
                if entry.name.endswith((".yaml", ".yml")):
                    _checked(Path(folder, below, entry.name))
    except OSError as error:
        raise ConfigError(f"{error.filename}: {error.strerror}; mend or remove it") from None
    except YAMLError as error:
        raise ConfigError(f"{error}; mend or remove it") from None


def load_config_file(path: Path) -> Any:
    """What a configuration's file says, in plain containers.

    Raises:
        OSError: It cannot be read, is no regular file, or too large.
        YAMLError: It is no YAML, or grows when it is read.
        OmegaConfBaseException, UnicodeDecodeError: It is no configuration.
    """
    content = _checked(path)
    return OmegaConf.to_container(OmegaConf.load(io.StringIO(content.decode())))


def _checked(path: Path) -> bytes:
    content = read_regular(path, _LARGEST)
    try:
        check_yaml(content.decode(errors="replace"))
    except YAMLError as error:
        raise YAMLError(f"{path}: {error}") from None
    return content

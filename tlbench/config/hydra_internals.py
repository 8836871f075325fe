"""What tlbench takes of Hydra that Hydra does not promise, so that a new version of Hydra is met here alone."""

from __future__ import annotations

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path, get_args_parser

__all__ = ["BasicSweeper", "Hydra", "create_config_search_path", "get_args_parser"]

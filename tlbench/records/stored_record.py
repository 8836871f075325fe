"""The mapping in a `record.json`, of any format that there was: read within bounds, its hash checked, upgraded."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NoReturn

from tlbench.config.hash import FORMAT, stored_hashes
from tlbench.config.upgrade import absent_task, upgraded
from tlbench.system.regular_file import read_regular

_GROUPS = (
    "seeds",
    "tuning",
    "task",
    "data",
    "augmentation",
    "model",
    "source",
    "strategy",
    "regulariser",
    "optimizer",
    "trainer",
    "callbacks",
    "logger",
)
"""Keys of a configuration that have keys below them."""

_AT_MOST = 512 * 2**20  # bytes; a record of 21,841 classes and 1,000 epochs takes some 5 MB


class UnreadableRecordError(Exception):
    """What lies there is no run record that this version can read; the message says why, in a few words."""


class AbsentTaskError(UnreadableRecordError):
    """The record is of a task that is not here; the message says where it may come from."""


def read_stored(path: Path) -> dict[str, Any]:
    """A record's mapping with its configuration as this version has it; `format` and `config_hash` stay as stored.

    The hash over the configuration is computed again, by the recipe of the record's own format and over the
    configuration as it is stored. It finds accidents, not forgers: who changes both is not found out.

    Args:
        path: The file.

    Raises:
        AbsentTaskError: Its task is not here.
        UnreadableRecordError: It is damaged, no record, of a newer format, or its configuration is not the one that its
            hash was made of.
        OSError: It cannot be read.
    """
    stored = _parse(read_regular(path, _AT_MOST))
    number, config = stored.get("format"), stored.get("config")
    if type(number) is not int or number < 1:
        raise UnreadableRecordError("no run record of tlbench: it names no format")
    if number > FORMAT:
        raise UnreadableRecordError(f"of format {number}, written by a newer tlbench; this one reads up to {FORMAT}")
    if not isinstance(config, dict) or not isinstance(stored.get("config_hash"), str):
        raise UnreadableRecordError("no run record of tlbench: it has no configuration with its hash")
    absent = absent_task(config)
    if absent is not None:
        raise AbsentTaskError(absent)
    try:
        found, upgrade = stored_hashes(config, number, stored.get("code")), upgraded(config)
    except (AttributeError, TypeError, RecursionError):  # lists for groups, groups for lists
        raise UnreadableRecordError("no run record of tlbench: its configuration is none of tlbench's") from None
    wrong = [key for key in _GROUPS if not isinstance(upgrade.get(key, {}), dict)]
    if wrong:
        raise UnreadableRecordError(f"no run record of tlbench: {wrong[0]} in its configuration is no group of keys")
    if stored["config_hash"] not in found:
        raise UnreadableRecordError(
            f"its configuration is not the one that the run had: its hash is {found[0][:12]}…, and the record says "
            f"{stored['config_hash'][:12]}…"
        )
    return {**stored, "config": upgrade}


def _parse(content: bytes) -> dict[str, Any]:
    try:
        stored = json.loads(content, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise UnreadableRecordError("no JSON: nested too deeply") from None
    except ValueError as error:  # of bytes that are no UTF-8, too, and of numbers of thousands of digits
        raise UnreadableRecordError(f"no JSON: {' '.join(str(error).split())[:120]}") from None
    if not isinstance(stored, dict):
        raise UnreadableRecordError(f"no run record of tlbench: it holds a {type(stored).__name__}")
    return stored


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse(text)


def _refuse(name: str) -> NoReturn:
    raise UnreadableRecordError(f"no JSON: {name[:20]} is no number there")

"""A user vouches for runs: an HMAC over the code and places that a record names, by which its maker knows it again."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from tlbench.config import TrainConfig
from tlbench.records.lock import locked
from tlbench.records.record import FILE_NAME, CodeRecord, Record, read_record
from tlbench.system.atomic import write_atomic
from tlbench.system.regular_file import read_regular
from tlbench.system.voice import Voice
from tlbench.trust.key import Key, KeyUnusable, find_or_make_key
from tlbench.trust.locate import locate
from tlbench.trust.names import canonical, claim, code_names

_PATIENCE_S = 30.0
"""For another process that writes an evaluation's numbers into the record."""

CONSEQUENCE = "so evaluate, predict and export will ask for trust=true"


def needs_voucher(config: TrainConfig) -> bool:
    """Whether a configuration names code, or data by where they lie."""
    return bool(code_names(config)) or config.data.root is not None


def vouchers_for(config: TrainConfig, code: CodeRecord | None, voice: Voice) -> dict[str, str]:
    """What the record of this user's own run gets: name of the key → HMAC; empty where nothing is to be vouched for.

    Args:
        config: The run's.
        code: What ran.
        voice: Told where there is no key to be used, which is no reason for a run to fail.
    """
    if not needs_voucher(config):
        return {}
    try:
        key = find_or_make_key()
    except KeyUnusable as error:
        voice.warn(f"this run is not vouched for, {CONSEQUENCE}: {error}")
        return {}
    return {key.name: _voucher(key, config, code)}


def is_vouched(record: Record, config: TrainConfig, key: Key) -> bool:
    """Whether the owner of the key has vouched for what a record names.

    Args:
        record: The record.
        config: Its configuration.
        key: The user's key.
    """
    given = record.volatile.vouchers.get(key.name, "")
    return hmac.compare_digest(given.encode(errors="replace"), _voucher(key, config, record.code).encode())


def vouch_for_planned(planned: TrainConfig, folder: Path, voice: Voice) -> None:
    """Vouch for a run that this user planned, wherever it ran: under another home, it was vouched for by another key.

    Its record must name the code and the data that were planned, and the files that ran must be those that are here.

    Args:
        planned: The run's configuration.
        folder: Its folder.
        voice: Told where the user's key cannot vouch, and why.

    Raises:
        ConfigError: The record cannot be read.
        OutputError: The disk refuses.
    """
    record = read_record(folder) if needs_voucher(planned) else None
    if record is None or record.status != "complete":
        return
    try:
        key = find_or_make_key()
    except KeyUnusable as error:
        voice.warn(f"{folder}: not vouched for, {CONSEQUENCE}: {error}")
        return
    if is_vouched(record, planned, key):
        return
    reason = _differs(planned, record)
    if reason is not None:
        voice.warn(f"{folder}: not vouched for, {CONSEQUENCE}: {reason}")
    else:
        _add(folder, key.name, _voucher(key, planned, record.code))


def _voucher(key: Key, config: TrainConfig, code: CodeRecord | None) -> str:
    return key.digest(claim(code_names(config), config.data.root, {} if code is None else code.files))


def _differs(planned: TrainConfig, record: Record) -> str | None:
    """What of a record is not as it was planned, or as it is here."""
    for name in code_names(planned):
        recorded = _group(record, name.key)
        there = {"import_path": recorded.get("import_path"), "arguments": recorded.get("arguments") or {}}
        for part, wanted in (("import_path", name.import_path), ("arguments", dict(name.arguments))):
            if canonical(there[part]) != canonical(wanted):
                return f"its record names {name.key}.{part}={there[part]!r}, and planned was {wanted!r}"
    root = _group(record, "data").get("root")
    if root != planned.data.root:
        return f"its record names data.root={root!r}, and planned was {planned.data.root!r}"
    if code_names(planned) and record.code is None:
        return "its record does not say which files ran"
    for module, sha256 in ({} if record.code is None else record.code.files).items():
        file = locate(module)
        try:
            same = file is not None and hashlib.sha256(read_regular(file)).hexdigest() == sha256
        except OSError:
            same = False
        if not same:
            return f"the module {module} that ran is not {file or 'to be found here'}"
    return None


def _group(record: Record, key: str) -> dict[str, Any]:
    """A group of a record's configuration, which nothing has checked yet."""
    node: Any = record.config
    for part in key.split("."):
        node = node.get(part) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else {}


def _add(folder: Path, key: str, voucher: str) -> None:
    """Put a voucher into a record; all else in it stays as it is."""
    path = folder / FILE_NAME
    with locked(folder, _PATIENCE_S):
        record = json.loads(read_regular(path))
        record["volatile"].setdefault("vouchers", {})[key] = voucher
        text = json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False)
        write_atomic(path, text.encode() + b"\n")

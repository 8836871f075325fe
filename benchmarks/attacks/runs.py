"""Run folders as somebody might send them: edited by one who knows which hashes there are, and how to make them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch

RUN = Path("run")


def read_record(run: Path = RUN) -> dict[str, Any]:
    """The record as JSON."""
    record: dict[str, Any] = json.loads((run / "record.json").read_bytes())
    return record


def write_record(record: object, run: Path = RUN) -> None:
    """Write it as tlbench does."""
    text = json.dumps(record, indent=1, ensure_ascii=False)
    (run / "record.json").write_bytes(text.encode() + b"\n")


def edit(change: Callable[[dict[str, Any]], object], run: Path = RUN) -> None:
    """Change a record by hand; hashes stay what they were."""
    record = read_record(run)
    change(record)
    write_record(record, run)


def forge(change: Callable[[dict[str, Any]], object], run: Path = RUN, *, vouched: bool = True) -> None:
    """Change a record and make every hash that needs no key agree with it.

    Args:
        change: Changes the record.
        run: The run's folder.
        vouched: Whether what its maker vouched with stays in it.
    """
    from tlbench.config.hash import config_hash

    record = read_record(run)
    change(record)
    record["config_hash"] = config_hash(record["config"])
    if not vouched:
        record["volatile"].pop("vouchers", None)
    _say_whose(run / "best.ckpt", record["config_hash"])
    _hash_files(record, run)
    write_record(record, run)


def name_code(import_path: str, arguments: dict[str, Any], *, vouched: bool = False) -> None:
    """Let the run's record name code."""

    def change(record: dict[str, Any]) -> None:
        record["config"]["model"] |= {"import_path": import_path, "arguments": arguments}

    forge(change, vouched=vouched)


def forge_weights(change: Callable[[dict[str, torch.Tensor]], object], run: Path = RUN) -> None:
    """Change the best checkpoint's tensors and its hash in the record."""
    content = torch.load(run / "best.ckpt", map_location="cpu", weights_only=True)
    change(content["state_dict"])
    torch.save(content, run / "best.ckpt")
    rehash(run)


def put_best(content: bytes, run: Path = RUN) -> None:
    """Put another best checkpoint there, and its hash into the record."""
    (run / "best.ckpt").write_bytes(content)
    rehash(run)


def rehash(run: Path = RUN) -> None:
    """Let the record name its files as they now are."""
    edit(lambda record: _hash_files(record, run), run)


def weights(run: Path = RUN) -> dict[str, torch.Tensor]:
    """The best checkpoint's tensors under the network's own names."""
    content = torch.load(run / "best.ckpt", map_location="cpu", weights_only=True)
    return {name.removeprefix("network."): value.clone() for name, value in content["state_dict"].items()}


def without_record(run: Path = RUN) -> None:
    """As a killed process leaves a run."""
    (run / "record.json").unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """Of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def cut(path: Path, size: int) -> None:
    """Keep a file's first bytes."""
    path.write_bytes(path.read_bytes()[:size])


def flip(path: Path, position: float) -> None:
    """Change one bit."""
    content = bytearray(path.read_bytes())
    content[int(len(content) * position)] ^= 16
    path.write_bytes(content)


def in_turn(*draws: Callable[..., object]) -> Callable[..., None]:
    """One draw after another."""

    def draw(place: Any) -> None:
        for each in draws:
            each(place)

    return draw


def remove(paths: Iterable[Path]) -> None:
    """Remove files."""
    for path in paths:
        path.unlink(missing_ok=True)


def _hash_files(record: dict[str, Any], run: Path) -> None:
    for name in record.get("files", {}):
        record["files"][name] = sha256(run / name)


def _say_whose(checkpoint: Path, config_hash: str) -> None:
    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    content["config_hash"] = config_hash
    torch.save(content, checkpoint)

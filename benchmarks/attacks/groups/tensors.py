"""Files of weights without code: of bad headers, of values that are no weights, of claims beyond any memory."""

from __future__ import annotations

import functools
import io
import json
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from benchmarks.attacks.attack import Attack, Attacks, Expect, Oracle, Place
from benchmarks.attacks.command import Command
from benchmarks.attacks.commands import as_source, reading, train
from benchmarks.attacks.oracles import either, failed, refused, right
from benchmarks.attacks.runs import put_best, weights, without_record
from benchmarks.attacks.things import UNREADABLE, Make

_LITTLE_MB = 700
"""Memory for commands that are to refuse what claims more."""


def attacks() -> Attacks:
    """Each as a source, and what torch would read also as a run's checkpoint."""
    for name, content in _HEADERS.items():
        yield _as_source("safetensors of bad headers", name, partial(_raw, content))
    for name, change in _VALUES.items():
        for suffix in ("safetensors", "pt"):
            draw = partial(_changed, change, suffix)
            told = refused("bad.")
            if "variance" in name:  # which the network's outputs show
                told = either(told, failed("variance", run="new"))
            yield _as_source("values that are no weights", f"{name}, {suffix}", draw, f"checkpoint=bad.{suffix}", told)
    diverges = either(failed("NaN|nan|finite", run="new"), refused())
    yield _as_source("values that are no weights", "1e38", partial(_changed, _huge, "pt"), oracle=diverges)
    for name, drawn in _BOMBS.items():
        yield _as_source("claims beyond any memory", f"{name}, source", partial(_bomb, drawn))
        for way, command in reading().items():
            draw = partial(_bomb_as_best, drawn)
            step = Expect(_with_little(command), refused("best.ckpt"))
            yield Attack("claims beyond any memory", f"{name}, best.ckpt, {way}", draw, (step,))
        draw = partial(_bomb_as_last, drawn)
        step = Expect(_with_little(train()), right("digits"))
        yield Attack("claims beyond any memory", f"{name}, last.ckpt", draw, (step,))
    for name, value in _OTHERS.items():
        kind = "torch files that are no checkpoints"
        yield _as_source(kind, f"{name}, source", partial(_saved, value))
        for way, command in {**reading(), "source": as_source()}.items():
            step = Expect(command, refused("best.ckpt"))
            yield Attack(kind, f"{name}, best.ckpt, {way}", partial(_other_best, value), (step,))
        for beside in ("beside a good previous.ckpt", "alone"):
            draw = partial(_other_last, value, beside == "alone")
            yield Attack(kind, f"{name}, last.ckpt {beside}", draw, (Expect(train(), right("digits")),))
    for name, make in UNREADABLE.items():
        yield _as_source("weights that are no regular file", name, partial(_thing, make))


def _as_source(
    kind: str,
    name: str,
    draw: Callable[[Place], object],
    checkpoint: str = "checkpoint=bad.pt",
    oracle: Oracle | None = None,
) -> Attack:
    if kind.startswith("safetensors"):
        checkpoint = "checkpoint=bad.safetensors"
    command = _with_little(train("source=checkpoint", checkpoint, run="hydra.run.dir=new", seconds=30))
    return Attack(kind, name, draw, (Expect(command, oracle or refused("bad.")),))


def _with_little(command: Command) -> Command:
    return replace(command, memory_mb=_LITTLE_MB)


# ---- safetensors


def _header(entries: Mapping[str, Any] | bytes, body: int = 8) -> bytes:
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + bytes(body)


def _tensor(shape: list[int], begin: int, end: int) -> dict[str, Any]:
    return {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}


_TWICE = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
_HEADERS = {
    "a header of 2^63 bytes": struct.pack("<Q", 2**63 - 1) + b"{}",
    "overlapping tensors": _header({"a": _tensor([2], 0, 8), "b": _tensor([2], 4, 12)}, 12),
    "a tensor beyond the end": _header({"a": _tensor([2], 0, 1 << 40)}),
    "a tensor of 2^40 elements": _header({"a": _tensor([1 << 40], 0, 1 << 42)}),
    "a negative shape": _header({"a": _tensor([-1], 0, 4)}, 4),
    "no JSON": _header(b"{{{{"),
    "a name twice": _header(_TWICE, 4),
    "an empty header": _header({}, 0),
    "nothing": b"",
    "a shape that overflows": _header({"a": _tensor([1 << 32, 1 << 32], 0, 8)}),
    "deep JSON": _header(b'{"a":' + b"[" * 50_000),
    "an unknown type": _header({"a": {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]}}, 4),
    "offsets the wrong way round": _header({"a": _tensor([1], 4, 0)}, 4),
}


def _raw(content: bytes, _: Place) -> None:
    Path("bad.safetensors").write_bytes(content)


# ---- values


def _value(number: float) -> Callable[[torch.Tensor], torch.Tensor]:
    def change(tensor: torch.Tensor) -> torch.Tensor:
        tensor[0, 0, 0, 0] = number
        return tensor

    return change


def _huge(tensors: dict[str, torch.Tensor]) -> None:
    tensors["stem.0.weight"][:] = 1e38


def _set(change: Callable[[torch.Tensor], torch.Tensor], name: str = "stem.0.weight") -> Callable[..., None]:
    def changed(tensors: dict[str, torch.Tensor]) -> None:
        tensors[name] = change(tensors[name])

    return changed


_VALUES: dict[str, Callable[[dict[str, torch.Tensor]], object]] = {
    "NaN": _set(_value(float("nan"))),
    "inf": _set(_value(float("inf"))),
    "-inf": _set(_value(float("-inf"))),
    "negative variance": _set(lambda tensor: torch.full_like(tensor, -1.0), "stem.1.running_var"),
    "NaN variance": _set(lambda tensor: torch.full_like(tensor, float("nan")), "stem.1.running_var"),
    "a number for a tensor": _set(lambda _: torch.tensor(1.0)),
    "complex numbers": _set(lambda tensor: tensor.to(torch.complex64)),
    "whole numbers": _set(lambda tensor: (tensor * 10).to(torch.int64)),
    "booleans": _set(lambda tensor: tensor > 0),
    "another shape": _set(lambda tensor: tensor[:4].contiguous()),
    "an empty tensor": _set(lambda tensor: tensor[:0].contiguous()),
}


def _changed(change: Callable[[dict[str, torch.Tensor]], object], suffix: str, place: Place) -> None:
    tensors = weights(place.reference("digits") / "run")
    change(tensors)
    if suffix == "pt":
        torch.save(tensors, "bad.pt")
    else:
        save_file(tensors, "bad.safetensors")


# ---- claims


def _stride_zero() -> bytes:
    return _saved_bytes({"state_dict": {"network.stem.0.weight": torch.zeros(1).expand(5 * 10**9, 5)}})


@functools.cache
def _zip_bomb() -> bytes:
    """A checkpoint whose one storage is 2 GB of zeros, compressed a thousandfold."""
    size, block = 1 << 31, bytes(1 << 24)
    plain = io.BytesIO(_saved_bytes({"state_dict": {"network.stem.0.weight": torch.zeros(1)}}))
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(plain) as source,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target,
    ):
        for member in source.infolist():
            if not member.filename.endswith("/data/0"):
                target.writestr(member.filename, source.read(member))
                continue
            with target.open(member.filename, "w", force_zip64=True) as file:
                for _ in range(size // len(block)):
                    file.write(block)
    return packed.getvalue()


def _saved_bytes(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def _allocating() -> bytes:
    """A pickle that asks for 10^12 bytes by a harmless name."""
    content = b"\x80\x02cbuiltins\nbytearray\n(J\xff\xff\xff\x7ftR."
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", content)
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/byteorder", "little")
    return buffer.getvalue()


def _legacy_stride_zero() -> bytes:
    buffer = io.BytesIO()
    huge = torch.zeros(1).expand(5 * 10**9, 5)
    torch.save({"state_dict": {"network.stem.0.weight": huge}}, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


_BOMBS: dict[str, Callable[[], bytes]] = {
    "100 GB of stride 0": _stride_zero,
    "100 GB of stride 0, legacy": _legacy_stride_zero,
    "2 GB compressed": _zip_bomb,
    "a bytearray of 2 GB": _allocating,
}


def _bomb(drawn: Callable[[], bytes], _: Place) -> None:
    Path("bad.pt").write_bytes(drawn())


def _bomb_as_best(drawn: Callable[[], bytes], place: Place) -> None:
    place.copy("digits")
    put_best(drawn())


def _bomb_as_last(drawn: Callable[[], bytes], place: Place) -> None:
    place.copy("stopped")
    without_record()
    Path("run/last.ckpt").write_bytes(drawn())


# ---- no checkpoints


_OTHERS: dict[str, object] = {
    "a list": [1, 2],
    "a number": 5,
    "a dict without weights": {"x": 1},
    "weights that are a list": {"state_dict": [1, 2]},
    "weights that are texts": {"state_dict": {"network.stem.0.weight": "a"}},
    "a tensor": torch.zeros(3),
    "weights of no names": {"state_dict": {}},
    "names that are numbers": {"state_dict": {1: torch.zeros(1)}},
}


def _saved(value: object, _: Place) -> None:
    torch.save(value, "bad.pt")


def _other_best(value: object, place: Place) -> None:
    place.copy("digits")
    put_best(_saved_bytes(value))


def _other_last(value: object, alone: bool, place: Place) -> None:
    place.copy("stopped")
    without_record()
    torch.save(value, "run/last.ckpt")
    if alone:
        Path("run/previous.ckpt").unlink()


def _thing(make: Make, _: Place) -> None:
    make(Path("bad.pt"))

"""Archives and official copies whose members lead out or hold code."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import tarfile
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.attacks.attack import Attack, Attacks, Expect, Place
from benchmarks.attacks.command import Command
from benchmarks.attacks.commands import DETECTION
from benchmarks.attacks.oracles import refused
from benchmarks.attacks.things import UNREADABLE, Make

_CIFAR = ("trainer=cpu", "data=cifar10", "model=resnet18", "source=random", "test=false", "on_missing=error")
_SIGNATURE = (*DETECTION, "data=signature", "on_missing=error")


class _Evil:
    """Makes a file where it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self._canary = str(canary)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mknod, (self._canary,)


def attacks() -> Attacks:
    """Each with the command that would unpack or read it."""
    cifar = Command("train", (*_CIFAR, "data.root=set", "hydra.run.dir=run"), seconds=40, memory_mb=1000)
    signature = Command("train", (*_SIGNATURE, "hydra.run.dir=run"), seconds=40, memory_mb=1000)
    for name, members in _MEMBERS.items():
        yield Attack(
            "archives", f"CIFAR-10, {name}, wrong check sum", partial(_tar, members), (Expect(cifar, refused()),)
        )
        step = Expect(Command("train", cifar.arguments, before=_believe, seconds=40), refused())
        yield Attack("archives", f"CIFAR-10, {name}, right check sum", partial(_tar, members), (step,))
        yield Attack(
            "archives", f"Signature, {name}", partial(_zip, members), (Expect(signature, refused("signature")),)
        )
    yield Attack("archives", "CIFAR-10's batches that are code", _evil_batches, (Expect(cifar, refused("set|batch")),))
    yield Attack("archives", "Signature, 3 GB of zeros", _zip_bomb, (Expect(signature, refused("signature")),))
    for name, make in UNREADABLE.items():
        for file in ("set/cifar-10-python.tar.gz", "data/signature.zip"):
            command = cifar if "cifar" in file else signature
            yield Attack("archives", f"{name}, {file}", partial(_thing, make, file), (Expect(command, refused()),))


_UP = "../CODE_RAN"
_MEMBERS: dict[str, tuple[tuple[str, str], ...]] = {
    "a member that leads up": ((_UP, ""), ("../../CODE_RAN", "")),
    "an absolute member": (("{base}/CODE_RAN", ""),),
    "a link that leads up": (("out", "../.."), ("out/CODE_RAN", ""), ("out/../CODE_RAN", "")),
    "a deep member that leads up": (("images/train/../../../../CODE_RAN", ""),),
}
"""Members: name, and where it leads if it is a link."""


def _tar_of(members: tuple[tuple[str, str], ...]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, link in members:
            member = tarfile.TarInfo(name)
            if link:
                member.type, member.linkname = tarfile.SYMTYPE, link
                archive.addfile(member)
            else:
                member.size = 1
                archive.addfile(member, io.BytesIO(b"x"))
    return buffer.getvalue()


def _tar(members: tuple[tuple[str, str], ...], _: Place) -> None:
    Path("set").mkdir()
    Path("set/cifar-10-python.tar.gz").write_bytes(_tar_of(members))


def _zip(members: tuple[tuple[str, str], ...], place: Place) -> None:
    Path("data").mkdir()
    with zipfile.ZipFile("data/signature.zip", "w") as archive:
        for name, link in members:
            member = zipfile.ZipInfo(name.format(base=place.base))
            if link:
                member.external_attr = 0o120777 << 16
            archive.writestr(member, link or "x")


def _believe() -> None:
    """Let the archive's check sum be the official one."""
    import tlbench.data.formats.cifar10.copy as module

    content = Path("set/cifar-10-python.tar.gz").read_bytes()
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    module.CIFAR10 = replace(module.CIFAR10, known_hash=f"md5:{md5}")


def _evil_batches(place: Place) -> None:
    from tlbench.data.formats.cifar10.copy import BATCH_FILES, BATCHES

    folder = Path("set", BATCHES)
    folder.mkdir(parents=True)
    for name in BATCH_FILES:
        (folder / name).write_bytes(pickle.dumps(_Evil(place.canary)))


def _zip_bomb(_: Place) -> None:
    Path("data").mkdir()
    packed = zipfile.ZipFile("data/signature.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with packed as archive, archive.open("images/train/0.jpg", "w", force_zip64=True) as file:
        for _number in range(192):
            file.write(bytes(1 << 24))


def _thing(make: Make, name: str, _: Place) -> None:
    Path(name).parent.mkdir(parents=True)
    make(Path(name))

"""Files of weights that hold code, in every format of torch's, wherever tlbench reads weights."""

from __future__ import annotations

import io
import os
import pickle
import shutil
import struct
import tarfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.attacks.attack import Attack, Attacks, Expect, Place
from benchmarks.attacks.command import Command
from benchmarks.attacks.commands import PAGES, as_source, reading, train
from benchmarks.attacks.oracles import refused, right
from benchmarks.attacks.runs import put_best, without_record


class _Evil:
    """Makes a file where it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self._canary = str(canary)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mknod, (self._canary,)


def attacks() -> Attacks:
    """Each format in each place."""
    for name, write in FORMATS.items():
        for suffix in ("pt", "safetensors"):
            draw = partial(_as_file, write, f"evil.{suffix}")
            command = train("source=checkpoint", f"checkpoint=evil.{suffix}", run="hydra.run.dir=new")
            yield Attack("code in a weights file", f"{name} as .{suffix}", draw, (Expect(command, refused("evil")),))
        for way, command in {**reading(), "source": as_source()}.items():
            draw = partial(_as_best, write)
            yield Attack("code in best.ckpt", f"{name}, {way}", draw, (Expect(command, refused("best.ckpt")),))
        for which in (("last.ckpt",), ("last.ckpt", "previous.ckpt"), ("best.ckpt",)):
            draw = partial(_as_last, write, which)
            title = f"{name} as {' and '.join(which)}"
            yield Attack("code in a checkpoint to go on from", title, draw, (Expect(train(), right("digits")),))
        for file, (overrides, source) in _PUBLISHED.items():
            command = Command("train", (*overrides, f"source={source}", "hydra.run.dir=new", "trainer.max_epochs=1"))
            draw = partial(_as_published, write, file)
            title = f"{name} as {file}"
            yield Attack("code in published weights", title, draw, (Expect(command, refused(file)),))
    for function, arguments in _NAMED.items():
        draw = partial(_naming, function, arguments)
        command = train("source=checkpoint", "checkpoint=named.pt", base=PAGES, run="hydra.run.dir=new")
        yield Attack("ultralytics files naming functions", function, draw, (Expect(command, refused("named.pt")),))


def _zip(place: Place, path: Path) -> None:
    torch.save({"state_dict": {"stem.0.weight": torch.zeros(1)}, "x": _Evil(place.canary)}, path)


def _legacy(place: Place, path: Path) -> None:
    torch.save({"x": _Evil(place.canary)}, path, _use_new_zipfile_serialization=False)


def _plain(place: Place, path: Path) -> None:
    path.write_bytes(pickle.dumps(_Evil(place.canary)))


def _ancient(place: Place, path: Path) -> None:
    path.write_bytes(pickle.dumps(_Evil(place.canary), protocol=0))


def _tar(place: Place, path: Path) -> None:
    system = pickle.dumps({"protocol_version": 1000, "little_endian": True, "type_sizes": {}})
    evil = pickle.dumps(_Evil(place.canary))
    with tarfile.open(path, "w") as archive:
        for name, content in {"sys_info": system, "storages": evil, "tensors": evil, "pickle": evil}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def _torchscript(place: Place, path: Path) -> None:
    """TorchScript, which is code by itself; its constants are a pickle."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("evil/data.pkl", pickle.dumps(_Evil(place.canary), protocol=2))
        archive.writestr("evil/constants.pkl", pickle.dumps(_Evil(place.canary), protocol=2))
        archive.writestr("evil/code/__torch__.py", "class Net(Module):\n  def forward(self, x):\n    return x\n")
        archive.writestr("evil/version", "3\n")


def _nested(place: Place, path: Path) -> None:
    """A harmless archive, whose tensors' storages are not."""
    torch.save({"state_dict": {"stem.0.weight": [_Evil(place.canary)]}, "epoch": _Evil(place.canary)}, path)


FORMATS: dict[str, Callable[[Place, Path], None]] = {
    "zip": _zip,
    "legacy": _legacy,
    "plain pickle": _plain,
    "pickle of protocol 0": _ancient,
    "tar": _tar,
    "TorchScript": _torchscript,
    "within the tensors": _nested,
}

_PUBLISHED = {
    "resnet18-f37072fd.pth": (("trainer=cpu", "data=digits", "data.shots=5", "data.batch_size=10"), "imagenet"),
    "yolo11n.pt": (PAGES, "coco"),
}


def _as_file(write: Callable[[Place, Path], None], name: str, place: Place) -> None:
    write(place, Path(name))


def _as_best(write: Callable[[Place, Path], None], place: Place) -> None:
    place.copy("digits")
    write(place, Path("evil"))
    put_best(Path("evil").read_bytes())


def _as_last(write: Callable[[Place, Path], None], names: tuple[str, ...], place: Place) -> None:
    place.copy("stopped")
    without_record()
    for name in names:
        write(place, Path("evil"))
        Path("evil").replace(Path("run", name))


def _as_published(write: Callable[[Place, Path], None], name: str, place: Place) -> None:
    Path("published").mkdir()
    write(place, Path("published", name))
    place.environment["TLBENCH_WEIGHTS"] = "published"


_NAMED: dict[str, tuple[str, ...]] = {
    "os.mknod": ("{canary}",),
    "posix.system": ("touch {canary}",),
    "builtins.eval": ("open({canary!r}, 'w')",),
    "builtins.getattr": ("os", "system"),
    "builtins.exec": ("open({canary!r}, 'w')",),
    "ultralytics.utils.checks.check_requirements": ("evil-package",),
    "ultralytics.utils.downloads.safe_download": ("http://127.0.0.1:9/x",),
    "ultralytics.utils.os.system": ("touch {canary}",),
    "ultralytics.utils.subprocess.getoutput": ("touch {canary}",),
    "ultralytics.nn.modules.block.TorchVision": ("resnet18",),
    "torch.hub.load": ("a/b", "c"),
    "numpy.load": ("evil.npy",),
    "torch.serialization.load": ("evil.pt",),
    "importlib.import_module": ("evil",),
}


def _naming(function: str, arguments: tuple[str, ...], place: Place) -> None:
    """A pickle that names a function beside ultralytics' network, as an archive of torch's."""

    def text(value: str) -> bytes:
        content = value.encode()
        return b"X" + struct.pack("<I", len(content)) + content

    module, _, attribute = function.rpartition(".")
    given = b"".join(text(argument.format(canary=str(place.canary))) for argument in arguments)
    content = (
        b"\x80\x02}("
        + text("model")
        + b"cultralytics.nn.tasks\nDetectionModel\n"
        + text("ema")
        + f"c{module}\n{attribute}\n".encode()
        + b"("
        + given
        + b"tRu."
    )
    with zipfile.ZipFile("named.pt", "w") as archive:
        archive.writestr("archive/data.pkl", content)
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/byteorder", "little")
    Path("evil.py").write_text(f"open({str(place.canary)!r}, 'w').close()\n")
    shutil.copy(Path(__file__), "evil.npy")

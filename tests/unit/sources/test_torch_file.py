"""Whatever a file in torch's format holds beside tensors, they are read, and nothing of it is imported or called."""

from __future__ import annotations

import argparse
import collections
import datetime
import functools
import io
import os
import pickle
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor, nn

from tests.tiny_network import tiny_network
from tests.weights_files import state_dict_of
from tlbench.errors import WeightsError
from tlbench.sources import inert
from tlbench.sources.inert import Inert
from tlbench.sources.read import read_weights


def state() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return tiny_network(5).module.state_dict()


def same(read: dict[str, Tensor], wanted: dict[str, Tensor]) -> bool:
    return list(read) == list(wanted) and all(torch.equal(read[name], wanted[name]) for name in wanted)


class Arguments:
    """Of a class of the file's author."""

    def __init__(self) -> None:
        self.lr = 0.1
        self.history = [1, 2]


BESIDE: dict[str, Callable[[], Any]] = {
    "argparse.Namespace": lambda: argparse.Namespace(lr=0.1, data=Path("x")),
    "numpy scalar": lambda: np.float64(0.9),
    "numpy array": lambda: np.array([[0.5, 0.25]]),
    "a path": lambda: Path("runs/1"),
    "functools.partial": lambda: functools.partial(torch.optim.Adam, lr=0.1),
    "defaultdict": lambda: collections.defaultdict(list, {"loss": [0.5]}),
    "omegaconf": lambda: OmegaConf.create({"model": {"name": "x"}, "steps": [1, 2]}),
    "an object of one's own": Arguments,
    "a date": lambda: datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC),
    "a set and a deque": lambda: [{1, 2}, collections.deque([3]), frozenset({4}), collections.Counter("aab")],
    "random states": lambda: [np.random.default_rng(0), np.random.get_state(), torch.get_rng_state()],
    "a layer and its class": lambda: [nn.Linear(2, 2), nn.Linear, len],
    "an optimizer": lambda: torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1, momentum=0.9),
    "a named tuple": lambda: nn.Linear(2, 2).load_state_dict(nn.Linear(2, 2).state_dict()),
    "types and devices": lambda: [torch.float16, torch.device("cpu"), torch.Size([2, 3]), type(None), Ellipsis],
}


@pytest.mark.promise("tensors beside objects")
@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("kind", BESIDE)
def test_the_tensors_beside_objects_are_read(kind: str, legacy: bool, tmp_path: Path) -> None:
    content = {"state_dict": state(), "extra": BESIDE[kind]()}
    torch.save(content, tmp_path / "w.pt", _use_new_zipfile_serialization=not legacy)
    assert same(state_dict_of(tmp_path / "w.pt"), state())


@pytest.mark.parametrize(
    "wrapped", [lambda m: m, nn.DataParallel, lambda m: {"model": m, "epoch": 3}], ids=["bare", "parallel", "entry"]
)
def test_pickled_modules_are_read_without_their_classes(wrapped: Callable[..., Any], tmp_path: Path) -> None:
    network = tiny_network(5).module
    torch.save(wrapped(network), tmp_path / "w.pt")
    read = {name.removeprefix("module."): t for name, t in state_dict_of(tmp_path / "w.pt").items()}
    assert same(read, network.state_dict())


def test_buffers_that_are_not_saved_and_tied_modules(tmp_path: Path) -> None:
    module = nn.Module()
    module.a = module.b = nn.Linear(2, 2)
    module.register_buffer("kept", torch.ones(1))
    module.register_buffer("scratch", torch.ones(1), persistent=False)
    torch.save(module, tmp_path / "w.pt")
    assert same(state_dict_of(tmp_path / "w.pt"), module.state_dict())


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_bare_pickles_of_arrays_and_tensors(protocol: int, tmp_path: Path) -> None:
    arrays = {"a": np.arange(6, dtype=">f4").reshape(2, 3), "f": np.asfortranarray(np.eye(3)), "n": np.array(3)}
    (tmp_path / "w.pkl").write_bytes(pickle.dumps({"model": arrays}, protocol))
    wanted = {"a": torch.arange(6.0).reshape(2, 3), "f": torch.eye(3), "n": torch.tensor(3)}
    assert same(state_dict_of(tmp_path / "w.pkl"), wanted)
    if protocol >= 2:
        (tmp_path / "t.pkl").write_bytes(pickle.dumps(state(), protocol))
        assert same(state_dict_of(tmp_path / "t.pkl"), state())


def test_all_types_and_strange_strides(tmp_path: Path) -> None:
    base = torch.arange(24.0).reshape(2, 3, 4)
    tensors = {
        **{str(t): torch.ones(3, dtype=t) for t in (torch.bool, torch.int8, torch.uint16, torch.int64, torch.bfloat16)},
        "transposed": base.transpose(0, 2),
        "part": base[1:, ::2],
        "parameter": nn.Parameter(torch.ones(2)),
        "empty": torch.empty(0, 3),
    }
    for legacy in (False, True):
        torch.save(tensors, tmp_path / "w.pt", _use_new_zipfile_serialization=not legacy)
        read = read_weights(tmp_path / "w.pt").entries[0].tensors
        assert list(read) == list(tensors)
        for name, tensor in tensors.items():
            assert torch.equal(read[name], tensor.detach()), name
            assert read[name].dtype == tensor.dtype


def test_safetensors_under_another_ending_are_read(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file(state(), tmp_path / "pytorch_model.bin")
    assert sorted(state_dict_of(tmp_path / "pytorch_model.bin")) == sorted(state())
    torch.save(state(), tmp_path / "w.safetensors")
    assert same(state_dict_of(tmp_path / "w.safetensors"), state())


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def naming(path: Path, name: str, *arguments: str, method: str = "") -> Path:
    """A file with a tensor, and beside it a call of something by its name; of a method of it, if one is given."""
    module, _, attribute = name.rpartition(".")
    found = b"c" + f"{module}\n{attribute}\n".encode()
    if method:
        found = b"cbuiltins\ngetattr\n(" + found + text(method) + b"tR"
    torch.save({"w": torch.ones(2)}, path)
    call = text("x") + found + b"(" + b"".join(map(text, arguments)) + b"tRs."
    with zipfile.ZipFile(path) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content[:-1] + call if part.endswith("data.pkl") else content)
    return path


ACTING = {
    "os.system": ("touch ran",),
    "posix.system": ("touch ran",),
    "builtins.eval": ("open('ran', 'w')",),
    "builtins.exec": ("open('ran', 'w')",),
    "subprocess.Popen": ("touch ran",),
    "importlib.import_module": ("evil",),
    "runpy.run_path": ("evil.py",),
    "torch.hub.load": ("a/b", "c"),
    "torch.serialization.load": ("evil.pt",),
    "numpy.load": ("evil.npy",),
    "pickle.loads": ("x",),
    "shutil.rmtree": ("x",),
    "webbrowser.open": ("http://127.0.0.1:9/",),
    "ultralytics.utils.os.system": ("touch ran",),
    "ultralytics.utils.subprocess.getoutput": ("touch ran",),
    "ultralytics.utils.checks.check_requirements": ("evilpkg",),
}


@pytest.fixture
def evil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is worked in and imported from; its module leaves a trace once it is imported."""
    (tmp_path / "evil.py").write_text("open('ran', 'w').close()\nclass Net: pass\ndef build(*_): open('ran', 'w')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ACTING)
def test_a_call_that_acts_is_refused_by_its_name(name: str, evil: Path) -> None:
    with pytest.raises(WeightsError, match=rf"would run code \({name}\), refused: nothing of it was run") as caught:
        read_weights(naming(evil / "w.pt", name, *ACTING[name]))
    assert "\n" not in str(caught.value)
    assert not (evil / "ran").exists()


def test_a_method_that_acts_is_refused_by_its_name(evil: Path) -> None:
    with pytest.raises(WeightsError, match=r"would run code \(pathlib\.Path\.touch\), refused"):
        read_weights(naming(evil / "w.pt", "pathlib.Path", "ran", method="touch"))


@pytest.mark.promise("names in weights are not imported")
@pytest.mark.parametrize("name", ["evil.Net", "evil.build", "nowhere.at.all.Thing", "builtins.getattr"])
def test_what_is_named_is_not_imported(name: str, evil: Path) -> None:
    file = read_weights(naming(evil / "w.pt", name, "os", "system"))
    assert torch.equal(file.entries[0].tensors["w"], torch.ones(2))
    assert isinstance(file.content["x"], Inert)
    assert (file.content["x"].name, file.content["x"].arguments[:]) == (name, ("os", "system"))
    assert "evil" not in sys.modules
    assert not (evil / "ran").exists()


def test_nothing_on_a_pickles_stack_is_called_or_given_a_state(evil: Path) -> None:
    """A tensor has a __setstate__, a list an append: who builds a pickle by hand may point these at anything."""
    named = naming(evil / "w.pt", "evil.Net", "x")
    tensor_state = b"\x80\x02}" + text("w") + b"cevil\nNet\n)\x81}" + text("a") + b"K\x01sbs."
    with zipfile.ZipFile(evil / "state.pt", "w") as archive:
        archive.writestr("a/data.pkl", tensor_state)
    assert read_weights(evil / "state.pt").content["w"].state == {"a": 1}
    for wrong in (
        b"\x80\x02K\x01)R.",
        b"\x80\x02K\x01)\x81.",
        b"\x80\x02" + text("a") + b"K\x01a.",
        b"\x80\x02K\x01K\x02K\x03s.",
    ):
        with zipfile.ZipFile(named, "w") as archive:
            archive.writestr("a/data.pkl", b"\x80\x02" + wrong)
        with pytest.raises(WeightsError, match="not a weights file"):
            read_weights(named)


def test_a_torchscript_program_is_refused_as_what_it_is(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.pt", "w") as archive:
        archive.writestr("net/data.pkl", pickle.dumps({}, 2))
        archive.writestr("net/constants.pkl", pickle.dumps((), 2))
        archive.writestr("net/code/__torch__.py", "")
    with pytest.raises(WeightsError, match=r"w\.pt: a TorchScript program .*, which is code, not weights"):
        read_weights(tmp_path / "w.pt")


def test_parts_without_end_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inert, "_PARTS", 5_000)
    (tmp_path / "w.pt").write_bytes(b"\x80\x02" + b"]" * 6_000 + b".")
    with pytest.raises(WeightsError, match=r"its pickle has more than 5,000 parts, which weights have not"):
        read_weights(tmp_path / "w.pt")


def test_modules_that_hold_one_another_end(tmp_path: Path) -> None:
    inner = nn.Module()
    for _ in range(60):
        outer = nn.Module()
        outer.a = outer.b = inner
        inner = outer
    buffer = io.BytesIO()
    torch.save({"w": torch.ones(1), "m": inner}, buffer)
    (tmp_path / "w.pt").write_bytes(buffer.getvalue())
    assert torch.equal(read_weights(tmp_path / "w.pt").entries[0].tensors["w"], torch.ones(1))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda parts: {n: c for n, c in parts.items() if not n.endswith("data/0")}, "its part data/0 is missing"),
        (lambda parts: {n: c[:4] if n.endswith("data/0") else c for n, c in parts.items()}, "neither safetensors nor"),
        (lambda parts: {n: c for n, c in parts.items() if not n.endswith(".pkl")}, "an archive without torch's data"),
    ],
)
def test_broken_archives_are_called_so(change: Callable[..., Any], reason: str, tmp_path: Path) -> None:
    torch.save({"w": torch.ones(40)}, tmp_path / "w.pt")
    with zipfile.ZipFile(tmp_path / "w.pt") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "w.pt", "w") as archive:
        for name, content in change(parts).items():
            archive.writestr(name, content)
    with pytest.raises(WeightsError, match=f"truncated or corrupt: {reason}"):
        read_weights(tmp_path / "w.pt")
    whole = (tmp_path / "w.pt").read_bytes()
    (tmp_path / "w.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match="an archive whose end is missing"):
        read_weights(tmp_path / "w.pt")


def test_the_name_of_posix_system_is_that_of_this_machine(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return os.system, ("touch ran",)

    for legacy in (False, True):
        torch.save({"state_dict": state(), "x": Evil()}, tmp_path / "w.pt", _use_new_zipfile_serialization=not legacy)
        with pytest.raises(WeightsError, match=r"would run code \((posix|nt)\.system\)"):
            read_weights(tmp_path / "w.pt")
    (tmp_path / "w.pt").write_bytes(pickle.dumps(Evil(), 0))
    with pytest.raises(WeightsError, match=r"would run code \((posix|nt)\.system\)"):
        read_weights(tmp_path / "w.pt")

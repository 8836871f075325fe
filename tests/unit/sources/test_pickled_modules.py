from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tlbench.sources.pickled_modules import (
    Inert,
    NotReadableError,
    is_module,
    modules_of,
    names_in,
    read_pickled,
    tensors_of,
)


class Own(nn.Module):
    """Of a class that only this file knows, with all that a state dict may hold, and a buffer that it leaves out."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.register_buffer("mask", torch.tensor([True, False]))
        self.register_buffer("scratch", torch.ones(3), persistent=False)
        self.body = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Identity())
        self.halved = nn.Linear(2, 3).half()
        self.tied = self.body[0]
        self.note, self.path, self.kinds = "a note", Path("x"), {int, "b"}


@pytest.fixture(scope="module")
def own() -> Own:
    module = Own()
    module.body[0].weight.data = module.body[0].weight.data.transpose(0, 1).contiguous().transpose(0, 1)
    return module


@pytest.fixture
def saved(tmp_path: Path, own: Own) -> Path:
    torch.save({"model": own, "epoch": 3, "by": {(1, 2): [own.body]}}, tmp_path / "w.pt")
    return tmp_path / "w.pt"


def test_tensors_are_those_of_the_state_dict(saved: Path, own: Own) -> None:
    content = read_pickled(saved)
    tensors, wanted = tensors_of(content["model"]), own.state_dict()
    assert list(tensors) == list(wanted)
    for name, tensor in wanted.items():
        assert tensors[name].dtype == tensor.dtype
        assert torch.equal(tensors[name], tensor)
    assert content["epoch"] == 3
    assert list(tensors_of(content["by"][1, 2][0])) == list(own.body.state_dict())


def test_nothing_is_imported_and_all_is_named(saved: Path) -> None:
    content = read_pickled(saved)
    module = content["model"]
    assert (type(module).__mro__[1], module.name) == (Inert, f"{__name__}.Own")
    assert (module.state["note"], module.state["path"].name) == ("a note", "pathlib.PosixPath")
    assert [name for name, _ in modules_of(module)][:4] == ["", "body", "body.0", "body.1"]
    assert {f"{__name__}.Own", "torch.nn.modules.conv.Conv2d"} <= names_in(saved)
    assert is_module(module)
    assert not is_module(content)


def rewritten(path: Path, change: dict[str, bytes | None]) -> Path:
    """The archive with members changed or left out, under the name `changed.pt`."""
    with zipfile.ZipFile(path) as given, zipfile.ZipFile(path.with_name("changed.pt"), "w") as written:
        for name in given.namelist():
            content = change.get(name.partition("/")[2], given.read(name))
            if content is not None:
                written.writestr(name, content)
    return path.with_name("changed.pt")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"byteorder": b"big"}, "byte order of another kind of machine"),
        ({"data.pkl": None}, "no archive as torch writes them"),
        ({"data/0": b"\0" * 3}, r"its storage 0 has 3 bytes, not 4"),
    ],
)
def test_what_cannot_be_read_is_said(saved: Path, change: dict[str, bytes | None], message: str) -> None:
    with pytest.raises(NotReadableError, match=message):
        read_pickled(rewritten(saved, change))


def test_a_tensor_may_not_reach_beyond_its_storage(tmp_path: Path) -> None:
    torch.save({"w": torch.ones(4)}, tmp_path / "w.pt")
    with zipfile.ZipFile(tmp_path / "w.pt") as archive:
        pickled = archive.read("w/data.pkl")
    longer = pickled.replace(b"K\x04\x85", b"K\x05\x85")  # of its shape
    assert longer != pickled
    with pytest.raises(RuntimeError, match="out of bounds"):
        read_pickled(rewritten(tmp_path / "w.pt", {"data.pkl": longer}))


def nested(levels: int, each: int) -> Inert:
    """Modules that hold another several times, and that a third."""
    made: dict[str, Any] = {"w": torch.zeros(1)}
    below: Inert | None = None
    for _ in range(levels):
        kind = type("Module", (Inert,), {"name": "m"})
        module = kind()
        inner: dict[str, Inert] = {} if below is None else {str(i): below for i in range(each)}
        module.state.update(_modules=inner, _parameters=made)
        below = module
    assert below is not None
    return below


@pytest.mark.parametrize(("levels", "each"), [(60, 2), (5000, 1)])
def test_modules_that_stand_for_far_more_than_is_there_are_refused(levels: int, each: int) -> None:
    with pytest.raises(NotReadableError, match="stand for far more than is in the file"):
        tensors_of(nested(levels, each))


def test_a_module_that_holds_itself_is_refused() -> None:
    module: Any = type("Module", (Inert,), {"name": "m"})()
    tensors: dict[str, Tensor] = {}
    module.state.update(_modules={"again": module}, _parameters=tensors)
    with pytest.raises(NotReadableError):
        tensors_of(module)

from __future__ import annotations

import hashlib
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from tests.tiny_network import tiny_network
from tests.weights_files import state_dict_of
from tlbench.errors import WeightsError
from tlbench.sources.read import checked_tensors, read_weights
from tlbench.sources.readings import find_backbone


def tensors() -> dict[str, Tensor]:
    return {"conv.weight": torch.arange(6.0).reshape(2, 3), "bn.num_batches_tracked": torch.tensor(7)}


def assert_equal(read: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    assert read.keys() == wanted.keys()
    for name in wanted:
        assert read[name].dtype == wanted[name].dtype
        assert torch.equal(read[name], wanted[name])


@pytest.mark.parametrize(
    "wrapped",
    [
        tensors(),
        {"state_dict": tensors(), "epoch": 3},
        {"model": tensors(), "optimizer": {}},
    ],
    ids=["plain", "state_dict", "model"],
)
def test_a_state_dict_is_unwrapped(wrapped: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "w.ckpt"
    torch.save(wrapped, file)
    read, sha256 = state_dict_of(file), read_weights(file).sha256
    assert_equal(read, tensors())
    assert list(read) == list(tensors())  # the order counts where names are paired by position
    assert sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_safetensors_are_read_as_float32_and_integers_stay(dtype: torch.dtype, tmp_path: Path) -> None:
    file = tmp_path / "w.safetensors"
    safetensors.torch.save_file({n: t.to(dtype) if t.is_floating_point() else t for n, t in tensors().items()}, file)
    assert_equal(state_dict_of(file), tensors())


class Malicious:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.promise("weights run no code", "weights that cannot be used")
@pytest.mark.parametrize("kind", ["torch", "torch legacy", "pickle", "pickle 2", "pickle 0"])
def test_code_in_a_file_is_refused_and_not_run(kind: str, tmp_path: Path) -> None:
    file, trace = tmp_path / "w.pth", tmp_path / "trace"
    content = tensors() | {"fc.weight": Malicious(trace)}
    if kind.startswith("torch"):
        torch.save(content, file, _use_new_zipfile_serialization=kind == "torch")
    else:
        plain = {"fc.weight": Malicious(trace)}
        file.write_bytes(pickle.dumps(plain, protocol={"pickle": None, "pickle 2": 2, "pickle 0": 0}[kind]))
    with pytest.raises(WeightsError, match="would run code") as caught:
        state_dict_of(file)
    assert not trace.exists()
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)
    if kind.startswith("torch"):
        torch.load(file, weights_only=False)
    else:
        pickle.loads(file.read_bytes())
    assert trace.exists()  # the file was a real trap


def test_the_tensors_of_a_whole_module_are_read(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    torch.save(module, tmp_path / "w.pth")
    assert_equal(state_dict_of(tmp_path / "w.pth"), module.state_dict())


def _saved(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def _zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("cat.txt", "not a tensor")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("w.safetensors", safetensors.torch.save(tensors())[:-8], "truncated or corrupt"),
        ("w.safetensors", b"", "it is empty"),
        ("w.pth", _saved(tensors())[:300], "truncated or corrupt"),
        ("w.pth", b"", "it is empty"),
        ("w.pth", b"an ordinary text, no weights\n" * 9, "not a weights file"),
        ("w.pth", b"\x89PNG\r\n\x1a\n" + bytes(99), "not a weights file"),
        ("w.pth", _zipped(), "not a weights file"),
        ("w.pth", _saved({"net": {"a": 1}, "epoch": 3}), r"no tensors \(net, epoch\)"),
        ("w.pth", _saved([1, 2]), "holds a list"),
        ("w.pth", _saved({}), "holds no entries"),
        ("w.pth", _saved({"a": torch.ones(2), "b": torch.tensor([1.0, float("nan")])}), "tensor b has 1 non-finite"),
        ("w.pth", _saved({"a": torch.tensor([float("inf")]).half()}), "tensor a has 1 non-finite"),
        ("w.pth", _saved({"a": torch.eye(2).to_sparse()}), "tensor a is sparse"),
    ],
)
def test_what_is_not_whole_weights_is_refused_in_one_line(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_bytes(content)

    def load() -> None:
        named = find_backbone(read_weights(file), tiny_network(3), None, None)
        checked_tensors(file, named.tensors)

    with pytest.raises(WeightsError, match=message) as caught:
        load()
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not caught.value.unreachable


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"gone\.pth: cannot be read \(No such file"):
        state_dict_of(tmp_path / "gone.pth")

from __future__ import annotations

import os
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch import nn

from tests.ultralytics_files import published_network, write_published
from tlbench.errors import WeightsError
from tlbench.sources import ultralytics_file
from tlbench.sources.hashing import file_sha256
from tlbench.sources.ultralytics_file import NetworkFile, _title, holds_network, read_network


@pytest.fixture(scope="module")
def network() -> nn.Module:
    module: nn.Module = published_network().half()
    return module


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where conversions are kept."""
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "kept"))
    return tmp_path / "kept" / "weights"


class Command:
    """Unpickled, it would leave a file in the working folder."""

    def __reduce__(self) -> Any:
        return os.system, ("touch ran",)


def test_the_networks_tensors_are_read_as_float32(tmp_path: Path, network: nn.Module) -> None:
    path = write_published(tmp_path / "yolo11n.pt", network)
    assert holds_network(path)
    tensors, sha256, about = read_network(path)
    wanted = network.state_dict()
    assert sha256 == file_sha256(path)
    assert tensors.keys() == wanted.keys()
    assert len(tensors) == 499
    for name, tensor in wanted.items():
        assert tensors[name].dtype == (torch.float32 if tensor.is_floating_point() else tensor.dtype)
        assert torch.equal(tensors[name], tensor.to(tensors[name].dtype))
    assert not tensors["model.0.conv.weight"].requires_grad
    assert about == NetworkFile("DetectionModel", "yolo11n", 80)


def test_the_averaged_copy_is_taken_where_there_is_one(tmp_path: Path, network: nn.Module) -> None:
    average = published_network(seed=1).half()
    tensors, *_ = read_network(write_published(tmp_path / "last.pt", network, ema=average))
    assert torch.equal(tensors["model.0.conv.weight"], average.state_dict()["model.0.conv.weight"].float())


def test_a_file_is_unpickled_once_and_kept_by_its_hash(
    tmp_path: Path, network: nn.Module, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_published(tmp_path / "yolo11n.pt", network)
    first, sha256, about = read_network(path)
    (conversion,) = kept.iterdir()
    assert conversion.name == f"{sha256}.safetensors"
    with safe_open(conversion, "pt") as file:
        assert {key: file.metadata()[key] for key in ("file", "sha256")} == {"file": "yolo11n.pt", "sha256": sha256}
        assert file.get_tensor("model.0.conv.weight").dtype == torch.float16
    with monkeypatch.context() as patched:
        patched.setattr(ultralytics_file, "_unpickled", lambda _: pytest.fail("the file was unpickled again"))
        again, *others = read_network(path.rename(tmp_path / "renamed.pt"))
    assert others == [sha256, about]
    assert all(torch.equal(tensor, again[name]) for name, tensor in first.items())
    conversion.write_bytes(conversion.read_bytes()[:100_000])  # a damaged conversion is made anew
    mended, *_ = read_network(tmp_path / "renamed.pt")
    assert all(torch.equal(tensor, mended[name]) for name, tensor in first.items())
    assert conversion.stat().st_size > 5_000_000


def test_a_cache_that_cannot_be_written_costs_time_only(tmp_path: Path, network: nn.Module) -> None:
    (tmp_path / "kept").write_text("a file is in the way")
    tensors, *_ = read_network(write_published(tmp_path / "yolo11n.pt", network))
    assert len(tensors) == 499


@pytest.mark.parametrize("entry", ["ema", "model"])
def test_what_only_a_command_would_make_is_refused(tmp_path: Path, network: nn.Module, entry: str, kept: Path) -> None:
    path = write_published(tmp_path / "evil.pt", network, **{entry: Command(), "older": network})
    assert holds_network(path)
    with pytest.raises(WeightsError, match=r"evil\.pt: opening it would run code \((posix|nt)\.system\), refused"):
        read_network(path)
    assert not (tmp_path / "ran").exists()
    assert not kept.exists()


def test_a_command_beside_the_network_is_named_and_not_run(tmp_path: Path, network: nn.Module) -> None:
    tensors, _, about = read_network(write_published(tmp_path / "evil.pt", network, train_args=Command()))
    assert about.foreign in (("posix.system",), ("nt.system",))
    assert torch.equal(tensors["model.0.conv.weight"], network.state_dict()["model.0.conv.weight"].float())
    assert not (tmp_path / "ran").exists()


NAMED = (
    "os.system", "posix.system", "builtins.eval", "builtins.getattr", "torch.hub.load", "numpy.load",
    "ultralytics.utils.checks.check_requirements", "ultralytics.utils.downloads.safe_download",
    "ultralytics.utils.subprocess.call", "ultralytics.utils.os.system", "ultralytics.nn.modules.block.TorchVision",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_no_name_in_a_file_is_imported_or_called(tmp_path: Path, name: str) -> None:
    """The pickle names a class of ultralytics, and calls a function with a command that would leave a file."""

    def text(value: str) -> bytes:
        return b"X" + struct.pack("<I", len(value)) + value.encode()

    module, _, function = name.rpartition(".")
    pickled = b"\x80\x02}(" + text("model") + b"cultralytics.nn.tasks\nDetectionModel\n" + text("ema")
    pickled += f"c{module}\n{function}\n(".encode() + text("touch ran") + b"tRu."
    with zipfile.ZipFile(tmp_path / "evil.pt", "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/version", "3\n")
    assert holds_network(tmp_path / "evil.pt")
    imported = set(sys.modules)
    with pytest.raises(WeightsError, match=r"would run code|holds no network under 'ema' or 'model'") as caught:
        read_network(tmp_path / "evil.pt")
    harmless = name.startswith(("ultralytics.", "torch.", "numpy.")) or name == "builtins.getattr"
    assert (name in str(caught.value)) is not harmless
    assert set(sys.modules) == imported
    assert not (tmp_path / "ran").exists()


def test_a_name_that_ultralytics_would_change_is_read_from_its_own_file(
    tmp_path: Path, network: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "o'brien"
    folder.mkdir()
    path = write_published(folder / "YOLO11N.best", network)
    assert read_network(path)[1] == file_sha256(path)


def test_a_file_without_a_network_where_it_should_be(tmp_path: Path, network: nn.Module) -> None:
    path = write_published(tmp_path / "w.pt", network, model=None, weights=network)
    with pytest.raises(WeightsError, match=r"w\.pt: holds no network under 'ema' or 'model'"):
        read_network(path)


def test_non_finite_values_are_named_with_the_users_file(tmp_path: Path) -> None:
    diverged = published_network()
    with torch.no_grad():
        diverged.model[0].conv.weight[0, 0, 0, 0] = float("nan")
    path = write_published(tmp_path / "w.pt", diverged)
    for _ in range(2):  # also from the conversion
        with pytest.raises(WeightsError, match=r"[/\\]w\.pt: tensor model\.0\.conv\.weight has 1 non-finite values"):
            read_network(path)


def test_a_network_saved_alone_or_as_tensors_alone(tmp_path: Path, network: nn.Module) -> None:
    torch.save(network, tmp_path / "bare.pt")
    wrapper = nn.Module()
    wrapper.model = network
    torch.save(wrapper, tmp_path / "wrapper.pt")
    write_published(tmp_path / "tensors.pt", network, model=network.state_dict(), train_args=network.args)
    wanted = network.state_dict()
    for name, prefix, about in (
        ("bare", "", NetworkFile("DetectionModel", "yolo11n", 80)),
        ("wrapper", "model.", NetworkFile("DetectionModel", "yolo11n", 80)),
        ("tensors", "", NetworkFile("state dict")),
    ):
        path = tmp_path / f"{name}.pt"
        assert holds_network(path), name
        tensors, _, said = read_network(path)
        assert said == about
        assert list(tensors) == [prefix + key for key in wanted]
        assert torch.equal(tensors[f"{prefix}model.22.cv1.conv.weight"], wanted["model.22.cv1.conv.weight"].float())


@pytest.mark.parametrize(
    ("yaml", "title"),
    [
        ({"yaml_file": "yolo11.yaml", "scale": "n"}, "yolo11n"),
        ({"yaml_file": "yolo11-seg.yaml", "scale": "m"}, "yolo11m-seg"),
        ({"yaml_file": "/home/u/cfg/models/v8/yolov8.yaml", "scale": "s"}, "yolov8s"),
        ({"yaml_file": r"C:\Users\u\yolo12n.yaml", "scale": "n"}, "yolo12n"),
        ({"yaml_file": "rtdetr-l.yaml", "scale": ""}, "rtdetr-l"),
        ({"yaml_file": "my own\nnetwork.yaml"}, None),
        ({}, None),
    ],
)
def test_a_network_is_called_as_ultralytics_calls_it(yaml: dict[str, Any], title: str | None) -> None:
    assert _title(yaml) == title


def test_other_files_hold_no_network(tmp_path: Path, network: nn.Module) -> None:
    torch.save({"state_dict": network.state_dict()}, tmp_path / "plain.pt")
    torch.save({"model": Command()}, tmp_path / "evil.pt")
    (tmp_path / "empty.pt").touch()
    (tmp_path / "noise.pt").write_bytes(bytes(range(256)) * 50)
    whole = write_published(tmp_path / "whole.pt", network).read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    for name in ("plain.pt", "evil.pt", "empty.pt", "noise.pt", "cut.pt", "gone.pt"):
        assert not holds_network(tmp_path / name), name
    assert not (tmp_path / "ran").exists()

from __future__ import annotations

import os
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.ultralytics_files import published_network, write_published
from tlbench.errors import WeightsError
from tlbench.sources.read import read_weights
from tlbench.sources.ultralytics_file import NetworkFile, _title, network_in


@pytest.fixture(scope="module")
def network() -> nn.Module:
    """Of two classes, and of few layers; do not change it."""
    module: nn.Module = published_network(classes=2).half()
    module.model = module.model[:3]
    return module


class Command:
    """Unpickled, it would leave a file in the working folder."""

    def __reduce__(self) -> Any:
        return os.system, ("touch ran",)


def test_what_a_file_says_of_its_network(tmp_path: Path) -> None:
    file = read_weights(write_published(tmp_path / "best.pt", published_network("s", classes=1)))
    about = network_in(file.content)
    assert about == NetworkFile("model", "DetectionModel", "yolo11s", 1)
    assert about.shown() == "yolo11s (DetectionModel) of 1 class"


def test_the_averaged_network_comes_first(tmp_path: Path, network: nn.Module) -> None:
    path = tmp_path / "last.pt"
    for content, entry in (
        ({"model": network, "ema": network, "updates": 3}, "ema"),
        ({"model": None, "ema": network}, "ema"),
        ({"model": network, "ema": None}, "model"),
        (network, None),
    ):
        torch.save(content, path)
        about = network_in(read_weights(path).content)
        assert about == NetworkFile(entry, "DetectionModel", "yolo11n", 2)


def test_a_network_within_another_module(tmp_path: Path, network: nn.Module) -> None:
    wrapper = nn.Module()
    wrapper.other, wrapper.model = nn.Linear(1, 1), network
    torch.save(wrapper, tmp_path / "wrapper.pt")
    assert network_in(read_weights(tmp_path / "wrapper.pt").content) == NetworkFile(
        None, "DetectionModel", "yolo11n", 2
    )


def test_other_files_say_nothing(tmp_path: Path, network: nn.Module) -> None:
    for content in (
        network.state_dict(),
        {"model": network.state_dict()},
        nn.Linear(1, 1),
        {"net": network},
        [network],
    ):
        torch.save(content, tmp_path / "w.pt")
        assert network_in(read_weights(tmp_path / "w.pt").content) is None


@pytest.mark.parametrize(
    ("yaml", "title"),
    [
        ({"yaml_file": "yolo11.yaml", "scale": "n"}, "yolo11n"),
        ({"yaml_file": "yolo11-seg.yaml", "scale": "m"}, "yolo11m-seg"),
        ({"yaml_file": "/home/u/cfg/models/v8/yolov8.yaml", "scale": "s"}, "yolov8s"),
        ({"yaml_file": r"C:\\Users\\u\\yolo12n.yaml", "scale": "n"}, "yolo12n"),
        ({"yaml_file": "rtdetr-l.yaml", "scale": ""}, "rtdetr-l"),
        ({"yaml_file": "my own\nnetwork.yaml"}, None),
        ({}, None),
    ],
)
def test_a_network_is_called_as_ultralytics_calls_it(yaml: dict[str, Any], title: str | None) -> None:
    assert _title(yaml) == title


@pytest.mark.promise(".pt files run no code")
@pytest.mark.parametrize("entry", ["ema", "model", "train_args"])
def test_a_file_that_would_run_a_command_is_refused(tmp_path: Path, network: nn.Module, entry: str) -> None:
    path = write_published(tmp_path / "evil.pt", network, **{entry: Command(), "older": network})
    with pytest.raises(WeightsError, match=r"evil\.pt: opening it would run code \((posix|nt)\.system\), refused"):
        read_weights(path)
    assert not (tmp_path / "ran").exists()


NAMED = (
    "os.system", "posix.system", "builtins.eval", "builtins.getattr", "torch.hub.load", "numpy.load",
    "ultralytics.utils.checks.check_requirements", "ultralytics.utils.downloads.safe_download",
    "ultralytics.utils.subprocess.call", "ultralytics.utils.os.system", "ultralytics.nn.modules.block.TorchVision",
)  # fmt: skip


@pytest.mark.promise(".pt files run no code")
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
    imported = set(sys.modules)
    try:
        file = read_weights(tmp_path / "evil.pt")
    except WeightsError as error:
        assert f"would run code ({name}), refused" in str(error)  # noqa: PT017 - it may also be read, as holding nothing
    else:
        assert (file.entries, network_in(file.content)) == ([], None)
    assert not {module for module in set(sys.modules) - imported if not module.startswith("encodings.")}  # of zipfile
    assert not (tmp_path / "ran").exists()

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.composed import model
from tlbench.errors import ConfigError
from tlbench.networks.build import build_network
from tlbench.networks.network import Network

NETS = """
import torch
from torch import nn


class Small(nn.Module):
    def __init__(self, num_classes, width=4):
        super().__init__()
        if width < 0:
            raise ValueError(f"width {width}\\nis negative")
        self.conv, self.bn = nn.Conv2d(3, width, 3), nn.BatchNorm2d(width)
        self.fc = nn.Linear(width, num_classes)

    def forward(self, images):
        return self.fc(self.bn(self.conv(images)).mean(dim=(2, 3)))

    @classmethod
    def wide(cls, num_classes):
        return cls(num_classes, width=16)


class Fixed(Small):
    def __init__(self, num_classes):
        super().__init__(5)


class Pair(Small):
    def forward(self, images):
        return super().forward(images), images


class Places(Small):
    def forward(self, images):
        maps = torch.nn.functional.interpolate(self.conv(images), images.shape[-2:])
        return self.fc(self.bn(maps).movedim(1, -1)).movedim(-1, 1)


class Broken(Small):
    def forward(self, images):
        return super().forward(images.flatten())


def seven(num_classes):
    return 7


def no_classes(width=4):
    return Small(10, width)


number = 3
"""
GROUPS = {"stem": ["conv"], "body": ["bn"], "head": ["fc"]}


@pytest.fixture(autouse=True)
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`my_nets.py` in the working folder, which is not on the path yet, as with the console script."""
    (tmp_path / "my_nets.py").write_text(NETS)
    (tmp_path / "bad_syntax.py").write_text("x = 1\ndef (:\n")
    (tmp_path / "bad_import.py").write_text("import torch\nimport no_such_thing\n")
    (tmp_path / "script.py").write_text("import sys\nsys.exit(3)\n")
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    for name in ("my_nets", "bad_syntax", "bad_import", "script"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def build(import_path: str, groups: Any = GROUPS, seed: int = 0, **changes: Any) -> Network:
    configured = model("module", import_path=import_path, groups=groups, **changes)
    return build_network(configured, 10, seed, (16, 16))


def test_a_class_of_the_working_folder_is_built_with_its_groups() -> None:
    network = build("my_nets:Small", arguments={"width": 6})
    assert network.module.conv.out_channels == 6
    assert network.groups == {"stem": ("conv",), "body": ("bn",), "head": ("fc",)}
    assert network.head_module() is network.module.fc
    assert network.module.training
    assert int(network.module.bn.num_batches_tracked) == 0  # the look at its outputs left no trace


def test_logits_of_images_and_of_each_place_in_them_are_told_apart() -> None:
    assert not build("my_nets:Small").dense
    assert build("my_nets:Places").dense


def test_a_function_or_class_method_builds_as_well() -> None:
    assert build("my_nets:Small.wide").module.conv.out_channels == 16


def test_weights_are_a_function_of_the_seed() -> None:
    first, again, other = (build("my_nets:Small", seed=seed).module.conv.weight for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_group_norm_works_on_it() -> None:
    assert build("my_nets:Small", norm="group").dropped == {
        "bn.running_mean", "bn.running_var", "bn.num_batches_tracked"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("import_path", "changes", "fragments"),
    [
        ("my_netts:Small", {}, ["there is no module 'my_netts' in the working folder", "PYTHONPATH"]),
        ("my_nets.small:Small", {}, ["there is no module 'my_nets.small'"]),
        ("my_nets:Smal", {}, ["my_nets.py has no 'Smal'; did you mean 'Small'?"]),
        ("my_nets:Small.qqq", {}, ["has no 'Small.qqq'; name what is defined there"]),
        ("bad_syntax:Net", {}, ["importing bad_syntax fails: SyntaxError: ", "bad_syntax.py, line 2"]),
        ("bad_import:Net", {}, ["fails: ModuleNotFoundError: No module named 'no_such_thing' (bad_import.py, line 2)"]),
        ("script:Net", {}, ["importing script fails: SystemExit: 3 (script.py, line 2)"]),
        ("my_nets:number", {}, ["it is of type int, which cannot be called; name a class or a function"]),
        ("my_nets:seven", {}, ["it gives an object of type int, no torch.nn.Module"]),
        (
            "my_nets:no_classes",
            {},
            ["called with num_classes, but takes (width=4)", "unexpected keyword argument 'num_classes'"],
        ),
        ("my_nets:Small", {"arguments": {"widht": 3}}, ["called with num_classes, widht, but takes (num_classes, wi"]),
        (
            "my_nets:Small",
            {"arguments": {"width": -1}},
            ["building it with num_classes=10, width=-1 fails: ValueError: width -1 is negative (my_nets.py, line 10)"],
        ),
        ("my_nets:Fixed", {}, ["for 2 images it gives a tensor (2, 5), not one tensor (2, 10)"]),
        ("my_nets:Pair", {}, ["for 2 images it gives a tuple, not one tensor (2, 10)"]),
        (
            "my_nets:Broken",
            {},
            ["its forward pass fails on images of 16 pixels: RuntimeError", "(my_nets.py, line 15)"],
        ),
        ("my_nets:Small", {"groups": {"stem": ["conv"], "head": ["fc"]}}, ["in no layer group: bn.weight, bn.bias"]),
        ("my_nets:Small", {"groups": {**GROUPS, "stem": ["conv", "cnv2"]}}, ["match nothing: cnv2", "conv, bn, fc"]),
        ("my_nets:Small", {"groups": {**GROUPS, "body": ["bn", "fc.bias"]}}, ["in more than one layer group: fc.bias"]),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(
    import_path: str, changes: dict[str, Any], fragments: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        build(import_path, **changes)
    line = str(caught.value)
    assert line.startswith("model.groups: " if "groups" in changes else f"model.import_path={import_path!r}: ")
    assert [fragment for fragment in fragments if fragment not in line] == []
    assert "\n" not in line

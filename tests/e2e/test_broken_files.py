"""Files that are broken, unfit or malicious, and disks that are full; the run that was there before stays whole."""

from __future__ import annotations

import errno
import json
import os
import pickle
import resource
import shutil

import pytest
import torch
from safetensors.torch import save_file

from tests.commands import TINY, TINY_RANDOM, snapshot, train
from tests.drawn_cifar10 import draw_cifar10
from tests.slow import mostly_slow
from tests.tiny_network import tiny_network
from tlbench.networks.libraries.torchvision import resnet18
from tlbench.tasks.classification.task import ClassificationTask

pytestmark = pytest.mark.usefixtures("tiny_network")

CIFAR = (
    *TINY_RANDOM,
    "data=cifar10",
    "data.root=data",
    "data.shots=null",
    "data.val_fraction=0.2",
    "data.test_fraction=null",
    "hydra.run.dir=run",
)
CHECKPOINT = (*TINY, "source=checkpoint", "logger.tensorboard=false", "hydra.run.dir=run")


@pytest.fixture
def cifar10(tmp_path):
    """A drawn copy on which a run has been complete."""
    draw_cifar10(tmp_path / "data")
    outcome = train(*CIFAR)
    assert outcome.code == 0, outcome.err
    return tmp_path / "data" / "cifar10"


def fails_and_keeps_the_earlier_run(tmp_path, arguments, *fragments):
    earlier = snapshot(tmp_path / "run")
    outcome = train(*arguments, "rerun=true")
    assert outcome.code == 2
    line = outcome.one_line()
    assert [fragment for fragment in fragments if fragment not in line] == []
    assert snapshot(tmp_path / "run" / "previous_1") == earlier
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    assert (record["status"], record["error"]["traceback"]) == ("failed", None)
    assert record["error"]["message"] in line


def test_a_folder_copy_of_cifar10_is_read(cifar10, tmp_path):
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    assert record["data"]["class_names"] == ["cat", "dog"]
    assert record["data"]["split_rule"]["counts"] == {"train": 20, "val": 4, "test": 8}


@pytest.mark.promise("empty classes and truncated files")
@pytest.mark.parametrize("split", ["train", "test"])
def test_a_truncated_jpeg(cifar10, tmp_path, split):
    for image in (cifar10 / split).glob("*/*.jpg"):
        image.write_bytes(image.read_bytes()[:-100])
    fails_and_keeps_the_earlier_run(tmp_path, CIFAR, f"cifar10/{split}/", ".jpg", "truncated", "replace or remove")


def test_a_file_that_is_no_image(cifar10, tmp_path):
    for image in (cifar10 / "train").glob("*/*.jpg"):
        image.write_text("not an image")
    fails_and_keeps_the_earlier_run(tmp_path, CIFAR, "cifar10/train/", "not an image")


@pytest.mark.promise("empty classes and truncated files")
def test_a_class_without_images(cifar10, tmp_path):
    (cifar10 / "train" / "emu").mkdir()
    fails_and_keeps_the_earlier_run(tmp_path, CIFAR, "cifar10/train/emu", "no images", "remove the folder")


def test_classes_in_one_split_only(cifar10, tmp_path):
    shutil.copytree(cifar10 / "train" / "cat", cifar10 / "train" / "emu")
    fails_and_keeps_the_earlier_run(tmp_path, CIFAR, "cifar10", "emu")


class Harmful:
    """Leaves a trace where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


def _another_architecture(path, _trace):
    save_file(resnet18(10).module.state_dict(), path)


def _truncated(path, _trace):
    save_file(tiny_network(10).module.state_dict(), path)
    path.write_bytes(path.read_bytes()[:-100])


def _code(path, trace):
    path.write_bytes(pickle.dumps(Harmful(trace)))


def _code_in_torch_format(path, trace):
    torch.save({"state_dict": tiny_network(10).module.state_dict(), "also": Harmful(trace)}, path)


def _not_finite(path, _trace):
    state = tiny_network(10).module.state_dict()
    state["conv1.weight"][0] = float("nan")
    save_file(state, path)


WEIGHTS = {
    "another architecture": (_another_architecture, "w.safetensors", ["another architecture", "resnet18"]),
    "truncated safetensors": (_truncated, "w.safetensors", ["truncated"]),
    "a pickle with code": (_code, "w.pt", ["would run code", "mkdir", "safetensors"]),
    "a torch file with code": (_code_in_torch_format, "w.ckpt", ["would run code", "mkdir"]),
    "an empty file": (lambda path, _: path.write_bytes(b""), "w.pt", ["it is empty"]),
    "a text": (lambda path, _: path.write_text("weights"), "w.pt", ["not a weights file"]),
    "values that are not finite": (_not_finite, "w.safetensors", ["conv1.weight", "non-finite"]),
}


@pytest.mark.promise("weights that cannot be used")
@pytest.mark.parametrize(
    "case",
    mostly_slow(
        WEIGHTS, "another architecture", "truncated safetensors", "a pickle with code", "values that are not finite"
    ),
)
def test_weights_that_cannot_be_used(tmp_path, case):
    spoil, name, fragments = WEIGHTS[case]
    file = tmp_path / name
    if file.suffix == ".safetensors":
        save_file(tiny_network(10).module.state_dict(), file)
    else:
        torch.save(tiny_network(10).module.state_dict(), file)
    arguments = (*CHECKPOINT, f"source.path={file}")
    outcome = train(*arguments)
    assert outcome.code == 0, outcome.err
    spoil(file, tmp_path / "trace")
    fails_and_keeps_the_earlier_run(tmp_path, arguments, str(file), *fragments)
    assert not (tmp_path / "trace").exists()


@pytest.mark.promise("disks full or read-only")
@pytest.mark.parametrize("where", ["in the first checkpoint", "in the second epoch's", "at the test"])
def test_a_full_disk(tmp_path, monkeypatch, where):
    """From that moment no file may grow beyond 16 kB: no checkpoint fits, the record does."""
    original, calls = ClassificationTask.training_step, []
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def full(self, batch, batch_idx):
        calls.append(None)
        if len(calls) == {"in the first checkpoint": 1, "in the second epoch's": 3}.get(where):
            resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
        return original(self, batch, batch_idx)

    monkeypatch.setattr(ClassificationTask, "training_step", full)
    if where == "at the test":
        monkeypatch.setattr("numpy.savez_compressed", _full)
    try:
        outcome = train(*TINY_RANDOM, "hydra.run.dir=run")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert outcome.code == 2
    assert "cannot write to" in outcome.one_line()
    assert "run" in outcome.one_line()
    monkeypatch.undo()
    steps = {c.name: torch.load(c, weights_only=True)["global_step"] for c in (tmp_path / "run").glob("*.ckpt")}
    wanted = {
        "in the first checkpoint": {},
        "in the second epoch's": {"last.ckpt": 2},
        "at the test": {"previous.ckpt": 2, "last.ckpt": 4},
    }[where]
    assert steps.keys() - {"best.ckpt"} == wanted.keys()
    assert {name: steps[name] for name in wanted} == wanted
    assert ("best.ckpt" in steps) is bool(wanted)


def test_after_a_full_disk_the_same_command_goes_on(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("numpy.savez_compressed", _full)
        assert train(*TINY_RANDOM, "hydra.run.dir=run").code == 2
    assert json.loads((tmp_path / "run" / "record.json").read_text())["status"] == "failed"
    outcome = train(*TINY_RANDOM, "hydra.run.dir=run")
    assert outcome.code == 0
    assert "goes on from" in outcome.out


def _full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

from __future__ import annotations

import shutil

import pytest
import torch

from tests.drawn_run import draw_run, name_checkpoint
from tlbench.errors import ConfigError, OutputError, WeightsError
from tlbench.geometry.augment import prepare
from tlbench.records.record import read_record, write_record
from tlbench.tasks.classification.loaded import LoadedClassifier
from tlbench.tools.complete_run import open_run
from tlbench.tools.loaded_run import choose_device, load_run

pytestmark = pytest.mark.usefixtures("tiny_network")

IMAGES = torch.randint(0, 256, (6, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_logits_are_those_of_the_network_in_eval_mode_on_prepared_images(tmp_path):
    config = draw_run(tmp_path)
    inference = load_run(LoadedClassifier, open_run(tmp_path), "cpu")
    assert not inference.network.training
    assert not any(p.requires_grad for p in inference.network.parameters())
    with torch.no_grad():
        wanted = inference.network(prepare(IMAGES, config.data.input_size, config.data.normalisation))
    assert torch.equal(inference.logits(IMAGES), wanted)
    assert torch.equal(inference.logits(IMAGES), wanted)  # no running statistic moved


def test_the_runs_precision_is_kept(tmp_path):
    draw_run(tmp_path / "full")
    draw_run(tmp_path / "half", "trainer.precision=bf16-mixed", "trainer.channels_last=true")
    full, half = (
        load_run(LoadedClassifier, open_run(tmp_path / name), "cpu").logits(IMAGES) for name in ("full", "half")
    )
    assert half.dtype == torch.float32
    assert torch.equal(half, half.bfloat16().float())
    assert not torch.equal(full, half)
    assert torch.allclose(full, half, atol=0.1)


def test_weights_of_another_network(tmp_path):
    draw_run(tmp_path / "three")
    draw_run(tmp_path / "two", names=("a", "b"))
    (tmp_path / "three" / "best.ckpt").replace(tmp_path / "two" / "best.ckpt")
    name_checkpoint(tmp_path / "two")
    with pytest.raises(WeightsError, match=r"best\.ckpt: not the weights of the network"):
        load_run(LoadedClassifier, open_run(tmp_path / "two"), "cpu")


def test_a_damaged_checkpoint(tmp_path):
    draw_run(tmp_path)
    content = (tmp_path / "best.ckpt").read_bytes()
    (tmp_path / "best.ckpt").write_bytes(content[: len(content) // 2])
    with pytest.raises(WeightsError, match=r"best\.ckpt: not the file that the run wrote: its record says sha256 "):
        load_run(LoadedClassifier, open_run(tmp_path), "cpu")
    name_checkpoint(tmp_path)
    with pytest.raises(OutputError, match=r"best\.ckpt: cannot be used \(damaged: "):
        load_run(LoadedClassifier, open_run(tmp_path), "cpu")


@pytest.mark.promise("tools and other runs' weights")
def test_another_runs_checkpoint_is_refused(tmp_path):
    draw_run(tmp_path / "one")
    draw_run(tmp_path / "two", names=("cat", "dog"))
    shutil.copy(tmp_path / "two" / "best.ckpt", tmp_path / "one" / "best.ckpt")
    with pytest.raises(WeightsError, match="not the file that the run wrote"):
        load_run(LoadedClassifier, open_run(tmp_path / "one"), "cpu")


def test_a_checkpoint_that_no_record_names_is_said(tmp_path, capsys):
    draw_run(tmp_path)
    record = read_record(tmp_path)
    write_record(tmp_path, record.model_copy(update={"files": {}}))
    load_run(LoadedClassifier, open_run(tmp_path), "cpu")
    assert "nothing says that it is this run's checkpoint" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["cuda:99", "tpu", "gpu", "meta", "cpu:1", ""])
def test_a_device_that_is_not_there(name):
    with pytest.raises(ConfigError, match="not on this machine; use auto"):
        choose_device(name)


def test_the_devices_that_are():
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type in ("cpu", "cuda", "mps")

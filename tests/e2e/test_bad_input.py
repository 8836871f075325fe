"""What a user can get wrong: one line that names it, exit code 2, no traceback, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import TINY_RANDOM, snapshot, train
from tests.records import record
from tests.slow import mostly_slow
from tlbench.records.record import write_record

CONFIG = {
    "an unknown key": (["optimiser.lr=1"], ["'optimiser'", "did you mean 'optimizer'", "strategy"]),
    "an unknown key below a group": (["augmentation.flipp=1"], ["'augmentation.flipp'", "crop_padding, cutmix, flip"]),
    "an unknown key with +": (["+optimizer.rate=1"], ["unknown key 'optimizer.rate'", "value 1"]),
    "an unknown key with ++": (["++nonsense=1"], ["unknown key 'nonsense'", "value 1"]),
    "an unknown nested key with +": (["+a.b.c=1"], ["unknown key 'a'", "'b'"]),
    "a word for a number": (["optimizer.lr=fast"], ["optimizer.lr='fast'", "valid number"]),
    "a fraction for an integer": (["data.shots=2.5"], ["data.shots=2.5", "valid integer"]),
    "a number for a list": (["optimizer.betas=0.9"], ["optimizer.betas=0.9", "wanted is a list, such as"]),
    "no value": (["optimizer.lr="], ["optimizer.lr=''", "valid number"]),
    "null for a number": (["trainer.max_epochs=null"], ["trainer.max_epochs=null", "valid integer"]),
    "a value out of range": (["optimizer.lr=-1"], ["optimizer.lr=-1", "greater than 0"]),
    "a fraction above one": (["data.fraction=1.5"], ["data.fraction=1.5", "less than or equal to 1"]),
    "a value that is not among those allowed": (["on_missing=maybe"], ["on_missing='maybe'", "'error' or 'embedded'"]),
    "two errors at once": (["optimizer.lr=-1", "data.shots=0"], ["optimizer.lr=-1", "data.shots=0"]),
    "a missing option of a group": (
        ["source=imagenett"],
        ["'source=imagenet'", "checkpoint, coco, documents, imagenet, random, timm, tin200"],
    ),
    "a missing data set": (["data=mnist"], ["data=mnist", "cifar10, coco, digits, documents"]),
    "an unknown experiment": (["+experiment=nope"], ["+experiment=nope", "cifar_transfer", "quickstart"]),
    "an experiment without +": (["experiment=quickstart"], ["+experiment=quickstart"]),
    "a group taken away": (["~optimizer"], ["missing key 'optimizer'"]),
    "a group set to nothing": (["optimizer=null"], ["optimizer"]),
    "an override without a key": (["=3"], ["=3"]),
    "an override without a value": (["optimizer.lr"], ["'optimizer.lr'", "no key=value"]),
    "an open bracket": (["optimizer.betas=[0.9,1"], ["optimizer.betas=[0.9,1"]),
    "an open brace": (["data.normalisation={mean:1"], ["data.normalisation={mean:1"]),
    "a sweep without -m": (["source=random,tin200"], ["source=random,tin200", "add -m"]),
    "an interpolation of nothing": (["seed=${nope}"], ["nope", "seed"]),
    "a study that names no folder": (["study='../up'"], ["study='../up'", "letters, digits"]),
    "a key of Hydra's that is none": (["hydra.run.folder=x"], ["hydra.run.folder"]),
    "a config folder that is not there": (["--config-dir", "nowhere"], ["nowhere"]),
    "no runs at a time": (["-m", "hydra.launcher.n_jobs=0"], ["hydra.launcher.n_jobs=0", "at least 1"]),
    "one bad run of a study": (["-m", "source=random", "optimizer.lr=1,-1"], ["optimizer.lr=-1", "greater than 0"]),
    "no folder for a study": (["-m", "hydra.sweep.dir=???"], ["hydra.sweep.dir"]),
}

INPUTS = {
    "a data.root that is not there": (
        ["data=cifar10", "data.root=/nowhere"],
        ["data.root='/nowhere'", "no such folder"],
    ),
    "a source.path that is not there": (
        ["source=checkpoint", "source.path=/nowhere.ckpt"],
        ["source.path='/nowhere.ckpt'", "no such file", ".safetensors"],
    ),
    "a checkpoint without a path": (["source=checkpoint"], ["source.path=null", "weights file"]),
    "a file for data.root": (["data=cifar10", f"data.root={__file__}"], [__file__, "not a folder"]),
}


QUICK = (  # what each step of the way refuses; what the schema says of values is in tests/unit/config too
    *("an unknown key below a group", "an unknown nested key with +", "a word for a number", "two errors at once"),
    *("a missing option of a group", "an unknown experiment", "a group taken away", "an override without a key"),
    *("an open brace", "a sweep without -m", "an interpolation of nothing", "a config folder that is not there"),
    *("one bad run of a study", "a data.root that is not there", "a checkpoint without a path"),
)


@pytest.mark.promise("refused before the start")
@pytest.mark.parametrize("case", mostly_slow(CONFIG | INPUTS, *QUICK))
def test_nothing_is_started(case, tmp_path):
    arguments, fragments = (CONFIG | INPUTS)[case]
    write_record(tmp_path / "outputs" / "digits_resnet18" / "tin200" / "seed_0", record())
    before = snapshot(tmp_path)
    outcome = train(*arguments)
    assert outcome.code == 2
    line = outcome.one_line()
    assert [fragment for fragment in fragments if fragment not in line] == []
    after = snapshot(tmp_path)
    after.pop("outputs/digits_resnet18/multirun.yaml", None)  # Hydra's own note, before it asks for the runs
    assert after == before


@pytest.mark.promise("more than the data hold")
@pytest.mark.usefixtures("tiny_network")
@pytest.mark.parametrize(
    ("overrides", "fragments"),
    [
        (["data.batch_size=500"], ["data.batch_size=500", "20 training images", "train on more images"]),
        (["data.shots=5000"], ["data.shots=5000"]),
        (["data.val_fraction=0.6", "data.test_fraction=0.6"], ["data.val_fraction=0.6", "too few"]),
    ],
)
def test_more_asked_for_than_the_data_hold(tmp_path, overrides, fragments):
    outcome = train(*TINY_RANDOM, *overrides, "hydra.run.dir=run")
    assert outcome.code == 2
    line = outcome.one_line()
    assert [fragment for fragment in fragments if fragment not in line] == []


def test_no_gpu(monkeypatch):
    import tlbench.runs.run  # noqa: F401 - torch looks into these functions while it is imported

    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    outcome = train(*TINY_RANDOM, "trainer=gpu", "hydra.run.dir=run")
    assert outcome.code == 2
    assert "trainer=gpu" in outcome.one_line()
    assert "trainer=cpu" in outcome.one_line()


@pytest.mark.promise("disks full or read-only")
@pytest.mark.parametrize(
    "folder",
    mostly_slow(["in_the_way", "in_the_way/run", "/proc/tlbench", "/sys/tlbench"], "in_the_way/run", "/proc/tlbench"),
)
def test_an_output_folder_that_cannot_be_written(tmp_path, folder):
    """Root may write nearly everywhere, but not below /proc and /sys."""
    if folder.startswith("/") and not Path(folder).parent.is_dir():
        pytest.skip(f"no {Path(folder).parent} on this system")
    (tmp_path / "in_the_way").write_text("precious")
    outcome = train(*TINY_RANDOM, f"hydra.run.dir={folder}")
    assert outcome.code == 2
    assert folder in outcome.one_line()
    assert "hydra.run.dir" in outcome.one_line()
    study = train("-m", *TINY_RANDOM, "seed=0,1", f"hydra.sweep.dir={folder}", "hydra.launcher.n_jobs=2")
    assert study.code == 2
    assert folder in study.one_line()
    assert (tmp_path / "in_the_way").read_text() == "precious"


@pytest.mark.parametrize(("arguments", "fragment"), [(["data.shots=0"], "data.shots=0"), (["=3"], "=3")])
def test_a_real_process_says_one_line_too(arguments, fragment):
    command = [sys.executable, "-m", "tlbench.train", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert fragment in done.stderr
    assert done.stderr.strip().count("\n") == 0

"""What a record keeps of a user's code, and what happens where that is another one now."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tlbench
from tests.commands import TINY_RANDOM, call, snapshot, train
from tests.doors.conftest import forget
from tests.resuming import stop_at
from tests.slow import thinned
from tlbench.records.record import read_record
from tlbench.tasks.classification.task import ClassificationTask

HALF = ("loss=module", "loss.import_path=mine.losses:half_cross_entropy")


@pytest.mark.promise("brought code is in the record")
def test_files_and_distributions_are_in_record_and_hash(fit, mine, monkeypatch):
    first = fit("first", *HALF, "+callbacks.own.rate={import_path: 'lightning.pytorch.callbacks:Timer'}")
    files = {"mine": "__init__", "mine.losses": "losses", "mine.weights": "weights"}
    assert first.record.code.files == {
        module: hashlib.sha256((mine / f"{file}.py").read_bytes()).hexdigest() for module, file in files.items()
    }
    assert first.record.code.distributions.keys() == {"lightning"}
    (mine / "weights.py").write_text("def halved(value):\n    return value / 2\n")
    forget(monkeypatch)
    second = fit("second", *HALF, "+callbacks.own.rate={import_path: 'lightning.pytorch.callbacks:Timer'}")
    assert second.record.metrics == first.record.metrics
    assert second.record.config_hash != first.record.config_hash


@pytest.mark.slow
@pytest.mark.promise("brought code is in the record")
def test_a_complete_run_of_other_code_is_not_called_complete(fit, mine, monkeypatch):
    run = fit("run", *HALF)
    options = (*TINY_RANDOM, *HALF, f"hydra.run.dir={run.folder}")
    again = train(*options)
    assert again.code == 0
    assert "nothing to train" in again.out
    kept = (mine / "weights.py").read_text()
    (mine / "weights.py").write_text("def halved(value):\n    return 0.25 * value\n")
    forget(monkeypatch)
    before = snapshot(run.folder)
    changed = train(*options)
    assert changed.code == 2
    assert changed.one_line() == (
        f"ConfigError: {run.folder}: the complete run there is of other code: {mine / 'weights.py'} is not the file "
        "that ran; repeat it with rerun=true, choose another study=…, or bring that file back"
    )
    assert snapshot(run.folder) == before
    assert train(*options, "rerun=true").code == 0
    assert read_record(run.folder).metrics["test/loss"] != run.record.metrics["test/loss"]
    assert (run.folder / "previous_1" / "record.json").exists()
    (mine / "weights.py").write_text(kept)
    forget(monkeypatch)
    assert train(*options).code == 2


@pytest.mark.promise("brought code is in the record")
def test_what_an_interrupted_run_goes_on_with_is_the_same_code(mine, tiny_network, monkeypatch):
    options = (*TINY_RANDOM, *HALF, "hydra.run.dir=run")
    with stop_at(ClassificationTask, "training_step", 3, lambda: signal.raise_signal(signal.SIGTERM)):
        assert train(*options).code == 143
    (mine / "weights.py").write_text("def halved(value):\n    return 0.25 * value\n")
    forget(monkeypatch)
    outcome = train(*options)
    assert outcome.code == 0, outcome.err
    assert "(the code that it names is not that with which it was trained); the run begins anew" in outcome.out
    assert read_record(Path("run")).volatile.resumes == 0


@pytest.mark.promise("consent")
def test_what_somebody_sent_is_not_imported_unasked(fit, mine, tmp_path, monkeypatch):
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save("image.png")
    run = fit(
        "run",
        *HALF,
        "+metrics.acc={import_path: 'mine.metrics:Accuracy'}",
        "augmentation.own={import_path: 'mine.transforms:identity'}",
        "+logger.own.lines={import_path: 'mine.loggers:Lines'}",
    )
    tools = (("evaluate",), ("predict", "input=image.png"), ("export", "output=out.safetensors"))
    (mine / "transforms.py").write_text("raise SystemExit('imported')\n")  # of no use to a finished run, but it changed
    forget(monkeypatch)
    for entry, *given in tools:
        line = call(entry, f"run={run.folder}", *given).one_line()
        assert f"{mine / 'transforms.py'} is not among the files that you made the run with" in line
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "somebody_else"))
    for name in ("losses", "metrics", "loggers", "callbacks", "__init__", "weights"):
        (mine / f"{name}.py").write_text((mine / f"{name}.py").read_text() + "\nopen('RAN', 'a').write(__name__)\n")
    for entry, *given in tools:
        line = call(entry, f"run={run.folder}", *given).one_line()
        for key in ("loss", "metrics.acc", "augmentation.own", "logger.own.lines"):
            assert f"{key}.import_path='mine." in line
        assert not Path("RAN").exists()
    with pytest.raises(tlbench.errors.ConfigError, match="trust=True"):
        tlbench.load(run.folder)
    assert not Path("RAN").exists()
    assert call("evaluate", f"run={run.folder}", "trust=true").code == 0  # no transform is imported
    assert set(Path("RAN").read_text().split("mine")) == {"", ".losses", ".weights", ".metrics"}
    Path("RAN").unlink()
    forget(monkeypatch)
    for entry, *given in tools[1:]:
        assert call(entry, f"run={run.folder}", *given, "trust=true").code == 0
    assert not Path("RAN").exists()  # the network is tlbench's own
    shutil.rmtree(mine)
    for entry, *given in tools[1:]:
        assert call(entry, f"run={run.folder}", *given, "trust=true").code == 0


@pytest.mark.promise("consent")
def test_giving_it_again_is_consent(fit, tmp_path, monkeypatch):
    run = fit("run", *HALF)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "somebody_else"))
    assert call("evaluate", f"run={run.folder}").code == 2
    assert call("evaluate", f"run={run.folder}", "loss.import_path=mine.losses:Focal").code == 2
    assert call("evaluate", f"run={run.folder}", HALF[1]).code == 0


@pytest.mark.promise("brought code is in the record")
def test_records_from_before_the_doors_still_open(plain, tmp_path, tiny_network):
    """As they were written: none of the keys by which code is brought."""
    shutil.copytree(plain.folder, tmp_path / "old")
    path = tmp_path / "old" / "record.json"
    content = json.loads(path.read_text())
    for group, key in (
        ("trainer", "extra"),
        ("callbacks", "own"),
        ("logger", "own"),
        ("augmentation", "own"),
        ("data", "import_path"),
        ("data", "arguments"),
        ("optimizer", "import_path"),
        ("optimizer", "arguments"),
    ):
        del content["config"][group][key]
    for key in ("loss", "metrics"):
        del content["config"][key]
    path.write_text(json.dumps(content))
    record = read_record(tmp_path / "old")
    assert record.config_hash == plain.record.config_hash
    assert call("evaluate", "run=old").code == 0
    assert "nothing to train" in train(*TINY_RANDOM, "hydra.run.dir=old").out


@pytest.mark.parametrize(
    ("swept", "arms"),
    thinned(
        [
            (("loss=task,module", "loss.import_path=null"), None),
            (
                ("optimizer=module", "optimizer.import_path=torch.optim:RMSprop", "+optimizer.arguments.alpha=0.8,0.9"),
                ("-0.8", "-0.9"),
            ),
            (("loss=module", "loss.import_path=mine.losses:Focal,mine.losses:half_cross_entropy"), ()),
            (("optimizer=adamw,sgd", "+callbacks.own.a={import_path: 'mine.callbacks:CountSteps'}"), ("adamw", "sgd")),
        ],
        2,
    ),
)
def test_it_is_swept_over_like_any_key(swept, arms, tiny_network):
    outcome = train("-m", *TINY_RANDOM, *swept, "plan=true")
    if arms is None:
        assert outcome.code == 2
    else:
        assert outcome.code == 0, outcome.err
        for arm in arms:
            assert arm in outcome.out

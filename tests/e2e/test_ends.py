"""Runs whose output nobody reads, whose folder vanishes or is read-only, whose files have names that are no text."""

from __future__ import annotations

import csv
import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.commands import TINY_RANDOM, call, snapshot, train
from tests.slow import thinned
from tests.unit.system.test_streams import Refusing
from tlbench.callbacks import progress_file
from tlbench.cli import train as entry
from tlbench.records.progress import PROGRESS_FILE, read_progress, write_progress
from tlbench.system.names import original
from tlbench.tasks.classification.task import ClassificationTask

RUN = (*TINY_RANDOM, "hydra.run.dir=run")
FOLDER = (
    *RUN,
    "data=image_folder",
    "data.root=images",
    "data.image_size=32",
    "data.shots=null",
    "data.val_fraction=0.2",
    "data.test_fraction=0.25",
    "data.max_unreadable=1",
)
ESCAPE = "\x1b]0;owned\x07\x1b[2J"


def status():
    return json.loads(Path("run/record.json").read_text())["status"]


def draw(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    with path.open("wb") as file:
        Image.fromarray(pixels).save(file, format="PNG")


@pytest.mark.promise("a reader that ends", "lost output")
@pytest.mark.usefixtures("tiny_network")
@pytest.mark.parametrize("number", [errno.EPIPE, errno.ENOSPC])
def test_a_run_goes_on_where_its_output_is_lost(tmp_path, monkeypatch, capsys, number):
    monkeypatch.setattr(sys, "stdout", Refusing(number, after=1))
    assert entry.main(list(RUN)) == 0
    assert status() == "complete"
    err = capsys.readouterr().err
    assert (err.count("\n"), err.startswith("warning: "), "standard output" in err) == (1, True, True)


@pytest.mark.promise("a study shows its runs")
@pytest.mark.usefixtures("tiny_network")
@pytest.mark.parametrize("code", [0, 1])
def test_how_far_a_run_is_can_be_read_while_it_goes_on_and_goes_when_it_ends(monkeypatch, code):
    told = []

    def noted(folder, progress):
        write_progress(folder, progress)
        told.append(read_progress(folder))  # None, were it not of the process that holds the lock

    def fails(*_):
        raise RuntimeError("boom")

    monkeypatch.setattr(progress_file, "write_progress", noted)
    if code:
        monkeypatch.setattr(ClassificationTask, "test_step", fails)
    assert train(*RUN).code == code
    first, *_, last = told
    assert (first.phase, first.epoch, first.of, first.left_s, first.value) == ("fit", 1, 2, None, None)
    assert (last.phase, last.epoch, last.monitor) == ("test", 2, "val/oa")
    best = json.loads(Path("run/record.json").read_text())["best"]
    assert last.value == pytest.approx(best["value"])
    assert last.left_s > 0
    assert not Path("run", PROGRESS_FILE).exists()


CLOSED = "import os, sys; [os.close(n) for n in (0, 1, 2)]; os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"


@pytest.mark.promise("a reader that ends")
@pytest.mark.slow
def test_a_real_run_goes_on_when_its_reader_ends_in_the_middle():
    command = [sys.executable, "-m", "tlbench.train", *RUN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        started.stdout.readline()
        started.stdout.close()
        err = started.stderr.read()
    assert (started.returncode, status()) == (0, "complete")
    assert err == (
        "warning: nobody reads standard output; nothing is shown from here on, all results are kept in files\n"
    )


@pytest.mark.slow
def test_a_real_run_with_all_three_streams_closed_writes_into_its_files_alone():
    command = [sys.executable, "-c", CLOSED, "-m", "tlbench.train", *RUN]
    assert subprocess.run(command, check=False).returncode == 0
    assert status() == "complete"
    for path in Path("run").iterdir():
        assert b"random: 0 tensors loaded" not in path.read_bytes(), path
    assert call("evaluate", "run=run").code == 0


@pytest.mark.promise("a folder that is removed")
@pytest.mark.usefixtures("tiny_network")
@pytest.mark.parametrize("what", ["the folder", "its content"])
def test_a_folder_that_is_removed_while_it_trains(monkeypatch, what):
    step, calls = ClassificationTask.training_step, []

    def removing(self, batch, batch_idx):
        calls.append(None)
        if len(calls) == 3:  # of the second epoch
            shutil.rmtree("run")
            if what == "its content":
                Path("run").mkdir()
        return step(self, batch, batch_idx)

    monkeypatch.setattr(ClassificationTask, "training_step", removing)
    outcome = train(*RUN, "logger.tensorboard=true", "trainer.max_epochs=5")
    assert outcome.code == 2
    assert f"run: {what} was removed while the run was going on; run the same command again" in outcome.one_line()
    assert len(calls) == 4  # no epoch more
    assert not Path("run/record.json").exists()
    monkeypatch.undo()


@pytest.mark.promise("what is in the way")
@pytest.mark.usefixtures("tiny_network")
def test_what_is_in_the_way_is_told_before_anything_is_trained():
    Path("run/predictions_test.npz").mkdir(parents=True)
    outcome = train(*RUN)
    assert outcome.code == 2
    assert "run/predictions_test.npz: a folder is in the way of a file" in outcome.one_line()
    assert "epoch" not in outcome.out
    Path("study/summary.json").mkdir(parents=True)
    outcome = train("-m", *TINY_RANDOM, "hydra.sweep.dir=study", "seed=0,1")
    assert outcome.code == 2
    assert "study/summary.json: a folder is in the way of a file" in outcome.one_line()
    assert not list(Path("study").glob("*/seed_*"))


@pytest.mark.usefixtures("tiny_network")
def test_curves_are_mended_where_nothing_is_left_to_train():
    assert train(*RUN, "test=false").code == 0
    curves = Path("run/curves.csv")
    whole = curves.read_bytes()
    curves.write_text("epoch,step\n1,99\n")
    outcome = train(*RUN, "test=false")
    assert outcome.code == 0
    assert "run/curves.csv was not as the run wrote it; written anew from the record" in outcome.out
    assert curves.read_bytes() == whole
    before = snapshot(Path("run"))
    assert train(*RUN, "test=false").code == 0
    assert snapshot(Path("run")) == before


@pytest.mark.promise("curves are mended")
@pytest.mark.usefixtures("tiny_network")
def test_curves_are_mended_by_a_run_that_resumes_after_its_last_epoch(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("numpy.savez_compressed", _refuse(errno.ENOSPC))  # in the test, after all training
        assert train(*RUN).code == 2
    curves = Path("run/curves.csv")
    whole = curves.read_bytes()
    assert whole.count(b"\n") == 3
    curves.write_text("epoch,step\n1,99\n")
    outcome = train(*RUN)
    assert outcome.code == 0
    assert "goes on from" in outcome.out
    assert curves.read_bytes() == whole


def _refuse(number):
    def refuse(*_, **__):
        raise OSError(number, os.strerror(number), "run/x")

    return refuse


@pytest.mark.promise("evaluations that cannot be kept")
@pytest.mark.usefixtures("tiny_network")
def test_an_evaluation_that_cannot_be_kept_is_shown(monkeypatch):
    assert train(*RUN).code == 0
    before = snapshot(Path("run"))
    for number, code, line in (
        (errno.EROFS, 0, "warning: the evaluation is not kept: cannot write to run: the disk is read-only"),
        (errno.EACCES, 0, "warning: the evaluation is not kept: cannot write to run: no permission"),
        (errno.EIO, 2, "OutputError: cannot write to run: the disk fails to read or write"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr("tempfile.mkstemp", _refuse(number))
            outcome = call("evaluate", "run=run", "corruptions=null")
        assert outcome.code == code
        assert outcome.one_line().startswith(line)
        assert outcome.one_line().endswith("or evaluate a copy of the run's folder")
        assert "test/oa" in outcome.out
        assert "recorded metrics agree" in outcome.out
        assert snapshot(Path("run")) == before
    Path("run/evaluation.json").mkdir()
    assert call("evaluate", "run=run").out.strip().endswith("evaluation: run/evaluation_2.json")


@pytest.fixture
def images():
    """Two classes; files named by escape codes, bytes that are no text, and a turned direction."""
    for number in range(12):
        draw(Path("images", "=1+1" if number % 2 else "<script>", f"{number}.png"), number)
    for number, name in enumerate((os.fsdecode(b"\xff"), ESCAPE, "a\nb", "\u202egnp")):
        draw(Path("images", "<script>", f"{name}.png"), 90 + number // 2)  # pairs of equal images
    Path("images", "<script>", os.fsdecode(b"\xfe") + ESCAPE + ".png").write_bytes(b"no image")


@pytest.mark.promise("names that are no text")
@pytest.mark.usefixtures("tiny_network", "images")
def test_names_that_are_no_text_go_through_a_run_and_its_tools():
    outcome = train(*FOLDER)
    assert outcome.code == 0, outcome.err
    assert not {"\x1b", "\x07", "\u202e"} & set(outcome.out + outcome.err)
    record = json.loads(Path("run/record.json").read_text())
    assert record["data"]["class_names"] == ["<script>", "=1+1"]
    (unreadable,) = record["data"]["audit"]["unreadable"]["files"]
    assert unreadable == r"<script>/\udcfe\x1b]0;owned\x07\x1b[2J.png"
    for kind in ("csv", "jsonl"):
        outcome = call("predict", "run=run", "input=images", f"output=found.{kind}")
        assert outcome.code == 0
        assert not {"\x1b", "\x07", "\u202e"} & set(outcome.out + outcome.err)
        assert r"images/<script>/\udcfe\x1b]0;owned\x07\x1b[2J.png" in outcome.err
    with Path("found.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lines = [json.loads(line) for line in Path("found.jsonl").read_text(encoding="utf-8").splitlines()]
    files = [path for path in Path("images").rglob("*.png") if os.fsencode(path.name)[:1] != b"\xfe"]
    for given in ([row["path"] for row in rows], [line["path"] for line in lines]):
        assert sorted(map(original, given)) == sorted(map(str, files))
    assert {row["label"] for row in rows} <= {"<script>", r"\x3d1+1"}
    assert {line["label"] for line in lines} <= {"<script>", "=1+1"}
    assert call("export", "run=run", "output=weights.safetensors").code == 0


@pytest.mark.usefixtures("tiny_network", "images")
def test_a_class_that_is_no_text_is_refused():
    Path("images", "=1+1").rename(Path("images", os.fsdecode(b"c\xff")))
    outcome = train(*FOLDER)
    assert outcome.code == 2
    assert r"DataError: class 'c\udcff': its name holds bytes that are no UTF-8 text; rename it" in outcome.one_line()


@pytest.mark.usefixtures("tiny_network")
def test_a_failure_that_names_such_a_file_is_in_the_record(monkeypatch):
    def fail(*_):
        raise ValueError(os.fsdecode(b"caf\xe9") + ESCAPE)

    monkeypatch.setattr(ClassificationTask, "training_step", fail)
    outcome = train(*RUN)
    assert outcome.code == 1
    assert r"the run failed: ValueError: caf\udce9\x1b]0;owned\x07\x1b[2J" in outcome.one_line()
    error = json.loads(Path("run/record.json").read_text())["error"]
    assert error["message"] == r"caf\udce9" + ESCAPE


@pytest.mark.usefixtures("tiny_network")
@pytest.mark.parametrize("name", thinned(["ünï ☃ $x %41", "it's", "a\nb", "x/../y/"], 2))
def test_run_folders_of_any_text(name):
    quoted = "'" + name.replace("'", "\\'") + "'"
    outcome = train(*TINY_RANDOM, "test=false", f"hydra.run.dir={quoted}")
    assert outcome.code == 0, outcome.err
    assert (Path(name) / "record.json").exists()
    assert "record: " in outcome.out.splitlines()[-1]


def test_arguments_that_are_no_text_are_said():
    for arguments in (("train", "data=image_folder"), ("predict", "run=run", "input=x")):
        key = "data.root" if arguments[0] == "train" else "output"
        outcome = call(*arguments, f"{key}={os.fsdecode(bytes([255]))}")
        assert outcome.code == 2
        assert rf"{key}='\udcff': holds bytes that are no UTF-8 text" in outcome.one_line()


@pytest.mark.promise("what is read is not written over")
@pytest.mark.usefixtures("tiny_network")
def test_what_a_command_reads_is_not_written_over():
    assert train(*RUN).code == 0
    draw(Path("images/1.png"), 1)
    before = snapshot(Path())
    for output, text in (
        ("images/1.png", "the command reads this file"),
        ("run/best.ckpt", "the command reads this file"),
        ("images", "a folder; name a file, such as 'images/predictions.csv'"),
        ("/dev/null", "a device"),
    ):
        outcome = call("predict", "run=run", "input=images", f"output={output}", "format=csv")
        assert outcome.code == 2
        assert text in outcome.one_line()
    outcome = call("compare", "run", "run", "output=run")
    assert outcome.code == 2
    assert "output='run': the folder of a run, with files of its own" in outcome.one_line()
    assert snapshot(Path()) == before

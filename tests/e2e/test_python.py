"""Runs and studies from Python: what the command makes, and nothing of the caller's process changed."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import pytest

import tlbench
from tests.commands import TINY_RANDOM, train
from tlbench.errors import ConfigError, DataError, UserError
from tlbench.records.record import read_record


@pytest.mark.promise("from Python")
def test_a_run_is_the_commands_and_the_process_stays_the_callers(tiny_network, tmp_path, capsys):
    before = (sys.stdout, sys.stderr, dict(os.environ), threading.excepthook, signal.getsignal(signal.SIGINT))
    record = tlbench.run_one(*TINY_RANDOM, {"hydra.run.dir": tmp_path / "python run"}, seed=1)
    after = (sys.stdout, sys.stderr, dict(os.environ), threading.excepthook, signal.getsignal(signal.SIGINT))
    assert after == before
    assert "test/oa" in capsys.readouterr().out
    assert train(*TINY_RANDOM, "seed=1", "hydra.run.dir=command").code == 0
    command = read_record(Path("command"))
    assert (record.status, record.metrics, record.curves) == ("complete", command.metrics, command.curves)
    assert record == read_record(tmp_path / "python run")
    again = tlbench.run_one(*TINY_RANDOM, {"hydra.run.dir": tmp_path / "python run"}, seed=1)
    assert again == record


@pytest.mark.promise("from Python")
@pytest.mark.parametrize(
    ("given", "kind", "line"),
    [
        ({"optimizer.lr": -1}, ConfigError, "optimizer.lr=-1: input should be greater than 0"),
        ({"optimiser.lr": 1}, ConfigError, "unknown key 'optimiser' (did you mean 'optimizer'?)"),
        ({"data": "image_folder", "data.root": "no/such"}, DataError, "data.root='no/such': no such folder; "),
        ("seed=1,2", ConfigError, "seed=1,2: several values make a study: add -m for that"),
        ({"plan": True}, ConfigError, "plan=true: a plan is for the command line; leave it out"),
        ("hydra.mode=MULTIRUN", ConfigError, "run_one: these settings make a study; use tlbench.run_study"),
    ],
)
def test_what_is_wrong_is_an_exception_with_the_commands_line(given, kind, line, capsys):
    with pytest.raises(UserError) as caught:
        tlbench.run_one(*TINY_RANDOM, given)
    assert type(caught.value) is kind
    assert str(caught.value).startswith(line)
    assert capsys.readouterr().err == ""
    assert not Path("outputs").exists()


def test_another_thread_is_refused():
    found = []

    def run() -> None:
        with pytest.raises(ConfigError, match="in the main thread alone"):
            tlbench.run_one(*TINY_RANDOM)
        found.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [True]


def test_an_interrupt_is_pythons_own_and_the_same_call_goes_on(tiny_network, tmp_path, monkeypatch):
    from tlbench.data import audit

    given = {"hydra.run.dir": tmp_path / "run", "seeds.split": 4711}  # a split that no other test has audited
    with monkeypatch.context() as patch:
        patch.setattr(audit, "duplicates_part", lambda *_: os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt, match="SIGINT: the same call goes on"):
            tlbench.run_one(*TINY_RANDOM, given)
    assert read_record(tmp_path / "run").status == "interrupted"
    assert tlbench.run_one(*TINY_RANDOM, given).status == "complete"


@pytest.mark.promise("from Python")
@pytest.mark.slow
def test_a_study_with_its_table_frame_and_plot(tmp_path):
    study = tlbench.run_study(
        *TINY_RANDOM, {"trainer.max_epochs": 1}, sweep={"optimizer.lr": [0.01, 0.001], "seed": [0, 1]}, study="mine"
    )
    assert study.folder == Path("outputs/mine")
    assert [(record.arm, record.seed) for record in study.records] == [
        (arm.name, seed) for arm in study.summary.arms for seed in (0, 1)
    ]
    table = study.table()
    assert table.splitlines()[0].startswith("mine: mean ± standard deviation over seeds")
    assert str(study) == table
    frame = study.to_pandas()
    assert list(frame.columns[:4]) == ["arm", "seed", "source", "optimizer.lr"]
    assert set(frame["optimizer.lr"]) == {0.01, 0.001}
    assert frame["test/oa"].tolist() == [record.metrics["test/oa"] for record in study.records]
    figure = study.plot("test/kappa")
    left, right = figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == [arm.name for arm in study.summary.arms]
    drawn = sorted(value for line in left.lines for value in line.get_xdata() if len(line.get_xdata()) == 2)
    assert drawn == sorted(record.metrics["test/kappa"] for record in study.records)
    assert right.get_yticklabels()[0].get_text() == " − ".join(
        (study.summary.differences[0].arm, study.summary.differences[0].baseline)
    )
    assert tlbench.read_study("outputs/mine").summary == study.summary
    with pytest.raises(ConfigError, match=r"metric='test/none': not one of this study's, which are test/oa, "):
        study.plot("test/none")
    (tmp_path / "outputs/mine/summary.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"summary\.json: cannot be read"):
        tlbench.read_study("outputs/mine")
    with pytest.raises(ConfigError, match=r"no summary\.json in it"):
        tlbench.read_study(tmp_path)

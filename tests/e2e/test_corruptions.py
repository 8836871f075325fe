"""`evaluate corruptions=common` on a finished run: result, record, TensorBoard, and going on after a stop."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.commands import TINY, train
from tests.conftest import use_tiny_network
from tlbench.cli.evaluate import main
from tlbench.records.record import FILE_NAME, Record, read_record
from tlbench.robustness import suite
from tlbench.robustness.corruptions import COMMON, VERSION
from tlbench.system.interrupts import Interrupted

pytestmark = pytest.mark.usefixtures("tiny_network")

FILE = "evaluation_temperature_common.json"


def evaluate(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(list(arguments))
    return code, out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped in the middle of its corruptions, evaluated again, and its outputs kept beside it."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        use_tiny_network(monkeypatch)
        return stopped_and_evaluated(tmp_path_factory.mktemp("corruptions") / "run")


def stopped_and_evaluated(path: Path) -> Path:
    done = train(*TINY, "source=random", "data.image_size=8", f"hydra.run.dir={path}")
    assert done.code == 0, done.err
    (path / "before.json").write_bytes((path / FILE_NAME).read_bytes())
    arguments = (f"run={path}", "calibrate=temperature", "corruptions=common", "corruption_seed=3")

    made = 0
    corrupt = suite.corrupt

    def stopping(*args, **kwargs):
        nonlocal made
        made += 1
        if made == 32:
            raise Interrupted(15)
        return corrupt(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suite, "corrupt", stopping)
        code, _, err = evaluate(*arguments)
    assert code == 143
    assert "the same command" in err
    assert not (path / FILE).exists()
    code, out, err = evaluate(*arguments)
    assert (code, err) == (0, "")
    (path / "out.txt").write_text(out)
    return path


@pytest.fixture(scope="module")
def record(folder: Path) -> Record:
    found = read_record(folder)
    assert found is not None
    return found


@pytest.mark.promise("a stopped suite of corruptions")
def test_the_same_command_goes_on_and_leaves_nothing_half_done(folder: Path) -> None:
    assert "corruptions: goes on after 32 of 76 evaluations" in (folder / "out.txt").read_text()
    assert list(folder.glob(".*partial*")) == []


def test_the_result_holds_every_corruption_and_says_what_it_is_not(folder: Path, record: Record) -> None:
    result = json.loads((folder / FILE).read_bytes())["corruptions"]
    assert tuple(result["oa"]) == tuple(result["ece"]) == COMMON
    assert all(len(values) == 5 for values in result["oa"].values())
    assert "not comparable with published" in result["differences"]
    assert (result["version"], result["image_size"]) == (VERSION, 8)
    assert f"corruptions of version {VERSION}, on the network's input, at 8 px; not" in (folder / "out.txt").read_text()
    assert result["seed"] == 3
    assert result["clean_oa"] == pytest.approx(record.metrics["test/oa"], abs=1e-6)
    everything = [oa for values in result["oa"].values() for oa in values]
    assert result["mean_corrupted_oa"] == pytest.approx(sum(everything) / 75)


@pytest.mark.promise("a stopped suite of corruptions")
def test_the_record_takes_the_numbers_and_changes_in_nothing_else(folder: Path, record: Record) -> None:
    evaluation = json.loads((folder / FILE).read_bytes())
    note = record.evaluations[FILE]
    assert note.metrics["test/mean_corrupted_oa"] == evaluation["corruptions"]["mean_corrupted_oa"]
    assert note.metrics["test/ece_calibrated"] == evaluation["calibration"]["ece_after"]
    assert note.metrics["test/oa"] == record.metrics["test/oa"]
    assert note.corruptions == VERSION
    before = json.loads((folder / "before.json").read_bytes())
    assert before == {**json.loads((folder / FILE_NAME).read_bytes()), "evaluations": {}}


@pytest.mark.promise("a stopped suite of corruptions")
def test_pictures_lie_beside_it_and_in_tensorboard(folder: Path, record: Record) -> None:
    stem = FILE.removesuffix(".json")
    names = {"reliability_before", "reliability_after", "corruptions"}
    assert {path.name for path in folder.glob(f"{stem}_*.png")} == {f"{stem}_{name}.png" for name in names}
    events = EventAccumulator(str(folder / stem), size_guidance={"scalars": 0, "images": 0}).Reload()
    assert set(events.Tags()["images"]) == {f"test/{name}" for name in names}
    (mean,) = events.Scalars("test/mean_corrupted_oa")
    assert mean.value == pytest.approx(record.evaluations[FILE].metrics["test/mean_corrupted_oa"])
    for name in COMMON:
        assert [point.step for point in events.Scalars(f"corruptions/{name}")] == [0, 1, 2, 3, 4, 5]


@pytest.mark.promise("older corruptions")
def test_results_of_an_older_version_are_named_as_such_and_kept(folder: Path) -> None:
    older = json.loads((folder / FILE).read_bytes())
    older["corruptions"] |= {"version": 1, "differences": "others"}
    del older["corruptions"]["image_size"]
    path = folder / "evaluation_common.json"
    path.write_text(json.dumps(older))
    code, out, err = evaluate(f"run={folder}")
    assert (code, err) == (0, "")
    said = [line for line in out.splitlines() if line.startswith("warning: ")]
    old = "evaluation_common.json: corruptions of version 1, on the stored pixels"
    assert [line.endswith(f"{old}; not comparable with those of version {VERSION}") for line in said] == [True]
    assert json.loads(path.read_bytes()) == older
    path.unlink()


@pytest.mark.slow
def test_a_repeated_evaluation_says_the_same_and_a_complete_run_stays_complete(folder: Path) -> None:
    before = (folder / FILE_NAME).read_bytes()
    code, out, _ = evaluate(f"run={folder}", "calibrate=temperature", "corruptions=common", "corruption_seed=3")
    assert code == 0
    assert "goes on after" not in out
    assert (folder / FILE_NAME).read_bytes() == before
    again = train(*TINY, "source=random", "data.image_size=8", f"hydra.run.dir={folder}")
    assert again.code == 0
    assert (folder / FILE_NAME).read_bytes() == before

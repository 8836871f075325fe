"""What is done with a finished run: `tlbench.evaluate`, `tlbench.predict`, `tlbench.export` and `tlbench.load`."""

from __future__ import annotations

import csv
import errno
import io
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import tlbench
from tests.commands import TINY_RANDOM, call, snapshot, train
from tests.conftest import isolate, use_tiny_network
from tests.slow import thinned
from tests.unit.system.test_streams import Refusing
from tlbench.cli import predict
from tlbench.config.parse import parse
from tlbench.data.open import open_target
from tlbench.errors import DataError
from tlbench.system.interrupts import Interrupted

pytestmark = pytest.mark.usefixtures("tiny_network")

DIGITS = [str(digit) for digit in range(10)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """Digits on a tiny network, and its test images as files: `test/<class>/<position>.png`; do not write there."""
    folder = tmp_path_factory.mktemp("tools")
    with pytest.MonkeyPatch.context() as monkeypatch:
        isolate(monkeypatch, folder)
        use_tiny_network(monkeypatch)
        assert train(*TINY_RANDOM, "data.shots=20", "optimizer.lr=0.01", f"hydra.run.dir={folder / 'run'}").code == 0
    record = json.loads((folder / "run" / "record.json").read_text())
    data = parse(record["config"]).data
    test = open_target(data, 0).splits["test"]
    for i, (image, label) in enumerate(zip(test.images, test.labels.tolist(), strict=True)):
        path = folder / "test" / str(label) / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(path)
    return folder


@pytest.fixture
def run(trained, tmp_path) -> Path:
    """A copy of the run, `run` in the working folder."""
    return shutil.copytree(trained / "run", tmp_path / "run")


@pytest.fixture
def files(trained) -> Path:
    return trained / "test"


@pytest.fixture
def recorded(trained):
    """The probabilities that the run's own test gave, by position."""
    with np.load(trained / "run" / "predictions_test.npz") as predictions:
        return predictions["probabilities"]


def record_of(run):
    return json.loads((run / "record.json").read_text())


@pytest.mark.promise("evaluate")
def test_evaluate_recomputes_the_recorded_metrics_to_the_last_bit(run):
    before, files_before = record_of(run), snapshot(run)
    outcome = call("evaluate", "run=run")
    assert (outcome.code, outcome.err) == (0, "")
    evaluation = json.loads((run / "evaluation.json").read_text())
    assert evaluation["comparison"]["recorded"] == before["metrics"] == evaluation["metrics"]
    assert evaluation["comparison"]["largest_difference"] == 0
    assert evaluation["data"]["own"]
    assert "all 36 recorded metrics agree to 1e-06" in outcome.out
    assert f"{before['metrics']['test/kappa']:.6f}" in outcome.out
    after = record_of(run)
    assert {key: after[key] for key in before if key != "evaluations"} == {
        key: value for key, value in before.items() if key != "evaluations"
    }
    files_after = snapshot(run)
    assert {name: files_after[name] for name in files_before if name != "record.json"} == {
        name: digest for name, digest in files_before.items() if name != "record.json"
    }


@pytest.mark.parametrize(
    "overrides",
    thinned(
        [
            ["trainer.precision=bf16-mixed", "trainer.channels_last=true", "callbacks.ema_decay=0.9"],
            ["model.norm=group", "strategy=feature_extractor", "augmentation=none"],
            ["data=image_folder", "data.root=FILES", "data.image_size=24", "data.stored_size=30", "data.fit=pad"],
            ["data=image_folder", "data.root=FILES", "data.image_size=24", "data.cache=none", "data.workers=0"],
        ],
        2,
    ),
)
def test_runs_of_every_kind_are_recomputed_to_the_last_bit(files, overrides):
    given = [override.replace("FILES", str(files)) for override in overrides]
    tiny = [option for option in TINY_RANDOM if "fraction" not in option]
    trained = train(*tiny, "data.val_fraction=0.2", "data.test_fraction=0.2", *given, "hydra.run.dir=run")
    assert trained.code == 0, trained.err
    outcome = call("evaluate", "run=run")
    assert outcome.code == 0, outcome.err
    assert json.loads(Path("run/evaluation.json").read_text())["comparison"]["largest_difference"] == 0


def table(outcome):
    """What an evaluation shows, without what it says before its table of metrics."""
    return outcome.out[outcome.out.index("images of ") :]


@pytest.fixture
def evaluated(monkeypatch):
    """How often the network's outputs were asked for."""
    from tlbench.tasks.classification.on_data import ClassifierOnData

    asked, logits_of = [], ClassifierOnData.logits_of
    monkeypatch.setattr(ClassifierOnData, "logits_of", lambda *a: (asked.append(a[1]), logits_of(*a))[1])
    return asked


@pytest.mark.promise("evaluate again")
def test_the_same_evaluation_again_computes_nothing(run, evaluated):
    first = call("evaluate", "run=run", "calibrate=temperature")
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in run.rglob("*") if path.is_file()}
    assert evaluated
    evaluated.clear()
    again = call("evaluate", "run=run", "calibrate=temperature")
    assert (again.code, again.err, evaluated) == (0, "", [])
    assert "nothing to compute (rerun=true computes it again)" in again.out
    assert table(again) == table(first)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in run.rglob("*") if path.is_file()} == before


@pytest.mark.promise("evaluate again")
def test_an_evaluation_is_computed_again_where_anything_is_not_as_it_was(run, files, evaluated):
    given = ("run=run", "data=image_folder", f"data.root={files}", "split=all")

    def computes(*more):
        evaluated.clear()
        outcome = call("evaluate", *given, *more)
        assert outcome.code == 0, outcome.err
        assert ("nothing to compute" in outcome.out) == (not evaluated)
        return bool(evaluated)

    assert [computes(), computes()] == [True, False]
    assert [computes("rerun=true"), computes("data.batch_size=5"), computes()] == [True, True, True]  # one file
    kept = run / "evaluation_image-folder_test_all.json"
    picture = run / f"{kept.stem}_{json.loads(kept.read_text())['pictures'][0]}.png"
    picture.unlink()
    assert [computes(), picture.exists(), computes()] == [True, True, False]
    for section, key in (("versions", "torch"), ("volatile", "device"), ("run", "checkpoint_sha256")):
        content = json.loads(kept.read_text())
        content[section][key] = "another"
        kept.write_text(json.dumps(content))
        assert computes(), key
        for file in run.glob(f"{kept.stem}*.json"):
            file.unlink()
        assert [computes(), computes()] == [True, False]
    Image.new("RGB", (8, 8)).save(files / "0" / "new.png")
    try:
        assert computes()
    finally:
        (files / "0" / "new.png").unlink()


@pytest.mark.promise("evaluate again")
def test_an_evaluation_of_before_that_differed_is_exit_code_1_again(run, evaluated):
    assert call("evaluate", "run=run").code == 0
    record = record_of(run)
    record["metrics"]["test/oa"] += 2e-6
    (run / "record.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    evaluated.clear()
    assert call("evaluate", "run=run").code == 1  # compared with other numbers than before
    assert evaluated
    evaluated.clear()
    again = call("evaluate", "run=run")
    assert (again.code, evaluated) == (1, [])
    assert "by up to 2e-06, more than 1e-06: test/oa" in again.one_line()


@pytest.mark.promise("evaluate")
def test_metrics_that_differ_are_exit_code_1_and_the_evaluation_is_kept(run):
    record = record_of(run)
    record["metrics"]["test/oa"] += 2e-6
    (run / "record.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    outcome = call("evaluate", "run=run")
    assert outcome.code == 1
    assert "by up to 2e-06, more than 1e-06: test/oa" in outcome.one_line()
    assert json.loads((run / "evaluation.json").read_text())["comparison"]["differing"] == ["test/oa"]


def test_images_that_are_not_the_runs_any_more_are_said_to_be_so(run):
    record = record_of(run)
    record["data"]["fingerprints"]["test"] = "0" * 64
    (run / "record.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    outcome = call("evaluate", "run=run")
    assert "test images are not those that the run saw" in outcome.out
    assert not json.loads(next(run.glob("evaluation*.json")).read_text())["data"]["own"]


@pytest.mark.promise("evaluate on other data")
def test_other_data_the_same_images_as_files_give_the_same_metrics(run, files):
    outcome = call("evaluate", "run=run", "data=image_folder", f"data.root={files}", "split=all")
    assert outcome.code == 0, outcome.err
    evaluation = json.loads((run / "evaluation_image-folder_test_all.json").read_text())
    metrics = record_of(run)["metrics"]
    for name in ("oa", "kappa", "ece", "f1"):
        assert evaluation["metrics"][f"all/{name}"] == pytest.approx(metrics[f"test/{name}"], abs=1e-6)
    assert evaluation["comparison"] is None
    assert not evaluation["data"]["own"]


@pytest.mark.promise("splits with training images")
def test_images_that_the_run_may_have_been_trained_on_are_warned_of(run):
    outcome = call("evaluate", "run=run", "data.test_fraction=0.8")
    assert outcome.code == 0, outcome.err
    warning = "test: another split of the run's own data (not by its data.test_fraction)"
    assert f"warning: {warning}; it may have been trained on some of them" in outcome.out
    (said,) = json.loads((run / "evaluation_digits.json").read_text())["warnings"]
    assert said.startswith(warning)
    outcome = call("evaluate", "run=run", "split=all")
    assert "warning: all: the images that the run was trained on are among them" in outcome.out
    evaluation = json.loads((run / "evaluation_all.json").read_text())
    assert (evaluation["data"]["count"], len(evaluation["warnings"])) == (1797, 1)


def test_other_splits(run):
    assert call("evaluate", "run=run", "split=val").code == 0
    best = record_of(run)["best"]
    metrics = json.loads((run / "evaluation_val.json").read_text())["metrics"]
    assert metrics["val/oa"] == pytest.approx(best["value"], abs=1e-6)


@pytest.mark.promise("evaluate on other data")
def test_data_of_other_classes_are_refused(run, tmp_path):
    for name in ("0", "1", "cat"):
        (tmp_path / "other" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "other" / name / "a.png")
    before = snapshot(run)
    outcome = call("evaluate", "run=run", "data=image_folder", "data.root=other", "split=all")
    assert outcome.code == 2
    assert "lack '2', '3', '4', '5', '6' and 3 more and have besides 'cat'" in outcome.one_line()
    assert snapshot(run) == before


def test_a_temperature_is_fitted_on_validation_and_predict_uses_it(run, files, recorded):
    refused = call("predict", "run=run", f"input={files}", "calibrated=true")
    assert refused.code == 2
    assert "python -m tlbench.evaluate run=run calibrate=temperature" in refused.one_line()
    assert call("evaluate", "run=run", "calibrate=temperature").code == 0
    calibration = json.loads((run / "evaluation_temperature.json").read_text())["calibration"]
    logits = torch.from_numpy(recorded).double().log()
    with np.load(run / "predictions_test.npz") as predictions:
        target = torch.from_numpy(predictions["target"])
    for when, divisor in (("before", 1.0), ("after", calibration["temperature"])):
        wanted = torch.nn.functional.cross_entropy(logits / divisor, target)
        assert calibration[f"nll_{when}"] == pytest.approx(float(wanted), abs=1e-5)
    assert calibration["temperature"] != 1
    assert calibration["fitted_on"] == len(open_target(tlbench.load("run").config.data, 0).splits["val"])
    model = tlbench.load("run", calibrated=True)
    (prediction,) = model.predict(next(files.glob("*/0.png")))
    wanted = (logits[0] / calibration["temperature"]).softmax(dim=0)
    np.testing.assert_allclose(prediction.probabilities, wanted, atol=1e-5)


def test_corruptions_are_evaluated_and_a_stopped_suite_goes_on(run, monkeypatch):
    from tlbench.tasks.classification.on_data import ClassifierOnData

    logits_of, count = ClassifierOnData.logits_of, []

    def stopped(self, split, transform=None):
        count.append(split)
        if len(count) == 5:
            raise Interrupted(signal.SIGTERM)
        return logits_of(self, split, transform)

    monkeypatch.setattr(ClassifierOnData, "logits_of", stopped)
    outcome = call("evaluate", "run=run", "corruptions=common")
    assert outcome.code == 143
    assert "goes on" in outcome.one_line()
    assert not list(run.glob("evaluation*"))
    outcome = call("evaluate", "run=run", "corruptions=common")
    assert outcome.code == 0, outcome.err
    assert "goes on after 3 of 76 evaluations" in outcome.out
    corruptions = json.loads((run / "evaluation_common.json").read_text())["corruptions"]
    assert corruptions["clean_oa"] == pytest.approx(record_of(run)["metrics"]["test/oa"])
    assert len(corruptions["oa"]) == 15
    assert not list(run.glob(".*partial*"))


@pytest.mark.promise("predict")
def test_predict_gives_the_probabilities_of_the_runs_own_test(files, recorded, run):
    outcome = call("predict", "run=run", f"input={files}", "output=out/predictions.csv")
    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.one_line() == f"{len(recorded)} images classified: out/predictions.csv"
    rows = list(csv.DictReader(io.StringIO(Path("out/predictions.csv").read_text())))
    assert len(rows) == len(recorded)
    for row in rows:
        probabilities = np.array([float(row[f"probability/{name}"]) for name in DIGITS])
        np.testing.assert_allclose(probabilities, recorded[int(Path(row["path"]).stem)], atol=1e-6)
        assert row["label"] == DIGITS[probabilities.argmax()]
        assert float(row["probability"]) == probabilities.max()
    lines = call("predict", "run=run", f"input={files}/**/*.png", "format=jsonl").out.splitlines()
    named = [json.loads(line) for line in lines]
    assert [line["path"] for line in named] == [row["path"] for row in rows]
    assert [str(line["probabilities"]["3"]) for line in named] == [row["probability/3"] for row in rows]


@pytest.mark.promise("predict")
def test_predict_leaves_out_unreadable_files_by_name(run, files, tmp_path):
    (tmp_path / "some").mkdir()
    for name in ("a.png", "c.png"):
        shutil.copy(next(files.glob("*/0.png")), tmp_path / "some" / name)
    (tmp_path / "some" / "b.png").write_bytes(b"broken")
    outcome = call("predict", "run=run", "input=some")
    assert outcome.code == 0
    assert [row["path"] for row in csv.DictReader(io.StringIO(outcome.out))] == ["some/a.png", "some/c.png"]
    warning, summary = outcome.err.splitlines()
    assert warning.startswith("warning: some/b.png: not an image")
    assert summary == "2 of 3 images classified, 1 unreadable and left out"


def test_predict_without_a_readable_file_leaves_the_earlier_output(run, tmp_path):
    (tmp_path / "b.png").write_bytes(b"broken")
    (tmp_path / "out.csv").write_text("earlier")
    outcome = call("predict", "run=run", "input=b.png", "output=out.csv")
    assert outcome.code == 2
    assert "none of 1 files can be read" in outcome.err
    assert (tmp_path / "out.csv").read_text() == "earlier"


@pytest.mark.promise("predict")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_predict_leaves_no_half_file(run, files, tmp_path, monkeypatch, number):
    from tlbench.tasks.classification.predictor import LabelPredictor

    probabilities, batches = LabelPredictor.each_probabilities, []

    def interrupted(self, squares):
        batches.append(len(squares))
        if len(batches) == 3:
            signal.raise_signal(number)
        return probabilities(self, squares)

    monkeypatch.setattr(LabelPredictor, "batch_size", 16)
    monkeypatch.setattr(LabelPredictor, "each_probabilities", interrupted)
    (tmp_path / "out.csv").write_text("earlier")
    outcome = call("predict", "run=run", f"input={files}", "output=out.csv")
    assert outcome.code == 128 + number
    assert "interrupted; the output file was not written" in outcome.one_line()
    assert batches == [16, 16, 16]
    assert (tmp_path / "out.csv").read_text() == "earlier"
    assert [path.name for path in tmp_path.glob("*out.csv*")] == ["out.csv"]


def in_order(files: Path) -> list[Path]:
    """The files in the order of the run's own predictions."""
    return sorted(files.glob("*/*.png"), key=lambda path: int(path.stem))


@pytest.mark.promise("load", "load takes")
def test_load_predicts_in_three_lines(run, files, recorded):
    model = tlbench.load(run)
    predictions = model.predict(in_order(files))
    np.testing.assert_array_equal(np.stack([p.probabilities for p in predictions]), recorded)
    assert list(model.class_names) == DIGITS
    assert [p.label for p in predictions] == [DIGITS[i] for i in recorded.argmax(axis=1)]
    assert [p.probability for p in predictions] == recorded.max(axis=1).tolist()
    assert (model.config.data.name, model.device.type) == ("digits", "cpu")
    np.testing.assert_array_equal(model.probabilities(in_order(files)), recorded)
    assert [p.label for p in model(in_order(files))] == [p.label for p in predictions]
    image = Image.open(next(files.glob("*/0.png")))
    tensor = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    mixed = [image, np.array(image), tensor, tensor / 255, image.resize((50, 40))]
    first = model.predict(mixed)
    assert len(first) == 5
    for same in first[:4]:
        np.testing.assert_allclose(same.probabilities, recorded[0], atol=1e-6)
    assert len(model.predict(torch.stack([tensor, tensor]))) == 2
    assert model.predict([]) == []
    with pytest.raises(DataError, match=r"nowhere\.png"):
        model.predict("nowhere.png")


@pytest.mark.promise("export")
def test_export_writes_a_file_that_onnxruntime_runs(run):
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra `export`")
    outcome = call("export", "run=run")
    assert (outcome.code, outcome.err) == (0, "")
    assert "exported: run/model.onnx" in outcome.out
    session = onnxruntime.InferenceSession(str(run / "model.onnx"))
    assert json.loads(session.get_modelmeta().custom_metadata_map["class_names"]) == DIGITS
    assert call("export", "run=run", "output=elsewhere/net.onnx").code == 0
    assert Path("elsewhere/net.onnx").read_bytes() == (run / "model.onnx").read_bytes()


WRONG = {
    "no run": (["run=ran"], ["run='ran'", "did you mean 'run'"]),
    "an unknown key": (["run=run", "runs=x"], ["unknown key 'runs'", "'run'"]),
    "no key at all": ([], ["run is missing"]),
    "no value": (["run"], ["'run'", "key=value"]),
}

NEEDED = {"predict": ["input=run"]}

WRONG_OF_ONE = {
    "evaluate": [
        (["split=tests"], ["split='tests'", "'test'"]),
        (["device=cuda:99"], ["device='cuda:99'", "not on this machine"]),
        (["data=mnist"], ["data=mnist", "cifar10, digits"]),
        (["data.image_size=64"], ["data.image_size=64", "trained with"]),
        (["data=image_folder", "data.root=nowhere"], ["data.root='nowhere'", "no such folder"]),
        (["data.classes=[a"], ["data.classes=[a"]),
    ],
    "predict": [
        ([], ["input is missing"]),
        (["input=nowhere"], ["input='nowhere'", "no such file or folder"]),
        (["input=run/record.json", "output=x.txt"], ["output='x.txt'", ".csv or .jsonl"]),
        (["input=run", "output=run"], ["output='run'", "a folder"]),
        (["input=run/record.json", "output=run/record.json/x.csv"], ["run/record.json", "output="]),
    ],
    "export": [(["output=x.txt"], ["output='x.txt'", ".onnx"]), (["output=run"], ["output='run'", "a folder"])],
}


@pytest.mark.parametrize(
    ("tool", "arguments", "fragments"),
    [(tool, a + NEEDED.get(tool, []), fragments) for tool in WRONG_OF_ONE for a, fragments in WRONG.values()]
    + [(tool, ["run=run", *a], fragments) for tool, cases in WRONG_OF_ONE.items() for a, fragments in cases],
)
def test_bad_input_is_one_line_and_nothing_is_written(run, tmp_path, tool, arguments, fragments):
    before = snapshot(tmp_path)
    outcome = call(tool, *arguments)
    assert outcome.code == 2
    line = outcome.one_line()
    assert [fragment for fragment in fragments if fragment not in line] == []
    assert snapshot(tmp_path) == before


def test_a_damaged_or_unfinished_run_is_refused_by_every_tool(run):
    record = record_of(run)
    (run / "record.json").write_text(json.dumps({**record, "status": "interrupted"}))
    for tool, more in (("evaluate", []), ("predict", ["input=run"]), ("export", [])):
        outcome = call(tool, "run=run", *more)
        assert outcome.code == 2
        assert "not complete (status interrupted)" in outcome.one_line()


LIGHT = """
import json, sys, tlbench
from tlbench import evaluate, export, predict
codes = [tool.main(arguments) for tool in (evaluate, predict, export) for arguments in (["--help"], ["run=nowhere"])]
heavy = [name for name in ("torch", "lightning", "torchvision", "matplotlib", "timm", "onnx") if name in sys.modules]
print(json.dumps([codes, heavy]), file=open("seen.json", "w"))
"""


def test_help_and_errors_import_nothing_heavy():
    done = subprocess.run([sys.executable, "-c", LIGHT], check=True, capture_output=True, text=True)
    assert json.loads(Path("seen.json").read_text()) == [[0, 2, 0, 2, 0, 2], []]
    assert done.stdout.count("Exit codes: 0 done") == 3
    assert "input=…" in done.stdout


def test_a_closed_pipe_ends_predict_without_a_traceback(run, files, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", Refusing(errno.EPIPE))
    assert predict.main(["run=run", f"input={files}"]) == 1
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (errno.ENOSPC, "standard output cannot be written (No space left on device)"),
        (errno.EBADF, "standard output is closed, where the result would go; give output=FILE"),
    ],
)
def test_a_table_that_cannot_be_written_is_said(run, files, monkeypatch, capsys, number, line):
    monkeypatch.setattr(sys, "stdout", Refusing(number))
    assert predict.main(["run=run", f"input={files}"]) == 1
    assert capsys.readouterr().err == f"{line}\n"

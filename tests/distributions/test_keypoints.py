"""A task from outside, in a distribution of its own: what it can do, and what tlbench does not offer it yet."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import tlbench
from tests.commands import call, train
from tests.conftest import isolate, use_tiny_network
from tests.distributions.installed import HERE, entry_points_of, forget, installed, places
from tests.slow import thinned
from tests.voices import hearing
from tlbench.config.compose import compose_config
from tlbench.config.hash import config_hash
from tlbench.errors import ConfigError, DataError
from tlbench.geometry.letterbox import letterbox
from tlbench.tasks import registry
from tlbench.tasks.registry import percentages, specs

ROOT = HERE.parents[1]
NAME = "tlbench_keypoints"
QUICK = (
    *("task=keypoints", "trainer=cpu", "source=random", "trainer.max_epochs=2", "data.images=40"),
    *("data.batch_size=8", "optimizer.warmup_epochs=0", "logger.tensorboard=false"),
)


@pytest.fixture(scope="module", autouse=True)
def _keypoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with installed(NAME, tmp_path_factory.mktemp("site")):
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete run; do not write there."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        isolate(patch, folder)
        use_tiny_network(patch)
        outcome = train(*QUICK, f"hydra.run.dir={folder / 'run'}")
    assert (outcome.code, outcome.err) == (0, ""), outcome.out
    return folder / "run"


@pytest.fixture
def copy(run: Path, tmp_path: Path, tiny_network: None) -> Path:
    """A copy of the run."""
    return shutil.copytree(run, tmp_path / "run")


def record_of(folder: Path) -> dict:
    return json.loads((folder / "record.json").read_text())


def alone(code: str, *, path: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new process, in which the distribution is only where `path` or the environment says so."""
    there = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [path, str(ROOT)])), **environment}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=there)


# ---- the task


def test_what_is_known_of_it_before_torch_is_light():
    script = "import tlbench_keypoints.spec, sys; print([m for m in ('torch', 'numpy', 'PIL') if m in sys.modules])"
    done = alone(script, path=str(HERE / NAME))
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_a_run_has_a_record_like_any_other(run: Path):
    record = record_of(run)
    assert (record["status"], record["task"], record["best"]["monitor"]) == ("complete", "keypoints", "val/pck")
    assert {"test/pck", "test/nme", "test/loss", "test/pck/left_hand"} <= record["metrics"].keys()
    kept = {"predictions_test", "pck", "points", "curves", "training_batch", "thumbnails_train"}
    assert record["sidecars"].keys() == kept
    assert record["data"]["audit"]["counts"]["train"]["points"]["head"] == 24
    assert record["data"]["audit"]["crossed"]["train"] == {"left_hand, right_hand": 0, "left_foot, right_foot": 0}
    assert record["code"]["distributions"] == {"tlbench-keypoints": "0.1.0"}


def test_the_tools_say_what_the_run_found(copy: Path):
    assert call("evaluate", f"run={copy}").code == 0
    assert json.loads((copy / "evaluation.json").read_text())["metrics"] == record_of(copy)["metrics"]
    assert (copy / "evaluation_pck.png").is_file()
    size = (50, 40)
    Path("photos").mkdir()
    Image.new("RGB", size, "red").save("photos/a.png")
    outcome = call("predict", f"run={copy}", "input=photos", "output=points.csv", "draw=drawn")
    assert outcome.code == 0, outcome.err
    header, row = Path("points.csv").read_text().splitlines()
    assert header.startswith("file,head_x,head_y,left_hand_x,")
    model = tlbench.load(copy, device="cpu")
    (found,) = model("photos")
    assert model.embeddings("photos/a.png").shape == (1, 4)
    assert [point.name for point in found][:2] == ["head", "left_hand"]
    flat = [value for point in found for value in (point.x, point.y)]
    np.testing.assert_allclose([float(cell) for cell in row.split(",")[1:]], flat, rtol=1e-5)
    assert all(0 <= point.x <= size[0] and 0 <= point.y <= size[1] for point in found)
    assert not np.array_equal(np.asarray(Image.open("drawn/a.png")), np.asarray(Image.open("photos/a.png")))
    with pytest.raises(ConfigError, match="only for classification"):
        tlbench.load(copy, calibrated=True)


def test_compare_shows_each_metric_in_its_unit(copy: Path, run: Path, tmp_path: Path):
    other = shutil.copytree(run, tmp_path / "other")
    outcome = call("compare", str(copy), str(other))
    assert outcome.code == 0, outcome.err
    assert "test/pck %" in outcome.out
    assert "test/nme " in outcome.out
    assert "test/nme %" not in outcome.out


@pytest.mark.parametrize(
    ("given", "says"),
    thinned(
        [
            ("task=keypoint", "did you mean 'task=keypoints'"),
            ("model=yolo11n", "not for task=keypoints; use resnet18"),
            ("augmentation=crop", "use points or points_plain, or task=classification"),
            ("data=coco", "use figures or points_csv, or task=detection"),
            ("source=coco", "not for task=keypoints"),
            ("task.betta=1", "did you mean 'task.beta'"),
            ("data.images=null", "figures are drawn; give a number"),
            ("callbacks.monitor=val/accuracy", "did you mean 'val/pck'"),
            ("data.root=here", "are drawn; images of your own are read by data=points_csv"),
            ("data.classes=[head_x]", "name both coordinates of each point"),
            (
                "augmentation.own={import_path: torchvision.transforms.v2:Identity}",
                "task=keypoints applies no transform of your own",
            ),
        ],
        3,
    ),
)
def test_wrong_keys_are_told_of_in_one_line(given: str, says: str):
    outcome = train("task=keypoints", given)
    assert outcome.code == 2
    assert says in outcome.one_line()


def test_nothing_of_it_is_where_it_was_not_asked_for():
    outcome = train("data=figures")
    assert "not for task=classification" in outcome.one_line()
    assert "task=keypoints" in outcome.one_line()


# ---- points follow their images


def coloured(sizes: list[tuple[int, int]]):
    """Black images with a patch of a colour of its own around each point."""
    from tlbench_keypoints.names import coordinates
    from tlbench_keypoints.points import Points

    from tlbench.data.samples import MemorySamples

    side = 64
    images = torch.full((len(sizes), 3, side, side), 114, dtype=torch.uint8)
    xy = torch.zeros(len(sizes), 3, 2)
    for i, (height, width) in enumerate(sizes):
        images[i, :, :height, :width] = 0
        for k, (x, y) in enumerate(((0.5, 0.3), (0.7, 0.6), (0.25, 0.5))):
            column, line = round(x * width), round(y * height)
            xy[i, k] = torch.tensor([column, line])
            images[i, k, line - 3 : line + 3, column - 3 : column + 3] = 255
    inside = torch.tensor(sizes)
    names = coordinates(["nose", "left_eye", "right_eye"])
    points = Points(xy, torch.ones(len(sizes), 3, dtype=torch.bool), names, inside, inside)
    return MemorySamples(images, points, digests=np.zeros((len(sizes), 16), np.uint8))


def test_points_follow_whatever_is_done_to_their_image():
    from tlbench_keypoints.batches import PointBatches

    config = compose_config(["task=keypoints", "data.image_size=64", "augmentation.scale=0.2"])
    batches, split = PointBatches(config), coloured([(64, 48), (40, 64), (64, 64), (64, 50)] * 8)
    index = torch.arange(len(split))
    mean, std = (torch.tensor(each)[:, None, None] for each in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    flips = 0
    for epoch in (0, 1):
        inputs, targets, _ = batches.training(split, index, epoch)
        for i in range(len(split)):
            pixels, mirrored = inputs[i] * std + mean, bool(targets.placement.flip[i])
            flips += mirrored
            for k in range(3):
                x, y = targets.xy[i, k].tolist()
                if not (3 <= x <= 61 and 3 <= y <= 61):
                    continue
                assert bool(targets.seen[i, k])
                seen_as = [0, 2, 1][k] if mirrored else k  # what the mirror shows on the left was on the right
                assert pixels[:, int(y), int(x)].argmax() == seen_as
                assert pixels[seen_as, int(y), int(x)] > 0.8
    assert 10 < flips < 54
    again = batches.training(split, index[:3], 1)
    assert torch.equal(again[0], inputs[:3])
    assert torch.equal(again[1].xy, targets.xy[:3])


def test_what_is_moved_out_of_the_input_is_not_seen():
    from tlbench_keypoints.batches import PointBatches

    config = compose_config(["task=keypoints", "data.image_size=64", "augmentation.translate=0.5"])
    split = coloured([(64, 64)] * 32)
    _, targets, _ = PointBatches(config).training(split, torch.arange(32), 0)
    within = ((targets.xy >= 0) & (targets.xy <= 64)).all(2)
    assert torch.equal(targets.seen, within)
    assert 0 < int(within.sum()) < within.numel()


def test_points_come_back_into_the_original_image():
    from tlbench_keypoints.batches import PointBatches
    from tlbench_keypoints.targets import in_image

    split = coloured([(64, 48), (40, 64)])
    _, targets, _ = PointBatches(compose_config(["task=keypoints", "data.image_size=64"])).plain(split, torch.arange(2))
    assert not torch.equal(targets.xy, split.annotations.xy)  # letterboxed
    torch.testing.assert_close(in_image(targets.xy, targets.placement), split.annotations.xy)


# ---- metrics


def test_metrics_by_hand():
    from tlbench_keypoints.metrics import PointMetrics
    from tlbench_keypoints.targets import PointTargets

    true = torch.tensor([[[10.0, 10.0], [50.0, 50.0]], [[20.0, 20.0], [0.0, 0.0]]])
    seen = torch.tensor([[True, True], [True, False]])
    found = true + torch.tensor([[[3.0, 4.0], [0.0, 5.01]], [[0.0, 0.0], [90.0, 90.0]]])
    placement = letterbox(torch.tensor([[80, 100]]), torch.tensor([[160, 200]]), (120, 100))
    metrics = PointMetrics(["a", "b/c"])
    for i in (1, 0):
        metrics.update(found[i : i + 1], PointTargets(true[i : i + 1], seen[i : i + 1], placement))
    values = {name: float(value) for name, value in metrics.compute().items()}
    expected = {
        "pck": 2 / 3,
        "nme": (0.05 + 0.0501) / 3,
        "pck/a": 1.0,
        "pck/b_c": 0.0,
        "nme/a": 0.025,
        "nme/b_c": 0.0501,
    }
    assert values == pytest.approx(expected, abs=1e-6)
    metrics.update(found[:1] * torch.nan, PointTargets(true[:1], seen[:1], placement))
    assert np.isnan([float(value) for value in metrics.compute().values()]).all()


# ---- a table of points


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Twelve images of 20 × 10 pixels with two points, of which one is sometimes missing."""
    rows = ["path,nose_x,nose_y,tail_x,tail_y"]
    for i in range(12):
        Image.new("RGB", (20, 10), (20 * i, 0, 255 - 20 * i)).save(tmp_path / f"{i}.png")
        rows.append(f"{i}.png,{i},5,{'' if i % 3 else 20},{'' if i % 3 else 10}")
    path = tmp_path / "points.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def opened(path: Path, *further: str):
    from tlbench.data.open import open_target

    data = ("data=points_csv", f"data.root={path}", "data.image_size=40", "data.val_fraction=0.25", *further)
    return open_target(compose_config(["task=keypoints", *data]).data, 0, hearing([]))


def test_a_table_is_read_as_it_is_written(table: Path):
    target = opened(table)
    assert {name: len(split) for name, split in target.splits.items()} == {"train": 7, "val": 3, "test": 2}
    assert target.class_names == ("nose_x", "nose_y", "tail_x", "tail_y")
    for split in target.splits.values():
        for name, xy, seen in zip(split.names, split.annotations.xy, split.annotations.seen, strict=True):
            number = int(name.removesuffix(".png"))
            assert xy[0].tolist() == [2 * number, 10]  # in images of twice the size
            assert seen.tolist() == [True, number % 3 == 0]
    some = opened(table, "data.classes=[tail_x,tail_y,nose_x,nose_y]").splits["train"].annotations
    assert torch.equal(some.xy, target.splits["train"].annotations.xy.flip(1))


def test_a_fingerprint_is_of_images_and_points_however_they_are_kept(table: Path):
    def fingerprints(*further: str) -> list[str]:
        return [split.fingerprint() for split in opened(table, *further).splits.values()]

    assert opened(table, "data.cache=none").splits["train"].on_disk
    assert fingerprints("data.cache=none") == fingerprints()
    before = fingerprints()
    table.write_text(table.read_text().replace("7.png,7,5", "7.png,6,5"))
    assert sum(old != new for old, new in zip(before, fingerprints(), strict=True)) == 1


@pytest.mark.parametrize(
    ("old", "new", "says"),
    thinned(
        [
            ("path,", "file,", "no column path"),
            ("tail_y", "tail_z", "no column tail_y"),
            ("tail_x,tail_y", "nose_x,nose_y", "two columns are called 'nose_x'"),
            ("1.png,1,5", "1.png,one,5", "line 3: nose_x is 'one', no number"),
            ("1.png,1,5", "1.png,,5", "line 3: nose_x is empty, and the other coordinate is not"),
            ("1.png,1,5", "1.png,1,50", "line 3: nose at 1, 50 lies outside of its image of 20 × 10 pixels"),
            ("1.png,1,5", "1.png,nan,5", "line 3: nose_x is 'nan', no number"),
            ("1.png", "0.png", "0.png occurs twice (lines 2 and 3)"),
            ("1.png", "x.png", "line 3: x.png"),
        ],
        2,
    ),
)
def test_bad_tables_are_refused_with_the_line(table: Path, old: str, new: str, says: str):
    table.write_text(table.read_text().replace(old, new, 1))
    with pytest.raises(DataError) as error:
        opened(table)
    assert says in str(error.value)


def test_an_image_that_cannot_be_read_is_told_of(table: Path):
    (table.parent / "4.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"4\.png.*data\.max_unreadable"):
        opened(table)
    target = opened(table, "data.max_unreadable=1")
    assert list(target.unreadable) == ["4.png"]
    assert sum(map(len, target.splits.values())) == 11


# ---- installed, named, and not there


def test_a_task_may_be_named_instead_of_installed(tmp_path: Path):
    script = "import sys; from tlbench.train import main; sys.exit(main(['task=keypoints', 'task.betta=1']))"
    done = alone(script, path=str(HERE / NAME), TLBENCH_TASKS="tlbench_keypoints.spec:SPEC")
    assert done.returncode == 2
    assert "did you mean 'task.beta'" in done.stderr


@pytest.mark.parametrize("tool", ["evaluate", "export"])
def test_a_record_of_a_task_that_is_not_there_says_so(copy: Path, tool: str):
    sys_path = [place for place in sys.path if NAME not in place and "site0" not in place]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", sys_path)
        forget()
        outcome = call(tool, f"run={copy}")
    forget()
    assert outcome.code == 2
    assert "task 'keypoints'" in outcome.err
    assert "distribution" in outcome.err


def test_an_unknown_task_says_where_it_may_come_from():
    outcome = train("task=cubes")
    assert "TLBENCH_TASKS" in outcome.one_line()


CLASH = """
from dataclasses import replace
from typing import Literal
from tlbench.config.data_option import DataOption
from tlbench.tasks.spec import MetricSpec
from tlbench_keypoints.config import PointDataConfig, PointsConfig
from tlbench_keypoints.spec import SPEC as KEYPOINTS
class Task(PointsConfig):
    name: Literal["clash"]
class Data(PointDataConfig):
    name: Literal["coco"]
SPEC = replace(
    KEYPOINTS, name="clash", config=Task, data={"coco": DataOption(Data, open="a:b", deep=False)},
    metrics=(MetricSpec("iou", percent=True),), options={}, conf=None,
)
"""
"""A task whose data and metric have names of tlbench's own."""


@pytest.fixture
def clash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "clash.py").write_text(CLASH)
    monkeypatch.setenv("TLBENCH_TASKS", "clash:SPEC")
    monkeypatch.syspath_prepend(tmp_path)
    forget()
    yield
    monkeypatch.delenv("TLBENCH_TASKS")
    sys.modules.pop("clash", None)
    forget()


def test_another_task_does_not_change_the_hash_of_tlbenchs_own(request: pytest.FixtureRequest):
    config = compose_config(["task=detection", "data=coco", "data.root=here"]).model_dump(mode="json")
    before = config_hash(config)
    request.getfixturevalue("clash")
    assert {"keypoints", "clash"} <= specs().keys()
    assert config_hash(config) == before


def test_another_task_does_not_change_the_unit_of_a_metric_of_tlbenchs_own(clash: None):
    assert "clash" in specs()
    assert "iou" not in percentages("detection")  # of boxes: a fraction


def test_evaluate_needs_no_keys_of_the_task(copy: Path, monkeypatch: pytest.MonkeyPatch):
    others, spec = dict(specs()), replace(specs()["keypoints"], options={})
    monkeypatch.setattr(registry, "specs", lambda: others | {"keypoints": spec})
    assert call("evaluate", f"run={copy}").code == 0


@pytest.mark.slow
def test_pip_installs_it(tmp_path: Path):
    uv = ROOT / ".uv" / "bin" / "uv"
    if not uv.is_file():
        pytest.skip("needs uv, which `make setup` puts into .uv")
    target = tmp_path / "site"
    home = {**os.environ, "HOME": str(Path("~").expanduser())}
    install = [str(uv), "pip", "install", "--no-deps", "--python", sys.executable, "--target", str(target)]
    done = subprocess.run([*install, str(HERE / NAME)], capture_output=True, text=True, check=False, env=home)
    if done.returncode and any(text in done.stderr for text in ("Failed to fetch", "dns error", "network")):
        pytest.skip("the build backend cannot be fetched")
    assert done.returncode == 0, done.stderr
    (written,) = target.glob("*.dist-info/entry_points.txt")
    assert set(written.read_text().split("\n")) == set(entry_points_of(NAME).split("\n"))
    outcome = alone(
        f"import sys; from tlbench.train import main; sys.exit(main({[*QUICK, 'trainer.max_epochs=1']!r}))",
        path=str(target),
    )
    assert outcome.returncode == 0, outcome.stderr
    (record,) = Path("outputs").rglob("record.json")
    assert record_of(record.parent)["code"]["distributions"] == {"tlbench-keypoints": "0.1.0"}


@pytest.mark.slow
def test_the_contract_suite_runs_over_it(tmp_path: Path):
    suite = ROOT / "tests" / "contract" / "test_contract.py"
    path = os.pathsep.join([*places(NAME, tmp_path / "site"), str(ROOT)])
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "-k", "keypoints", str(suite)]
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout

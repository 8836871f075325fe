"""What is wrong with the data of a task ends in one line that names it, before anything trains."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import tlbench
from tests.commands import call, train
from tests.contract.made import Workshop
from tests.contract.rows import Row
from tests.contract.subject import subjects
from tests.slow import mostly_slow
from tlbench.errors import UserError
from tlbench.tasks.registry import specs


def _text(data: Path, image: Path) -> Path:
    image.write_text("no image")
    return image


def _cut(data: Path, image: Path) -> Path:
    content = image.read_bytes()
    image.write_bytes(content[: len(content) // 2])
    return image


def _without_bytes(data: Path, image: Path) -> Path:
    image.write_bytes(b"")
    return image


def _empty(data: Path, image: Path) -> Path:
    shutil.rmtree(data)
    data.mkdir()
    return data


def _gone(data: Path, image: Path) -> Path:
    shutil.rmtree(data)
    return data


WRONG: dict[str, Callable[[Path, Path], Path]] = {
    "a text named as an image": _text,
    "an image cut short": _cut,
    "an image without a byte": _without_bytes,
    "a folder with nothing in it": _empty,
    "no folder": _gone,
}
"""What is wrong → does it to the data, given their folder and one of their images; what the line must name."""

CASES = [(wrong, task) for wrong in WRONG for task in subjects()]
FIRST = [(wrong, list(subjects())[number % len(subjects())]) for number, wrong in enumerate(WRONG)]
"""Each task, and each of what is wrong."""


@pytest.fixture
def options(workshop: Workshop, tmp_path: Path, task: str) -> list[str]:
    """A run on a copy of the data, `data` in the working folder."""
    drawn = workshop.data(task)
    shutil.copytree(drawn, tmp_path / "data")
    given = workshop.overrides(Row(task, "random", "full", "memory", "batch"))
    return [option.replace(str(drawn), "data") for option in given]


@pytest.mark.promise("kinds of bad input")
@pytest.mark.parametrize(("wrong", "task"), mostly_slow(CASES, *FIRST))
def test_bad_data_are_one_line_that_names_them(options: list[str], task: str, wrong: str) -> None:
    named = WRONG[wrong](Path("data"), Path("data", subjects()[task].image))
    outcome = train(*options, "hydra.run.dir=run")
    assert outcome.code == 2
    assert str(named) in outcome.one_line()
    assert "epoch 1/" not in outcome.out
    assert not Path("run", "best.ckpt").exists()


@pytest.mark.parametrize("task", subjects())
def test_a_metric_that_it_lacks_is_named_with_those_that_it_has(options: list[str], task: str) -> None:
    outcome = train(*options, "callbacks.monitor=val/nothing", "hydra.run.dir=run")
    assert outcome.code == 2
    line = outcome.one_line()
    assert [m.name for m in specs()[task].metrics if m.monitors and f"val/{m.name}" not in line] == []
    assert not Path("run").exists()


@pytest.mark.promise("predict")
@pytest.mark.parametrize("task", subjects())
def test_what_cannot_be_predicted_is_named_and_left_out(workshop: Workshop, tmp_path: Path, task: str) -> None:
    run, subject = workshop.earlier(task), subjects()[task]
    image = workshop.data(task) / subject.image
    (tmp_path / "some").mkdir()
    for name in ("a", "c"):
        shutil.copy(image, tmp_path / "some" / f"{name}{image.suffix}")
    broken = Path("some", f"b{image.suffix}")
    broken.write_bytes(b"broken")
    outcome = call("predict", f"run={run}", "input=some", "output=said.jsonl")
    assert outcome.code == 0
    warning, _ = outcome.err.splitlines()
    assert warning.startswith(f"warning: {broken}: ")
    assert len(Path("said.jsonl").read_text().splitlines()) == 2
    with pytest.raises(UserError, match=broken.name):
        tlbench.load(run).predict([image, broken])
    outcome = call("predict", f"run={run}", f"input={broken}", "output=other.jsonl")
    assert outcome.code == 2
    assert not Path("other.jsonl").exists()

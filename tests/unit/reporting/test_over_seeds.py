"""An arm's curves over its seeds, read back as TensorBoard reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2, metadata

from tests.study_records import make_record
from tlbench.errors import OutputError
from tlbench.records.record import Record, read_record, write_record
from tlbench.reporting.over_seeds import EVENTS_FILE, write_over_seeds
from tlbench.study.kept import runs_in
from tlbench.study.sides import read_sides
from tlbench.study.status import study_status

OA = {"tin200": ([0.5, 0.75, 0.875], [0.25, 0.5]), "random": ([0.125, 0.25], [0.375, 0.5])}
"""Arm → validation of its seeds by epoch; one seed of tin200 ends an epoch earlier."""


def left(study: Path, arm: str, seed: int, folder: str | None = None, **changes: object) -> Record:
    rows = [
        {"epoch": e, "step": 9 * e, "val/oa": oa, "train/loss": 1 - oa, "val/loss": None if e == 1 else 2.0}
        for e, oa in enumerate(OA[arm][seed], start=1)
    ]
    best = {"monitor": "val/oa", "value": 0.5, "epoch": 1, "stage": "full"}
    given = {"config__logger": {"tensorboard": True}, "curves": rows, "best": best, **changes}
    record = make_record(arm, seed, volatile__finished=f"2026-01-0{seed + 1}T00:00:00+00:00", **given)
    place = study / (folder or f"{arm}/seed_{seed}")
    place.mkdir(parents=True)
    write_record(place, record)
    found = read_record(place)
    assert found is not None
    return found


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return tmp_path / "outputs" / "mine"


def events(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder)).Reload()


@pytest.mark.promise("curves over the seeds")
def test_an_arm_has_a_run_with_mean_and_margin_over_its_seeds(study: Path) -> None:
    records = [left(study, arm, seed) for arm in OA for seed in (0, 1)]
    files = write_over_seeds(study, records)
    assert files == [study / arm / "over_seeds" / EVENTS_FILE for arm in OA]
    found = events(files[0].parent)
    points = {tag: [(p.step, p.value) for p in found.Scalars(tag)] for tag in found.Tags()["scalars"]}
    assert points == {  # the epochs that both seeds reached; where validation has a loss
        "val/oa/mean": [(8, 0.375), (17, 0.625)],
        "val/oa/lower": [(8, 0.25), (17, 0.5)],
        "val/oa/upper": [(8, 0.5), (17, 0.75)],
        "train/loss/mean": [(8, 0.625), (17, 0.375)],
        "train/loss/lower": [(8, 0.5), (17, 0.25)],
        "train/loss/upper": [(8, 0.75), (17, 0.5)],
        "val/loss/mean": [(17, 2.0)],
        "val/loss/lower": [(17, 2.0)],
        "val/loss/upper": [(17, 2.0)],
    }
    (stored,) = found.Tensors(metadata.CONFIG_SUMMARY_TAG)
    assert metadata.CONFIG_SUMMARY_TAG in found.PluginTagToContent(metadata.PLUGIN_NAME)
    layout = layout_pb2.Layout.FromString(stored.tensor_proto.string_val[0])
    assert [chart.title for chart in layout.category[0].chart] == ["val/oa", "train/loss", "val/loss"]
    (series,) = layout.category[0].chart[0].margin.series
    assert (series.value, series.lower, series.upper) == ("val/oa/mean", "val/oa/lower", "val/oa/upper")


def test_repeated_it_is_replaced_and_is_none_of_the_studys_runs(study: Path) -> None:
    records = [left(study, arm, seed) for arm in OA for seed in (0, 1)]
    (file, _) = write_over_seeds(study, records)
    before = file.read_bytes()
    write_over_seeds(study, records)
    assert [path.name for path in file.parent.iterdir()] == [EVENTS_FILE]
    assert file.read_bytes() == before
    assert {run.name for run in runs_in(study, (1, 2, 3))} == {"seed_0", "seed_1"}
    assert {(run.arm, run.seed) for run in study_status(study).runs} == {(arm, seed) for arm in OA for seed in (0, 1)}
    sides = read_sides(str(study / "tin200"), str(study / "random"))
    assert [len(side.records) for side in sides] == [2, 2]


def test_one_seed_has_no_margin_and_runs_without_tensorboard_get_none(study: Path) -> None:
    quiet = {"config__logger": {"tensorboard": False}}
    records = [left(study, "tin200", 0), *(left(study, "random", seed, **quiet) for seed in (0, 1))]
    assert write_over_seeds(study, records) == []
    assert not list(study.glob("*/over_seeds"))


def test_arms_that_share_a_folder_have_their_own_in_the_studys(study: Path) -> None:
    records = [left(study, arm, seed, folder=f"all/{arm}_{seed}") for arm in OA for seed in (0, 1)]
    assert write_over_seeds(study, records) == [study / "over_seeds" / arm / EVENTS_FILE for arm in OA]


def test_nothing_is_written_through_a_link(study: Path, tmp_path: Path) -> None:
    records = [left(study, "tin200", seed) for seed in (0, 1)]
    (tmp_path / "elsewhere").mkdir()
    (study / "tin200/over_seeds").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="nothing is written through links"):
        write_over_seeds(study, records)
    assert not list((tmp_path / "elsewhere").iterdir())

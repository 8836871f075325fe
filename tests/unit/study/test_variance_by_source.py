"""Where the spread of runs comes from: arms in which one random stream alone follows the seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from tlbench.config.compose import compose_config
from tlbench.config.varied import varied
from tlbench.errors import ConfigError
from tlbench.records.folder import BY_OPTION
from tlbench.records.record import Record, read_record, write_record
from tlbench.records.sidecars import write_groups, write_per_image
from tlbench.statistics.components import beyond_sum, of_images, of_runs
from tlbench.study.collect import check_comparable
from tlbench.study.findings import findings
from tlbench.study.summary import StudySummary, summarise_study
from tlbench.study.variance_by_source import VarianceBySource
from tlbench.tasks.classification.per_image import of_predictions, read

STREAMS = ("init", "order", "augment", "split")
IMAGES, SEEDS = 50, range(1, 7)

Write = Callable[..., Record]


def probabilities(right: np.ndarray) -> np.ndarray:
    found = np.full((len(right), 2), 0.1, dtype=np.float32)
    found[np.arange(len(right)), np.where(right, 0, 1)] = 0.8
    return found


@pytest.fixture
def run(record, tmp_path: Path) -> Write:
    """Writes a run of a source in which `vary` follows the seed; with `split` the test images are others."""

    def write(
        source: str,
        vary: str | None,
        seed: int,
        *,
        own_test: bool = True,
        keep: bool = True,
        groups: Sequence[str] = (),
    ) -> Record:
        arm = f"{source}-{vary}"
        folder = tmp_path / arm / f"seed_{seed}"
        folder.mkdir(parents=True)
        rng = np.random.default_rng([seed, *map(ord, arm)])
        columns = of_predictions(np.zeros(IMAGES, dtype=np.int64), probabilities(rng.random(IMAGES) < 0.7))
        seeds = {stream: varied(stream, vary, seed) for stream in STREAMS}
        drawn = f"test of {seeds['split']}" if own_test else "test"
        sidecars = {"per_image_test": write_per_image(folder, columns)} if keep else {}
        if groups:
            sidecars["groups_test"] = write_groups(folder, groups, BY_OPTION)
        made = record(
            arm,
            seed,
            factors=["source", "vary"],
            config__vary=vary,
            config__seeds=seeds,
            data__class_names=["ant", "bee"],
            data__fingerprints={"train": f"train of {seeds['split']}", "test": drawn},
            metrics={f"test/{name}": value for name, value in read(columns, 2).metrics().items()},
            sidecars=sidecars,
        )
        write_record(folder, made)
        found = read_record(folder)
        assert found is not None
        return found

    return write


def study(
    run: Write, varies: Sequence[str] = (*STREAMS, "all"), sources=("tin200", "random"), **options
) -> StudySummary:
    records = [run(source, vary, seed, **options) for source in sources for vary in varies for seed in SEEDS]
    factors = ["source", "vary"] if len(sources) > 1 else ["vary"]
    check_comparable(records, factors)
    return summarise_study(records, factors)


def tables(summary: StudySummary) -> Mapping[str, VarianceBySource]:
    return {each.of: each for each in summary.variance_by_source}


@pytest.mark.promise("variance by source")
def test_each_arms_variance_and_that_of_their_difference(run):
    records = {
        (source, vary): [run(source, vary, seed) for seed in SEEDS]
        for source in ("tin200", "random")
        for vary in (*STREAMS, "all")
    }
    summary = summarise_study([each for runs in records.values() for each in runs], ["source", "vary"])
    oa = {key: np.array([each.metrics["test/oa"] for each in runs]) for key, runs in records.items()}
    found = tables(summary)
    assert list(found) == ["tin200", "random", "tin200 − random"]
    of_source = {vary: oa["tin200", vary] for vary in (*STREAMS, "all")}
    apart = {vary: oa["tin200", vary] - oa["random", vary] for vary in (*STREAMS, "all")}
    for name, values in (("tin200", of_source), ("tin200 − random", apart)):
        components = found[name].components
        for vary in (*STREAMS, "all"):
            assert components[vary] == of_runs(values[vary], 0.95)
        assert components["together"] == beyond_sum(values["all"], [values[s] for s in STREAMS], 0.95)
        assert found[name].runs == dict.fromkeys((*STREAMS, "all"), 6)
        assert found[name].redrawn


def test_the_test_images_part_is_of_the_runs_that_share_them(run, tmp_path):
    summary = study(run)
    right = [
        np.load(tmp_path / f"tin200-{vary}" / f"seed_{seed}" / "per_image_test.npz")
        for vary in ("init", "order", "augment")
        for seed in SEEDS
    ]
    crossed = np.stack([each["target"] == each["found"] for each in right]).astype(float)
    found = tables(summary)["tin200"]
    assert found.components["test images"] == of_images(crossed, 0.95)
    assert (found.images, found.groups, found.no_images) == (IMAGES, None, None)


def test_a_test_set_of_its_own_split_is_shared_by_all(run):
    found = tables(study(run, own_test=False))["random"]
    assert not found.redrawn
    assert found.images == IMAGES


def test_groups_take_the_images_place(run):
    summary = study(run, ("init", "all"), sources=("tin200",), groups=[f"scene {i // 2}" for i in range(IMAGES)])
    found = tables(summary)[""]
    assert (found.images, found.groups) == (IMAGES, 25)
    assert any(line.startswith("  test images, 50 in 25 groups   ") for line, _ in findings(summary))


def test_what_keeps_nothing_of_the_test_images_says_so(run):
    summary = study(run, ("init", "all"), keep=False)
    found = tables(summary)["tin200"]
    assert "test images" not in found.components
    assert found.no_images is not None
    assert "kept nothing of each test image" in found.no_images
    assert any("the test images' part is not known: runs of an earlier" in line for line, _ in findings(summary))
    assert "together" not in found.components  # order, augment and split are not there


@pytest.mark.promise("variance by source")
def test_arms_in_which_one_stream_alone_varies_are_not_compared(run):
    summary = study(run)
    assert {(d.arm, d.baseline) for d in summary.differences} == {("tin200-all", "random-all")}
    assert summary.effects == ()
    assert len(summary.recommendations) == 1
    assert not any("differs from it" in note for note in summary.notes)
    assert any(note.startswith("8 arms in which one random stream alone follows the seed") for note in summary.notes)
    alone = study(run, ("init", "split"), sources=("timm",))
    assert alone.differences == ()
    assert list(tables(alone)) == [""]


def test_the_lines(run):
    summary = study(run, ("init", "all"))
    lines = [line for line, _ in findings(summary)]
    start = next(i for i, line in enumerate(lines) if line.startswith("Where the spread"))
    assert lines[start] == (
        "Where the spread of runs comes from: standard deviation in points test/oa, 95% intervals, 6 runs a row:"
    )
    head, first, images, together = lines[start + 1 : start + 5]
    assert head.split("   ")[-1].strip() == "tin200 − random"
    found = tables(summary)["tin200"].components["init"]
    low, high = found.std_ends or (0, 0)
    assert first.startswith(f"  init                  {100 * found.std:.2f} [{100 * low:.2f}, {100 * high:.2f}]   ")
    assert images.startswith("  test images, 50")
    assert together.startswith("  all streams at once")


@pytest.mark.parametrize(
    ("vary", "seeds"),
    [
        (None, (7, 7, 7, 0)),
        ("all", (7, 7, 7, 7)),
        ("init", (7, 0, 0, 0)),
        ("order", (0, 7, 0, 0)),
        ("augment", (0, 0, 7, 0)),
        ("split", (0, 0, 0, 7)),
    ],
)
def test_which_streams_follow_the_seed(vary, seeds):
    config = compose_config(["seed=7", *([f"vary={vary}"] if vary else [])])
    assert tuple(getattr(config.seeds, stream) for stream in STREAMS) == seeds


def test_a_seed_that_contradicts_vary_is_refused():
    expected = "seeds.split=3: with vary=init and seed=2 it is 0; leave it out, or use vary=null"
    with pytest.raises(ConfigError, match=expected.replace(".", r"\.")):
        compose_config(["vary=init", "seed=2", "seeds.split=3"])


def test_a_study_in_which_one_stream_alone_varies_says_what_its_intervals_cover(run):
    records = [run(source, "order", seed) for source in ("tin200", "random") for seed in SEEDS]
    records = [each.model_copy(update={"factors": ["source"]}) for each in records]
    notes = summarise_study(records, ["source"]).notes
    assert any(note.startswith("Only seeds.order followed the seed (vary=order)") for note in notes)

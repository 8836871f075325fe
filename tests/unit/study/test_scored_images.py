"""Intervals that cover the test images, from what runs keep of each."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlbench.records.arrays import read_arrays, write_arrays
from tlbench.records.folder import BY_LOOKS, BY_OPTION
from tlbench.records.record import Record, read_record, write_record
from tlbench.records.sidecars import write_groups, write_per_image
from tlbench.statistics.paired import (
    by_group,
    over_folds,
    over_seeds,
    over_seeds_and_images,
    with_image_variance,
)
from tlbench.study.comparisons import Difference
from tlbench.study.scored_images import ScoredImages, grouped_alike
from tlbench.study.scored_images import scored_images as images_of
from tlbench.study.sentences import difference_line
from tlbench.study.summary import StudySummary, summarise_study
from tlbench.tasks.classification.per_image import of_predictions, read

Make = Callable[..., Record]
IMAGES, CLASSES = 40, 3


def predictions(seed: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Targets (the same for all seeds) and probabilities of which about a share is right."""
    target = np.random.default_rng(0).integers(0, CLASSES, IMAGES)
    rng = np.random.default_rng([seed, round(100 * share)])
    found = np.where(rng.random(IMAGES) < share, target, rng.integers(0, CLASSES, IMAGES))
    probabilities = np.full((IMAGES, CLASSES), 0.1, dtype=np.float32)
    probabilities[np.arange(IMAGES), found] = 0.8
    return target, probabilities


@pytest.fixture
def run(record: Make, tmp_path: Path) -> Callable[..., Record]:
    """Writes a run with what it kept of its test images, and reads its record."""

    def write(
        arm: str,
        seed: int,
        share: float,
        *,
        keep: bool = True,
        groups: Sequence[str] = (),
        origin: str = BY_OPTION,
        **changes: Any,
    ) -> Record:
        folder = tmp_path / arm / f"seed_{seed}"
        folder.mkdir(parents=True)
        columns = of_predictions(*predictions(seed, share))
        sidecars = {"per_image_test": write_per_image(folder, columns)} if keep else {}
        if groups:
            sidecars["groups_test"] = write_groups(folder, groups, origin)
        metrics = {f"test/{name}": value for name, value in read(columns, CLASSES).metrics().items()}
        values = {"metrics": metrics, "sidecars": sidecars, "data__class_names": ["ant", "bee", "cat"], **changes}
        write_record(folder, record(arm, seed, **values))
        found = read_record(folder)
        assert found is not None
        return found

    return write


def flipped(data: bytes) -> bytes:
    """With another byte in the middle of what is compressed."""
    middle = 60
    return data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :]


def both(run: Callable[..., Record], seeds: Sequence[int] = (0, 1, 2), **changes: Any) -> list[Record]:
    return [run(arm, seed, share, **changes) for arm, share in (("tin200", 0.8), ("random", 0.5)) for seed in seeds]


def of(summary: StudySummary, metric: str) -> Difference:
    return next(d for d in summary.differences if d.metric == metric)


@pytest.mark.promise("two-way intervals")
def test_accuracy_is_crossed_with_the_test_images(run: Callable[..., Record]) -> None:
    records = both(run)
    paired = of(summarise_study(records, ["source"]), "test/oa").paired
    drawn = [predictions(seed, share) for share in (0.8, 0.5) for seed in range(3)]
    right = [(probabilities.argmax(1) == target).astype(float) for target, probabilities in drawn]
    d = np.stack(right[:3]) - np.stack(right[3:])
    crossed, plain = over_seeds_and_images(d), over_seeds(d.mean(1), 1 / IMAGES)
    expected = max(crossed.half_width(0.95), plain.half_width(0.95))
    assert paired.mean == pytest.approx(d.mean(), abs=1e-12)
    assert (paired.high - paired.low) / 2 == pytest.approx(expected, abs=1e-12)
    assert (paired.covers, paired.images, paired.uncovered) == (("seeds", "test images"), IMAGES, None)
    assert paired.seeds_only == pytest.approx(plain.interval(0.95), abs=1e-12)


@pytest.mark.promise("two-way intervals")
def test_f1_gets_the_bootstraps_variance_over_test_images(run: Callable[..., Record]) -> None:
    records = both(run)
    paired = of(summarise_study(records, ["source"]), "test/f1").paired
    d = np.array([records[s].metrics["test/f1"] - records[3 + s].metrics["test/f1"] for s in range(3)])
    # A bootstrap written out: images drawn with replacement, the same in every run.
    rng, drawn = np.random.default_rng(7), []
    kept = [of_predictions(*predictions(s, share)) for share in (0.8, 0.5) for s in range(3)]
    for _ in range(1000):
        chosen = rng.integers(0, IMAGES, IMAGES)
        f1 = [read({k: column[chosen] for k, column in each.items()}, CLASSES).metrics()["f1"] for each in kept]
        drawn.append(np.mean(f1[:3]) - np.mean(f1[3:]))
    variance = float(np.var(drawn, ddof=1))
    assert paired.error == pytest.approx(with_image_variance(d, variance, IMAGES).error, rel=0.1)
    assert paired.error > over_seeds(d).error
    assert paired.narrower == pytest.approx((over_seeds(d).error, 2))
    assert paired.covers == ("seeds", "test images")


@pytest.mark.promise("two-way intervals")
def test_alike_seeds_do_not_make_a_finite_test_set_certain(run: Callable[..., Record]) -> None:
    records = [run(arm, seed, share) for arm, share in (("tin200", 0.8), ("random", 0.5)) for seed in (0,)]
    again = [r.model_copy(update={"seed": 1}) for r in records]
    paired = of(summarise_study([*records, *again], ["source"]), "test/oa").paired
    assert paired.std == 0
    assert paired.high - paired.low > 0.2  # 40 images


def test_the_same_records_give_the_same_interval(run: Callable[..., Record]) -> None:
    records = both(run)
    first, second = (summarise_study(records, ["source"]).to_dict() for _ in range(2))
    assert first == second


@pytest.mark.promise("two-way intervals")
@pytest.mark.parametrize(
    ("prints", "covers"),
    [
        (lambda seed: {"train": f"a{seed}", "val": f"b{seed}", "test": "c"}, ("seeds", "splits", "test images")),
        (lambda seed: {"train": f"a{seed}", "val": "b", "test": f"c{seed}"}, ("seeds", "splits", "test images")),
        (lambda _: {"train": "a", "val": "b", "test": "c"}, ("seeds", "test images")),
        (lambda seed: {"train": f"a{seed // 2}", "val": "b", "test": "c"}, ("seeds", "test images")),
    ],
)
def test_splits_that_change_with_the_seed_are_covered(
    run: Callable[..., Record], prints: Callable[[int], dict[str, str]], covers: tuple[str, ...]
) -> None:
    records = [r for s in (0, 1, 2) for r in both(run, [s], data__fingerprints=prints(s))]
    paired = of(summarise_study(records, ["source"]), "test/oa").paired
    assert paired.covers == covers
    changing = prints(0)["test"] != prints(1)["test"]
    assert paired.images == (None if changing else IMAGES)
    assert paired.uncovered is None
    if changing:
        assert (paired.low, paired.high) == paired.seeds_only


@pytest.mark.promise("two-way intervals")
def test_test_images_that_change_between_some_seeds_alone_are_not_covered(run: Callable[..., Record]) -> None:
    records = [r for s in (0, 1, 2) for r in both(run, [s], data__fingerprints={"train": "a", "test": f"c{s // 2}"})]
    paired = of(summarise_study(records, ["source"]), "test/oa").paired
    assert (paired.covers, paired.uncovered) == (("seeds",), "they differ between seeds")


def test_arms_that_decode_the_test_images_otherwise_are_not_crossed(run: Callable[..., Record]) -> None:
    records = [
        run(arm, seed, 0.7, data__fingerprints={"train": "a", "test": arm})
        for arm in ("tin200", "random")
        for seed in (0, 1)
    ]
    paired = of(summarise_study(records, ["source"]), "test/oa").paired
    assert paired.covers == ("seeds",)
    assert "other fingerprints" in str(paired.uncovered)


@pytest.mark.promise("two-way intervals")
@pytest.mark.parametrize("missing", ["tin200", "random"])
def test_without_what_runs_keep_the_interval_covers_seeds_alone_and_says_so(
    run: Callable[..., Record], missing: str
) -> None:
    records = [run(arm, seed, 0.7, keep=arm != missing) for arm in ("tin200", "random") for seed in (0, 1)]
    summary = summarise_study(records, ["source"])
    paired = of(summary, "test/oa").paired
    assert (paired.covers, paired.images) == (("seeds",), None)
    assert [note for note in summary.notes if "do not cover the test images" in note] == [
        f"The intervals do not cover the test images: {paired.uncovered}."
    ]
    assert "run them again with rerun=true" in str(paired.uncovered)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.unlink(), "per_image_test.npz is gone"),
        (lambda path: path.write_bytes(b"no archive"), "cannot be read as stored predictions"),
        (lambda path: path.write_bytes(flipped(path.read_bytes())), "cannot be read as stored predictions"),
        (lambda path: write_per_image(path.parent, {"target": np.zeros(3, dtype=np.uint8)}), "'found'"),
        (
            lambda path: write_per_image(path.parent, of_predictions(*predictions(99, 0.3))),
            "gives test/oa 0.6, the record has 0.925; it is not of this run",
        ),
    ],
)
def test_a_file_that_is_not_of_the_run_is_not_used(
    run: Callable[..., Record], damage: Callable[[Path], object], said: str
) -> None:
    record = run("tin200", 0, 0.8)
    assert isinstance(images_of(record), ScoredImages)
    assert record.folder is not None
    damage(record.folder / "per_image_test.npz")
    reason = images_of(record)
    assert isinstance(reason, str)
    assert re.search(said, reason), reason


def test_an_undefined_metric_of_the_record_is_no_contradiction(run: Callable[..., Record]) -> None:
    record = run("tin200", 0, 0.8)
    assert isinstance(images_of(record.model_copy(update={"metrics": {**record.metrics, "test/kappa": math.nan}})), str)
    known = images_of(record)
    assert isinstance(known, ScoredImages)
    assert known.drawn["oa"].shape == (1000,)
    assert known.drawn["oa"].mean() == pytest.approx(record.metrics["test/oa"], abs=0.01)


TWELVE = [f"patient {i % 7 + 5 * (i > 20)}" for i in range(IMAGES)]
"""Twelve groups of unequal size."""


@pytest.mark.promise("groups of test images")
def test_groups_are_what_is_crossed_and_drawn(run: Callable[..., Record]) -> None:
    summary = summarise_study(both(run, groups=TWELVE), ["source"])
    drawn = [predictions(seed, share) for share in (0.8, 0.5) for seed in range(3)]
    right = [(probabilities.argmax(1) == target).astype(float) for target, probabilities in drawn]
    d, groups = np.stack(right[:3]) - np.stack(right[3:]), np.unique(TWELVE, return_inverse=True)[1]
    crossed = over_seeds_and_images(by_group(d, groups))
    paired = of(summary, "test/oa").paired
    assert (paired.images, paired.groups) == (IMAGES, 12)
    assert (paired.high - paired.low) / 2 == pytest.approx(crossed.half_width(0.95), abs=1e-12)
    assert crossed.error != pytest.approx(over_seeds_and_images(d).error, rel=0.02)
    assert "over 3 seeds and 12 groups of 40 test images (data.group)" in difference_line(
        of(summary, "test/oa"), percent=True
    )
    one, other = (images_of(run(name, 0, 0.7, groups=kept)) for name, kept in (("grouped", TWELVE), ("alone", [])))
    assert isinstance(one, ScoredImages)
    assert isinstance(other, ScoredImages)
    assert np.std(one.drawn["kappa"]) != pytest.approx(np.std(other.drawn["kappa"]), rel=0.02)


@pytest.mark.promise("groups of test images")
def test_few_groups_do_not_tell_how_far_others_would_be(run: Callable[..., Record]) -> None:
    nine = [f"scene {i % 9}" for i in range(IMAGES)]
    paired = of(summarise_study(both(run, groups=nine), ["source"]), "test/oa").paired
    assert paired.covers == ("seeds",)
    assert paired.uncovered == (
        "they come in 9 groups (data.group), and fewer than 10 do not tell how far others would be"
    )


@pytest.mark.promise("near-duplicates within test")
def test_near_duplicates_are_crossed_as_groups_and_named(run: Callable[..., Record]) -> None:
    given, found = (
        summarise_study([*both(run, [seed + 3 * k for seed in range(3)], groups=TWELVE, origin=origin)], ["source"])
        for k, origin in enumerate((BY_OPTION, BY_LOOKS))
    )
    paired = of(found, "test/oa").paired
    assert (paired.images, paired.groups, paired.groups_by) == (IMAGES, 12, BY_LOOKS)
    drawn = [predictions(seed, share) for share in (0.8, 0.5) for seed in (3, 4, 5)]
    right = [(probabilities.argmax(1) == target).astype(float) for target, probabilities in drawn]
    d, groups = np.stack(right[:3]) - np.stack(right[3:]), np.unique(TWELVE, return_inverse=True)[1]
    estimates = over_seeds_and_images(by_group(d, groups)), over_seeds(d.mean(1), 1 / IMAGES)
    expected = max(each.half_width(0.95) for each in estimates)
    assert (paired.high - paired.low) / 2 == pytest.approx(expected, abs=1e-12)
    line = difference_line(of(found, "test/oa"), percent=True)
    assert "over 3 seeds and 12 groups of 40 test images (near-duplicates found by the audit)" in line
    assert of(given, "test/oa").paired.groups_by == BY_OPTION


@pytest.mark.promise("near-duplicates within test")
@pytest.mark.parametrize(("groups", "said"), [(9, "9 groups"), (1, "1 group")])
def test_few_groups_of_near_duplicates(run: Callable[..., Record], groups: int, said: str) -> None:
    few = [f"{i % groups}.png" for i in range(IMAGES)]
    paired = of(summarise_study(both(run, groups=few, origin=BY_LOOKS), ["source"]), "test/oa").paired
    assert paired.covers == ("seeds",)
    assert paired.uncovered == (
        f"they come in {said} (near-duplicates found by the audit), and fewer than 10 do not tell how far others "
        "would be"
    )


@pytest.mark.promise("near-duplicates within test")
def test_runs_of_the_same_images_have_the_same_groups(run: Callable[..., Record]) -> None:
    """Those of runs from before the audit looked for near-duplicates are those of the others."""
    eleven = ["scene 0" if name == "patient 1" else name for name in TWELVE]
    records = [
        run("tin200", 0, 0.8),
        run("tin200", 1, 0.8, groups=eleven, origin=BY_LOOKS),
        run("random", 0, 0.5, groups=TWELVE, origin=BY_LOOKS),
        run("random", 1, 0.5),
    ]
    found = grouped_alike([images_of(record) for record in records])
    assert {(each.units, each.origin) for each in found} == {(12, BY_LOOKS)}
    assert of(summarise_study(records, ["source"]), "test/f1").paired.groups == 12
    given = images_of(run("given", 0, 0.8, groups=["a", "b"] * (IMAGES // 2)))
    others = images_of(run("others", 0, 0.8, data__fingerprints={"test": "other"}))
    mixed = grouped_alike([*found, given, others, "a reason"])
    assert [each.origin for each in mixed[:5]] == [BY_OPTION] * 5
    assert {frozenset(each.group_names or ()) for each in mixed[:5]} == {frozenset("ab")}
    assert mixed[5:] == [others, "a reason"]


def test_groups_of_before_their_origin_was_kept_are_of_the_option(run: Callable[..., Record]) -> None:
    record = run("old", 0, 0.7, groups=TWELVE)
    assert record.folder is not None
    arrays = read_arrays(record.folder / "groups_test.npz")
    write_arrays(record.folder / "groups_test.npz", {key: arrays[key] for key in ("group", "names")})
    found = images_of(record)
    assert isinstance(found, ScoredImages)
    assert found.origin == BY_OPTION
    write_arrays(record.folder / "groups_test.npz", {**arrays, "origin": np.array("a wish")})
    assert "says that its groups come from 'a wish'; this version knows no such" in str(images_of(record))


def test_groups_of_other_images(run: Callable[..., Record]) -> None:
    found = images_of(run("short", 0, 0.7, groups=TWELVE[:-1]))
    assert "groups_test.npz holds the groups of 39 images; the run tested 40" in str(found)


@pytest.mark.promise("folds that overlap")
def test_folds_take_the_corrected_t(run: Callable[..., Record]) -> None:
    def folded(arm: str, seed: int, share: float) -> Record:
        counts = {"train": 140, "val": 20, "test": 40}
        rule = {"folds": 5, "fold": "test", "split_seed": seed, "counts": counts}
        prints = {split: f"{split}{seed}" for split in ("train", "val", "test")}
        return run(arm, seed, share, data__split_rule=rule, data__fingerprints=prints)

    records = [folded(arm, seed, share) for arm, share in (("tin200", 0.8), ("random", 0.5)) for seed in range(5)]
    summary = summarise_study(records, ["source"])
    values = [record.metrics["test/oa"] for record in records]
    d = np.array(values[:5]) - np.array(values[5:])
    paired = of(summary, "test/oa").paired
    assert (paired.high - paired.low) / 2 == pytest.approx(over_folds(d, 40 / 140).half_width(0.95), abs=1e-12)
    assert "over 5 seeds, their splits and their test images" in difference_line(of(summary, "test/oa"), percent=True)


def test_one_fold_for_all_seeds_is_no_cross_validation_and_is_told(run: Callable[..., Record]) -> None:
    rule = {"folds": 5, "fold": "test", "split_seed": 0, "counts": {"train": 140, "val": 20, "test": 40}}
    summary = summarise_study(both(run, data__split_rule=rule), ["source"])
    assert of(summary, "test/oa").paired.images == IMAGES
    (note,) = [note for note in summary.notes if "folds" in note]
    assert note == (
        "All runs have the same of 5 folds, as they have one split seed; with 'seeds.split=${seed}' each seed has its "
        "own."
    )


@pytest.mark.promise("groups of test images")
def test_few_groups_of_each_seeds_own_test_images(run: Callable[..., Record]) -> None:
    def own(arm: str, seed: int, share: float) -> Record:
        groups = [f"scene {seed} {i % 3}" for i in range(IMAGES)]
        return run(arm, seed, share, groups=groups, data__fingerprints={"test": f"test {seed}"})

    with_one_that_has_none = [
        run(arm, seed, share, groups=["a", "b"] * 20 if seed else [], data__fingerprints={"test": f"test {seed}"})
        for arm, share in (("tin200", 0.8), ("random", 0.5))
        for seed in (0, 1)
    ]
    assert "test images" in of(summarise_study(with_one_that_has_none, ["source"]), "test/oa").paired.covers
    for seeds, covered in ((3, False), (4, True)):  # of three groups each: nine, and twelve
        arms = {"tin200": 0.8, "random": 0.5}
        records = [own(f"{arm}{seeds}", seed, share) for arm, share in arms.items() for seed in range(seeds)]
        summary = summarise_study(records, ["source"], against={f"tin200{seeds}": f"random{seeds}"})
        assert ("test images" in of(summary, "test/oa").paired.covers) is covered

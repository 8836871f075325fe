from __future__ import annotations

import io
from collections.abc import Callable

from rich.console import Console

from tlbench.records.record import Record
from tlbench.study.render import render, warning_lines
from tlbench.study.summary import LeftOut, StudySummary, summarise_study

Make = Callable[..., Record]

STAND_IN = {"kind": "data", "wanted": "cifar10", "used": "digits", "reason": "no network"}


def study(record: Make, *oa_of_tin200: float, **changes: object) -> list[Record]:
    """tin200 with these overall accuracies against random with 0.90."""
    tin200 = [record("tin200", seed, oa, **changes) for seed, oa in enumerate(oa_of_tin200)]
    return [*tin200, *(record("random", seed, 0.9, **changes) for seed in range(len(oa_of_tin200)))]


def printed(summary: StudySummary, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding)
    Console(file=file, width=80).print(render(summary))
    file.flush()
    return raw.getvalue().decode(encoding)


def test_plain_text_at_80_columns(record: Make, failed: Make) -> None:
    records = [*study(record, 0.96, 0.97, 0.98, stand_ins=[STAND_IN]), failed("imagenet", 0, "loss [0] is nan\nmore")]
    text = printed(summarise_study(records, ["source"]))
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80
    rows = {" ".join(line.split()) for line in text.splitlines()}
    assert {
        "quickstart: mean ± standard deviation over seeds",
        "STAND-IN: data digits, not cifar10",
        "tin200 random imagenet",
        "test/oa % 97.0 ± 1.0 90.0 ± 0.0 -",
        "test/kappa 0.500 ± 0.000 0.500 ± 0.000 -",
        "test/ece 0.125 ± 0.000 0.125 ± 0.000 -",
        "runs 3 3 0 of 1",
        "training s 10 10 -",
        "tin200 is better than random: p = 0.007; ahead in 100% of the seeds, Hedges' g",
        "failed: imagenet/seed_0: RuntimeError: loss [0] is nan",
    } <= rows


def test_many_arms_with_long_names_still_fit(record: Make) -> None:
    arms = [f"{source}-feature_extractor-{lr}" for source in ("tin200", "imagenet", "random") for lr in (0.1, 0.001)]
    text = printed(summarise_study([record(arm, seed) for arm in arms for seed in (0, 1)], ["source"]))
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("90.0 ± 0.0") == 3 * len(arms)
    assert "…" not in text


def test_the_strategies_names_stand_whole(record: Make) -> None:
    arms = ("feature_extractor", "head_then_full", "gradual_unfreezing", "full")
    text = printed(summarise_study([record(arm, seed) for arm in arms for seed in (0, 1)], ["strategy"]))
    header = {name for line in text.splitlines() for name in line.split()}
    assert set(arms) <= header


def test_an_output_without_these_characters_gets_others(record: Make) -> None:
    text = printed(summarise_study(study(record, 0.96, 0.97), ["source"]), encoding="ascii")
    assert "96.5 +/- 0.7" in text
    assert "tin200 - random: +6.50 points test/oa" in text


def test_chosen_values_stand_in_the_table_and_how_they_were_chosen_below(record: Make) -> None:
    def tuned(arm: str, lr: float, weight_decay: float, failed: bool = False) -> list[Record]:
        chosen = {"optimizer.lr": lr, "optimizer.weight_decay": weight_decay}
        trials = [{"values": chosen, "value": None if failed else 0.5, "status": "complete"}]
        tuning = {
            "keys": list(chosen),
            "ranges": {"optimizer.lr": [1e-5, 0.1], "optimizer.weight_decay": [1e-6, 0.5]},
            "budget": 10,
            "seed": 1000,
            "max_epochs": 1,
            "monitor": "val/oa",
            "config_hash": arm,
            "trials": trials,
            "chosen": chosen,
            "warnings": ["at the edge"] if failed else [],
        }
        return [record(arm, seed, tuning=tuning) for seed in (0, 1)]

    summary = summarise_study([*tuned("tin200", 0.00123, 0.5), *tuned("random", 3e-05, 1e-6, True)], ["source"])
    rows = {" ".join(line.split()) for line in printed(summary).splitlines()}
    assert {"optimizer.lr 0.00123 3e-05", "optimizer.weight_decay 0.5 1e-06", "runs 2 2"} <= rows
    assert summary.notes[:-1] == (
        "optimizer.lr in [1e-05, 0.1] and optimizer.weight_decay in [1e-06, 0.5]: chosen on validation (val/oa), 10 "
        "trials an arm, 1 epoch each.",
        "random: at the edge",
        "random: 1 of 10 trials failed and counted as the worst.",
    )
    assert max(map(len, printed(summary).splitlines()[:9])) <= 80


def test_what_was_there_before_and_what_is_left_out_is_told(record: Make) -> None:
    runs = study(record, 0.96, 0.97, 0.98)
    left_out = [LeftOut("tin200/seed_9", "interrupted, not complete")]
    text = printed(summarise_study(runs[:1], ["source"], kept=runs[1:], left_out=left_out))
    assert "not of this command, kept from before: tin200: seeds 1, 2; random: seeds 0, 1, 2" in " ".join(text.split())
    assert "left out: tin200/seed_9: interrupted, not complete" in text
    assert "kept from before" not in printed(summarise_study(runs, ["source"]))


def test_warnings_name_the_runs_unless_all_said_so(record: Make, failed: Make) -> None:
    runs = [
        record("a", 0, warnings=["x", "y"]),
        record("a", 1, warnings=["x"]),
        record("random", 1, warnings=["x", "z"]),
    ]
    told = [("late", "random", 1), ("z", "a", 0)]
    assert warning_lines(summarise_study(runs, ["source"], told=told)) == [
        "x",
        "y (a: seed 0)",
        "z (a: seed 0; random: seed 1)",
        "late (random: seed 1)",
    ]
    assert (
        warning_lines(summarise_study([*runs, failed("random", 0)], ["source"]))[0]
        == "x (a: seeds 0, 1; random: seed 1)"
    )


def test_what_the_most_frequent_class_alone_would_reach_is_said(record: Make) -> None:
    def audited(name: str, oa: float) -> dict[str, object]:
        splits = {"val": {"oa": 0.1, "miou": 0.1}, "test": {"oa": oa, "miou": 0.125}}
        return {"majority": {"class": name, "splits": splits}}

    runs = study(record, 0.96, 0.97)
    assert summarise_study(runs, ["source"]).floor is None
    runs = [record(run.arm, run.seed, 0.9, data__audit=audited("sky", 0.5 + 0.1 * run.seed)) for run in runs]
    summary = summarise_study(runs, ["source"])
    assert summary.to_dict()["floor"] == {"name": "sky", "metrics": {"test/oa": 0.55, "test/miou": 0.125}}
    assert "all 'sky': test/oa 55.0 %" in printed(summary)  # of the metrics that the study sums up
    others = [record("random", 0, 0.9, data__audit=audited("road", 0.5)), *runs]
    floor = summarise_study(others, ["source"]).floor
    assert floor is not None
    assert floor.name == "road or sky"

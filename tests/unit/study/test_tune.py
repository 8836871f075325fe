"""Tuning a study's arms, with recorded results in place of trials and runs."""

from __future__ import annotations

import functools
import json
import math
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.locks import fabricate
from tests.records import record
from tests.unit.study.test_launch import composed
from tlbench.config.compose import compose_config
from tlbench.errors import ConfigError, FolderInUse
from tlbench.records.folder import LAST_CHECKPOINT
from tlbench.records.lock_file import LOCK_FILE
from tlbench.records.record import BestRecord, ErrorRecord, read_record, write_record
from tlbench.records.tuning import read_tuning
from tlbench.study import jobs as jobs_module
from tlbench.study import launch, tune
from tlbench.study.chain import StudyFailed, Wait
from tlbench.study.launch import launch_study
from tlbench.study.trials import make_room, remove_checkpoints

STUDY = Path("outputs/digits_resnet18")
TUNE = ("tune=optimizer.lr", "tuning.trials=3", "tuning.seed=0")  # a seed of which the values are known
BEST_LR = {"tin200": 3e-5, "random": 0.01}


class Machine:
    """Stands in for all subprocesses: a trial's validation accuracy falls with the distance from the arm's best rate.

    `codes` holds exit codes by `<arm>/<folder>` (0 where there is none); `stop_before` interrupts.
    """

    def __init__(self):
        self.codes, self.trained, self.arguments, self.stop_before = {}, [], {}, None

    def run_jobs(self, jobs, n_jobs):
        return [self.run(job) for job in jobs]

    def run_chains(self, chains, n_jobs, _watch=None):
        chains = list(chains)
        self.at_a_time = n_jobs
        turns = [(chain, None) for chain in chains]
        try:
            while turns:  # in turns, as side by side
                chain, code = turns.pop(0)
                try:
                    job = next(chain) if code is None else chain.send(code)
                except StopIteration:
                    continue
                turns.append((chain, self.run(job)))
        finally:
            for chain in chains:
                chain.close()

    def run(self, job):
        name = job.folder.as_posix().removeprefix(f"{STUDY.as_posix()}/").replace("tuning/", "")
        if name == self.stop_before:
            raise KeyboardInterrupt
        if job.prepare is not None:
            job.prepare()
        overrides = [a for a in job.arguments if not a.startswith("hydra.")]
        config = _configured(tuple(overrides))
        earlier = read_record(job.folder)
        if earlier is not None and earlier.status == "complete":
            return 0
        self.trained.append(name)
        self.arguments[name] = list(job.arguments)
        code = self.codes.get(name, 0)
        arm = name.split("/")[0]
        job.folder.mkdir(parents=True, exist_ok=True)
        (job.folder / LAST_CHECKPOINT).touch()
        oa = 0.9 - 0.1 * abs(math.log10(config.optimizer.lr / BEST_LR[arm]))
        changed = {"arm": arm, "best": BestRecord(monitor="val/oa", value=oa, epoch=1, stage="full")}
        changed |= {"metrics": {"test/oa": oa - 0.01} if config.test else {}}
        if not config.test:
            assert config.tune is None
        elif config.tune:
            changed["tuning"] = read_tuning(job.folder.parent / "tuning")
        if code == 1:
            reason = ErrorRecord(type="NonFiniteLoss", message="the loss is nan", traceback=None)
            changed |= {"status": "failed", "error": reason, "metrics": {}, "best": None}
        if code in (0, 1):
            write_record(job.folder, record(config=config.model_dump(mode="json"), **changed))
        return code


@pytest.fixture
def machine(monkeypatch):
    machine = Machine()
    monkeypatch.setattr(launch, "run_jobs", machine.run_jobs)
    monkeypatch.setattr(tune, "run_chains", machine.run_chains)
    return machine


_configured = functools.cache(lambda overrides: compose_config(overrides))


def start(*extra, arms=("tin200", "random"), seeds=(0, 1), n_jobs=1):
    given = [override for override in TUNE if not any(o.startswith(override.split("=")[0] + "=") for o in extra)]
    jobs = [[f"source={arm}", f"seed={seed}", *given, *extra] for arm in arms for seed in seeds]
    return launch_study(jobs, composed, composed(()), n_jobs)


def trial_lrs(arm):
    return [trial.values["optimizer.lr"] for trial in read_tuning(STUDY / arm / "tuning").trials]


def summary():
    return json.loads((STUDY / "summary.json").read_text())


def test_each_arm_gets_the_best_of_as_many_trials_before_its_seeds_run(machine, capsys):
    assert start() == [0] * 4
    arms = ("tin200", "random")
    trials = [f"{arm}/trial_{n}" for n in (1, 2, 3) for arm in arms]
    assert machine.trained == [*trials, *(f"{arm}/seed_{seed}" for arm in arms for seed in (0, 1))]
    assert trial_lrs("tin200") == trial_lrs("random") == [0.001, 2.97e-05, 0.0088]
    chosen = {"tin200": 2.97e-05, "random": 0.0088}
    for arm, lr in chosen.items():
        for seed in (0, 1):
            run = read_record(STUDY / arm / f"seed_{seed}")
            assert (run.config["optimizer"]["lr"], run.config["tune"]) == (lr, ["optimizer.lr"])
            tuning = run.tuning
            assert tuning.chosen == {"optimizer.lr": lr}
            assert [trial.value for trial in tuning.trials] == [
                pytest.approx(0.9 - 0.1 * abs(math.log10(t / BEST_LR[arm]))) for t in trial_lrs(arm)
            ]
    by_name = {arm["name"]: arm for arm in summary()["arms"]}
    assert {arm: by_name[arm]["tuned"]["optimizer.lr"] for arm in chosen} == chosen
    text = " ".join(capsys.readouterr().out.split())
    assert "optimizer.lr 2.97e-05 0.0088" in text
    assert "optimizer.lr in [1e-05, 0.1]: chosen on validation (val/oa), 3 trials an arm, 10 epochs each." in text
    assert "tuning tin200: trial 2/3, optimizer.lr=2.97e-05: val/oa 0.89" in text


def test_a_trial_is_a_run_of_the_arm_without_a_test_and_with_the_tunings_seed_and_epochs(machine):
    start("tuning.seed=7", "tuning.max_epochs=2", "logger=wandb", "logger.wandb.mode=offline", seeds=(3,))
    trial = read_record(STUDY / "random" / "tuning" / "trial_1").config
    run = read_record(STUDY / "random" / "seed_3").config
    differing = {key for key in run if run[key] != trial[key]}
    assert differing == {"seed", "seeds", "test", "tune", "trainer", "optimizer", "logger"}
    assert (trial["seed"], trial["seeds"]["init"], trial["seeds"]["split"], trial["test"]) == (7, 7, 0, False)
    assert (trial["trainer"]["max_epochs"], run["trainer"]["max_epochs"]) == (2, 10)
    assert {**trial["optimizer"], "lr": 0} == {**run["optimizer"], "lr": 0}
    assert (trial["logger"]["wandb"], run["logger"]["wandb"]["mode"]) == (None, "offline")
    assert read_tuning(STUDY / "random" / "tuning").max_epochs == 2


def test_the_same_command_again_trains_nothing(machine, capsys):
    start()
    machine.trained.clear()
    assert start() == [0] * 4
    assert machine.trained == []
    assert "tuning random: optimizer.lr=0.0088, chosen earlier" in capsys.readouterr().out


def test_further_seeds_take_the_choice_that_is_there(machine):
    start()
    machine.trained.clear()
    start(seeds=(0, 1, 2))
    assert machine.trained == ["tin200/seed_2", "random/seed_2"]
    assert read_record(STUDY / "random" / "seed_2").config["optimizer"]["lr"] == 0.0088


@pytest.mark.slow
@pytest.mark.promise("an interrupted search")
@pytest.mark.parametrize(
    "stopped",
    [
        "random/trial_2",
        *(pytest.param(run, marks=pytest.mark.slow) for run in ("tin200/trial_1", "tin200/trial_3", "tin200/seed_0")),
    ],
)
def test_an_interrupted_study_goes_on_without_repeating_trials(machine, stopped):
    machine.stop_before = stopped
    with pytest.raises(KeyboardInterrupt):
        start("tuning.trials=10")
    machine.stop_before = None
    start("tuning.trials=10")
    assert len(machine.trained) == len(set(machine.trained)) == 24
    interrupted = {arm: trial_lrs(arm) for arm in BEST_LR}
    for path in STUDY.rglob("*.json"):
        path.unlink()
    for path in STUDY.rglob(LAST_CHECKPOINT):
        path.unlink()
    start("tuning.trials=10")
    assert {arm: trial_lrs(arm) for arm in BEST_LR} == interrupted
    assert interrupted["tin200"][:8] == interrupted["random"][:8]
    assert interrupted["tin200"][8:] != interrupted["random"][8:]  # TPE goes by each arm's results


@pytest.mark.slow
def test_arms_side_by_side_choose_the_same(machine):
    start(n_jobs=4)
    assert machine.at_a_time == 2  # an arm's trials follow each other
    assert trial_lrs("random") == [0.001, 2.97e-05, 0.0088]


@pytest.mark.slow
def test_another_search_before_any_run_leads_to_a_new_choice_and_loses_nothing(machine):
    machine.stop_before = "tin200/seed_0"
    with pytest.raises(KeyboardInterrupt):
        start()
    machine.stop_before = None
    machine.trained.clear()
    start("tuning.ranges.optimizer.lr=[1e-4,1]")
    assert [name for name in machine.trained if "trial" in name] == [
        f"{arm}/trial_{n}" for n in (1, 2, 3) for arm in ("tin200", "random")
    ]
    assert trial_lrs("random")[0] == 0.01
    assert read_record(STUDY / "random/seed_0").config["optimizer"]["lr"] == trial_lrs("random")[0]
    kept = read_record(STUDY / "random/tuning/trial_1/previous_1")
    assert kept.config["optimizer"]["lr"] == 0.001


@pytest.mark.slow
def test_a_choice_that_another_command_makes_meanwhile_is_taken_and_another_searchs_is_refused(machine, monkeypatch):
    """The other command tunes both arms when this one has been planned."""
    chains = machine.run_chains
    for other, again in (((), 0), (("tuning.trials=2",), None)):
        shutil.rmtree(STUDY, ignore_errors=True)

        def meanwhile(waiting, n_jobs, _watch, other=other):
            monkeypatch.setattr(tune, "run_chains", chains)
            machine.stop_before = "tin200/seed_0"
            with pytest.raises(KeyboardInterrupt):
                start(*other)
            machine.stop_before = None
            machine.trained.clear()
            chains(waiting, n_jobs)

        monkeypatch.setattr(tune, "run_chains", meanwhile)
        if again is None:
            with pytest.raises(ConfigError, match="another command has tuned this arm in the meantime"):
                start()
            assert machine.trained == []
            assert read_record(STUDY / "random/tuning/trial_1") is not None
        else:
            start()
            assert [name for name in machine.trained if "trial" in name] == []
            assert read_record(STUDY / "random/seed_0").config["optimizer"]["lr"] == 0.0088


def test_an_arm_that_another_process_tunes_is_waited_for(machine, monkeypatch):
    folder = STUDY / "random/tuning"
    folder.mkdir(parents=True)
    lock, waits = fabricate(folder), []

    def chains(all_chains, n_jobs, _watch):
        (chain,) = all_chains
        waits.append(next(chain))
        waits.append(chain.send(0))
        lock.unlink()
        job = chain.send(0)
        while True:
            try:
                job = chain.send(machine.run(job))
            except StopIteration:
                break

    monkeypatch.setattr(tune, "run_chains", chains)
    start(arms=("random",), seeds=(0,))
    assert waits == [Wait("tuning random", folder)] * 2
    assert not (folder / LOCK_FILE).exists()


def test_a_trial_in_whose_folder_another_process_works_is_neither_moved_nor_cleared(machine):
    start(arms=("random",), seeds=(0,))
    trial = STUDY / "random/tuning/trial_1"
    (trial / LAST_CHECKPOINT).touch()
    fabricate(trial)
    before = sorted(path.name for path in trial.iterdir())
    remove_checkpoints(trial)
    other = _configured(("source=random",))
    search = SimpleNamespace(config=other, trial_folder=lambda _: trial)
    with pytest.raises(FolderInUse):
        make_room(search, 1, {"optimizer.lr": 0.5})
    assert sorted(path.name for path in trial.iterdir()) == before


@pytest.mark.slow
def test_more_trials_go_on_from_those_that_are_there(machine):
    machine.stop_before = "tin200/seed_0"
    with pytest.raises(KeyboardInterrupt):
        start()
    machine.stop_before = None
    machine.trained.clear()
    start("tuning.trials=5")
    assert [name for name in machine.trained if "trial" in name] == [
        f"{arm}/trial_{n}" for n in (4, 5) for arm in ("tin200", "random")
    ]


@pytest.mark.slow
@pytest.mark.promise("an interrupted search")
def test_another_search_never_joins_runs_that_are_there(machine):
    start()
    machine.trained.clear()
    with pytest.raises(ConfigError, match=r"seed_0 holds a run of another configuration \(tuning.trials: 3 → 4\)"):
        start("tuning.trials=4")
    with pytest.raises(ConfigError, match=r"tuning.ranges.optimizer.lr: \[1e-05, 0.1\] → \[0.1, 1.0\]"):
        start("tuning.ranges.optimizer.lr=[0.1,1]")
    with pytest.raises(ConfigError, match=r"tune: \['optimizer.lr'\] → None"):
        start("tune=null")
    assert machine.trained == []
    start("tuning.ranges.optimizer.weight_decay=[0.1,1]")  # is not searched


@pytest.mark.promise("an interrupted search")
def test_a_failed_trial_is_the_worst_and_is_recorded(machine, capsys):
    machine.codes = {"random/trial_3": 1}
    start()
    tuning = read_record(STUDY / "random/seed_0").tuning
    assert [(t.status, t.value is None) for t in tuning.trials] == [
        ("complete", False),
        ("complete", False),
        ("failed", True),
    ]
    assert tuning.trials[2].error == "NonFiniteLoss: the loss is nan"
    assert tuning.chosen == {"optimizer.lr": 0.001}
    assert "random: 1 of 3 trials failed and counted as the worst." in summary()["notes"]


def test_an_arm_whose_trials_all_fail_is_not_run_and_the_others_are(machine):
    machine.codes = {f"random/trial_{n}": 1 for n in (1, 2, 3)}
    with pytest.raises(StudyFailed) as caught:
        start()
    assert "2 of 4 runs failed" in str(caught.value)
    reason = "not tuned: all 3 trials failed (the last: NonFiniteLoss: the loss is nan); try other tuning.ranges"
    assert reason in str(caught.value)
    assert [name for name in machine.trained if "seed" in name] == ["tin200/seed_0", "tin200/seed_1"]
    assert [(f["arm"], f["seed"], f["status"]) for f in summary()["failures"]] == [
        ("random", 0, "not run"),
        ("random", 1, "not run"),
    ]


@pytest.mark.parametrize("code", [2, -9, 143])
def test_a_trial_that_something_else_ended_stops_its_arm_and_is_tried_again(machine, code):
    machine.codes = {"random/trial_2": code}
    with pytest.raises(StudyFailed, match=rf"not tuned: trial 2 ended with exit code {code}"):
        start()
    assert "random/trial_3" not in machine.trained
    machine.codes = {}
    machine.trained.clear()
    start()
    assert machine.trained == ["random/trial_2", "random/trial_3", "random/seed_0", "random/seed_1"]


def test_finished_trials_keep_no_checkpoints(machine):
    start()
    assert sorted(path.parent.name for path in STUDY.rglob(LAST_CHECKPOINT)) == ["seed_0", "seed_0", "seed_1", "seed_1"]


@pytest.mark.promise("tuned arms")
def test_a_best_value_at_the_edge_is_a_warning_in_the_choice_and_on_the_terminal(machine, capsys):
    start("tuning.ranges.optimizer.lr=[1e-5,1e-4]", "tuning.trials=5", arms=("random",), seeds=(0,))
    (warning,) = read_tuning(STUDY / "random/tuning").warnings
    assert "at the edge of the range searched, [1e-05, 0.0001]" in warning
    assert f"warning: random: {warning}" in capsys.readouterr().out


def test_trials_of_another_split_than_the_runs_are_a_warning(machine):
    start("seeds.split=${seed}", seeds=(0, 1), arms=("random",))
    (warning,) = read_tuning(STUDY / "random/tuning").warnings
    assert "tuned on the split of seeds.split=0, while runs have 1" in warning


def test_two_keys_are_searched_together(machine):
    start("tune=[optimizer.lr,optimizer.weight_decay]", arms=("random",), seeds=(0,))
    tuning = read_record(STUDY / "random/seed_0").tuning
    assert set(tuning.chosen) == {"optimizer.lr", "optimizer.weight_decay"}
    config = read_record(STUDY / "random/seed_0").config
    assert config["optimizer"]["weight_decay"] == tuning.chosen["optimizer.weight_decay"]


def test_without_optuna_nothing_is_trained(machine, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(ConfigError, match="tlbench\\[tune\\]"):
        start()
    assert machine.trained == []


def test_trials_that_cannot_be_made_are_found_before_any_is_trained(machine):
    with pytest.raises(ConfigError, match=r"tuning.max_epochs=1: the trials cannot be made: strategy.head_epochs=3"):
        start("strategy=head_then_full", "strategy.head_epochs=3", "tuning.max_epochs=1", "optimizer.warmup_epochs=0")
    assert machine.trained == []


def test_arms_whose_trials_would_share_a_folder_are_refused(machine):
    with pytest.raises(ConfigError, match=r"hydra\.sweep\.subdir: the trials of different searches"):
        launch_study(
            [[f"source={arm}", *TUNE, "hydra.sweep.subdir=all/${source.name}"] for arm in BEST_LR],
            composed,
            composed([]),
            1,
        )
    assert machine.trained == []


def test_a_study_without_a_test_compares_what_chose_the_best_epochs(machine):
    jobs = [[f"source={arm}", f"seed={seed}", "test=false"] for arm in BEST_LR for seed in (0, 1)]
    launch_study(jobs, composed, composed(()), 1)
    assert summary()["primary"] == "val/oa"
    assert list(summary()["metrics"]) == ["val/oa"]
    (difference,) = summary()["differences"]
    expected = 0.1 * (abs(math.log10(0.001 / 0.01)) - abs(math.log10(0.001 / 3e-5)))
    assert difference["paired"]["mean"] == pytest.approx(expected)


def test_a_tuned_run_is_told_its_value_and_nothing_of_the_trials(machine):
    start(arms=("random",), seeds=(0,))
    told = machine.arguments["random/seed_0"]
    assert "optimizer.lr=0.0088" in told
    assert not [argument for argument in told if re.match("test=|trainer.max_epochs=", argument)]
    assert jobs_module.run_chains is not tune.run_chains  # nothing was started for this test

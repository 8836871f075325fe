"""Planning and concluding a study, with recorded results in place of runs."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from tests.locks import fabricate
from tests.records import record
from tlbench.config import StandIn
from tlbench.config.compose import compose_config
from tlbench.config.conf_folder import config_dir
from tlbench.config.resolvers import register_resolvers
from tlbench.errors import ConfigError, DataError, FolderInUse, OutputError
from tlbench.records.record import ErrorRecord, read_record, write_record
from tlbench.study import launch, planning
from tlbench.study.chain import StudyFailed
from tlbench.study.launch import launch_study
from tlbench.study.preregistration import REGISTRATION_FILE
from tlbench.study.status import study_status
from tlbench.study.stored import read_stored
from tlbench.study.summary import SUMMARY_FILE
from tlbench.trust.key import find_or_make_key

STUDY = Path("outputs/digits_resnet18")


def composed(overrides):
    """What Hydra composes of overrides, once for all tests; do not change it."""
    return _composed(tuple(overrides))


@functools.cache
def _composed(overrides):
    register_resolvers()
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        return compose("train", overrides=list(overrides), return_hydra_config=True)


@pytest.fixture
def runs(monkeypatch):
    """Stands in for running: takes each run's exit code from `runs.codes` by its name, 0 where there is none."""

    class Runs:
        def __init__(self):
            self.codes, self.jobs = {}, []

        def __call__(self, jobs, n_jobs):
            self.jobs = jobs
            return [self.run(job) for job in jobs]

        def run(self, job):
            code = self.codes.get(job.name, 0)
            overrides = [a for a in job.arguments if not a.startswith("hydra.")]
            changed = {"arm": job.name.split("/")[0], "metrics": {"test/oa": 0.5 + 0.01 * len(job.name)}}
            if code == 1:
                reason = ErrorRecord(type="RuntimeError", message="boom", traceback="Traceback …")
                changed |= {"status": "failed", "error": reason, "metrics": {}}
            if code in (0, 1):
                write_record(job.folder, record(*overrides, **changed))
            return code

        @property
        def names(self):
            return [job.name for job in self.jobs]

    runs = Runs()
    monkeypatch.setattr(launch, "run_jobs", runs)
    return runs


def start(*jobs, n_jobs=1, study=()):
    return launch_study([list(job) for job in jobs], composed, composed(study), n_jobs)


def test_every_run_is_told_its_folder_and_the_results_are_compared(runs, capsys):
    jobs = [(f"source={source}", f"seed={seed}") for source in ("tin200", "random") for seed in (0, 1)]
    assert start(*jobs) == [0] * 4
    assert runs.names == ["tin200/seed_0", "tin200/seed_1", "random/seed_0", "random/seed_1"]
    assert [job.folder for job in runs.jobs] == [STUDY / name for name in runs.names]
    assert list(runs.jobs[2].arguments) == [
        "source=random",
        "seed=0",
        "hydra.run.dir='outputs/digits_resnet18/random/seed_0'",
    ]
    summary = json.loads((STUDY / SUMMARY_FILE).read_text())
    assert [(arm["name"], arm["n_complete"]) for arm in summary["arms"]] == [("tin200", 2), ("random", 2)]
    out = capsys.readouterr().out
    assert "tin200 − random" in out
    assert f"summary: {STUDY / SUMMARY_FILE}" in out


def test_a_narrower_repeat_keeps_the_other_seeds_and_arms(runs, capsys):
    arms = ("full", "head_then_full", "feature_extractor")
    start(*(("factors=[strategy]", f"strategy={arm}", f"seed={seed}") for arm in arms for seed in (0, 1)))
    whole = json.loads((STUDY / SUMMARY_FILE).read_text())
    capsys.readouterr()
    start(("factors=[strategy]", "strategy=head_then_full", "seed=1"))
    out = capsys.readouterr().out
    assert runs.names == ["head_then_full/seed_1"]
    summary = json.loads((STUDY / SUMMARY_FILE).read_text())
    assert [arm.pop("kept") for arm in summary["arms"]] == [[0, 1], [0], [0, 1]]
    assert [arm.pop("kept") for arm in whole["arms"]] == [[], [], []]
    assert summary == whole
    assert "not of this command, kept from before: full, feature_extractor: seeds 0, 1; head_then_full: seed 0\n" in out
    assert out.count(" over 2 seeds") == 3  # two with the baseline, and the other pair


def test_one_value_of_what_was_swept_before_is_that_arm(runs, capsys):
    start(*((f"optimizer.lr={lr}", "seed=0") for lr in ("0.1", "0.2", "0.3")))
    start(("optimizer.lr=0.2", "seed=0"))
    assert runs.names == ["tin200-lr-0.2/seed_0"]
    summary = json.loads((STUDY / SUMMARY_FILE).read_text())
    assert [arm["name"] for arm in summary["arms"]] == ["tin200-lr-0.1", "tin200-lr-0.2", "tin200-lr-0.3"]
    assert "factors=[source,optimizer.lr], as the runs declare" in capsys.readouterr().out


def as_earlier_versions_left_it(arms):
    """A study's folders and files, its arms named by bare numbers."""
    for now, earlier in arms.items():
        (STUDY / now).rename(STUDY / earlier)
        for file in STUDY.glob("**/*.json"):
            file.write_text(file.read_text().replace(f'"{now}"', f'"{earlier}"'))


@pytest.mark.promise("arms of before")
def test_runs_under_the_names_of_before_are_gone_on_with(runs, capsys):
    rates = ("0.1", "0.2")
    start(*((f"optimizer.lr={lr}", f"seed={seed}") for lr in rates for seed in (0, 1)))
    as_earlier_versions_left_it({f"tin200-lr-{lr}": f"tin200-{lr}" for lr in rates})
    assert json.loads((STUDY / "tin200-0.1/seed_0/record.json").read_text())["arm"] == "tin200-0.1"
    capsys.readouterr()
    start(*((f"optimizer.lr={lr}", f"seed={seed}") for lr in (*rates, "0.3") for seed in (0, 1, 2)))
    assert runs.names == [
        *(f"tin200-{lr}/seed_{seed}" for lr in rates for seed in (0, 1, 2)),
        *(f"tin200-lr-0.3/seed_{seed}" for seed in (0, 1, 2)),
    ]
    out = capsys.readouterr().out
    assert f"{STUDY}/tin200-0.1: runs of tin200-lr-0.1, under the name that earlier versions gave it" in out
    summary = json.loads((STUDY / SUMMARY_FILE).read_text())
    assert [(arm["name"], arm["n_complete"]) for arm in summary["arms"]] == [
        (f"tin200-lr-{lr}", 3) for lr in (*rates, "0.3")
    ]
    late = [note for note in summary["notes"] if note.startswith("Post hoc: ")]
    assert [note.partition(", ")[0] for note in late] == [
        "Post hoc: not registered: arm tin200-lr-0.3",
        "Post hoc: not registered: seed 2 of tin200-lr-0.1",
    ]
    status = study_status(STUDY)
    assert {(run.arm, run.state) for run in status.runs} == {(arm["name"], "complete") for arm in summary["arms"]}


def test_a_narrower_repeat_leaves_the_order_of_arms_of_before(runs):
    start(*((f"optimizer.lr={lr}", "seed=0") for lr in ("0.1", "0.2", "0.3")))
    as_earlier_versions_left_it({f"tin200-lr-{lr}": f"tin200-{lr}" for lr in ("0.1", "0.2", "0.3")})
    start(("optimizer.lr=0.2", "seed=0"))
    assert runs.names == ["tin200-0.2/seed_0"]
    summary = json.loads((STUDY / SUMMARY_FILE).read_text())
    assert [arm["name"] for arm in summary["arms"]] == ["tin200-lr-0.1", "tin200-lr-0.2", "tin200-lr-0.3"]


def test_a_folder_of_before_counts_for_its_own_arm_alone(runs):
    """It may be named by the same number of another key; and where there are both names, each run stays in its own."""
    start(("optimizer.lr=0.1", "seed=0"), ("optimizer.lr=0.2", "seed=0"))
    as_earlier_versions_left_it({"tin200-lr-0.1": "tin200-0.1", "tin200-lr-0.2": "tin200-0.2"})
    start(("optimizer.weight_decay=0.1", "seed=0"), ("optimizer.weight_decay=0.2", "seed=0"))
    assert runs.names == ["tin200-weight_decay-0.1/seed_0", "tin200-weight_decay-0.2/seed_0"]
    (STUDY / "tin200-lr-0.1/seed_1").mkdir(parents=True)
    start(*((f"optimizer.lr={lr}", f"seed={seed}") for lr in ("0.1", "0.2") for seed in (0, 1)))
    assert runs.names == [
        "tin200-0.1/seed_0",
        "tin200-lr-0.1/seed_1",
        "tin200-0.2/seed_0",
        "tin200-0.2/seed_1",
    ]


@pytest.mark.promise("arms of before")
def test_a_report_of_a_study_of_before_has_its_names(runs):
    start(*((f"optimizer.lr={lr}", f"seed={seed}") for lr in ("0.1", "0.2") for seed in (0, 1)))
    as_earlier_versions_left_it({"tin200-lr-0.1": "tin200-0.1", "tin200-lr-0.2": "tin200-0.2"})
    _, records = read_stored(STUDY)
    assert [(each.arm, each.seed) for each in records] == [
        (arm, seed) for arm in ("tin200-0.1", "tin200-0.2") for seed in (0, 1)
    ]


@pytest.mark.promise("arms differ in factors alone")
def test_arms_that_differ_in_more_than_the_factors_are_refused_before_any_is_trained(runs):
    with pytest.raises(ConfigError, match=r"differ in trainer\.max_epochs: 10 and 3; only declared factors may differ"):
        start(("source=tin200", "factors=[source]"), ("source=random", "trainer.max_epochs=3", "factors=[source]"))
    start(
        ("task=detection", "callbacks.ema_decay=0.9"), ("task=detection", "callbacks.ema_decay=null")
    )  # ema_tau follows
    assert len(runs.names) == 2


def test_a_failed_run_is_named_and_the_others_are_compared(runs, capsys):
    runs.codes = {"random/seed_1": 1}
    with pytest.raises(StudyFailed, match=r"1 of 3 runs failed: outputs/\S+/random/seed_1 \(exit code 1\)"):
        start(("source=tin200", "seed=0"), ("source=random", "seed=0"), ("source=random", "seed=1"))
    summary = json.loads((STUDY / SUMMARY_FILE).read_text())
    assert [(f["arm"], f["seed"], f["status"]) for f in summary["failures"]] == [("random", 1, "failed")]
    assert "RuntimeError: boom" in capsys.readouterr().out


def test_a_killed_run_leaves_no_record_and_is_named_too(runs):
    runs.codes = {"random/seed_0": -9}
    with pytest.raises(StudyFailed, match="exit code -9"):
        start(("source=tin200",), ("source=random",))
    (failure,) = json.loads((STUDY / SUMMARY_FILE).read_text())["failures"]
    assert (failure["arm"], failure["status"]) == ("random", "killed")
    assert "exit code -9" in failure["reason"]


@pytest.mark.slow
def test_an_earlier_success_does_not_hide_todays_failure(runs):
    start(("source=tin200",), ("source=random",))
    runs.codes = {"random/seed_0": 2}
    with pytest.raises(StudyFailed):
        start(("source=tin200",), ("source=random",))
    arms = {arm["name"]: arm for arm in json.loads((STUDY / SUMMARY_FILE).read_text())["arms"]}
    assert (arms["random"]["n_complete"], arms["random"]["n_failed"]) == (0, 1)


def test_nothing_but_failures_is_no_table(runs):
    runs.codes = {"tin200/seed_0": -9, "random/seed_0": -9}
    with pytest.raises(StudyFailed, match="2 of 2 runs failed"):
        start(("source=tin200",), ("source=random",))
    assert not (STUDY / SUMMARY_FILE).exists()


def test_one_bad_configuration_and_nothing_is_run(runs):
    with pytest.raises(ConfigError, match=r"optimizer\.lr=-1"):
        start(("optimizer.lr=1",), ("optimizer.lr=-1",))
    with pytest.raises(DataError, match="nowhere"):
        start(("data=digits",), ("data=cifar10", "data.root=nowhere"))
    with pytest.raises(ConfigError, match="n_jobs=0"):
        start(("seed=0",), n_jobs=0)
    assert runs.jobs == []
    assert not Path("outputs").exists()


def test_what_the_command_line_sweeps_becomes_a_factor(runs):
    start(*((f"source={s}", f"optimizer.lr={lr}", "seed=1") for s in ("tin200", "random") for lr in ("0.1", "0.2")))
    assert runs.names == [
        f"{arm}/seed_1" for arm in ("tin200-lr-0.1", "tin200-lr-0.2", "random-lr-0.1", "random-lr-0.2")
    ]
    summary = json.loads((STUDY / SUMMARY_FILE).read_text())
    assert summary["factors"] == ["source", "optimizer.lr"]


def test_two_different_runs_never_share_a_folder(runs):
    fixed = "hydra.sweep.subdir=fixed"
    with pytest.raises(ConfigError, match=r"share the folder outputs/\S+/fixed; name what differs"):
        start(("source=tin200", fixed), ("source=random", fixed))
    assert runs.jobs == []


@pytest.fixture
def offline(monkeypatch):
    """ImageNet's weights and CIFAR-10 cannot be reached; the calls are counted."""
    asked = []

    def stand_in(kind, wanted, used):
        def ask(config):
            name = getattr(config, kind).name
            asked.append(name)
            reason = f"no {wanted}, tried {{a,b}}"
            return StandIn(kind=kind, wanted=wanted, used=used, reason=reason) if name == wanted else None

        ask.__name__ = kind
        return ask

    monkeypatch.setattr(planning, "data_stand_in", stand_in("data", "cifar10", "digits"))
    monkeypatch.setattr(planning, "source_stand_in", stand_in("source", "imagenet", "tin200"))
    return asked


def test_stand_ins_rename_the_arm_and_the_study(runs, offline, capsys):
    jobs = [("+experiment=cifar_transfer", f"source={s}", f"seed={n}") for s in ("imagenet", "random") for n in (0, 1)]
    start(*jobs, study=["+experiment=cifar_transfer"])
    assert runs.names == ["tin200/seed_0", "tin200/seed_1", "random/seed_0", "random/seed_1"]
    assert {job.folder.parts[1] for job in runs.jobs} == {"cifar_transfer-standin"}
    assert sorted(offline) == ["cifar10", "imagenet", "random"]  # once per need, whatever the arms and seeds
    out = capsys.readouterr().out
    assert out.count("STAND-INS: these are not the results") == 1
    assert "STAND-IN: source tin200, not imagenet" in out
    assert "STAND-IN: data digits, not cifar10" in out


@pytest.mark.parametrize("sources", [("imagenet", "tin200", "random"), ("tin200", "imagenet", "random")])
def test_a_stand_in_that_makes_two_arms_equal_drops_one_and_is_still_named(runs, offline, capsys, sources):
    start(*(("+experiment=cifar_transfer", f"source={s}") for s in sources))
    assert runs.names == ["tin200/seed_0", "random/seed_0"]
    out = capsys.readouterr().out
    assert "asked for twice, run once" in out
    assert "STAND-IN: source tin200, not imagenet" in out


def test_a_folder_with_a_run_of_another_configuration_stops_the_study_before_it_starts(runs):
    start(("source=tin200",))
    runs.jobs = []
    with pytest.raises(ConfigError, match=r"tin200/seed_0 holds a run of another configuration \(optimizer\.lr"):
        start(("source=random", "optimizer.lr=0.5"), ("source=tin200", "optimizer.lr=0.5"))
    assert runs.jobs == []


def test_two_studies_in_one_command_are_refused(runs):
    with pytest.raises(ConfigError, match="one study has one folder, here outputs/a, outputs/b"):
        start(("study=a",), ("study=b",))
    assert runs.jobs == []


@pytest.mark.slow
def test_complete_runs_ask_for_no_data_again(runs, offline):
    start(("source=imagenet", "study=s"), ("source=random", "study=s"))
    complete = [job.folder for job in runs.jobs]
    offline.clear()
    start(("source=tin200", "study=s-standin"), ("source=random", "study=s-standin"))
    assert [job.folder for job in runs.jobs] == complete
    assert offline == []


def test_the_launcher_answers_hydra_for_the_runs_that_were_made(monkeypatch):
    from hydra_plugins.tlbench_launcher.launcher import TlbenchLauncher

    launcher = TlbenchLauncher(n_jobs=1)
    launcher.setup(hydra_context=None, task_function=None, config=composed([]))
    monkeypatch.setattr(launch, "launch_study", lambda *_: [0, 0])
    assert [r.return_value for r in launcher.launch([["seed=0"], ["seed=0"], ["seed=1"]], 0)] == [0, 0]


def test_a_study_whose_folder_holds_links_out_of_it_is_refused_before_hydra_writes_there(tmp_path):
    from hydra_plugins.tlbench_launcher.launcher import TlbenchLauncher

    STUDY.mkdir(parents=True)
    (STUDY / "multirun.yaml").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match=r"multirun\.yaml: a link that leads out of the folder"):
        TlbenchLauncher(n_jobs=1).setup(hydra_context=None, task_function=None, config=composed([]))


def test_runs_whose_data_lie_where_the_user_said_are_vouched_for(runs):
    Path("photos").mkdir()
    photos = ("data=image_folder", "data.root=photos", f"study={STUDY.name}")
    start(("source=random", *photos), ("source=tin200", *photos))
    for arm in ("random", "tin200"):
        vouchers = json.loads((STUDY / arm / "seed_0" / "record.json").read_text())["volatile"]["vouchers"]
        assert list(vouchers) == [find_or_make_key().name]
    start(("source=random", "study=embedded"))
    record = STUDY.parent / "embedded" / "random" / "seed_0" / "record.json"
    assert json.loads(record.read_text())["volatile"]["vouchers"] == {}


def test_arms_without_need_go_along_into_the_renamed_study(runs, offline):
    start(("source=imagenet",), ("source=random",))
    assert {job.folder.parts[1] for job in runs.jobs} == {"digits_resnet18-standin"}
    assert len({job.folder for job in runs.jobs}) == 2


def test_of_two_commands_with_rerun_one_repeats_a_run(runs):
    start(("seed=0", "rerun=true"))
    (job,) = runs.jobs
    before = read_record(job.folder)
    assert compose_config(["rerun=true", "rerun=false"]).rerun is False
    assert job.prepare() == ["rerun=false"]  # there was none when it was planned
    start(("seed=0", "rerun=true"))
    (job,) = runs.jobs
    assert job.prepare() == []
    repeated = before.model_copy(update={"volatile": before.volatile.model_copy(update={"started": "later"})})
    write_record(job.folder, repeated)
    assert job.prepare() == ["rerun=false"]
    (job.folder / "record.json").unlink()  # set aside by the other, which is at work
    assert job.prepare() == []
    start(("seed=0",))
    assert runs.jobs[0].prepare is None


def test_the_summary_is_written_by_one_command_at_a_time_and_what_a_killed_one_left_is_tidied(runs, monkeypatch):
    STUDY.mkdir(parents=True)
    left = STUDY / ".summary.json.abcdefgh.tmp"
    left.write_text("half")
    lock = fabricate(STUDY)
    monkeypatch.setattr(launch, "_PATIENCE_S", 0)
    with pytest.raises(FolderInUse):
        start(("seed=0",))
    lock.unlink()
    start(("seed=0",))
    assert sorted(path.name for path in STUDY.iterdir()) == [
        *("figures", REGISTRATION_FILE, "report.html", "results.csv", SUMMARY_FILE),
        *("table.md", "table.tex", "tin200"),
    ]


def test_a_report_that_cannot_be_written_costs_neither_table_nor_runs(runs, capsys):
    (STUDY / "report.html").mkdir(parents=True)
    start(("seed=0",))
    said = "".join(capsys.readouterr())
    assert "test/oa" in said
    assert "warning: no report: " in said
    assert (STUDY / SUMMARY_FILE).exists()
    assert runs.names


def test_the_studys_command_is_known_as_it_was_typed():
    given = composed(("source=random", "hydra.launcher.n_jobs=2", "hydra.searchpath=[file:///x]"))
    flags = ["--config-dir", "conf", "hydra.searchpath=[file:///x]"]
    assert launch._command(given, flags).with_seeds([0, 1]) == (
        "python -m tlbench.train -m --config-dir conf 'hydra.searchpath=[file:///x]' hydra.launcher.n_jobs=2 "
        "source=random seed=0,1"
    )

"""A run's folder that somebody sent, through whole commands: nothing of theirs runs, is read or is written unasked."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tlbench
from tests.commands import TINY_RANDOM, call, snapshot, train
from tests.conftest import isolate, use_tiny_network
from tests.drawn_run import draw_run
from tests.own_code import OWN, TRACE, draw_sent_run, edited, forget, write_nets
from tlbench.errors import ConfigError

COMMANDS = {
    "evaluate": ("evaluate",),
    "predict": ("predict", "input=image.png", "output=out.csv"),
    "export": ("export", "output=out.safetensors"),
    "export as ONNX": ("export",),
}
OWN_RUN = tuple(part for part in OWN if part != "trainer=cpu" and not part.startswith("data.image_size"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """`plain`, of a tiny network, and `own`, of the user's own module beside it; do not write there."""
    folder = tmp_path_factory.mktemp("sent")
    with pytest.MonkeyPatch.context() as monkeypatch:
        isolate(monkeypatch, folder)
        use_tiny_network(monkeypatch)
        write_nets(folder)
        forget(monkeypatch)
        monkeypatch.setattr(sys, "path", list(sys.path))
        for name, options in {
            "plain": (),
            "own": ("model=module", "model.import_path=sent_nets:Small", "model.arguments={width: 3}", *OWN_RUN),
        }.items():
            outcome = train(*TINY_RANDOM, *options, "trainer.max_epochs=1", f"hydra.run.dir={folder / name}")
            assert outcome.code == 0, outcome.err
    return folder


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch) -> None:
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save("image.png")
    forget(monkeypatch)
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place])


@pytest.fixture
def tries(monkeypatch) -> list[Any]:
    """What was looked up or connected to."""
    made: list[Any] = []

    def refuse(*arguments: Any) -> Any:
        made.append(arguments[-2:])
        raise OSError("not in tests")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return made


@pytest.mark.promise("sent records run no code")
@pytest.mark.parametrize("tool", COMMANDS)
@pytest.mark.parametrize("kind", ["a module", "torch.hub with the folder", "torch.hub with a repository", "a shell"])
def test_no_command_runs_its_code(kind, tool, tmp_path, tries):
    trace = TRACE.format(trace=str(tmp_path / "RAN"))
    hub = {"model": "net", "trust_repo": True, "skip_validation": True}
    import_path, arguments = {
        "a module": ("sent_pkg:Net", {}),
        "torch.hub with the folder": ("torch.hub:load", {"repo_or_dir": "run", "source": "local", **hub}),
        "torch.hub with a repository": ("torch.hub:load", {"repo_or_dir": "somebody/repo", **hub}),
        "a shell": ("os:system", {"command": "touch RAN"}),
    }[kind]
    draw_sent_run(tmp_path / "run", import_path, arguments)
    for name in ("sent_pkg.py", "hubconf.py", "run/hubconf.py"):
        (tmp_path / name).write_text(trace)
    before = snapshot(tmp_path)
    entry, *options = COMMANDS[tool]
    outcome = call(entry, "run=run", *options)
    assert outcome.code == 2
    assert f"model.import_path={import_path!r}" in outcome.one_line()
    with pytest.raises(ConfigError, match=r"trust=True"):
        tlbench.load("run")
    assert snapshot(tmp_path) == before
    assert tries == []


@pytest.mark.promise("consent")
def test_ones_own_run_is_known_again_and_somebody_elses_needs_consent(runs, tmp_path, monkeypatch):
    record = json.loads((runs / "own" / "record.json").read_text())
    assert record["code"]["files"].keys() == {"sent_nets", "sent_helper"}
    assert len(record["volatile"]["vouchers"]) == 1
    write_nets(tmp_path)
    shutil.copytree(runs / "own", tmp_path / "run")
    tools = [("evaluate",), ("predict", "input=image.png"), ("export", "output=out.safetensors")]
    for entry, *options in tools:
        assert call(entry, "run=run", *options).code == 0
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "other"))
    again = ["model.import_path=sent_nets:Small", "model.arguments={width: 3}"]
    for entry, *options in tools:
        assert call(entry, "run=run", *options).code == 2
        assert call(entry, "run=run", *options, again[0]).code == 2
        assert call(entry, "run=run", *options, *again).code == 0
        assert call(entry, "run=run", *options, "trust=true").code == 0
    assert len(tlbench.load("run", trust=True).predict(["image.png"])) == 1
    assert not (tmp_path / "other").exists()  # nothing was signed: consent is for one command


@pytest.mark.slow
@pytest.mark.promise("console scripts")
def test_a_console_script_runs_no_module_of_the_working_folder_beside_a_signed_run(runs, tmp_path):
    """Modules that it, torch or the network may import, each of which would be found there before the installed one."""
    shutil.copytree(runs / "own", tmp_path / "run")
    write_decoys(tmp_path)
    done = console_script("tlbench-predict", "run=run", "input=image.png")
    assert done.stdout.splitlines()[1].startswith("image.png,")
    assert not (tmp_path / "RAN").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [("-m", "seed=0,1", "hydra.sweep.dir=study", "hydra.launcher.n_jobs=2"), ("trainer.devices=2",)]
)
def test_nor_do_the_processes_that_it_starts(options, tmp_path):
    write_decoys(tmp_path)
    own = ("model=module", "model.import_path=sent_nets:Small", *OWN_RUN)
    console_script("tlbench-train", *TINY_RANDOM, *own, "trainer.max_epochs=1", *options)
    assert not (tmp_path / "RAN").exists()


def write_decoys(folder: Path) -> None:
    """The user's own module among others, which leave a trace when they run."""
    write_nets(folder)
    decoys = ("torch", "json", "yaml", "numpy", "PIL", "hydra", "omegaconf", "onnx", "scipy", "cupy", "sitecustomize")
    for name in (*decoys, "runpy", "hydra_plugins/sent/plugin", "tlbench/__init__"):
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TRACE.format(trace=str(folder / "RAN")))


def console_script(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = Path(sys.executable).with_name(name)
    done = subprocess.run([script, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.promise("a sent run as source")
def test_its_weights_can_be_a_source_and_nothing_that_it_names_is_imported(tmp_path, tiny_network, tries):
    draw_run(tmp_path / "run", names=tuple(map(str, range(10))))
    (tmp_path / "sent_pkg.py").write_text(TRACE.format(trace=str(tmp_path / "RAN")))
    values = {"library": "module", "import_path": "sent_pkg:Net", "groups": {"stem": ["conv1"], "head": ["fc"]}}
    edited(Path("run"), lambda record: record["config"]["model"].update(values))
    options = ("source=checkpoint", "checkpoint=run", "trainer.max_epochs=1", "hydra.run.dir=new")
    assert train(*(o for o in TINY_RANDOM if o != "source=random"), *options).code == 0
    assert json.loads(Path("new/record.json").read_text())["weights"]["source"] == "checkpoint"
    assert not Path("RAN").exists()
    assert "sent_pkg" not in sys.modules
    assert tries == []


@pytest.mark.promise("addresses in a sent record")
def test_no_command_follows_the_addresses_and_paths_in_its_record(runs, tmp_path, tiny_network, tries):
    shutil.copytree(runs / "plain", tmp_path / "run")

    def lead_elsewhere(record: dict[str, Any]) -> None:
        record["config"]["logger"].update(
            tensorboard=True,
            mlflow={"experiment": "x", "tracking_uri": "http://127.0.0.1:9"},
            wandb={"project": "x", "mode": "online"},
        )
        record["config"].update(checkpoint="/nowhere")
        record["config"]["source"] = {"name": "checkpoint", "path": "/nowhere", "tag": None}

    edited(Path("run"), lead_elsewhere)
    for entry, *options in (("evaluate",), COMMANDS["predict"], ("export", "output=out.safetensors")):
        outcome = call(entry, "run=run", *options)
        assert outcome.code == 0, outcome.err
    assert tries == []
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith(".")) == [
        "image.png",
        "out.csv",
        "out.safetensors",
        "run",
    ]


@pytest.mark.parametrize("name", ["../out.npz", "/etc/passwd", "..", "", "a/b", "a\\b"])
def test_sidecars_lie_in_the_folder(runs, tmp_path, name):
    shutil.copytree(runs / "plain", tmp_path / "run")
    edited(Path("run"), lambda record: record["sidecars"].update(predictions_test=name))
    outcome = call("evaluate", "run=run")
    assert outcome.code == 2
    assert "sidecars.predictions_test" in outcome.one_line()


@pytest.fixture
def evaluated(monkeypatch) -> list[str | None]:
    """`data.root` of what would be evaluated; nothing is."""
    roots: list[str | None] = []
    monkeypatch.setattr("tlbench.tools.evaluate.evaluate", lambda options, run, config: roots.append(config.data.root))
    return roots


@pytest.mark.promise("data of a sent record")
@pytest.mark.parametrize(
    ("options", "read"),
    [
        ((), None),
        (("split=val",), None),
        (("data.val_fraction=0.3",), None),
        (("data.root=photos",), "photos"),
        (("data.root=private",), "private"),
        (("data=image_csv", "data.root=list.csv"), "list.csv"),
        (("data.root=photos", "calibrate=temperature"), None),  # fitted on the run's own data
        (("trust=true",), "private"),
        (("trust=true", "data.root=photos", "calibrate=temperature"), "photos"),
    ],
)
def test_data_are_not_read_where_its_record_says(options, read, tmp_path, evaluated):
    overrides = ("data.name=image_folder", "data.root=private", "data.image_size=32", "data.test_fraction=0.2")
    draw_run(tmp_path / "run", *overrides)
    outcome = call("evaluate", "run=run", *options)
    if read is None:
        assert outcome.code == 2
        line = outcome.one_line()
        assert "its record names data.root='private', which leads out of the run's folder" in line
        assert "give data.root=… again" in line
        assert evaluated == []
    else:
        assert (outcome.code, evaluated) == (0, [read])


def test_ones_own_data_are(tmp_path, evaluated):
    from tests.composed import config
    from tests.own_code import write_own_record

    overrides = ("data.name=image_folder", "data.root=photos", "data.image_size=32", "data.test_fraction=0.2")
    write_own_record(tmp_path / "run", config("trainer=cpu", *overrides), None)
    (tmp_path / "run" / "best.ckpt").touch()
    assert call("evaluate", "run=run").code == 0
    assert evaluated == ["photos"]
    edited(Path("run"), lambda record: record["config"]["data"].update(root="private"))
    assert "it was changed since you made it" in call("evaluate", "run=run").one_line()
    assert evaluated == ["photos"]


LINKS = ("hparams.yaml", "wandb", "console.log", "previous_1", "deep/er/file", "curves.csv")


@pytest.mark.promise("no training through links")
@pytest.mark.parametrize("name", LINKS)
def test_no_training_writes_through_its_links(name, tmp_path, tiny_network):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "precious").write_text("precious")
    link = tmp_path / "run" / name
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / "home" / ("new" if name == "hparams.yaml" else "precious"))
    before = snapshot(tmp_path)
    outcome = train(*TINY_RANDOM, "hydra.run.dir=run")
    assert outcome.code == 2
    assert f"{name}: a link that leads out of the folder" in outcome.one_line()
    assert snapshot(tmp_path) == before
    assert link.is_symlink()


@pytest.mark.promise("no evaluation through links")
def test_no_evaluation_writes_through_its_links(runs, tmp_path, tiny_network):
    """TensorBoard would write into the folder that a link leads to, and old events there would be deleted."""
    shutil.copytree(runs / "plain", tmp_path / "run")
    edited(Path("run"), lambda record: record["config"]["logger"].update(tensorboard=True))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "events.out.tfevents.1").write_text("precious")
    (tmp_path / "run" / "evaluation_temperature_2").symlink_to(tmp_path / "home")
    (tmp_path / "run" / "evaluation_temperature.json").symlink_to(tmp_path / "home" / "new")
    outcome = call("evaluate", "run=run", "calibrate=temperature")
    assert outcome.code == 2
    assert "evaluation_temperature_2: a link to" in outcome.one_line()
    assert snapshot(tmp_path / "home").keys() == {"events.out.tfevents.1"}
    (tmp_path / "run" / ".lock").symlink_to(tmp_path / "home" / "events.out.tfevents.1")
    assert "no lock that tlbench wrote (not a regular file but a link)" in call("evaluate", "run=run").one_line()
    assert (tmp_path / "home" / "events.out.tfevents.1").read_text() == "precious"

"""Who may import what a record names: the user's own runs without a word, all others with consent alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.own_code import (
    HELPER,
    NETS,
    TRACE,
    code_of,
    draw_own_run,
    draw_sent_run,
    edited,
    forget,
    own_config,
    write_nets,
    write_own_record,
)
from tests.voices import hearing
from tlbench.errors import ConfigError
from tlbench.records.record import CodeRecord
from tlbench.tools.complete_run import open_run
from tlbench.tools.consent import NONE, Consent
from tlbench.tools.consent_options import consent_of
from tlbench.tools.loaded_run import load_network

ARGUMENTS = "{width: 5, rates: [0.5, 1.0e-3], deep: {name: 'ünï'}}"
TRUSTED = Consent(trust=True)


@pytest.fixture(autouse=True)
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_nets(tmp_path)
    forget(monkeypatch)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of this user's, made by an earlier process."""
    draw_own_run(Path("run"), f"model.arguments={ARGUMENTS}")
    forget(monkeypatch)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != str(Path.cwd())])
    return Path("run")


def refusal(folder: Path | str = "run", consent: Consent = NONE) -> str:
    """The line by which a run is refused; nothing ran."""
    before = set(sys.modules)
    with pytest.raises(ConfigError) as caught:
        open_run(folder, consent)
    assert not {name for name in set(sys.modules) - before if name.startswith("sent_")}
    assert not Path("RAN").exists()
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(f"run={str(folder)!r}: ")
    return line


def test_runs_of_this_user_need_no_consent(own: Path) -> None:
    width = load_network(open_run(own)).module.get_parameter("conv.weight").shape[0]
    assert width == 5
    assert str(Path.cwd()) not in sys.path  # what is imported later is not looked for there


def test_a_run_of_another_user_shows_path_arguments_file_and_how_to_consent(own, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "other"))
    line = refusal()
    for part in (
        "model.import_path='sent_nets:Small'",
        "model.arguments={'width': 5, 'rates': [0.5, 0.001], 'deep': {'name': 'ünï'}}",
        f"leads to {tmp_path / 'sent_nets.py'}; it was not imported",
        "not one of your own runs on this machine",
        "trust=true",
        "model.import_path=… and model.arguments=… again",
    ):
        assert part in line
    assert load_network(open_run(own, TRUSTED)).head == "head"


def test_the_same_given_again_is_consent(own, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "other"))
    again = consent_of(False, ["model.import_path=sent_nets:Small", f"model.arguments={ARGUMENTS}"])
    assert load_network(open_run(own, again)).head == "head"


@pytest.mark.parametrize(
    ("given", "part"),
    [
        (
            ["model.import_path=sent_nets:Large", f"model.arguments={ARGUMENTS}"],
            "model.import_path='sent_nets:Large' is",
        ),
        (["model.import_path=sent_nets:Small"], "model.arguments={} is given, but its record has {'width': 5,"),
        ([f"model.arguments={ARGUMENTS}"], "model.import_path=None is given, but its record has 'sent_nets:Small'"),
        (["model.import_path=sent_nets:Small", "model.arguments={width: 5}"], "model.arguments={'width': 5} is given"),
        (
            ["model.import_path=sent_nets:Small", f"model.arguments={ARGUMENTS.replace('5,', '5.0,', 1)}"],
            "model.arguments={'width': 5.0,",
        ),
    ],
)
def test_anything_else_given_again_is_none(own, given, part) -> None:
    assert part in refusal(own, consent_of(False, given))


@pytest.mark.parametrize(
    "given",
    [["model.import_path=a:b,c:d"], ["+model.import_path=a:b"], ["model.arguments={a: 1}", "model.arguments={a: 1}"]],
)
def test_what_is_no_plain_value_cannot_be_given_again(given) -> None:
    with pytest.raises(ConfigError):
        consent_of(False, given)


def test_nothing_can_be_given_again_where_no_code_is_named(tmp_path) -> None:
    from tests.drawn_run import draw_run

    draw_run(tmp_path / "plain")
    line = refusal("plain", consent_of(False, ["model.import_path=a:b"]))
    assert "model.import_path is given, but the run names no code" in line
    assert open_run("plain").trusted.names == ()


def _path(record: dict[str, Any]) -> None:
    record["config"]["model"]["import_path"] = "sent_nets:Small.wide"


def _arguments(record: dict[str, Any]) -> None:
    record["config"]["model"]["arguments"]["width"] = 6


def _number(record: dict[str, Any]) -> None:
    record["config"]["model"]["arguments"]["rates"][1] = 1e-2


def _file(record: dict[str, Any]) -> None:
    record["code"]["files"]["sent_helper"] = "0" * 64


def _more_files(record: dict[str, Any]) -> None:
    record["code"]["files"]["sent_optional"] = "0" * 64


def _fewer_files(record: dict[str, Any]) -> None:
    del record["code"]["files"]["sent_helper"]


def _root(record: dict[str, Any]) -> None:
    record["config"]["data"]["root"] = "/home"


def _hmac(record: dict[str, Any]) -> None:
    vouchers = record["volatile"]["vouchers"]
    vouchers.update({key: "ü" + value[1:] for key, value in vouchers.items()})


def _no_hmac(record: dict[str, Any]) -> None:
    record["volatile"]["vouchers"] = dict.fromkeys(record["volatile"]["vouchers"], "")


@pytest.mark.promise("edited after signing")
@pytest.mark.parametrize("edit", [_path, _arguments, _number, _file, _more_files, _fewer_files, _root, _hmac, _no_hmac])
def test_a_record_that_was_edited_after_signing(own, edit) -> None:
    edited(own, edit)
    assert "it was changed since you made it" in refusal(own)


def test_what_does_not_lead_out_of_the_folder_may_change(own) -> None:
    edited(own, lambda record: record["volatile"].update(host="elsewhere"))
    edited(own, lambda record: record["metrics"].update({"test/oa": 0.5}))
    assert open_run(own).trusted.known is not None


@pytest.mark.promise("unasked code")
@pytest.mark.parametrize("module", ["sent_nets", "sent_helper"])
def test_a_module_that_changed_since(own, module, tmp_path) -> None:
    file = tmp_path / f"{module}.py"
    file.write_text(file.read_text() + TRACE.format(trace=str(tmp_path / "RAN")))
    assert f"{file} is not among the files that you made the run with" in refusal(own)


@pytest.mark.promise("another module of that name")
@pytest.mark.parametrize("place", ["the working folder", "a folder earlier in the search path"])
def test_a_signed_record_beside_another_module_of_that_name(own, place, tmp_path, monkeypatch) -> None:
    """A record that this user has published, in a folder with somebody else's module."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "sent_nets.py").write_text(TRACE.format(trace=str(tmp_path / "RAN")) + NETS)
    if place == "the working folder":
        monkeypatch.chdir(other)
        own = Path("..") / own
    else:
        monkeypatch.setattr(sys, "path", [str(other), str(tmp_path), *sys.path])
    assert f"{other / 'sent_nets.py'} is not among the files that you made the run with" in refusal(own)


def test_a_module_that_the_network_never_imported_before(own, tmp_path) -> None:
    """The check by name finds nothing; the guard does, when it would be loaded."""
    (tmp_path / "torchgen.py").write_text(TRACE.format(trace=str(tmp_path / "RAN")))
    helper = "try:\n    import torchgen.nothing\nexcept ImportError:\n    pass\n" + HELPER
    (tmp_path / "sent_helper.py").write_text(helper)
    sys.modules.pop("torchgen", None)
    write_own_record(own, own_config(f"model.arguments={ARGUMENTS}"), code_of("sent_nets", "sent_helper"))
    run = open_run(own)
    with pytest.raises(
        ConfigError, match=r"torchgen\.py is not among the files that you made the run with.*trust=true"
    ):
        load_network(run)
    assert not Path("RAN").exists()


SENT: dict[str, tuple[str, dict[str, Any]]] = {
    "a module whose import alone runs code": ("sent_pkg:Net", {}),
    "a module in a package": ("sent_pkg.nets:Net", {}),
    "a module in a namespace": ("sent_space.nets:Net", {}),
    "torch.hub with a folder": ("torch.hub:load", {"repo_or_dir": "run", "model": "net", "source": "local"}),
    "torch.hub with a repository": (
        "torch.hub:load",
        {"repo_or_dir": "somebody/repo", "model": "net", "trust_repo": True, "skip_validation": True},
    ),
    "a shell": ("os:system", {"command": "touch RAN"}),
    "another interpreter": ("subprocess:run", {"args": ["touch", "RAN"]}),
    "a module by its name": ("importlib:import_module", {"name": "sent_pkg"}),
    "a file": ("runpy:run_path", {"path_name": "sent_pkg/__init__.py"}),
    "hydra": ("hydra.utils:instantiate", {"config": {"_target_": "os.system", "command": "touch RAN"}}),
    "a pickle": ("torch:load", {"f": "weights.pt", "weights_only": False}),
    "a builtin": ("builtins:exec", {"source": "open('RAN', 'w')"}),
    "no such module": ("nowhere.at_all:Net", {}),
    "arguments that would take many lines": ("sent_pkg:Net", {"a": "\n\x1b[2J\u202e" * 2000}),
}


@pytest.mark.parametrize("vouchers", [{}, {"0123456789abcdef": "0" * 64}])
@pytest.mark.parametrize("code", [None, CodeRecord(files={})])
@pytest.mark.parametrize("case", SENT)
def test_a_run_that_somebody_sent_runs_nothing(case, code, vouchers, tmp_path) -> None:
    trace = TRACE.format(trace=str(tmp_path / "RAN"))
    for name in ("sent_pkg/__init__.py", "sent_pkg/nets.py", "sent_space/nets.py", "run/hubconf.py", "hubconf.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(trace)
    import_path, arguments = SENT[case]
    draw_sent_run(tmp_path / "run", import_path, arguments, code=code)
    edited(Path("run"), lambda record: record["volatile"].update(vouchers=vouchers))
    line = refusal()
    assert f"model.import_path={import_path!r}" in line
    assert "\x1b" not in line
    assert len(line) < 4000


def test_a_record_from_before_says_so(tmp_path) -> None:
    draw_sent_run(tmp_path / "run", "sent_nets:Small")
    edited(Path("run"), lambda record: [record.pop("code"), record["volatile"].pop("vouchers")])
    assert "it is from before tlbench kept that" in refusal()
    edited(Path("run"), lambda record: record.update(code=None))
    assert "it is from before tlbench kept that" in refusal()


def test_a_key_that_cannot_be_used_vouches_for_nothing(own, tmp_path, monkeypatch) -> None:
    shared = tmp_path / "shared" / "tlbench"
    shared.mkdir(parents=True)
    (shared / "key").write_bytes(b"k" * 32)
    (shared / "key").chmod(0o644)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "shared"))
    line = refusal(own)
    assert "it is not known whose run it is" in line
    assert "mode 644" in line
    warned: list[str] = []
    made = write_own_record(Path("again"), own_config(), CodeRecord(files={}), voice=hearing(warned))
    assert made.volatile.vouchers == {}
    assert len(warned) == 1
    assert "this run is not vouched for" in warned[0]


@pytest.mark.promise("records of several users")
def test_equal_runs_of_one_user_have_equal_records_and_others_differ_in_volatile_alone(tmp_path, monkeypatch) -> None:
    texts = []
    for home in ("one", "one", "other"):
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / home))
        forget(monkeypatch)
        draw_own_run(tmp_path / "run", "model.arguments={width: 3}")
        texts.append((tmp_path / "run" / "record.json").read_text())
    assert texts[0] == texts[1] != texts[2]
    records: list[dict[str, Any]] = [json.loads(text) for text in texts]
    vouchers: list[Callable[[], Any]] = [record.pop("volatile")["vouchers"] for record in records]
    assert records[0] == records[2]
    assert records[0]["code"]["files"].keys() == {"sent_nets", "sent_helper"}
    assert [len(voucher) for voucher in vouchers] == [1, 1, 1]

"""Run folders that name code: by import path, beside the run, and after an edit of the user's own record."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.attacks.attack import Attack, Attacks, Expect, Oracle, Place
from benchmarks.attacks.command import Command
from benchmarks.attacks.commands import reading, tool
from benchmarks.attacks.oracles import complete, either, quiet, refused, same_file
from benchmarks.attacks.runs import edit, forge, name_code, read_record, sha256
from benchmarks.attacks.serving import tripwire

_MENTION = "model.import_path|its record names code"


def attacks() -> Attacks:
    """Code named by a record, each with every way to read a run."""
    for way, command in reading().items():
        for name, draw in _strangers().items():
            yield Attack("code by import path", f"{name}, {way}", draw, (Expect(command, refused(_MENTION)),))
        for name, change in _EDITS.items():
            draw_edit = partial(_edited, change)
            yield Attack("edited after it was signed", f"{name}, {way}", draw_edit, (Expect(command, refused()),))
        yield Attack("another module of that name", f"changed file, {way}", _changed, (_refused_in_own(command),))
    yield from _shadows()
    yield from _consent()


def _strangers() -> dict[str, Callable[[Place], None]]:
    def by(import_path: str, arguments: Callable[[Place], Mapping[str, Any]] = lambda _: {}) -> Callable[..., None]:
        def draw(place: Place) -> None:
            place.copy("digits")
            _write_code(place)
            name_code(import_path, dict(arguments(place)))

        return draw

    def shell(place: Place) -> str:
        return f"touch {place.canary}"

    hub = {"repo_or_dir": "run", "model": "net", "source": "local"}
    github = {"repo_or_dir": "attacker/repo", "model": "net", "trust_repo": True, "skip_validation": True}
    return {
        "torch.hub of the sent folder": by("torch.hub:load", lambda _: hub),
        "torch.hub of a server": _with_tripwire(by("torch.hub:load", lambda _: github)),
        "os:system": by("os:system", lambda place: {"command": shell(place)}),
        "subprocess:check_output": by(
            "subprocess:check_output", lambda place: {"args": shell(place), "shell": True, "text": True}
        ),
        "runpy:run_path": by("runpy:run_path", lambda _: {"path_name": "run/evil.py"}),
        "shutil:rmtree": by("shutil:rmtree", lambda _: {"path": "pictures"}),
        "a module in the working folder": by("evil:Net"),
        "a package in the working folder": by("evilpackage.nets:Net"),
        "a module whose import is enough": by("evil:nothing_of_that_name"),
        "a module of the run's folder": by("run.evil:Net"),
        "a module that opens a browser": _with_browser(by("antigravity:geohash")),
        "the user's module with other arguments": by("tinynet:Spoiled", lambda _: {"value": "nan"}),
    }


def _write_code(place: Place) -> None:
    """Files that leave a trace when they are imported."""
    code = f"open({str(place.canary)!r}, 'w').close()\nfrom tinynet import Net, net\n"
    for path in ("evil.py", "run/evil.py", "run/hubconf.py", "run/__init__.py", "evilpackage/nets.py"):
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_text(code)
    Path("evilpackage/__init__.py").write_text(code)


def _with_tripwire(draw: Callable[[Place], None]) -> Callable[[Place], None]:
    def drawn(place: Place) -> None:
        draw(place)
        tripwire(place)

    return drawn


def _with_browser(draw: Callable[[Place], None]) -> Callable[[Place], None]:
    def drawn(place: Place) -> None:
        draw(place)
        browser = Path("webbrowser.py")
        browser.write_text(f"def open(*_):\n    pass\nimport builtins\nbuiltins.open({str(place.canary)!r}, 'w')\n")

    return drawn


def _edited(change: Callable[[Place, dict[str, Any]], object], place: Place) -> None:
    """The user's own run, whose record somebody has changed; hashes that need no key agree."""
    place.copy("digits")
    _write_code(place)
    forge(lambda record: change(place, record))


def _model(**changed: Any) -> Callable[[Place, dict[str, Any]], object]:
    return lambda _, record: record["config"]["model"].update(changed)


def _vouchers_of_other(place: Place, record: dict[str, Any]) -> None:
    record["config"]["model"].update(import_path="evil:Net")
    record["volatile"]["vouchers"] = read_record(place.reference("other") / "run")["volatile"].get("vouchers", {})


def _code_and_file(_: Place, record: dict[str, Any]) -> None:
    record["config"]["model"].update(import_path="evil:Net")
    record["code"] = {"files": {"evil": sha256(Path("evil.py"))}}


_EDITS: dict[str, Callable[[Place, dict[str, Any]], object]] = {
    "import path": _model(import_path="evil:Net"),
    "arguments": _model(import_path="tinynet:Spoiled", arguments={"value": "nan"}),
    "arguments of the same network": _model(arguments={"num_classes": 3}),
    "import path and the hash of its file": _code_and_file,
    "import path, with what vouches for another run": _vouchers_of_other,
}


def _changed(place: Place) -> None:
    """The user's own run of a module whose file is another by now."""
    place.copy("digits")
    Path("modules").mkdir()
    code = Path(place.references.parent, "modules", "tinynet.py").read_text()
    Path("modules/tinynet.py").write_text(f"{code}\nopen({str(place.canary)!r}, 'w').close()\n")


def _refused_in_own(command: Command) -> Expect:
    """The command, where Python finds `modules` first."""

    def first() -> None:
        sys.path.insert(0, str(Path("modules").resolve()))

    return Expect(replace(command, before=first), refused(_MENTION))


_SHADOWED = ("yaml", "torch", "numpy", "onnx", "mlflow", "sitecustomize", "antlr4")


def _shadows() -> Attacks:
    """Modules in the working folder that are named as those that tlbench imports, with its console scripts."""

    def draw(place: Place, names: tuple[str, ...] = _SHADOWED) -> None:
        place.copy("digits")
        for name in names:
            Path(f"{name}.py").write_text(f"open({str(place.canary)!r}, 'w').close()\n")

    predict = tool("predict", "run=run", "input=pictures", "output=table.csv", real=True)
    expected: dict[str, tuple[Command, Oracle]] = {
        "predict": (predict, same_file("table.csv", "digits", "wanted.csv")),
        "evaluate": (tool("evaluate", "run=run", real=True), complete("run", "agree to")),
        "export": (
            tool("export", "run=run", "output=weights.safetensors", real=True),
            same_file("weights.safetensors", "digits", "wanted.safetensors"),
        ),
        "compare": (tool("compare", "run", "run", real=True), quiet(0, 2)),
    }
    for name, (command, oracle) in expected.items():
        kind = "modules in the working folder"
        yield Attack(kind, f"named as tlbench's own, {name}", draw, (Expect(command, oracle),))
        shadow = partial(draw, names=("tinynet",))
        step = Expect(command, either(oracle, refused(_MENTION)))
        yield Attack(kind, f"named as the user's network, {name}", shadow, (step,))


def _consent() -> Attacks:
    """What is no consent, and what is."""

    def sent(place: Place) -> None:
        place.copy("digits")
        edit(lambda record: record["volatile"].pop("vouchers", None))

    def sent_evil(place: Place) -> None:
        place.copy("digits")
        _write_code(place)
        name_code("evil:Net", {})

    predict = ("run=run", "input=pictures", "output=table.csv")
    same = same_file("table.csv", "digits", "wanted.csv")
    kind = "consent"
    yield Attack(kind, "trust=true imports it", sent, (Expect(tool("predict", *predict, "trust=true"), same),))
    again = ("model.import_path=tinynet:Net", "model.arguments={}")
    yield Attack(kind, "given again imports it", sent, (Expect(tool("predict", *predict, *again), same),))
    for name, given in {
        "trust=false": ("trust=false",),
        "another path given": ("model.import_path=tinynet:Net", "model.arguments={}"),
        "other arguments given": ("model.import_path=evil:Net", "model.arguments={x: 1}"),
    }.items():
        yield Attack(kind, name, sent_evil, (Expect(tool("predict", *predict, *given), refused()),))

    for name, draw in {"another user's key": _other_user, "a key that others can read": _readable_key}.items():
        yield Attack(kind, name, draw, (Expect(tool("predict", *predict), refused(_MENTION)),))


def _other_user(place: Place) -> None:
    place.copy("digits")
    _settings(place).write_bytes(bytes(range(32)))


def _readable_key(place: Place) -> None:
    place.copy("digits")
    _settings(place).chmod(0o644)


def _settings(place: Place) -> Path:
    """A copy of the user's settings, which the attack's commands take; the key in it."""
    shutil.copytree(place.references.parent / "config", "config")
    place.environment["XDG_CONFIG_HOME"] = str(place.folder / "config")
    return next(Path("config").rglob("key"))

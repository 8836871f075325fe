"""Names in a record that lead out of the run's folder or to the network: of data, of sidecars, of trackers."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.attacks.attack import Attack, Attacks, Expect, Place
from benchmarks.attacks.commands import reading, tool, train
from benchmarks.attacks.oracles import either, quiet, refused
from benchmarks.attacks.runs import forge
from benchmarks.attacks.serving import tripwire


def attacks() -> Attacks:
    """Names that lead out."""
    for name, root in {
        "another folder of images": "../inside/secret",
        "an absolute path": "/",
        "the home folder": "~",
        "a pipe": "pipe",
    }.items():
        again = ("model.import_path=tinynet:Net", "model.arguments={}")  # to the code, not to the place
        step = Expect(tool("evaluate", "run=run", *again), refused("data.root"))
        yield Attack("data.root", name, _sent_data(root), (step,))
    for way, command in {**reading(), "compare": tool("compare", "run", "run")}.items():
        for name in ("predictions", "test_pictures", "reliability", "anything"):
            for leads, target in {"up": "../pipe", "absolute": "{folder}/pipe"}.items():
                draw = _sent_sidecar(name, target)
                oracle = either(quiet(0), refused())
                yield Attack("names of sidecars", f"{name} {leads}, {way}", draw, (Expect(command, oracle),))
        for tracker in ("mlflow", "wandb"):
            draw = _sent_tracker(tracker)
            yield Attack("addresses of trackers", f"{tracker}, {way}", draw, (Expect(command, quiet(0, 2)),))
    yield Attack("addresses of trackers", "mlflow, train", _sent_tracker("mlflow"), (Expect(train(), quiet(0, 2)),))


def _sent_data(root: str) -> Callable[[Place], None]:
    def draw(place: Place) -> None:
        place.copy("images")
        Path("images").rename("secret")
        os.mkfifo("pipe")
        forge(lambda record: record["config"]["data"].update(root=root), vouched=False)

    return draw


def _sent_sidecar(name: str, target: str) -> Callable[[Place], None]:
    """A sidecar that is a pipe outside the run's folder: whoever opens it hangs."""

    def draw(place: Place) -> None:
        place.copy("digits")
        os.mkfifo("pipe")
        file = target.format(folder=place.folder)

        def change(record: dict[str, Any]) -> None:
            record["sidecars"] = {**record["sidecars"], name: file}
            record["evaluations"] = {}

        forge(change)

    return draw


def _sent_tracker(name: str) -> Callable[[Place], None]:
    """A record and a file of ids that name a server: it notes whoever comes."""

    def draw(place: Place) -> None:
        place.copy("digits")
        port = tripwire(place)
        address = f"http://127.0.0.1:{port}"

        def change(record: dict[str, Any]) -> None:
            entry = (
                {"experiment": "x", "tracking_uri": address} if name == "mlflow" else {"project": "x", "mode": "online"}
            )
            record["config"]["logger"][name] = entry

        forge(change)
        place.environment["WANDB_BASE_URL"] = address
        ids = {"config_hash": "0" * 64, name: {"id": "1", "tracking_uri": address}}
        Path("run/loggers.json").write_text(json.dumps(ids))

    return draw

"""Servers that hang, redirect for ever, answer garbage or the wrong bytes: of weights, of trackers, of data."""

from __future__ import annotations

from functools import partial

from benchmarks.attacks.attack import Attack, Attacks, Expect, Oracle, Place
from benchmarks.attacks.command import Command
from benchmarks.attacks.commands import DIGITS
from benchmarks.attacks.oracles import either, refused, right
from benchmarks.attacks.serving import BEHAVIOURS, misbehave, proxies

_SMALL = ("trainer=cpu", "data=digits", "data.shots=5", "data.batch_size=10", "test=false", "trainer.max_epochs=1")
_HUB = (*_SMALL, "model=timm", "model.name=resnet10t", "source=timm", "hydra.run.dir=run")
_SECONDS = 100.0


def attacks() -> Attacks:
    """Each server with each behaviour."""
    for behaviour in BEHAVIOURS:
        step = Expect(Command("train", _HUB, real=True, seconds=_SECONDS), refused("timm|resnet10t"))
        yield Attack("a hub of weights", behaviour, partial(_hub, behaviour), (step,))
    for behaviour in BEHAVIOURS:
        yield Attack("an MLflow server", behaviour, _nothing, (partial(_mlflow, behaviour),))
    for name, overrides in _BEHIND_A_PROXY.items():
        for behaviour in BEHAVIOURS:
            command = Command("train", (*overrides, "hydra.run.dir=run"), seconds=_SECONDS)
            draw = partial(_proxy, behaviour)
            yield Attack("downloads through a proxy", f"{name}, {behaviour}", draw, (Expect(command, refused()),))


_BEHIND_A_PROXY = {
    "CIFAR-10": ("data=cifar10", "model=resnet18", "source=random", "trainer=cpu"),
    "ImageNet's weights": (*_SMALL, "model=resnet18", "source=imagenet"),
    "COCO's weights": (
        "task=detection",
        "data=documents",
        "data.pages=12",
        "model=yolo11n",
        "source=coco",
        "trainer=cpu",
    ),
    "Signature": ("task=detection", "data=signature", "model=yolo11n", "source=random", "trainer=cpu"),
}


def _nothing(_: Place) -> None:
    """An empty folder."""


def _hub(behaviour: str, place: Place) -> None:
    port = misbehave(place, behaviour)
    place.environment |= {
        "HF_ENDPOINT": f"http://127.0.0.1:{port}",
        "HF_HOME": str(place.folder / "hub"),
        "TORCH_HOME": str(place.folder / "torch"),
    }


def _proxy(behaviour: str, place: Place) -> None:
    proxies(place, misbehave(place, behaviour))
    place.environment |= {"TORCH_HOME": str(place.folder / "torch"), "no_proxy": "", "NO_PROXY": ""}


def _mlflow(behaviour: str, place: Place) -> list[str]:
    """Told before training, or the run is right without its tracker."""
    port = misbehave(place, behaviour)
    given = ("logger=mlflow", f"logger.mlflow.tracking_uri=http://127.0.0.1:{port}", "logger.tensorboard=false")
    command = Command("train", (*DIGITS, *given, "hydra.run.dir=run"), seconds=_SECONDS)
    oracle: Oracle = either(refused("mlflow|MLflow"), right("digits"))
    return Expect(command, oracle)(place)

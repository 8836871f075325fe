"""Checkpoints that are damaged, or another run's: of complete runs, and of runs to go on with."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.attacks.attack import Attack, Attacks, Expect, Oracle, Place
from benchmarks.attacks.commands import as_source, reading, train
from benchmarks.attacks.oracles import complete, either, refused, right
from benchmarks.attacks.runs import cut, flip, without_record
from benchmarks.attacks.things import UNREADABLE, Make, instead

_BEST, _LAST, _PREVIOUS = (Path("run", name) for name in ("best.ckpt", "last.ckpt", "previous.ckpt"))


def attacks() -> Attacks:
    """Each damage in each place."""
    kind = "best.ckpt of a complete run"
    for name, damage in {**_DAMAGE, "another run's": _of_other}.items():
        draw = partial(_spoil, "digits", (_BEST,), damage)
        for way, command in {**reading(), "source": as_source()}.items():
            yield Attack(kind, f"{name}, {way}", draw, (Expect(command, refused("best.ckpt")),))
        yield Attack(kind, f"{name}, train rerun=true", draw, (Expect(train("rerun=true"), _told_or_right(name)),))
    kind = "checkpoints to go on from"
    for reference in ("stopped", "trained"):
        for where, paths in _PLACES.items():
            for name, damage in {**_DAMAGE, "another run's": _of_other}.items():
                draw = partial(_stopped, reference, paths, damage)
                title = f"{where}: {name}, {reference} run"
                yield Attack(kind, title, draw, (Expect(train(), _told_or_right(name)),))
    yield Attack(kind, "last and previous exchanged", _exchanged, (Expect(train(), right("digits")),))
    other = train("optimizer.lr=0.5")
    for reference in ("stopped", "digits"):
        step = Expect(other, refused("another configuration"))
        yield Attack("a folder of another configuration", reference, partial(_copy, reference), (step,))
    for name in ("config.yaml", "curves.csv", "predictions_test.npz"):
        draw = partial(_without, name)
        yield Attack("a file of a complete run is gone", f"{name}, train", draw, (Expect(train(), complete()),))
        oracle = either(complete("run", "agree to"), refused(name))
        yield Attack(
            "a file of a complete run is gone", f"{name}, evaluate", draw, (Expect(reading()["evaluate"], oracle),)
        )


_PLACES: dict[str, tuple[Path, ...]] = {
    "last.ckpt": (_LAST,),
    "previous.ckpt": (_PREVIOUS,),
    "last.ckpt and previous.ckpt": (_LAST, _PREVIOUS),
    "best.ckpt": (_BEST,),
    "all": (_LAST, _PREVIOUS, _BEST),
}


def _told_or_right(damage: str) -> Oracle:
    """The run is right; what is no file may also be refused by its name, before anything is trained."""
    return either(right("digits"), refused(".ckpt")) if damage in UNREADABLE else right("digits")


def _spoil(reference: str, paths: tuple[Path, ...], damage: Callable[[Place, Path], object], place: Place) -> None:
    place.copy(reference)
    for path in paths:
        damage(place, path)


def _stopped(reference: str, paths: tuple[Path, ...], damage: Callable[[Place, Path], object], place: Place) -> None:
    _spoil(reference, paths, damage, place)
    without_record()


def _exchanged(place: Place) -> None:
    place.copy("stopped")
    without_record()
    _LAST.rename("run/x")
    _PREVIOUS.rename(_LAST)
    Path("run/x").rename(_PREVIOUS)


def _copy(reference: str, place: Place) -> None:
    place.copy(reference)


def _without(name: str, place: Place) -> None:
    place.copy("digits")
    Path("run", name).unlink()


def _of_other(place: Place, path: Path) -> None:
    shutil.copy(place.reference("other") / "run" / "best.ckpt", path)


def _thing(make: Make) -> Callable[[Place, Path], object]:
    return lambda _, path: instead(make, path)


_DAMAGE: dict[str, Callable[[Place, Path], object]] = {
    "cut to 1000 bytes": lambda _, path: cut(path, 1000),
    "cut by a byte": lambda _, path: cut(path, path.stat().st_size - 1),
    "empty": lambda _, path: path.write_bytes(b""),
    "garbage": lambda _, path: path.write_bytes(b"\x00\xff" * 3000),
    "one bit flipped": lambda _, path: flip(path, 0.5),
    **{name: _thing(make) for name, make in UNREADABLE.items() if name != "2 GB of zeros"},
}

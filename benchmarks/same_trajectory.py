"""Whether both sides train alike on the same batches: a child of `benchmarks.detection`.

Ultralytics trains; its augmented batches are kept, and tlbench trains on them in their order, instead of its own. What
is left to differ is the training itself: loss, gradients, accumulation, clipping, optimizer, rates, average.

Training amplifies rounding, from random weights within a few steps. How much, ultralytics shows once more, on the same
batches from weights that differ from the first ones' by a rounding: an equal trainer ends about as far away.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from benchmarks.child import Channel, job_of
from benchmarks.same_start import as_targets
from benchmarks.ultralytics_run import new_trainer, prepare

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer


def main() -> int:
    """Do the job; returns the exit code."""
    channel = Channel()
    job = job_of(sys.argv[1:])
    prepare(job["threads"])
    import torch

    initial = torch.load(job["initial"], map_location="cpu", weights_only=False).state_dict()
    batches, theirs, optimizer_steps = _theirs(job, Path(job["initial"]))
    ours = _ours(job, batches)
    rounded = _theirs(job, _rounded(job), batches)[1]
    channel.send(
        "result",
        steps=len(batches),
        optimizer_steps=optimizer_steps,
        weights=_way(initial, theirs, ours, rounded, statistics=False),
        statistics=_way(initial, theirs, ours, rounded, statistics=True),
    )
    return 0


def _rounded(job: dict[str, Any]) -> Path:
    """The initial network with each weight moved to the next number of float32, above or below."""
    import torch

    network = torch.load(job["initial"], map_location="cpu", weights_only=False)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in filter(lambda w: w.requires_grad, network.parameters()):
            up = torch.rand(weight.shape, generator=generator) < 0.5
            weight.copy_(torch.nextafter(weight, torch.where(up, torch.inf, -torch.inf)))
    file = Path(job["folder"]).parent / "rounded.pt"
    torch.save(network, file)
    return file


def _theirs(
    job: dict[str, Any], initial: Path, given: list[dict[str, Any]] | None = None
) -> tuple[list[dict[str, Any]], dict[str, Any], int]:
    """The batches as they were trained on, the averaged weights after the last epoch, and the optimizer's steps.

    Args:
        job: The child's.
        initial: The network that is trained.
        given: Batches to train on; None: its own.
    """
    trainer = new_trainer({**job["recipe"], "val": False}, str(initial))
    batches: list[dict[str, Any]] = []
    preprocess = trainer.preprocess_batch

    def kept(batch: dict[str, Any]) -> Any:
        if trainer.model.training:
            if given is not None:
                batch = {**batch, **given[len(batches)]}
            batches.append({key: batch[key].clone() for key in ("img", "bboxes", "cls", "batch_idx")})
        return preprocess(batch)

    trainer.preprocess_batch = kept
    trainer.train()
    return batches, {name: t.cpu() for name, t in trainer.ema.ema.state_dict().items()}, trainer.ema.updates


def _ours(job: dict[str, Any], batches: list[dict[str, Any]]) -> dict[str, Any]:
    """The averaged weights after tlbench has trained on these batches."""
    from lightning.pytorch import Callback

    import tlbench.runs.run
    from tlbench.config.compose import compose_config

    found: dict[str, Any] = {}
    given = iter(batches)

    class Watch(Callback):
        def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
            state = pl_module.network.state_dict()  # type: ignore[union-attr]
            found.update({name: tensor.cpu().clone() for name, tensor in state.items()})

    def batch(images: Any, index: Any, *_: Any) -> Any:  # noqa: ARG001 - as `training_boxes`
        taken = next(given)
        taken = {key: value.to(index.device) for key, value in taken.items()}
        pixels = taken["img"].float() / 255
        return pixels, as_targets(taken, pixels)

    build = tlbench.runs.run.build_trainer  # type: ignore[attr-defined]

    def build_watched(*arguments: Any, **options: Any) -> Any:
        parts = build(*arguments, **options)
        parts.trainer.callbacks.insert(0, Watch())  # type: ignore[attr-defined]
        return parts

    with (
        mock.patch("tlbench.annotations.instances.batches.training_boxes", batch),
        mock.patch("tlbench.runs.run.build_trainer", build_watched),
    ):
        tlbench.runs.run.run(compose_config(job["overrides"]), Path(job["folder"]))
    if next(given, None) is not None:
        raise RuntimeError("tlbench took fewer batches than ultralytics")
    return found


def _way(
    initial: Mapping[str, Any],
    theirs: Mapping[str, Any],
    ours: Mapping[str, Any],
    rounded: Mapping[str, Any],
    *,
    statistics: bool,
) -> dict[str, float]:
    """How far training went from the initial values (Euclidean), and how far apart the ends are, as parts of that."""
    import torch

    names = [n for n, t in initial.items() if t.is_floating_point() and statistics == (".running_" in n)]

    def norm(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
        parts = [(one[name].double() - other[name].double()).norm() for name in names]
        return float(torch.linalg.vector_norm(torch.stack(parts)))

    went = norm(theirs, initial)
    return {"went": went, "apart": norm(ours, theirs) / went, "rounding": norm(rounded, theirs) / went}


if __name__ == "__main__":
    sys.exit(main())

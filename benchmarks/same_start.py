"""Whether both sides begin alike: loss, gradients and optimizer on one batch. A child of `benchmarks.detection`."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from benchmarks.child import Channel, job_of, weights_hash
from benchmarks.ultralytics_run import new_trainer, prepare


def main() -> int:
    """Do the job; returns the exit code."""
    channel = Channel()
    job = job_of(sys.argv[1:])
    prepare(job["threads"])
    trainer = new_trainer(job["recipe"], job["initial"])
    trainer._setup_train()
    task = _task(job["overrides"], trainer)
    hashes = weights_hash(trainer.model.state_dict()), weights_hash(task.network.state_dict())
    batch = trainer.preprocess_batch(next(iter(trainer.train_loader)))
    theirs, ours = _their_step(trainer, batch), _our_step(task, batch)
    channel.send(
        "result",
        images=len(batch["img"]),
        objects=len(batch["bboxes"]),
        same_weights=hashes[0] == hashes[1],
        ultralytics={"loss": theirs[0], "gradient": theirs[1], "optimizer": _groups(trainer.optimizer)},
        tlbench={"loss": ours[0], "gradient": ours[1], "optimizer": _groups(task.new_optimizer())},
    )
    return 0


def _task(overrides: list[str], trainer: Any) -> Any:
    from tlbench.config.compose import compose_config
    from tlbench.networks.build import build_network
    from tlbench.sources.load import apply_source
    from tlbench.tasks.wings import wing_of

    config = compose_config(overrides)
    names = list(trainer.data["names"].values())
    network = build_network(config.model, len(names), config.seeds.init, config.data.input_size)
    apply_source(network, config.source, config.model, config.data)
    return wing_of(config).task(network, config, names).to(trainer.device)


def _their_step(trainer: Any, batch: dict[str, Any]) -> tuple[float, float]:
    """Loss, as it is backpropagated, and the gradient's norm."""
    trainer._model_train()
    loss = trainer.model(batch)[0].sum()
    loss.backward()
    return float(loss.detach()), _norm(trainer.model)


def _our_step(task: Any, batch: dict[str, Any]) -> tuple[float, float]:
    """The same of tlbench's task, on the same images and objects."""
    images = batch["img"]
    targets = as_targets(batch, images)
    task.train()
    loss = task.training_loss(task.outputs(images), targets).sum() * task.gradient_scale(targets)
    loss.backward()
    return float(loss.detach()), _norm(task.network)


def as_targets(batch: dict[str, Any], images: Any) -> Any:
    """Objects of a batch of ultralytics as tlbench's, for its images (B, 3, S, S)."""
    import torch

    from tlbench.annotations.instances.targets import BoxTargets
    from tlbench.geometry.letterbox import letterbox

    sizes = torch.full((len(images), 2), images.shape[-1], device=images.device)
    order = torch.argsort(batch["batch_idx"], stable=True)
    centre, size = (batch["bboxes"][order] * images.shape[-1]).split(2, dim=1)
    return BoxTargets(
        boxes=torch.cat([centre - size / 2, centre + size / 2], dim=1),
        labels=batch["cls"][order].long().flatten(),
        image=batch["batch_idx"][order].long(),
        placement=letterbox(sizes, sizes, tuple(images.shape[-2:])),
    )


def _norm(network: Any) -> float:
    import torch

    return float(
        torch.linalg.vector_norm(torch.stack([p.grad.norm() for p in network.parameters() if p.grad is not None]))
    )


def _groups(optimizer: Any) -> dict[str, Any]:
    """The optimizer, and how many weights have which weight decay."""
    decays: Counter[str] = Counter()
    for group in optimizer.param_groups:
        decays[f"{group['weight_decay']:g}"] += sum(p.numel() for p in group["params"])
    group = optimizer.param_groups[0]
    rates = sorted({g.get("initial_lr", g["lr"]) for g in optimizer.param_groups})
    return {
        "name": type(optimizer).__name__,
        "lr": rates,
        "betas": list(group["betas"]),
        "eps": group["eps"],
        "decays": dict(sorted(decays.items())),
    }


if __name__ == "__main__":
    sys.exit(main())

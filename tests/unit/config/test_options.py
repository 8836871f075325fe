"""One override on a base: it composes, or what is refused is what was given, or what must go with it is said.

Every option of every group, and null for every key that may be null, on the bases of all tasks.
"""

from __future__ import annotations

import functools

import pytest
from omegaconf.errors import OmegaConfBaseException

from tests.composed import CONF, PLAIN_GROUPS, changed, unresolved
from tlbench.config.hash import flatten
from tlbench.config.keys import may_be_null
from tlbench.errors import ConfigError

BASES = (
    *((), ("task=detection",), ("task=semantic_segmentation",)),
    *(("+experiment=quickstart",), ("+experiment=quickstart_detection",), ("+experiment=camvid_transfer",)),
)

FOREIGN = {
    "classification": (
        *("augmentation=letterbox", "augmentation=yolo", "augmentation=maps"),
        *("model=yolo", "model=smp", "source=coco", "source=documents"),
    ),
    "detection": ("augmentation=", "model=", "source=imagenet", "source=timm", "source=tin200"),
    "semantic_segmentation": (
        *("augmentation=", "source=coco", "source=documents"),
        *("model=efficientnet_lite0", "model=resnet18", "model=timm", "model=torchvision", "model=yolo"),
    ),
}
"""Task → options that are another's."""

OWN = ("model.import_path=m:N", "model.groups={head: [fc]}")

NEEDS = {
    "model=module": OWN,
    "model=timm": ("model.name=resnet50",),
    "model=torchvision": ("model.name=resnet50",),
    "loss=module": ("loss.import_path=m:L",),
    "optimizer=module": ("optimizer.import_path=m:O",),
    "source=checkpoint": ("source.path=w.pt",),
    "source=timm": ("model=timm", "model.name=resnet50"),
}
"""Override → what must go with it, as the refusal says."""

NEEDS_WITH_DECODER = {**NEEDS, "source=timm": ("model.name=tu-resnet18",)}

REFUSED = {
    "optimizer.betas=null",
    "optimizer.final_lr=null",
    "data.test_fraction=null",
    "data.label_space=null",
    "data.pages=null",
    "model.decoder=null",
    "regulariser=bss",
}
"""Overrides that are refused for what they are themselves, where they are."""


def tries():
    for base in BASES:
        values = unresolved(*base)
        for group in PLAIN_GROUPS:
            if group != "task":
                yield from ((base, f"{group}={file.stem}") for file in sorted((CONF / group).glob("*.yaml")))
        yield from ((base, f"{key}=null") for key in flatten(values) if may_be_null(key))


@pytest.mark.promise("no key for another's default")
@pytest.mark.parametrize(("base", "override"), list(tries()))
def test_no_key_is_refused_for_anothers_default(base, override):
    compose = functools.partial(changed, unresolved(*base), override)
    task = unresolved(*base)["task"]["name"]
    try:
        compose()
    except (ConfigError, OmegaConfBaseException) as error:
        text = str(error)
    else:
        return
    if override.startswith(FOREIGN[task]):
        assert f"not for task={task}" in text or override in ("model=timm", "model=torchvision")
    elif override in REFUSED:
        assert text.startswith((f"{override}: ", "regulariser.bss: "))
    else:
        compose(*(NEEDS_WITH_DECODER if task == "semantic_segmentation" else NEEDS)[override])


@pytest.mark.parametrize(
    ("base", "overrides", "values"),
    [
        (("task=detection",), ["callbacks.ema_decay=null"], {"callbacks.ema_tau": None}),
        (("task=detection",), ["callbacks.ema_decay=0.99"], {"callbacks.ema_tau": 2000.0}),
        (("task=detection",), ["optimizer.schedule=cosine"], {"optimizer.final_lr": None}),
        ((), ["optimizer.schedule=linear"], {"optimizer.final_lr": 0.01}),
        ((), ["optimizer=yolo_sgd", "optimizer.momentum=0"], {"optimizer.warmup_momentum": None}),
        ((), ["strategy=gradual_unfreezing", "strategy.at_epochs=[1,2,3,4,5]"], {"strategy.every_n_epochs": None}),
        (
            (),
            ["strategy=gradual_unfreezing", "strategy.stall_patience=1", "trainer.max_epochs=11"],
            {"strategy.every_n_epochs": None},
        ),
        ((), ["strategy=gradual_unfreezing"], {"strategy.every_n_epochs": 1}),
        ((), ["strategy=head_then_full", "trainer.max_epochs=2"], {"strategy.head_epochs": 1}),
        ((), ["strategy=head_then_full", "trainer.max_epochs=9"], {"strategy.head_epochs": 2}),
        ((), ["regulariser.bss=0.1"], {"regulariser.name": "bss"}),
        ((), ["regulariser.l2_sp=0.1"], {"regulariser.name": "l2_sp"}),
        ((), ["regulariser.l2_sp_head=0.1", "regulariser.bss=0.1"], {"regulariser.name": "l2_sp+bss"}),
    ],
)
def test_a_default_that_depends_on_another_key_follows_it(base, overrides, values):
    flat = flatten(changed(unresolved(*base), *overrides).model_dump())
    found = {key: flat[key] for key in values}
    assert found == values


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (
            ["strategy.name=head_then_full"],
            "strategy.name='head_then_full': an option has keys of its own; choose it as strategy=head_then_full",
        ),
        (["task.name=detection"], "task.name='detection': an option has keys of its own; choose it as task=detection"),
        (["data.name=yolo"], "data.name='yolo': an option has keys of its own; choose it as data=yolo"),
        (
            ["optimizer.name=sgd"],
            "optimizer.name='sgd': the momentum and betas beside it are those of adamw; choose it as optimizer=sgd",
        ),
        (["optimizer.momentum=0.9"], "optimizer.momentum=0.9: AdamW takes betas instead; use null, or optimizer=sgd"),
        (
            ["strategy=head_then_full", "trainer.max_epochs=1"],
            "strategy.head_epochs=1: the stage 'full' would never begin; give trainer.max_epochs=2",
        ),
        (
            ["trainer.devices=3"],
            "data.batch_size=32: 3 devices (trainer.devices) share a batch; use a multiple of 3, such as "
            "data.batch_size=33",
        ),
        (
            ["optimizer=yolo", "optimizer.schedule=cosine", "trainer.max_epochs=2"],
            "optimizer.warmup_epochs=3.0: at most trainer.max_epochs=2; give optimizer.warmup_epochs=1",
        ),
        (
            ["data.shots=3", "data.fraction=0.5"],
            "data.shots=3 and data.fraction=0.5: both choose the training images; give data.shots=null or "
            "data.fraction=1.0",
        ),
    ],
)
def test_what_an_override_needs_is_said_exactly(overrides, line):
    with pytest.raises(ConfigError) as caught:
        changed(unresolved(), *overrides)
    assert str(caught.value) == line


def test_data_of_another_task_are_named_without_their_augmentation():
    values = {
        **unresolved("task=detection"),
        "task": unresolved()["task"],
        "model": unresolved()["model"],
        "source": unresolved()["source"],
    }
    with pytest.raises(ConfigError) as caught:
        changed(values)
    assert str(caught.value) == (
        "data=documents: not for task=classification; use cifar10, digits, image_folder, image_csv or module, or "
        "task=detection or task=semantic_segmentation"
    )

"""The command lines that attacks use."""

from __future__ import annotations

from typing import Any

from benchmarks.attacks.command import Command

NET = (
    "trainer=cpu",
    "model=module",
    "model.import_path=tinynet:Net",
    "model.groups={stem:[stem],body:[body],head:[fc]}",
    "source=random",
    "logger.tensorboard=false",
    "optimizer.warmup_epochs=0",
    "optimizer.lr=0.01",
)
"""A network that takes a second."""

DIGITS = (*NET, "data=digits", "data.shots=10", "data.test_fraction=0.1", "data.batch_size=20", "trainer.max_epochs=3")
"""Three epochs of five steps."""

IMAGES = (
    *NET,
    "data=image_folder",
    "data.root=images",
    "data.image_size=32",
    "data.batch_size=4",
    "data.val_fraction=0.25",
    "data.test_fraction=0.25",
    "data.workers=0",
    "data.min_images_per_class=1",
    "trainer.max_epochs=1",
)
"""An epoch of the images in `images`."""

TABLE = (*IMAGES, "data=image_csv", "data.root=list.csv")

DETECTION = (
    "task=detection",
    "model=yolo11n",
    "source=random",
    "trainer=cpu",
    "data.image_size=64",
    "data.batch_size=4",
    "data.workers=0",
    "trainer.max_epochs=1",
    "logger.tensorboard=false",
    "logger.mistakes=0",
)
"""An epoch of YOLO11n on tiny images."""

PAGES = (*DETECTION, "data=documents", "data.pages=12")

RUN = "hydra.run.dir=run"


def train(*arguments: str, base: tuple[str, ...] = DIGITS, run: str | None = RUN, **options: Any) -> Command:
    """`tlbench-train` with a base of overrides; `options` are those of `Command`."""
    return Command("train", (*base, *([run] if run else []), *arguments), **options)


def tool(name: str, *arguments: str, **options: Any) -> Command:
    """Another of the entries."""
    return Command(name, arguments, **options)


def reading(run: str = "run") -> dict[str, Command]:
    """Every way in which a run's folder is read, by name; `images` holds some to predict, `other` another run."""
    return {
        "evaluate": tool("evaluate", f"run={run}"),
        "predict": tool("predict", f"run={run}", "input=pictures", "output=table.csv"),
        "export": tool("export", f"run={run}", "output=weights.safetensors"),
        "tlbench.load": Command("load", (run,), function=lambda: _load(run)),
    }


def as_source(run: str = "run") -> Command:
    """Training that takes its weights from a run."""
    return train("source=checkpoint", f"checkpoint={run}", run="hydra.run.dir=new")


def _load(run: str) -> int:
    """`tlbench.load`, as a program calls it that says its errors as the tools do."""
    from tlbench.cli.entry import exit_code_of, prepare_process

    def load() -> None:
        import numpy as np

        import tlbench

        tlbench.load(run).predict([np.zeros((8, 8, 3), np.uint8)])

    prepare_process()
    return exit_code_of(load, "nothing was loaded", before="loaded")

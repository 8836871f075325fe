"""tlbench: does reusing a pretrained model help on my data, with which recipe, and by how much?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tlbench.api.study import Study
    from tlbench.records.record import Record
    from tlbench.tools.predictor import Predictor

__all__ = ["load", "read_study", "run_one", "run_study"]
__version__ = "0.1.0"


def load(run: Path | str, device: str = "auto", calibrated: bool = False, trust: bool = False) -> Predictor[Any, Any]:
    """Load a finished run to predict with.

        model = tlbench.load("outputs/digits_resnet18/tin200/seed_0")
        for prediction in model(["a.png", "b.jpg"]):
            print(prediction.label, prediction.probability)
        model.probabilities("photos")  # (N, C), of a folder's images
        model.embeddings("photos")  # (N, F), what the head is given

    Of a run that finds objects:

        for detections in tlbench.load("outputs/signature_transfer/documents/seed_0")(["a.png", "b.jpg"]):
            for found in detections:
                print(found.class_name, found.confidence, found.box)

    `tlbench.tools.predictor.Predictor` says which kinds of images it takes; docs/python.md shows it.

    Args:
        run: The folder of a complete run.
        device: `auto` (CUDA, Apple MPS or CPU), or a device as torch names it.
        calibrated: Whether to divide logits by the temperature that `python -m tlbench.evaluate calibrate=temperature`
            fitted to this run; for tasks that have one.
        trust: Whether to import the code that the run's record names (`model.import_path`), though the run is not one
            of your own: code of whoever sent its folder.

    Raises:
        ConfigError: It is not the folder of a complete run, the device is not there, no temperature was fitted, or one
            was asked for where the task has none; its record names code, it is not your run and `trust` is False.
        WeightsError: The checkpoint does not fit the network.
        OutputError: The checkpoint is damaged.
    """
    from tlbench.api.load import load as load_run  # here, so that `import tlbench` stays light

    return load_run(run, device, calibrated, trust)


def run_one(*overrides: str | Mapping[str, Any], **settings: Any) -> Record:
    """Make one run, as `python -m tlbench.train` does: the same checks, the same folders, the same bits.

        record = tlbench.run_one("+experiment=quickstart", {"data.shots": 20}, seed=1)
        print(record.metrics)

    A run that is complete already is not repeated; one that was interrupted goes on. Progress is shown as a command
    shows it. It is made in this process, in its main thread; a study's runs are processes of their own.

    Args:
        overrides: As on the command line, or mappings of keys to values.
        settings: Further keys.

    Returns:
        The record of the complete run.

    Raises:
        UserError: The input is at fault; its text is the line that the command would print.
        Failure: The run failed.
        KeyboardInterrupt: It was interrupted; the same call goes on.
    """
    from tlbench.api.runs import run_one as run

    return run(*overrides, **settings)


def run_study(
    *overrides: str | Mapping[str, Any], sweep: Mapping[str, Iterable[Any]] | None = None, **settings: Any
) -> Study:
    """Make a study, as `python -m tlbench.train -m` does.

        study = tlbench.run_study("+experiment=quickstart", sweep={"seed": range(5)})
        print(study.table())
        study.to_pandas().groupby("arm").mean(numeric_only=True)
        study.plot().savefig("study.png")

    Args:
        overrides: As on the command line, where `key=a,b` sweeps, or mappings of keys to values.
        sweep: Key → the values that it is to have, one run for each combination.
        settings: Further keys.

    Raises:
        UserError: The input is at fault; nothing was run.
        Failure: At least one run failed; the others were run all the same.
        KeyboardInterrupt: It was interrupted; the same call goes on.
    """
    from tlbench.api.runs import run_study as run

    return run(*overrides, sweep=sweep, **settings)


def read_study(folder: Path | str) -> Study:
    """A study that is done, from its folder.

    Raises:
        ConfigError: It is not a study's folder.
    """
    from tlbench.api.study import read_study as read

    return read(folder)

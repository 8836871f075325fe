"""tlbench: does reusing a pretrained model help on my data, with which recipe, and by how much?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tlbench.tasks.wing import Predictor

__version__ = "0.1.0"


def load(run: Path | str, device: str = "auto", calibrated: bool = False, trust: bool = False) -> Predictor:
    """Load a finished run to predict with.

        model = tlbench.load("outputs/digits_resnet18/tin200/seed_0")
        for prediction in model.predict(["a.png", "b.jpg"]):
            print(prediction.label, prediction.probability)

    Of a run that finds objects:

        for detections in tlbench.load("outputs/signature_transfer/documents/seed_0").predict(["a.png", "b.jpg"]):
            for found in detections:
                print(found.class_name, found.confidence, found.box)

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
    # here, so that `import tlbench` stays light
    from tlbench.tasks.wings import wing_of
    from tlbench.tools.complete_run import open_run
    from tlbench.tools.consent import Consent

    complete = open_run(run, Consent(trust))
    return wing_of(complete.config).predictor(complete, device, calibrated)

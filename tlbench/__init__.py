"""tlbench: does reusing a pretrained model help on my data, with which recipe, and by how much?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tlbench.inference.predictor import Predictor

__version__ = "0.1.0"


def load(run: Path | str, device: str = "auto", calibrated: bool = False) -> Predictor:
    """Load a finished run to predict with.

        model = tlbench.load("outputs/digits_resnet18/tin200/seed_0")
        for prediction in model.predict(["a.png", "b.jpg"]):
            print(prediction.label, prediction.probability)

    Args:
        run: The folder of a complete run.
        device: `auto` (CUDA, Apple MPS or CPU), or a device as torch names it.
        calibrated: Whether to divide logits by the temperature that `python -m tlbench.evaluate calibrate=temperature`
            fitted to this run.

    Raises:
        ConfigError: It is not the folder of a complete run, the device is not there, or no temperature was fitted.
        WeightsError: The checkpoint does not fit the network.
        OutputError: The checkpoint is damaged.
    """
    # here, so that `import tlbench` stays light
    from tlbench.inference.complete_run import open_run
    from tlbench.inference.predictor import load_predictor

    return load_predictor(open_run(run), device, calibrated)

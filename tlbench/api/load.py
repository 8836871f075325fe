"""A finished run, to predict with from Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tlbench.cli.entry import as_user_errors
from tlbench.tasks.wings import wing_of
from tlbench.tools.complete_run import open_run
from tlbench.tools.consent import Consent
from tlbench.tools.predictor import Predictor


def load(run: Path | str, device: str = "auto", calibrated: bool = False, trust: bool = False) -> Predictor[Any, Any]:
    """See `tlbench.load`."""
    with as_user_errors():
        complete = open_run(run, Consent(trust))
        return wing_of(complete.config).predictor(complete, device, calibrated)

"""A run's best weights as a safetensors file, to be loaded as a source or by other programs."""

from __future__ import annotations

from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from tlbench.system.atomic import output_errors, write_atomic
from tlbench.system.hashing import file_sha256
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.loaded_run import check_outputs, load_network


def export_weights(run: CompleteRun, path: Path, *, half: bool) -> str:
    """Write the tensors of a run's network, under the network's own names.

    Args:
        run: The run.
        path: The file.
        half: Whether floating-point tensors are rounded to half precision; those with larger values than it holds
            (65504) stay as they are.

    Returns:
        The file's SHA-256 in hex.

    Raises:
        ConfigError, WeightsError, OutputError: The run cannot be loaded, or the file not be written.
        NonFiniteOutputs: The network gives NaN or +inf.
    """
    network = load_network(run)
    check_outputs(run, network)
    state = network.module.state_dict()
    tensors = {name: (_halved(tensor) if half else tensor).contiguous() for name, tensor in state.items()}
    about = {"model": run.config.model.name, "run": f"{run.record.study}/{run.record.arm}/seed_{run.record.seed}"}
    with output_errors(path.parent, "name another file with output=…"):
        write_atomic(path, safetensors.torch.save(tensors, metadata=about))
    return file_sha256(path)


def _halved(tensor: Tensor) -> Tensor:
    if tensor.dtype not in (torch.float32, torch.float64):
        return tensor
    half = tensor.half()
    return half if bool(torch.isfinite(half).all()) else tensor

"""Why a file's tensors are not a network's: the reason that is true, with what to do."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from tlbench.config import ModelConfig
from tlbench.errors import WeightsError
from tlbench.networks.layer_groups import TORCHVISION_MODELS, as_classifier
from tlbench.networks.norms import BATCH_NORM_BUFFERS
from tlbench.sources.found import FoundWeights
from tlbench.sources.naming import kind
from tlbench.sources.report import shortened

_CANDIDATES = 8
"""So many networks of the closest names are tried."""

_ENCODERS = {"encoder", "backbone"}
"""What networks with a decoder call the part that a classifier has too."""

_HEAD = 4
"""So many tensors may be of a head for other classes."""


def check_whole(
    found: FoundWeights,
    wanted: Mapping[str, Tensor],
    given: Mapping[str, Tensor],
    extra: Sequence[str],
    model: ModelConfig,
    prefix: str,
) -> None:
    """See to it that a file's tensors are exactly those of a network's backbone.

    Args:
        found: The file.
        wanted: The backbone's tensors by name.
        given: The file's, under the network's names.
        extra: Names of what else of the file lies in the network's parts.
        model: What the network was built from.
        prefix: What stands before the network's names in the file.

    Raises:
        WeightsError: They are not; says in what they differ.
    """
    missing = [name for name in wanted if name not in given]
    unlike = [name for name in wanted if name in given and kind(wanted[name]) != kind(given[name])]
    if not missing and not unlike and not extra:
        return
    statistics = [name for name in wanted if name.rpartition(".")[2] in BATCH_NORM_BUFFERS]
    if missing == statistics and not unlike and not extra:
        raise WeightsError(
            f"{found.path}: lacks all {len(missing)} running statistics of BatchNorm ({shortened(missing)}), as if "
            "written with model.norm=group; give model.norm=group, or weights of a BatchNorm network"
        )
    is_encoder = bool(missing) and set(prefix.split(".")) & _ENCODERS and missing == list(wanted)[-len(missing) :]
    if is_encoder and not unlike and not extra:
        raise WeightsError(
            f"{found.path}: holds an encoder, which ends with its last map of features: of {len(wanted)} tensors of "
            f"{found.model} it has all but the {len(missing)} behind that ({shortened(missing)}); give weights of "
            f"{found.model}, or train a network with nothing there but its classifier, such as resnet18"
        )
    if len(unlike) == 1 and not missing and not extra and _other_channels(wanted[unlike[0]], given[unlike[0]]):
        raise _channels(found, unlike[0], wanted[unlike[0]], given[unlike[0]])
    first = next((name for name in wanted if name in missing or name in unlike), extra[0] if extra else "")
    likely = _likely(given, model)
    if found.run is not None and found.run.model != found.model:
        likely = f"of the run {found.title}, which trained {found.run.model}"
    raise WeightsError(
        f"{found.path}: looks like another architecture than model={found.model}{f', {likely}' if likely else ''}: of "
        f"{len(wanted)} backbone tensors {len(missing)} are missing and {len(unlike)} have another shape, {len(extra)} "
        f"are extra; first: {first} is {_described(first, given)} in the file, {_described(first, wanted)} in the "
        f"network; give weights of {found.model}"
    )


def _other_channels(wanted: Tensor, given: Tensor) -> bool:
    return (
        given.is_floating_point()
        and wanted.ndim == given.ndim == 4
        and wanted.shape[1] == 3
        and (given.shape[0], given.shape[2:]) == (wanted.shape[0], wanted.shape[2:])
    )


def _channels(found: FoundWeights, name: str, wanted: Tensor, given: Tensor) -> WeightsError:
    """The first convolution sees images of another kind; nobody can know how its weights go over to colours."""
    channels = given.shape[1]
    grey = (
        f"to use it with grey images, which are read as three equal channels, save the file with {name} repeated "
        "(weight.repeat(1, 3, 1, 1) / 3), or give weights for colours"
    )
    return WeightsError(
        f"{found.path}: of {found.model} for images of {channels} channel{'s' if channels > 1 else ''}: {name} is "
        f"{tuple(given.shape)}, the network's {tuple(wanted.shape)} takes three; "
        + (grey if channels == 1 else "give weights for images of three channels")
    )


def _likely(given: Mapping[str, Tensor], model: ModelConfig) -> str:
    """`but like …`, where the tensors are those of another network of a close name; else empty."""
    shapes = {name: tensor.shape for name, tensor in given.items()}
    for library, name in _candidates(model):
        try:
            with torch.device("meta"):
                own = {key: tensor.shape for key, tensor in _built(library, name).state_dict().items()}
        except Exception:  # a network that does not build says nothing of the file
            continue
        alike = sum(shapes.get(key) == shape for key, shape in own.items())
        if alike >= max(len(own), len(shapes)) - _HEAD:
            return f"but like {'timm' if library == 'timm' else 'torchvision'}'s {name}"
    return ""


def _candidates(model: ModelConfig) -> list[tuple[str, str]]:
    """Networks whose names are close to that of a network, by their libraries."""
    own = as_classifier(model.library, model.name)
    known = {"torchvision": TORCHVISION_MODELS} if own[0] in ("torchvision", "timm") else {}
    if own[0] == "timm":
        import timm  # it is loaded already

        known["timm"] = tuple(timm.list_models(own[1].split("_")[0].rstrip("0123456789") + "*"))
    return [
        (library, name)
        for library, names in known.items()
        for name in difflib.get_close_matches(own[1], names, n=_CANDIDATES, cutoff=0.6)
        if (library, name) != own
    ]


def _built(library: str, name: str) -> torch.nn.Module:
    if library == "timm":
        import timm

        return timm.create_model(name, pretrained=False)
    import torchvision.models

    module: torch.nn.Module = torchvision.models.get_model(name, weights=None)
    return module


def _described(name: str, tensors: Mapping[str, Tensor]) -> str:
    if name not in tensors:
        return "absent"
    return f"{tuple(tensors[name].shape)} {str(tensors[name].dtype).removeprefix('torch.')}"

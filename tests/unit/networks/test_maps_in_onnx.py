"""An exported network gives the same logits at any size it is exported for: padding and cutting are in the graph."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings

import numpy as np
import onnxruntime
import pytest
import torch

from tests.composed import model
from tlbench.networks.build import build_network

NETWORKS: list[tuple[str, dict[str, str]]] = [
    ("smp", {"decoder": "fpn"}),
    ("smp", {"decoder": "unet"}),
    ("smp", {"decoder": "deeplabv3plus"}),
    ("smp", {"decoder": "upernet"}),
    ("smp", {"decoder": "segformer"}),
    ("smp", {"decoder": "dpt", "name": "tu-test_vit"}),
    ("smp", {"decoder": "fpn", "name": "tu-test_convnext"}),
    ("torchvision", {"name": "lraspp_mobilenet_v3_large"}),
]
SIZES = [(70, 45), (64, 64), (360, 480), (333, 251)]


@pytest.mark.promise("maps of any size in ONNX")
@pytest.mark.parametrize(
    ("option", "changes", "size"),
    [
        pytest.param(*network, size, marks=[] if network is NETWORKS[0] and size == SIZES[0] else [pytest.mark.slow])
        for network in NETWORKS
        for size in SIZES
    ],
)
def test_onnx_equals_torch(option: str, changes: dict[str, str], size: tuple[int, int]) -> None:
    module = build_network(model(option, **changes), 5, 0, size).module.eval()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module,
            (torch.zeros(2, 3, *size),),
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
            external_data=False,
            verbose=False,
        )
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString(), providers=["CPUExecutionProvider"])
    for batch in (1, 3):
        images = torch.randn(batch, 3, *size)
        (given,) = session.run(None, {session.get_inputs()[0].name: images.numpy()})
        with torch.inference_mode():
            wanted = module(images).numpy()
        assert given.shape == (batch, 5, *size)
        assert np.abs(given - wanted).max() <= 1e-4 * max(np.abs(wanted).max(), 1)

"""BatchNorm statistics over all processes."""

from __future__ import annotations

from lightning.pytorch.plugins.layer_sync import LayerSync
from torch import nn

from tlbench.networks.norms import batch_norm_layers, is_fused


class SyncedBatchNorm(LayerSync):
    """Puts a synchronised layer in the place of every BatchNorm layer, and the layers back after the fit.

    In place of Lightning's, which would lose the activation that timm's layers have built in (`BatchNormAct2d`).
    """

    def __init__(self) -> None:
        self._layers: list[tuple[nn.Module, str, nn.Module]] = []

    def apply(self, model: nn.Module) -> nn.Module:
        """Replace the layers; parameters and buffers are the very same."""
        synced: dict[nn.Module, nn.Module] = {layer: _synced(layer) for _, layer in batch_norm_layers(model)}
        for parent in list(model.modules()):
            for name, child in list(parent._modules.items()):  # named_children leaves out a layer's second name
                if child in synced:
                    self._layers.append((parent, name, child))
                    parent.add_module(name, synced[child])
        return model

    def revert(self, model: nn.Module) -> nn.Module:
        """Put the layers back, with the parameters and buffers as they are now."""
        for parent, name, layer in self._layers:
            now = parent.get_submodule(name)
            layer._parameters, layer._buffers = now._parameters, now._buffers
            layer.train(now.training)
            parent.add_module(name, layer)
        self._layers.clear()
        return model


def _synced(layer: nn.Module) -> nn.Module:
    if is_fused(layer):
        from timm.layers.norm_act import convert_sync_batchnorm  # heavy

        new: nn.Module = convert_sync_batchnorm(layer)  # type: ignore[no-untyped-call]
    else:
        new = nn.SyncBatchNorm.convert_sync_batchnorm(layer)  # type: ignore[no-untyped-call]
    return new

"""What a network hands to its head: the features, caught on their way."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from tlbench.networks.network import Network


class HeadInput:
    """Inside, keeps the tensor that the head is called with, with its graph.

    `value` is that tensor, (B, features) for a linear head, or None if there is none; it stays after the exit.
    A network under `torch.compile` must be entered before its first call: what is compiled already takes no new hook.

    Args:
        network: Its head must be one module, called with one tensor once per forward pass.

    Raises:
        ValueError: If the head is not one module.
    """

    def __init__(self, network: Network) -> None:
        self._head = network.head_module()
        self._prefix = network.groups[network.head][0]
        self._handle: RemovableHandle | None = None
        self.clear()

    def __enter__(self) -> HeadInput:
        if self._handle is not None:
            raise RuntimeError(f"the input of the head {self._prefix} is being kept already; leave that block first")
        self.clear()
        self._handle = self._head.register_forward_pre_hook(self._keep, with_kwargs=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle is not None:
            self._handle.remove()
            self._handle = None

    def clear(self) -> None:
        """Forget the calls so far, as those of a validation pass."""
        self.value: Tensor | None = None
        self._maps: tuple[Any, ...] = ()
        self._calls = 0

    def take(self) -> Tensor:
        """The head's input since the last take or clear; it is then forgotten.

        Raises:
            RuntimeError: If the head was not called once with one tensor since then.
        """
        value = self.value
        self._called_once()
        if value is None:
            raise RuntimeError(f"the head {self._prefix} was called with something else than one tensor")
        return value

    def take_vector(self) -> Tensor:
        """As `take`, one vector an image, also of a head that takes maps: each channel's mean, all maps' in a row.

        Returns:
            (B, F) float32.

        Raises:
            RuntimeError: If the head was not called once, or with something else than a vector or maps of an image.
        """
        maps = self._maps
        self._called_once()
        if not maps or not all(isinstance(each, Tensor) and each.ndim in (2, 4) for each in maps):
            kinds = [str(tuple(each.shape)) if isinstance(each, Tensor) else type(each).__name__ for each in maps]
            raise RuntimeError(
                f"the head {self._prefix} is given neither a vector nor maps of each image, but "
                f"{', '.join(kinds) or 'several things'}"
            )
        return torch.cat([each.float() if each.ndim == 2 else each.float().mean(dim=(2, 3)) for each in maps], dim=1)

    def _called_once(self) -> None:
        calls = self._calls
        self.clear()
        if calls != 1:
            raise RuntimeError(
                f"the head {self._prefix} was called {calls} times since its input was last taken, not once"
            )

    def _keep(self, _head: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._calls += 1
        only = args[0] if len(args) == 1 and not kwargs else None
        self.value = only if isinstance(only, Tensor) else None
        # a tuple of its own: YOLO's head writes into the list that it is given
        self._maps = tuple(only) if isinstance(only, list | tuple) else () if only is None else (only,)

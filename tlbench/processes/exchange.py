"""What several processes tell one another; with one process all of this does nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from torch import nn

T = TypeVar("T")


def is_distributed() -> bool:
    """Whether there are several processes that have found one another."""
    import torch.distributed as dist

    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def gather_objects(own: T) -> list[T]:
    """What each process has, in the order of ranks; to be called by all of them."""
    if not is_distributed():
        return [own]
    import torch.distributed as dist

    found: list[T | None] = [None] * dist.get_world_size()
    dist.all_gather_object(found, own)
    return found  # type: ignore[return-value]


def broadcast_buffers(module: nn.Module) -> None:
    """Give every process the first one's buffers, such as BatchNorm statistics; to be called by all of them."""
    if is_distributed():
        import torch
        import torch.distributed as dist

        with torch.no_grad():
            for buffer in module.buffers():
                dist.broadcast(buffer, src=0)

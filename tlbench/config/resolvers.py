"""What `${…}` may compute in the files of `conf/`: an arm's name, and defaults that depend on another key.

A default that makes sense only beside some value of another key is written as such, so that overriding that key alone
is enough: `ema_tau: ${with:${.ema_decay},2000.0}` is null where there is no `ema_decay`.
"""

from __future__ import annotations

from typing import Any

from omegaconf import Container, OmegaConf

from tlbench.config.arms import arm_name
from tlbench.config.model_options import register_networks
from tlbench.config.varied import varied


def register_resolvers() -> None:
    """Make them known to OmegaConf, and `model=` of the networks that have no file to Hydra.

    - `${arm:${factors}}`: the run's arm name.
    - `${with:a,value}`: `value` where `a` is neither null nor 0, else null.
    - `${without:a,b,value}`: `value` where `a` and `b` are null, else null.
    - `${where:a,is,value}`: `value` where `a` equals `is`, else null.
    - `${below:end,value}`: `value`, or the number before `end` where that is less; at least 1.
    - `${repeats:n,most}`: `most` by n, a whole number: how often n images make up `most`; 1 where n is null.
    - `${varied:stream,vary,seed}`: the stream's seed: `seed` where `vary` says that it varies, else 0.
    - `${regulariser:l2_sp,l2_sp_head,bss}`: the name of penalties of such strengths.
    """
    register_networks()

    def arm(factors: Any, *, _root_: Container) -> str:
        root = OmegaConf.to_container(_root_, resolve=False)  # what is not a factor may not be known yet
        assert isinstance(root, dict)
        for factor in factors:
            _resolve(root, _root_, factor)
        return arm_name({str(k): v for k, v in root.items()}, list(factors))

    def regulariser(l2_sp: float, l2_sp_head: float, bss: float) -> str:
        return "+".join([*(["l2_sp"] if l2_sp or l2_sp_head else []), *(["bss"] if bss else [])]) or "none"

    OmegaConf.register_new_resolver("arm", arm, replace=True)
    OmegaConf.register_new_resolver("regulariser", regulariser, replace=True)
    OmegaConf.register_new_resolver("below", lambda end, value: max(min(value, end - 1), 1), replace=True)
    OmegaConf.register_new_resolver("varied", varied, replace=True)
    OmegaConf.register_new_resolver("repeats", _repeats, replace=True)
    OmegaConf.register_new_resolver("with", lambda other, value: value if other else None, replace=True)
    OmegaConf.register_new_resolver("without", lambda a, b, value: value if a is b is None else None, replace=True)
    OmegaConf.register_new_resolver("where", lambda other, one, value: value if other == one else None, replace=True)


def _repeats(number: int | None, most: int) -> int:
    if number is None:
        return 1
    if most % number:
        raise ValueError(f"{number} images cannot be repeated to make {most}; {most} must be a multiple")
    return most // number


def _resolve(plain: Any, root: Container, key: str) -> None:
    """Put a key's value into plain containers that hold it unresolved."""
    *groups, last = key.split(".")
    for name in groups:
        plain = plain.get(name) if isinstance(plain, dict) else None
    if isinstance(plain, dict) and isinstance(plain.get(last), str):
        plain[last] = OmegaConf.select(root, key)


FOLLOWING = {
    "callbacks.ema_decay": ("callbacks.ema_tau",),
    "optimizer.momentum": ("optimizer.warmup_momentum",),
    "optimizer.schedule": ("optimizer.final_lr",),
    "regulariser.bss": ("regulariser.name",),
    "regulariser.l2_sp": ("regulariser.name",),
    "regulariser.l2_sp_head": ("regulariser.name",),
    "strategy.at_epochs": ("strategy.every_n_epochs",),
    "strategy.stall_patience": ("strategy.every_n_epochs",),
    "task.tile": ("data.native",),
    "trainer.max_epochs": ("strategy.head_epochs",),
    "vary": ("seeds",),
}
"""Key → those whose defaults depend on it: arms that differ in it may differ in these as well."""

"""Which random streams follow `seed`."""

from __future__ import annotations

from tlbench.config.run import TrainConfig


def varied(stream: str, vary: str | None, seed: int) -> int:
    """The seed of a stream: `seed` where `vary` is null and it is not the split's, where it is `all` or the stream
    itself; else 0.
    """
    follows = stream != "split" if vary is None else vary in ("all", stream)
    return seed if follows else 0


def seed_problems(c: TrainConfig) -> list[str]:
    """Seeds that are not what `vary` says of them."""
    if c.vary is None:
        return []
    wanted = {stream: varied(stream, c.vary, c.seed) for stream in type(c.seeds).model_fields}
    return [
        f"seeds.{stream}={given}: with vary={c.vary} and seed={c.seed} it is {wanted[stream]}; leave it out, or use "
        "vary=null"
        for stream, given in c.seeds
        if given != wanted[stream]
    ]

"""The command that adds the seeds which a study still needs."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from tlbench.study.arm import Arm
from tlbench.study.comparisons import Difference
from tlbench.study.sentences import seeds_of

_LISTED = 10  # seeds; more are a range
_DROPPED = ("seed", "rerun", "hydra.mode")
"""What the command does not repeat: other seeds, runs that are complete, and what `-m` says."""


@dataclass(frozen=True)
class StudyCommand:
    """What stands behind `python -m tlbench.train`.

    Attributes:
        flags: Such as `--config-dir` and its folder.
        overrides: As they were typed, swept values included.
    """

    flags: tuple[str, ...]
    overrides: tuple[str, ...]

    def text(self) -> str:
        """The whole command, quoted for a shell."""
        return shlex.join(["python", "-m", "tlbench.train", "-m", *self.flags, *self.overrides])

    def with_seeds(self, seeds: Sequence[int]) -> str:
        """The same command with these seeds, quoted for a shell; complete runs are not repeated.

        Args:
            seeds: In ascending order.
        """
        kept = [each for each in self.overrides if each.partition("=")[0].lstrip("+~") not in _DROPPED]
        listed = ",".join(map(str, seeds))
        if len(seeds) > _LISTED and list(seeds) == list(range(seeds[0], seeds[-1] + 1)):
            listed = f"range({seeds[0]},{seeds[-1] + 1})"
        return shlex.join(["python", "-m", "tlbench.train", "-m", *self.flags, *kept, f"seed={listed}"])


@dataclass(frozen=True)
class MoreSeeds:
    """What would decide the comparison that takes the fewest seeds.

    Attributes:
        arm: Of the comparison.
        baseline: Of the comparison.
        seeds: How many both arms would then have.
        command: To paste into a shell.
        sentence: All of this.
    """

    arm: str
    baseline: str
    seeds: int
    command: str
    sentence: str


def more_seeds(differences: Sequence[Difference], arms: Sequence[Arm], command: StudyCommand) -> MoreSeeds | None:
    """None where no comparison is undecided with a known number of seeds.

    Args:
        differences: From the baselines, in the primary metric.
        arms: Of the study.
        command: That made its runs, or went on with them.
    """
    needed = {
        i: max(d.paired.seeds_needed, d.paired.n + 1)
        for i, d in enumerate(differences)
        if d.paired.verdict == "undecided" and d.paired.seeds_needed is not None
    }
    if not needed:
        return None
    chosen = min(needed, key=lambda i: needed[i])
    d, count = differences[chosen], needed[chosen]
    seeds = {seed for arm in arms if arm.name in (d.arm, d.baseline) for seed in arm.seeds}
    added = [seed for seed in range(count + len(seeds)) if seed not in seeds][: max(count - len(seeds), 0)]
    line = command.with_seeds(sorted([*seeds, *added]))
    times = [arm.fit_s for arm in arms if arm.fit_s is not None]
    hours = len(added) * sum(times) / 3600
    took = f", about {hours:.2g} h of training in all arms" if len(times) == len(arms) and hours >= 0.1 else ""
    sentence = (
        f"{seeds_of(count)} would tell {d.arm} from {d.baseline} in 4 cases of 5, if they differ as much as here{took}:"
    )
    return MoreSeeds(d.arm, d.baseline, count, line, f"{sentence} {line}")

"""What a run cannot do on this machine, or with its network, found before data are read and before a study's first run.

`python -m tlbench.runs.preflight` checks the configurations that it is given for a study's own process, which stays
without torch; nothing heavy is imported here before it is needed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

from tlbench.config import GradualUnfreezingConfig, TrainConfig
from tlbench.config.parse import parse
from tlbench.errors import ConfigError
from tlbench.networks.checks import check_installed
from tlbench.networks.layer_groups import HEAD, TIMM_ENCODER, as_classifier, known_groups
from tlbench.processes.child import command_of

_FEW_CLASSES = 2


def preflight(config: TrainConfig) -> None:
    """Check a run's device and network.

    Raises:
        ConfigError: A device is not there or cannot train in the wanted precision; a network's library is not
            installed; timm has no such network, or it is no encoder for the decoder, or the strategy does not fit the
            layer groups that it has.
    """
    check_device(config)
    _check_network(config)


def preflight_all(configs: Sequence[TrainConfig]) -> None:
    """The same for the runs of a study, in another process, and only where there is something to check.

    Raises:
        ConfigError: As `preflight`, of the first run at fault.
    """
    wanted = {_what_counts(config): config for config in configs if _asks(config)}
    if not wanted:
        return
    given = json.dumps([config.model_dump(mode="json") for config in wanted.values()])
    done = subprocess.run(command_of("tlbench.runs.preflight"), input=given, capture_output=True, text=True)
    if done.returncode == 0 and done.stdout:  # a check that broke down refuses nothing; each run checks for itself
        raise ConfigError(json.loads(done.stdout))


def check_device(config: TrainConfig) -> None:
    """Whether the wanted devices are there, and train in the wanted precision.

    Raises:
        ConfigError: They are not, or do not.
    """
    import torch  # heavy

    c = config.trainer
    sees_gpu = torch.cuda.is_available() or torch.backends.mps.is_available()
    if c.accelerator == "gpu" and not sees_gpu:
        raise ConfigError("trainer=gpu: torch sees no GPU on this machine; use trainer=auto or trainer=cpu")
    if c.precision == "16-mixed" and (c.accelerator == "cpu" or not sees_gpu):
        raise ConfigError("trainer.precision='16-mixed': needs a GPU; on a CPU use 32-true or bf16-mixed")
    on_gpu = c.accelerator != "cpu" and sees_gpu
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 1
    if on_gpu and c.devices > gpus:
        raise ConfigError(
            f"trainer.devices={c.devices}: torch sees {gpus} GPU on this machine; use at most {gpus}, or "
            "trainer.accelerator=cpu"
        )
    if c.sync_batchnorm and not on_gpu:
        raise ConfigError(
            "trainer.sync_batchnorm=true: works on GPUs only, and torch sees none; use false or model.norm=group"
        )


def _asks(config: TrainConfig) -> bool:
    """Whether there is something to check that only torch or timm knows."""
    c = config.trainer
    device = c.accelerator == "gpu" or c.precision == "16-mixed" or c.sync_batchnorm
    return device or (c.devices > 1 and c.accelerator != "cpu") or config.model.library in ("timm", "smp")


def _what_counts(config: TrainConfig) -> str:
    counts = {"trainer", "model", "strategy"}
    return config.model_dump_json(include=counts) + str(config.data.image_size)


def _check_network(config: TrainConfig) -> None:
    """A network whose layer groups nobody knows before it is built is built here where the strategy names them."""
    model, strategy = config.model, config.strategy
    check_installed(model)
    library, name = as_classifier(model.library, model.name)
    if library != "timm":
        return
    from tlbench.networks.libraries.timm import check_name  # heavy

    check_name(name, TIMM_ENCODER if model.library == "smp" else "")
    if model.library == "smp":
        from tlbench.networks.libraries.smp import encoder_of  # heavy

        encoder_of(model, config.data.input_size)
    names_groups = isinstance(strategy, GradualUnfreezingConfig) or strategy.lr_scales is not None
    if model.groups is not None or known_groups(model.library, model.name) or not names_groups:
        return
    from tlbench.adaptation.parameter_groups import learning_rate_scales
    from tlbench.adaptation.stages import plan_stages
    from tlbench.networks.build import build_network

    groups = list(build_network(model, _FEW_CLASSES, config.seeds.init, config.data.input_size).groups)
    plan_stages(strategy, groups, HEAD, config.trainer.max_epochs)
    learning_rate_scales(groups, strategy.lr_decay, strategy.lr_scales)


def main() -> None:
    """Write what is wrong with the first of the configurations on standard input at fault, as JSON."""
    for config in json.load(sys.stdin):
        try:
            preflight(parse(config))
        except ConfigError as error:
            sys.stdout.write(json.dumps(str(error)))
            return


if __name__ == "__main__":
    main()

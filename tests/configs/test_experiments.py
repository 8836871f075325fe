"""Every experiment, and every option of every group, composes, is valid and builds; a new file is tested by itself."""

from __future__ import annotations

import re
import shlex
from types import SimpleNamespace

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser

from tests.slow import mostly_slow
from tlbench.config.compose import compose_config, plain
from tlbench.config.conf_folder import config_dir
from tlbench.config.hash import config_hash
from tlbench.config.parse import parse
from tlbench.config.resolvers import register_resolvers
from tlbench.networks.build import build_network
from tlbench.runs.trainer import build_trainer
from tlbench.tasks.wings import wing_of

EXPERIMENTS = sorted(path.stem for path in (config_dir() / "experiment").glob("*.yaml"))
OPTIONS = sorted(
    f"{path.parent.name}={path.stem}" for path in config_dir().glob("*/*.yaml") if path.parent.name != "experiment"
)
NEEDED = {
    "source=checkpoint": ["source.path=run"],
    "source=timm": ["model=timm", "model.name=resnet10t"],
    "data=cifar10": [],
    "data=digits": [],
    "data=module": ["data.import_path=my_data:photos"],
    "data=box_module": ["data.import_path=my_data:photos"],
    "model=timm": ["model.name=resnet10t"],
    "model=torchvision": ["model.name=vgg11"],
    "loss=module": ["loss.import_path=losses:Loss"],
    "optimizer=module": ["optimizer.import_path=torch.optim:RMSprop"],
    "model=module": ["model.import_path=nets:Net", "model.groups={body: [conv], head: [fc]}"],
}
"""What an option needs beside itself."""

DETECTION = ("=yolo", "=signature", "=documents", "=coco", "=box_module", "=letterbox")
"""How options begin, after the group's name, that are of detection."""

MAPS = ("augmentation=maps", "data=masks", "data=camvid", "model=smp")
"""How options begin that are of semantic segmentation."""

SINGLE = {"chain_source", "documents_pretrain"}
"""Experiments that are one run."""

NAMES = {
    "model=timm": "resnet10t",
    "model=smp": "resnet18",
    "model=torchvision": "vgg11",
    "model=efficientnet_lite0": "tf_efficientnet_lite0",
} | {
    "optimizer=yolo": "adamw",
    "optimizer=yolo_sgd": "sgd",
}
"""Options that are not named as their file."""

QUICK = ("quickstart", "quickstart_detection", "chain_source", "chain_target", "signature_transfer")
"""Experiments whose runs are few, and of every kind: single runs, arms, arms that need earlier ones."""


def compose_study(overrides):
    """The configuration with Hydra's own node, as the sweeper sees it."""
    register_resolvers()
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        return compose("train", overrides=overrides, return_hydra_config=True)


def jobs_of(experiment):
    """The overrides of each run of an experiment's study."""
    params = compose_study([f"+experiment={experiment}"]).hydra.sweeper.params or {}
    sweeps = OverridesParser.create().parse_overrides([f"{key}={value}" for key, value in params.items()])
    (batch,) = BasicSweeper.split_arguments(sweeps, max_batch_size=None)
    return [[f"+experiment={experiment}", *job] for job in batch]


def test_there_are_experiments():
    assert {"quickstart", "cifar_transfer"} <= set(EXPERIMENTS)


@pytest.mark.promise("experiments and golden values")
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_an_experiment_composes_and_builds(experiment, tmp_path):
    config = compose_config([f"+experiment={experiment}"])
    network = build_network(config.model, 10, config.seeds.init, config.data.input_size)
    task = wing_of(config).task(network, config, [str(i) for i in range(10)])
    trainer = build_trainer(compose_config([f"+experiment={experiment}", "trainer=cpu"]), task, tmp_path).trainer
    assert trainer.max_epochs >= 1
    task.trainer = SimpleNamespace(datamodule=SimpleNamespace(train_dataloader=lambda: range(10)))
    optimizer = task.configure_optimizers()["optimizer"]
    grouped = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in network.module.parameters())
    assert {group["name"].partition("/")[0] for group in optimizer.param_groups} == set(network.groups)
    with torch.no_grad():
        size = config.data.input_size
        outputs = network.module.eval()(torch.zeros(2, 3, *size))
    if config.task.name == "detection":
        assert outputs[0].shape[:2] == (2, 4 + 10)
    elif config.task.name == "semantic_segmentation":
        assert outputs.shape == (2, 10, *size)
    else:
        assert outputs.shape == (2, 10)


@pytest.mark.promise("arms and seeds of experiments")
@pytest.mark.parametrize("experiment", mostly_slow(EXPERIMENTS, *QUICK))
def test_all_runs_of_an_experiments_study_are_valid_and_apart(experiment):
    """Every arm with the first seed, and the first arm with every seed; a sweep is their product."""
    jobs = [(tuple(each for each in job if not each.startswith("seed=")), job) for job in jobs_of(experiment)]
    seeds = {tuple(each for each in job if each.startswith("seed=")) for _, job in jobs}
    arms = list(dict.fromkeys(arm for arm, _ in jobs))
    assert len(jobs) == len(arms) * len(seeds)
    configs, folders = [], []
    for number, (arm, job) in enumerate(jobs):
        if arm in (each for each, _ in jobs[:number]) and arm != arms[0]:
            continue
        composed = compose_study(job)
        configs.append(parse(plain(composed)))
        folders.append(f"{composed.hydra.sweep.dir}/{composed.hydra.sweep.subdir}")
    assert len(configs) > 1 or experiment in SINGLE
    assert len(set(folders)) == len({config_hash(c.model_dump(mode="json")) for c in configs}) == len(configs)
    assert all(re.fullmatch(r"outputs/[\w.+-]+/[\w.+-]+/seed_\d+", folder) for folder in folders)
    assert {config.study for config in configs} == {configs[0].study}
    assert len({config.seed for config in configs}) == len(seeds)
    assert len({folder.split("/")[2] for folder in folders}) == len(arms)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_an_experiment_states_its_command(experiment):
    lines = (config_dir() / "experiment" / f"{experiment}.yaml").read_text().splitlines()
    commands = [line for line in lines if line.startswith("# python -m tlbench.train ")]
    assert commands, "its header must state its command"
    for command in commands:
        arguments = shlex.split(re.split(r"\s{2,}", command)[0].removeprefix("# python -m tlbench.train "))
        overrides = [argument for argument in arguments if not argument.startswith("-")]
        overrides = [re.sub(r"^(\w+=\w+),.*", r"\1", override) for override in overrides]  # of a sweep the first
        assert f"+experiment={experiment}" in overrides
        assert compose_config(overrides)


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_of_every_group_composes(option):
    group, _, name = option.partition("=")
    task = ["task=detection"] if f"={name}".startswith(DETECTION) else []
    task = ["task=semantic_segmentation"] if option.startswith(MAPS) else task
    config = compose_config([option, *task, *NEEDED.get(option, [])])
    if "name" in type(getattr(config, group)).model_fields:
        assert getattr(config, group).name == NAMES.get(option, name)

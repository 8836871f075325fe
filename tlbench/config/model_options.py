"""`model=NAME` for every network of torchvision: options of Hydra's that need no file each."""

from __future__ import annotations

import warnings

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from tlbench.networks.layer_groups import LIBRARIES


def register_networks() -> None:
    """Make the names known to Hydra, with what `conf/model/torchvision.yaml` says; a user's file of a name is taken.

    Those that it knows already are left as they are: a study composes its runs one by one, and each time costs.
    """
    warnings.filterwarnings("ignore", r"\s*'model/\w+' is validated against ConfigStore schema")  # it fills no gap
    nothing = dict.fromkeys(("decoder", "import_path", "arguments", "groups"))
    option = {"library": "torchvision", **nothing, "norm": "batch"}
    store = ConfigStore.instance()
    known = store.repo.get("model", {})
    for name in LIBRARIES["torchvision"]:
        if name != "resnet18" and f"{name}.yaml" not in known:  # resnet18 has a file
            store.store(group="model", name=name, node=OmegaConf.create({"name": name, **option}))

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn

from tests.tiny_network import tiny_network
from tests.weights_files import holding, state_dict_of
from tlbench.errors import WeightsError
from tlbench.networks.network import Network
from tlbench.networks.norms import to_group_norm
from tlbench.sources.naming import Named, by_position
from tlbench.sources.readings import find_backbone

FILE = Path("w.ckpt")


def numbered(network: Network) -> dict[str, Tensor]:
    """The network's names, each tensor filled with a number of its own."""
    state = network.module.state_dict()
    return {name: torch.full_like(tensor, place) for place, (name, tensor) in enumerate(state.items(), start=1)}


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return list(a) == list(b) and all(torch.equal(a[name], b[name]) for name in a)


def by_prefix(tensors: dict[str, Tensor], network: Network) -> Named:
    return find_backbone(holding({"": tensors}), network, None, None)


class Lit(LightningModule):
    """A module of somebody else's, with a projection beside the network."""

    def __init__(self, attribute: str, module: nn.Module) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["module"])
        setattr(self, attribute, module)
        self.projection = nn.Linear(4, 2)

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.mark.promise("source=checkpoint")
@pytest.mark.parametrize(
    ("wrapped", "prefix"),
    [
        (lambda m: m, "net"),
        (torch.compile, "net._orig_mod"),
        (lambda m: (m.compile(), m)[1], "net"),
        (lambda m: nn.Sequential(nn.Identity(), m), "net.1"),
    ],
    ids=["bare", "compiled", "compiled in place", "nested"],
)
def test_a_lightning_checkpoint_of_anyone(
    wrapped: Callable[[nn.Module], nn.Module], prefix: str, tmp_path: Path
) -> None:
    network = tiny_network(10)
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_model_summary=False)
    trainer.strategy.connect(Lit("net", wrapped(network.module)))
    trainer.save_checkpoint(tmp_path / "any.ckpt")
    named = by_prefix(state_dict_of(tmp_path / "any.ckpt"), tiny_network(3))
    assert same(named.tensors, network.module.state_dict())
    assert (named.prefix, named.outside) == (prefix, ("projection.weight", "projection.bias"))


@pytest.mark.parametrize("prefix", ["module", "model", "network", "module._orig_mod.backbone"])
def test_one_prefix_is_found_and_reported(prefix: str) -> None:
    state = numbered(tiny_network(10))
    named = by_prefix({f"{prefix}.{name}": t for name, t in state.items()}, tiny_network(10))
    assert same(named.tensors, state)
    assert (named.prefix, named.outside) == (prefix, ())


def test_own_names_are_no_prefix_and_nothing_is_left_out() -> None:
    state = numbered(tiny_network(10)) | {"extra.weight": torch.ones(1)}
    assert by_prefix(state, tiny_network(10)).prefix == ""
    assert same(by_prefix(state, tiny_network(10)).tensors, state)


def test_two_networks_in_a_file_are_ambiguous() -> None:
    state = numbered(tiny_network(10))
    both = {f"student.{n}": t for n, t in state.items()} | {f"teacher.{n}": t + 1 for n, t in state.items()}
    with pytest.raises(WeightsError, match=r" 2 times, .*: source\.prefix=student \| source\.prefix=teacher$"):
        by_prefix(both, tiny_network(10))
    del both["teacher.layer4.1.running_var"]  # not whole
    assert by_prefix(both, tiny_network(10)).prefix == "student"


def test_the_shapes_decide_between_prefixes() -> None:
    state = numbered(tiny_network(10))
    other = {f"a.{n}": torch.ones(9, 9) if n == "layer1.0.weight" else t for n, t in state.items()}
    assert by_prefix(other | {f"b.{n}": t for n, t in state.items()}, tiny_network(10)).prefix == "b"


def test_what_is_nowhere_whole_is_taken_from_where_most_of_it_is() -> None:
    state = {f"net.{n}": t for n, t in numbered(tiny_network(10)).items() if not n.startswith("layer4")}
    named = by_prefix(state, tiny_network(10))
    assert (named.prefix, "layer3.0.weight" in named.tensors, "layer4.0.weight" in named.tensors) == (
        "net",
        True,
        False,
    )
    assert same(by_prefix({"a": torch.ones(1)}, tiny_network(10)).tensors, {"a": torch.ones(1)})


def renamed(network: Network, classes: int = 7) -> dict[str, Tensor]:
    """As another library names the tensors of the network with another head, in the same order."""
    state = numbered(network) | {"fc.weight": torch.ones(classes, 4), "fc.bias": torch.ones(classes)}
    return {f"_{place}.{name.rpartition('.')[2]}": tensor for place, (name, tensor) in enumerate(state.items())}


def test_tensors_are_paired_by_position() -> None:
    network = tiny_network(10)
    named = by_position(FILE, renamed(network), network, "tiny")
    wanted = numbered(network)
    assert list(named.tensors) == list(wanted)
    assert all(torch.equal(named.tensors[name], tensor) for name, tensor in wanted.items() if "fc" not in name)
    assert tuple(named.tensors["fc.weight"].shape) == (7, 4)
    assert named.outside == ()


def test_without_batch_norm_the_statistics_are_left_out_first() -> None:
    network = tiny_network(10)
    given = renamed(network)
    grouped = replace(network, dropped=frozenset(to_group_norm(network.module)))
    named = by_position(FILE, given, grouped, "tiny")
    assert list(named.tensors) == list(grouped.module.state_dict())
    assert float(named.tensors["layer4.1.bias"][0]) == numbered(tiny_network(10))["layer4.1.bias"][0]
    assert len(named.outside) == len(grouped.dropped) == 15


def test_a_file_with_the_networks_own_names_is_not_paired() -> None:
    state = dict(sorted(numbered(tiny_network(10)).items()))
    assert same(by_position(FILE, state, tiny_network(10), "tiny").tensors, state)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: dict(sorted(s.items(), key=lambda i: i[0].rpartition(".")[2])),
         r"tensor 1 is _2\.bias \(4,\) there and conv1\.weight \(4, 3, 7, 7\) here"),
        (lambda s: s | {"_6.weight": torch.ones(4, 4, 1, 1)},
         r"tensor 7 is _6\.weight \(4, 4, 1, 1\) there and layer1\.0\.weight \(4, 4, 3, 3\) here"),
        (lambda s: s | {"_99.weight": torch.ones(1)}, r"\d+ tensors there, \d+ here"),
        (lambda s: {n: s[n] for n in list(s)[:-1]}, r"\d+ tensors there, \d+ here"),
    ],
    ids=["another order", "another shape", "more", "fewer"],
)  # fmt: skip
def test_what_does_not_pair_off_is_another_architecture(change: Any, message: str) -> None:
    network = tiny_network(10)
    with pytest.raises(WeightsError, match=r"w\.ckpt: looks like another architecture than model=tiny: .*" + message):
        by_position(FILE, change(renamed(network)), network, "tiny")

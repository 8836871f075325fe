from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import tlbench
from tests.composed import model
from tlbench.adaptation.freezing import Freezing
from tlbench.errors import ConfigError
from tlbench.networks.build import build_network
from tlbench.networks.layer_groups import LAYER_GROUPS, YOLO11_CLASSES, YOLO11_MODELS
from tlbench.networks.libraries.ultralytics import ultralytics_module
from tlbench.networks.network import Network
from tlbench.networks.norms import batch_norm_layers

SIDE = 64
CELLS = 8 * 8 + 4 * 4 + 2 * 2
NEW = [f"{prefix}.{part}" for prefix in YOLO11_CLASSES for part in ("weight", "bias")]
INTEGRAL = "model.23.dfl.conv.weight"


def build(classes: int, seed: int = 0, option: str = "yolo11n", **changes: object) -> Network:
    return build_network(model(option, **changes), classes, seed, (SIDE, SIDE))


@pytest.fixture(scope="module")
def one() -> Network:
    """One class; do not change it."""
    return build(1)


@pytest.fixture(scope="module")
def eighty() -> Network:
    """Eighty classes; do not change it."""
    return build(80)


def shapes(network: Network) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in network.module.state_dict().items()}


@pytest.mark.promise("one YOLO architecture")
def test_the_architecture_differs_in_the_last_class_convolutions_alone(one: Network, eighty: Network) -> None:
    published = ultralytics_module("nn.tasks").DetectionModel("yolo11n.yaml", nc=80, verbose=False)
    assert shapes(eighty) == {name: tuple(tensor.shape) for name, tensor in published.state_dict().items()}
    assert [name for name, shape in shapes(one).items() if shape != shapes(eighty)[name]] == NEW
    assert shapes(one).keys() == shapes(eighty).keys()
    assert len(shapes(one)) == 499
    assert shapes(one)["model.23.cv3.0.2.weight"] == (1, 80, 1, 1)
    assert {(layer.eps, layer.momentum) for _, layer in batch_norm_layers(one.module)} == {(1e-3, 0.03)}
    assert len(batch_norm_layers(one.module)) == 81


@pytest.mark.parametrize("option", YOLO11_MODELS)
def test_module_numbers_mean_the_same_in_all_sizes(option: str) -> None:
    with torch.device("meta"):
        tasks, utils = ultralytics_module("nn.tasks"), ultralytics_module("utils")
        description = utils.YAML.load(utils.ROOT / "cfg/models/11/yolo11.yaml") | {"scale": option[-1]}
        layers, _ = tasks.parse_model(description, ch=3, verbose=False)
    kinds = [type(layer).__name__ for layer in layers]
    assert len(kinds) == 24
    assert [place for place, kind in enumerate(kinds) if kind == "Conv"] == [0, 1, 3, 5, 7, 17, 20]
    assert [kinds[place] for place in (9, 10, 11, 14, 23)] == ["SPPF", "C2PSA", "Upsample", "Upsample", "Detect"]
    assert sorted(prefix for group in LAYER_GROUPS[option].values() for prefix in group) == sorted(
        f"model.{place}" for place in range(24)
    )


def test_layer_groups_are_a_partition_in_the_order_of_the_forward_pass(one: Network) -> None:
    numbers = [int(prefix.removeprefix("model.")) for group in one.groups.values() for prefix in group]
    assert numbers == list(range(24))
    sizes = {group: sum(p.numel() for p in one.group_parameters(group)) for group in one.groups}
    assert sum(size for group, size in sizes.items() if group.startswith("backbone_")) == 1_365_472
    assert sum(size for group, size in sizes.items() if group.startswith("neck_")) == 793_696
    assert list(sizes) == list(LAYER_GROUPS["yolo11n"])


@pytest.mark.promise("one YOLO architecture")
def test_weights_are_a_function_of_the_seed_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = build(3).module.state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    again, other = build(3).module.state_dict(), build(3, seed=1).module.state_dict()
    assert all(torch.equal(tensor, again[name]) for name, tensor in first.items())
    assert [name for name in NEW if torch.equal(first[name], other[name])] == [n for n in NEW if n.endswith("bias")]
    assert not torch.equal(first["model.0.conv.weight"], other["model.0.conv.weight"])


def test_the_biases_say_that_objects_are_rare(one: Network, eighty: Network) -> None:
    for network, classes in ((one, 1), (eighty, 80)):
        published = ultralytics_module("nn.tasks").DetectionModel("yolo11n.yaml", nc=classes, verbose=False)
        ours, theirs = network.module.state_dict(), published.state_dict()
        for level in range(3):
            for branch in ("cv2", "cv3"):
                name = f"model.23.{branch}.{level}.2.bias"
                assert torch.equal(ours[name], theirs[name])


@pytest.mark.parametrize("norm", ["batch", "group"])
def test_outputs_in_train_and_eval_mode(norm: str) -> None:
    module = build(3, norm=norm).module
    assert len(batch_norm_layers(module)) == (81 if norm == "batch" else 0)
    images = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    outputs = module(images)
    assert {key: tuple(outputs[key].shape) for key in ("boxes", "scores")} == {
        "boxes": (2, 64, CELLS),
        "scores": (2, 3, CELLS),
    }
    with torch.no_grad():
        decoded, raw = module.eval()(images)
    assert decoded.shape == (2, 4 + 3, CELLS)
    assert torch.equal(decoded[:, 4:], raw["scores"].sigmoid())


@pytest.mark.promise("one YOLO architecture")
def test_it_is_ultralytics_own_network(eighty: Network) -> None:
    published = ultralytics_module("nn.tasks").DetectionModel("yolo11n.yaml", nc=80, verbose=False)
    published.load_state_dict(eighty.module.state_dict())
    images = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    modes = eighty.module.training
    with torch.no_grad():
        ours, theirs = eighty.module.eval()(images)[0], published.eval()(images)[0]
    eighty.module.train(modes)
    assert torch.equal(ours, theirs)


def test_what_the_loss_reads_is_there(one: Network) -> None:
    head = one.module.model[-1]
    assert (head.nc, head.no, head.reg_max, head.stride.tolist()) == (1, 65, 16, [8.0, 16.0, 32.0])
    assert (one.module.args.box, one.module.args.cls, one.module.args.dfl) == (7.5, 0.5, 1.5)
    assert one.module.names == {0: "0"}
    assert ultralytics_module("utils.loss").v8DetectionLoss(one.module).nc == 1


def test_nothing_trains_the_integral_over_the_distribution() -> None:
    network = build(1)
    freezing = Freezing(network)
    for groups in (["head"], list(network.groups)):
        freezing.set_trainable(groups)
        for parameter in network.module.parameters():
            parameter.requires_grad_(True)
        before = network.module.state_dict()[INTEGRAL].clone()
        optimizer = torch.optim.SGD(network.module.parameters(), lr=0.1, weight_decay=0.1)
        outputs: dict[str, Tensor] = network.module(torch.rand(1, 3, SIDE, SIDE))
        (outputs["boxes"].square().mean() + outputs["scores"].square().mean()).backward()
        optimizer.step()
        assert torch.equal(network.module.state_dict()[INTEGRAL], before)
    assert before.flatten().tolist() == list(range(16))
    assert INTEGRAL not in dict(network.module.named_parameters())
    assert network.group_of(INTEGRAL) == "head"
    assert network.module(torch.rand(1, 3, SIDE, SIDE))["boxes"].requires_grad


def test_a_frozen_backbone_takes_no_part_in_the_backward_pass() -> None:
    network = build(1)
    Freezing(network).set_trainable(["neck_top_down", "neck_bottom_up", "head"])
    statistics = network.module.state_dict()["model.10.cv1.bn.running_mean"].clone()
    network.module(torch.rand(2, 3, SIDE, SIDE))["scores"].sum().backward()
    touched = {network.group_of(name) for name, p in network.module.named_parameters() if p.grad is not None}
    assert touched == {"neck_top_down", "neck_bottom_up", "head"}
    assert torch.equal(network.module.state_dict()["model.10.cv1.bn.running_mean"], statistics)


def test_only_the_class_convolutions_are_new_for_the_labels(one: Network) -> None:
    assert list(one.new_tensors()) == NEW
    assert one.is_new("model.23.cv3.1.2.weight")
    assert not one.is_new("model.23.cv3.1.1.1.conv.weight")
    assert isinstance(one.head_module(), nn.Module)


def test_own_layer_groups_replace_the_known_ones() -> None:
    body = [f"model.{place}" for place in range(23)]
    network = build(1, groups={"body": body, "head": ["model.23"]})
    assert list(network.groups) == ["body", "head"]
    assert network.new == YOLO11_CLASSES
    with pytest.raises(
        ConfigError, match=r"model\.groups: .*model\.23\.cv3\.0\.2.*put model\.23 into the group 'head'"
    ):
        build(1, groups={"body": [*body, "model.23.cv3"], "head": ["model.23.cv2", "model.23.dfl"]})


def test_sides_that_the_strides_do_not_divide_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"data\.image_size=100: yolo11n halves .*use a multiple of 32, such as 96"):
        build_network(model("yolo11n"), 1, 0, (100, 100))
    with pytest.raises(ConfigError, match=r"image_size=\[64,100\]: .*a multiple of 32, such as \[64,96\]"):
        build_network(model("yolo11n"), 1, 0, (64, 100))


@pytest.mark.parametrize(
    ("changed", "start"),
    [
        ({"name": "yolo11t"}, "model.name='yolo11t': of ultralytics' networks there are yolo11n, yolo11s, yolo11m, "),
        ({"arguments": {"nc": 3}}, "model.arguments={'nc': 3}: yolo11n takes none; use {}"),
        ({"import_path": "a:b"}, "model.import_path='a:b': only for model=module; use null with library=ultralytics"),
        (
            {"library": "torchvision"},
            "model.name='yolo11n': torchvision has no such network; ",
        ),
    ],
)
def test_what_contradicts_itself_is_named(changed: dict[str, object], start: str) -> None:
    from tlbench.networks.checks import model_problems

    (problem,) = model_problems(model("yolo11n", **changed))
    assert problem.startswith(start)


def test_the_groups_are_known_without_torch() -> None:
    code = (
        "import sys; from tlbench.networks.layer_groups import LAYER_GROUPS; "
        "assert 'backbone_p5' in LAYER_GROUPS['yolo11x'] and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(tlbench.__file__).parents[1])

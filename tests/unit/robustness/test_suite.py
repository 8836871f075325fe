from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tlbench.records.corruptions import CorruptionResult
from tlbench.robustness.corruptions import COMMON, VERSION, corrupt
from tlbench.robustness.suite import Transform, run_suite
from tlbench.tasks.classification.metrics import ClassificationMetrics
from tlbench.tasks.classification.on_data import scores

IMAGES = torch.randint(0, 256, (40, 3, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
BRIGHT = 128

SETTINGS = f'{{"identity": {{"seed": 0, "temperature": 1.0, "version": {VERSION}}}, "scores": '
"""The beginning of a file of a suite with nothing else."""


def test_results_say_at_which_size() -> None:
    network = "on the network's input"
    for given, at in ((224, f"{network}, at 224 px"), ([192, 256], f"{network}, at 192×256 px"), (None, network)):
        found = run_suite(
            lambda _: {"oa": 0.5, "ece": 0.1}, COMMON[:1], (1,), progress=lambda _: None, image_size=given
        )
        assert found.label() == f"corruptions of version {VERSION}, {at}"
        again = CorruptionResult.model_validate_json(found.model_dump_json())
        assert (again, again.image_size) == (found, given)


class Network:
    """Says whether an image is bright; counts how often it was run."""

    def __init__(self, stop_after: int = 10**9) -> None:
        self.targets = (IMAGES.double().mean((1, 2, 3)) > BRIGHT).long()
        self.runs = 0
        self.stop_after = stop_after

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        excess = images.double().mean((1, 2, 3)) - BRIGHT
        return torch.stack([-excess, excess], dim=1)

    def __call__(self, transform: Transform | None) -> tuple[torch.Tensor, torch.Tensor]:
        if self.runs == self.stop_after:
            raise KeyboardInterrupt
        self.runs += 1
        images = IMAGES if transform is None else transform(IMAGES, torch.arange(len(IMAGES)))
        return self.logits(images), self.targets


def run(network, *arguments, temperature: float = 1.0, **options) -> CorruptionResult:
    """A suite of what a network gives."""
    return run_suite(
        lambda transform: scores(*network(transform), temperature), *arguments, temperature=temperature, **options
    )


def score(logits: torch.Tensor, targets: torch.Tensor) -> tuple[float, float]:
    metrics = ClassificationMetrics(2, ["0", "1"])
    metrics.update(logits, targets)
    values = metrics.compute()
    return float(values["oa"]), float(values["ece"])


def test_the_result_is_the_mean_over_corruptions_of_the_mean_over_severities() -> None:
    network, names, severities = Network(), ["snow", "fog", "brightness"], [2, 5]
    result = run(network, names, severities, seed=3, progress=lambda _: None)
    assert network.runs == 7
    wanted = {
        name: [
            score(network.logits(corrupt(IMAGES, torch.arange(40), name, severity, 3)), network.targets)
            for severity in severities
        ]
        for name in names
    }
    assert result.oa == {name: [oa for oa, _ in rows] for name, rows in wanted.items()}
    assert result.ece == {name: [ece for _, ece in rows] for name, rows in wanted.items()}
    assert (result.clean_oa, result.names, result.severities, result.seed) == (1.0, names, severities, 3)
    everything = [oa for rows in wanted.values() for oa, _ in rows]
    assert result.mean_corrupted_oa == pytest.approx(sum(everything) / 6)
    assert result.mean_corrupted_oa < 1
    assert result.relative_oa == result.mean_corrupted_oa
    for k in (0, 1):
        assert result.oa_by_severity[k] == pytest.approx(sum(rows[k][0] for rows in wanted.values()) / 3)
        assert result.ece_by_severity[k] == pytest.approx(sum(rows[k][1] for rows in wanted.values()) / 3)
    assert result.metrics("val")["val/corrupted_oa/fog"] == pytest.approx(sum(oa for oa, _ in wanted["fog"]) / 2)
    assert CorruptionResult.model_validate(json.loads(json.dumps(result.model_dump()))) == result


def test_the_whole_suite_says_which_corruptions_it_holds_and_what_sets_it_apart() -> None:
    lines: list[str] = []
    result = run(Network(), progress=lines.append)
    assert tuple(result.names) == COMMON
    assert len(result.oa) == 15
    assert all(len(values) == 5 for values in result.oa.values())
    assert "not comparable with published" in result.differences
    assert "procedural_frost" in result.differences
    assert len(lines) == 15
    assert lines[0].startswith("corruption 1/15  gaussian_noise  test/oa ")


def test_a_stopped_suite_goes_on_and_ends_equal(tmp_path: Path) -> None:
    names, severities, file = ["gaussian_noise", "contrast"], [1, 3, 5], tmp_path / "partial.json"
    whole = run(Network(), names, severities, progress=lambda _: None)
    stopped = Network(stop_after=4)
    with pytest.raises(KeyboardInterrupt):
        run(stopped, names, severities, progress=lambda _: None, kept_in=file, identity={"weights": "a"})
    lines: list[str] = []
    second = Network()
    went_on = run(second, names, severities, progress=lines.append, kept_in=file, identity={"weights": "a"})
    assert second.runs == 3
    assert went_on == whole
    assert lines[0] == "corruptions: goes on after 4 of 7 evaluations"
    third = Network()
    run(third, names, severities, progress=lambda _: None, kept_in=file, identity={"weights": "a"})
    assert third.runs == 0


@pytest.mark.parametrize("other", [{"identity": {"weights": "b"}}, {"temperature": 2.0}, {"seed": 1}])
def test_what_other_weights_or_settings_left_is_not_taken_up(tmp_path: Path, other: dict) -> None:
    file = tmp_path / "partial.json"
    common = {"names": ["fog"], "severities": [1], "kept_in": file, "progress": lambda _: None}
    run(Network(), **{"identity": {"weights": "a"}, **common})
    again, lines = Network(), []
    run(again, **{"identity": {"weights": "a"}, **common, **other, "progress": lines.append})
    assert again.runs == 2
    assert "begins anew" in lines[0]


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "[" * 20_000, '{"scores": 1}', '{"identity": {}}', SETTINGS + "[1]}", SETTINGS + '{"clean": 1}}'],
)
def test_a_damaged_file_is_begun_anew(tmp_path: Path, content: str) -> None:
    file = tmp_path / "partial.json"
    file.write_text(content)
    network = Network()
    run(network, ["fog"], [1], progress=lambda _: None, kept_in=file)
    assert network.runs == 2
    assert set(json.loads(file.read_text())["scores"]) == {"clean", "fog/1"}


def test_temperature_changes_ece_alone() -> None:
    one, two = (
        run(Network(), ["fog"], [3], progress=lambda _: None, temperature=temperature) for temperature in (1.0, 50.0)
    )
    assert one.oa == two.oa
    assert one.ece != two.ece


def test_undefined_scores_are_null() -> None:
    def broken(transform: Transform | None) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.full((4, 2), torch.nan), torch.zeros(4, dtype=torch.int64)

    result = run(broken, ["fog"], [3], progress=lambda _: None)
    assert result.ece == {"fog": [None]}
    assert result.mean_corrupted_ece is None
    json.dumps(result.model_dump(), allow_nan=False)

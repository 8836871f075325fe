"""A run of one task as a source for another: what fits the backbone is taken, or it is refused with the reason."""

from __future__ import annotations

import itertools
import json

import pytest
import torch

from tests.commands import Outcome, train
from tests.contract.made import Workshop
from tests.contract.rows import Row
from tlbench.runs.checkpoints import read_checkpoint

PREFIX = "network."


def begun_from(workshop: Workshop, task: str, earlier: str, folder: str) -> Outcome:
    """A run of a task whose source is the earlier run of another; training, so that what it began with is at hand."""
    overrides = workshop.overrides(Row(task, "random", "feature_extractor", "memory", "batch"))
    return train(
        *(o for o in overrides if not o.startswith("source=")),
        *("source=checkpoint", f"checkpoint={workshop.earlier(earlier)}", f"hydra.run.dir={workshop.folder / folder}"),
    )


@pytest.mark.promise("sources across tasks")
@pytest.mark.parametrize(
    ("earlier", "task", "inside"),
    [
        ("classification", "semantic_segmentation", "encoder."),
        pytest.param("semantic_segmentation", "classification", "", marks=pytest.mark.slow),
    ],
)
def test_a_backbone_serves_another_task(workshop: Workshop, earlier: str, task: str, inside: str) -> None:
    """Frozen, it is the very same at the end."""
    outcome = begun_from(workshop, task, earlier, f"{task}_from_{earlier}")
    assert outcome.code == 0, outcome.err
    record = json.loads((workshop.folder / f"{task}_from_{earlier}" / "record.json").read_text())
    (link,) = record["weights"]["chain"]
    study = json.loads((workshop.earlier(earlier) / "record.json").read_text())["study"]
    assert (link["kind"], link["study"]) == ("run", study)
    given, found = (
        {key.removeprefix(PREFIX): value for key, value in read_checkpoint(path / "best.ckpt")["state_dict"].items()}
        for path in (workshop.earlier(earlier), workshop.folder / f"{task}_from_{earlier}")
    )
    outside = "" if inside else "encoder."
    shared = {
        key: inside + key.removeprefix(outside)
        for key in given
        if key.startswith(outside) and not key.startswith("fc.") and "running" not in key and "num_batches" not in key
    }
    assert len(shared) == 60  # of ResNet-18: 20 convolutions, scale and shift of 20 normalisations
    assert all(torch.equal(given[one], found[other]) for one, other in shared.items())


@pytest.mark.promise("sources across tasks")
@pytest.mark.parametrize(
    ("earlier", "task"),
    [
        ("detection", "semantic_segmentation"),
        *(
            pytest.param(*pair, marks=pytest.mark.slow)
            for pair in itertools.permutations(("classification", "detection", "semantic_segmentation"), 2)
            if "detection" in pair and pair != ("detection", "semantic_segmentation")
        ),
    ],
)
def test_a_backbone_of_another_architecture_is_refused(workshop: Workshop, earlier: str, task: str) -> None:
    """The line says what either is, and by how much they differ; nothing is trained."""
    outcome = begun_from(workshop, task, earlier, f"{task}_refused_{earlier}")
    assert outcome.code == 2, outcome.out + outcome.err
    tensors = {"resnet18": 100, "yolo11n": 412}
    trained, wanted = (
        next(name for name in tensors if (name == "yolo11n") == (of == "detection")) for of in (earlier, task)
    )
    says = f"looks like another architecture than model={wanted}, of the run "
    assert says in outcome.err
    assert (
        f"which trained {trained}: of {tensors[wanted]} backbone tensors {tensors[wanted]} are missing" in outcome.err
    )
    assert not (workshop.folder / f"{task}_refused_{earlier}" / "best.ckpt").exists()

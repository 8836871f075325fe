"""Records of older versions stay readable, and a key that somebody adds has a value for them."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from tests.composed import config, data_values
from tlbench.config import upgrade
from tlbench.config.hash import affecting_results, config_hash, flatten, stored_hashes
from tlbench.config.parse import parse
from tlbench.config.upgrade import TO_FORMAT_1, Added, upgraded
from tlbench.records.record import read_record
from tlbench.tasks.registry import run_schema, specs

ROOT = Path(__file__).parents[3]
RECORDS = sorted((ROOT / "docs" / "results").rglob("record.json"))
KEYS = ROOT / "tests" / "golden" / "keys_of_format_2.txt"
"""The schema's keys when format 2 began: fixed for ever. Whoever adds a key adds it to `TO_FORMAT_2` instead."""


BEGUN = (KEYS, *sorted(KEYS.parent.glob("keys_of_task_*.txt")))
"""And of each task that came later those of its schema when its records began, which none of them lacks."""


def keys_of(kind: Any, prefix: str = "") -> set[str]:
    """The dotted keys of a schema; those of all members of a union."""
    if get_origin(kind) is Annotated or (get_args(kind) and get_origin(kind) not in (list, dict)):
        return {key for part in get_args(kind) for key in keys_of(part, prefix)}
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        found = set()
        for name, field in kind.model_fields.items():
            below = keys_of(field.annotation, f"{prefix}{name}.")
            found |= below or {f"{prefix}{name}"}
        return found
    return set()


def keys_of_all_tasks() -> set[str]:
    return {key for name in specs() for key in keys_of(run_schema(name))}


def before_format_2_grew(values: dict[str, Any]) -> dict[str, Any]:
    """A configuration without the keys that came since."""
    found = copy.deepcopy(values)
    for added in upgrade.TO_FORMAT_2:
        *groups, last = added.key.split(".")
        node = found
        for group in groups:
            node = node[group]
        node.pop(last, None)
    return found


@pytest.mark.promise("keys need an upgrade value")
def test_a_key_added_to_the_schema_has_an_upgrade_value():
    of_tasks = (added for spec in specs().values() for added in spec.added)
    keys, since = keys_of_all_tasks(), {a.key for a in (*upgrade.TO_FORMAT_2, *of_tasks)}
    begun = {key for file in BEGUN for key in file.read_text().split()}
    new = {key for key in keys - begun if not any(key == group or key.startswith(f"{group}.") for group in since)}
    assert new == set(), "add these keys to TO_FORMAT_2 in tlbench/config/upgrade.py, or to `added` of the task's spec"
    assert begun - keys == set(), "these keys are gone: let `upgraded` say what became of them"


def test_every_upgrade_value_is_of_a_key_of_the_schema():
    keys = keys_of_all_tasks()
    groups = {key.rpartition(".")[0] for key in keys}
    of_tasks = (added for spec in specs().values() for added in spec.added)
    for added in (*TO_FORMAT_1, *of_tasks, *upgrade.TO_FORMAT_2):
        assert added.key in keys | groups, added.key


@pytest.mark.promise("every kept record opens")
@pytest.mark.parametrize("path", RECORDS, ids=lambda path: str(path.parent.relative_to(ROOT / "docs" / "results")))
def test_every_record_that_was_kept_opens_and_its_configuration_is_one_of_today(path):
    record = read_record(path.parent)
    stored = json.loads(path.read_text())
    assert record.format == 2
    assert record.config_hash == stored["config_hash"] == stored_hashes(stored["config"], stored["format"])[0]
    parse(record.config)
    kept, now = flatten(stored["config"]), flatten(record.config)
    moved = ("data.augmentation.", "model.arguments")
    assert {k: v for k, v in kept.items() if not k.startswith(moved)}.items() <= now.items()


@pytest.mark.promise("values for missing keys")
def test_the_oldest_record_says_what_its_version_did():
    new = read_record(ROOT / "docs/results/quickstart/tin200/seed_0").config
    assert new["augmentation"] == {
        "name": "crop",
        "crop_padding": 1,
        "flip": 0.0,
        "brightness": 0.0,
        "contrast": 0.0,
        "saturation": 0.0,
        "resized_crop": None,
        "rand_augment": None,
        "mixup": 0.0,
        "cutmix": 0.0,
        "own": None,
    }
    assert "augmentation" not in new["data"]
    assert new["task"] == {"name": "classification", "label_smoothing": 0.0}
    assert new["optimizer"]["nominal_batch"] is None
    assert "antialias" not in new["data"]


def test_detection_records_from_before_it_averaged():
    new = read_record(ROOT / "docs/results/signature_transfer/random/seed_0").config
    assert new["data"]["antialias"] is True
    assert "fit" not in new["data"]


@pytest.mark.parametrize(("name", "moves"), [("digits", False), ("cifar10", False), ("image_folder", True)])
def test_decoding_whole_is_another_experiment_where_files_may_be_large(name, moves):
    now = {**config().model_dump(mode="json"), "data": {**data_values(name), "draw": "position"}}
    before = before_format_2_grew(now)
    assert now["data"]["decode"] == "whole"
    assert upgraded(before)["data"]["decode"] == "fast"  # what records without the key were decoded by
    assert (config_hash(now) != config_hash(before)) is moves
    assert config_hash(upgraded(before)) == config_hash(before)
    given = {**now, "data": {**now["data"], "pixel_range": [0, 4095]}}
    assert config_hash(given) != config_hash(now)


def test_what_is_whole_stays_as_it_is():
    whole = config().model_dump(mode="json")
    assert upgraded(whole) == whole
    whole["data"]["draw"] = "position"
    assert config_hash(whole) in stored_hashes(before_format_2_grew(whole), 1)


@pytest.mark.promise("draws by identity are another experiment")
def test_a_record_from_before_images_were_drawn_by_identity_was_drawn_by_position():
    now = config().model_dump(mode="json")
    before = before_format_2_grew(now)
    assert now["data"]["draw"] == "identity"
    assert upgraded(before)["data"]["draw"] == "position"
    assert config_hash(now) != config_hash(upgraded(before)) == config_hash(before)


@pytest.mark.parametrize("without", ["data.root", "model.groups", "tuning"])
def test_hashes_of_all_recipes_that_format_1_had_are_known(without):
    stored = config().model_dump(mode="json")
    stored["data"] |= {"name": "image_folder", "root": "images"}
    stored["model"]["groups"] = {"stem": ["conv1"], "head": ["fc"]}
    stored["tune"] = ["optimizer.lr"]
    flat = affecting_results(stored)
    kept = {
        k: v
        for k, v in flat.items()
        if k != without and not (without == "tuning" and k.split(".")[0] in ("tune", "tuning"))
    }
    assert len(kept) < len(flat)
    then = hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
    assert then in stored_hashes(stored, 1)
    assert then not in stored_hashes(stored, 2)


@pytest.mark.promise("new keys change no hash")
def test_a_key_that_comes_changes_no_hash_until_it_is_used(monkeypatch):
    before = before_format_2_grew(config().model_dump(mode="json"))
    hashed = config_hash(before)
    coming = Added("optimizer.new", 0.5, {"task.name": ("classification",)})
    monkeypatch.setattr(upgrade, "TO_FORMAT_2", (*upgrade.TO_FORMAT_2, coming))
    after = upgraded(before)
    assert after["optimizer"]["new"] == 0.5
    assert config_hash(before) == config_hash(after) == hashed
    assert hashed not in stored_hashes(after, 1)
    after["optimizer"]["new"] = 0.75
    assert config_hash(after) != hashed
    assert upgraded(after) == after


def test_a_key_of_another_task_or_of_a_group_that_is_null_is_not_added(monkeypatch):
    before = before_format_2_grew(config().model_dump(mode="json"))
    monkeypatch.setattr(
        upgrade,
        "TO_FORMAT_2",
        (Added("data.new", 1, {"task.name": ("detection",)}), Added("augmentation.resized_crop.new", 1)),
    )
    assert upgraded(before) == before


def test_keys_that_moved():
    old = {
        "tuning": {"ranges": {"optimizer.lr": [0.1, 0.2]}},
        "trainer": {"max_steps": None},
        "data": {"augmentation": {"crop_padding": 4, "flip": 0.5}},
    }
    new = upgraded(old)
    assert new["tuning"]["ranges"]["optimizer"] == {"lr": [0.1, 0.2], "weight_decay": [1e-6, 0.5]}
    assert list(new["tuning"]["ranges"]) == ["optimizer"]
    assert "max_steps" not in new["trainer"]
    assert new["augmentation"]["name"] == "crop_flip"
    assert old["data"] == {"augmentation": {"crop_padding": 4, "flip": 0.5}}  # the stored one is what it was

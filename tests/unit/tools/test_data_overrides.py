from __future__ import annotations

import pytest

from tests.composed import config
from tlbench.config.compose import compose_config
from tlbench.errors import ConfigError
from tlbench.tools.data_overrides import is_data_override, with_data

RUN = config()


def test_none_leave_the_configuration_as_it_is():
    assert with_data(RUN, []) is RUN


def test_keys_change_the_runs_own_data():
    changed = with_data(RUN, ["data.root='/a b/c'", "data.classes=['1','2']", "data.workers=0"])
    data = changed.data.model_copy(update={"root": None, "classes": None, "workers": RUN.data.workers})
    assert (changed.data.root, changed.data.classes, changed.data.workers) == ("/a b/c", ["1", "2"], 0)
    assert data == RUN.data


def test_limits_stay_the_runs_with_other_data_unless_they_are_given():
    own = config("data.limits.max_classes=7")
    changed = with_data(own, ["data=image_folder", "data.root=x", "data.limits.max_label_mb=3.0"]).data.limits
    assert (changed.max_classes, changed.max_label_mb) == (7, 3)


def test_other_data_are_preprocessed_as_the_runs():
    changed = with_data(RUN, ["data.root=x", "data=image_folder"]).data
    assert (changed.name, changed.root, changed.test_fraction) == ("image_folder", "x", 0.2)
    own = RUN.data
    assert (changed.image_size, changed.fit, changed.normalisation) == (own.image_size, own.fit, own.normalisation)
    assert changed.storage_size == own.storage_size == (8, 8)


def test_photos_keep_their_stored_size_and_data_of_one_size_theirs():
    run = compose_config(["data=image_folder", "data.root=x", "data.stored_size=256", "data.fit=pad"])
    changed = with_data(run, ["data=image_csv", "data.root=y.csv"]).data
    assert (changed.stored_size, changed.image_size, changed.fit) == (256, 224, "pad")
    assert with_data(run, ["data=cifar10"]).data.storage_size == (32, 32)
    wide = compose_config(["data=image_folder", "data.root=x", "data.image_size=[96,128]"])
    changed = with_data(wide, ["data=image_csv", "data.root=y.csv"]).data
    assert (changed.input_size, changed.storage_size) == ((96, 128), (96, 128))


def test_data_with_boxes_keep_the_runs_input():
    trained_with = ("data.image_size=96", "data.batch_size=4", "data.normalisation.std=[2,2,2]", "data.antialias=false")
    run = compose_config(["task=detection", *trained_with])
    changed = with_data(run, ["data=yolo", "data.root=x"]).data
    assert (changed.name, changed.root, changed.pages) == ("yolo", "x", None)
    assert (changed.image_size, changed.batch_size, changed.normalisation.std) == (96, 4, [2, 2, 2])
    assert not changed.antialias
    with pytest.raises(ConfigError, match=r"data\.antialias=true: the network was trained with the run's own"):
        with_data(run, ["data=yolo", "data.antialias=true"])
    with pytest.raises(
        ConfigError, match=r"data=digits: .* task=detection: box_module, coco, documents, signature, yolo$"
    ):
        with_data(run, ["data=digits"])


@pytest.mark.parametrize(
    ("override", "fragments"),
    [
        ("data=nope", ["data=nope", "cifar10, digits, image_csv, image_folder"]),
        ("data.image_size=64", ["data.image_size=64", "trained with"]),
        ("data.normalisation.mean=[0,0,0]", ["data.normalisation", "trained with"]),
        ("data.nope=1", ["unknown key 'data.nope'"]),
        ("data.a.b=1", ["unknown key 'data.a.b'", "root"]),
        ("data.batch_size=0", ["data.batch_size=0"]),
        ("data.root=a,b", ["data.root=a,b", "one value"]),
    ],
)
def test_what_is_not_allowed(override, fragments):
    with pytest.raises(ConfigError) as error:
        with_data(RUN, [override])
    assert [fragment for fragment in fragments if fragment not in str(error.value)] == []


def test_which_arguments_are_of_the_data():
    assert [is_data_override(a) for a in ("data=x", "data.root=x", "dataset=x", "run=data.x")] == [
        True,
        True,
        False,
        False,
    ]

from __future__ import annotations

import pytest

from tests.slow import thinned
from tlbench.config import StandIn
from tlbench.config.compose import compose_config
from tlbench.embedded.stand_ins import banner_text, find_stand_ins, replace_overrides, stand_in_overrides
from tlbench.errors import DataError, WeightsError

CIFAR = ["+experiment=cifar_transfer"]


def test_what_cannot_be_reached_is_named_with_the_reason():
    data, source = find_stand_ins(compose_config(CIFAR))
    assert (data.kind, data.wanted, data.used) == ("data", "cifar10", "digits")
    assert (source.kind, source.wanted, source.used) == ("source", "imagenet", "tin200")
    assert "cifar-10-python.tar.gz" in data.reason
    assert "no network in tests" in data.reason
    assert "resnet18-f37072fd.pth" in source.reason
    assert "\n" not in data.reason + source.reason


def test_what_is_embedded_needs_no_stand_in():
    assert find_stand_ins(compose_config([])) == []
    assert [s.kind for s in find_stand_ins(compose_config([*CIFAR, "source=random"]))] == ["data"]
    assert [s.kind for s in find_stand_ins(compose_config([*CIFAR, "data=digits"]))] == ["source"]


def test_on_missing_error_says_what_was_tried_and_which_file_to_put_where():
    with pytest.raises(DataError) as caught:
        find_stand_ins(compose_config([*CIFAR, "on_missing=error"]))
    for part in (
        "data/cifar10/{train,test}",
        "data/cifar10/train/<class>/",
        "cifar-10-python.tar.gz at data/",
        "data.root",
    ):
        assert part in str(caught.value)
    with pytest.raises(WeightsError) as caught:
        find_stand_ins(compose_config([*CIFAR, "on_missing=error", "data=digits"]))
    for part in ("TLBENCH_WEIGHTS", "hub/checkpoints", "put resnet18-f37072fd.pth", "source.path=FILE"):
        assert part in str(caught.value)


def test_what_is_there_and_broken_is_never_replaced(tmp_path):
    with pytest.raises(DataError, match=r"data\.root"):
        find_stand_ins(compose_config([*CIFAR, "data.root=nowhere"]))
    with pytest.raises(WeightsError, match=r"source\.path"):
        find_stand_ins(compose_config([*CIFAR, "data=digits", "source.path=nowhere"]))
    (tmp_path / "data" / "cifar10" / "train").mkdir(parents=True)
    with pytest.raises(DataError, match="only train in it"):
        find_stand_ins(compose_config(CIFAR))


def test_a_stand_in_must_fit_the_model():
    timm = ["model=timm", "source=timm", "on_missing=embedded", "source.tag=a1_in1k"]
    (stand_in,) = find_stand_ins(compose_config([*timm, "model.name=resnet18"]))
    assert (stand_in.wanted, stand_in.used) == ("timm", "tin200")
    resnet18 = [*timm, "model.name=resnet18"]
    config = compose_config(replace_overrides(resnet18, stand_in_overrides(compose_config(resnet18), [stand_in])))
    assert (config.source.name, config.source.tag, find_stand_ins(config)) == ("tin200", None, [])
    with pytest.raises(WeightsError, match=r"source=timm: the weights resnet50\.a1_in1k are not here"):
        find_stand_ins(compose_config([*timm, "model.name=resnet50"]))


def test_the_overrides_make_the_run_that_is_really_made():
    overrides = [*CIFAR, "data.shots=1000", "seed=3", "+data.fraction=0.5"]
    stand_ins = [
        StandIn(kind="data", wanted="cifar10", used="digits", reason="gone"),
        StandIn(kind="source", wanted="imagenet", used="tin200", reason="gone too"),
    ]
    config = compose_config(
        replace_overrides(overrides, stand_in_overrides(compose_config([*CIFAR, "seed=3"]), stand_ins))
    )
    assert (config.study, config.data.name, config.source.name) == ("cifar_transfer-standin", "digits", "tin200")
    assert (config.data.shots, config.data.fraction, config.seed) == (None, 1.0, 3)
    assert config.stand_ins == stand_ins


def test_the_study_is_renamed_once():
    assert stand_in_overrides(compose_config(["study=a-standin"]), [])["study"] == "a-standin"


@pytest.mark.parametrize(
    "reason",
    thinned(
        ["it's gone", 'a "quote"', "{a,b}: [c]; d=e", "${seed} $x", "a, b", "~/x y", "100 % \\ of", "Größe → 0"], 3
    ),
)
def test_any_reason_survives_the_command_line(reason):
    stand_in = StandIn(kind="source", wanted="imagenet", used="tin200", reason=reason)
    changed = stand_in_overrides(compose_config([]), [stand_in])
    (parsed,) = compose_config([f"{k}={v}" for k, v in changed.items()]).stand_ins
    mended = str.maketrans({"'": '"', "\\": "/"})
    assert parsed.reason.replace("$ {", "${") == reason.translate(mended)
    assert (parsed.kind, parsed.wanted, parsed.used) == ("source", "imagenet", "tin200")


def test_the_banner_cannot_be_overlooked():
    text = banner_text([StandIn(kind="data", wanted="cifar10", used="digits", reason="no copy")])
    assert text.startswith("STAND-INS: these are not the results of what was asked for.")
    assert "data 'digits' stands in for 'cifar10': no copy" in text


def test_documents_stand_in_for_detection():
    given = ["task=detection", "data=signature", "model=yolo11n", "source=coco", "on_missing=embedded", "study=s"]
    given += ["data.split=blocked", "data.classes=[signature]"]
    data, source = find_stand_ins(compose_config(given))
    assert (data.kind, data.wanted, data.used) == ("data", "signature", "documents")
    assert (source.kind, source.wanted, source.used) == ("source", "coco", "documents")
    assert "yolo11n.pt" in source.reason
    config = compose_config(replace_overrides(given, stand_in_overrides(compose_config(given), [data, source])))
    assert (config.data.name, config.data.split, config.data.classes) == ("documents", "official", None)
    assert (config.source.name, config.study) == ("documents", "s-standin")
    official = [*given, "data.split=official", "data.test_fraction=null"]  # it has a test; the pages' is carved out
    config = compose_config(replace_overrides(official, stand_in_overrides(compose_config(official), [data, source])))
    assert config.data.test_fraction == 0.2
    with pytest.raises(WeightsError, match=r"source=coco: yolo11s\.pt is not here"):
        find_stand_ins(compose_config([*given, "model=yolo11s", "data=documents", "data.split=official"]))


def test_documents_stand_in_for_class_maps():
    given = ["+experiment=camvid_transfer", "task.tile=0.5", "data.cache=none"]
    (data,) = find_stand_ins(compose_config(given))
    config = compose_config(replace_overrides(given, stand_in_overrides(compose_config(given), [data])))
    assert (config.data.name, config.data.native, config.task.tile) == ("documents", True, 0.5)
    assert (config.data.cache, config.data.test_fraction) == ("memory", 0.2)
